// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*destructor
#include <strait/strait.hpp>

struct throwing_destructor {
  ~throwing_destructor() noexcept(false) {}
};

auto channel = strait::rendezvous<throwing_destructor>();

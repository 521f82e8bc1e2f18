// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*destructor
#include <strait/strait.hpp>

class private_destructor {
  ~private_destructor() = default;
};

auto channel = strait::oneshot<private_destructor>();

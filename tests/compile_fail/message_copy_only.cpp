// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*mov.*send a unique_ptr
#include <strait/strait.hpp>

struct copy_only {  // a user's copy constructor, so no move: moving it copies, which may throw
  copy_only() = default;
  copy_only(const copy_only&) {}
};

auto channel = strait::unbounded<copy_only>();

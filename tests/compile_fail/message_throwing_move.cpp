// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*mov.*send a unique_ptr
#include <strait/strait.hpp>

struct throwing_move {
  throwing_move() = default;
  throwing_move(throwing_move&&) noexcept(false) {}
};

auto channel = strait::bounded<throwing_move>(4);

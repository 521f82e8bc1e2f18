// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*const
#include <strait/strait.hpp>

auto channel = strait::unbounded<const int>();

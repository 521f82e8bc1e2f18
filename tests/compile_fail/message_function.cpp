// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*function
#include <strait/strait.hpp>

auto channel = strait::unbounded<int(int)>();

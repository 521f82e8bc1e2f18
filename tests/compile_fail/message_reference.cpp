// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*reference
#include <strait/strait.hpp>

auto channel = strait::unbounded<int&>();

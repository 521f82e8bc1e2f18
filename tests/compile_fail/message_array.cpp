// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*array
#include <strait/strait.hpp>

auto channel = strait::mpsc::unbounded<int[4]>();

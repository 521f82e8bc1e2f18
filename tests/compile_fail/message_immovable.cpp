// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*mov.*send a unique_ptr
#include <atomic>

#include <strait/strait.hpp>

auto channel = strait::spsc::unbounded<std::atomic<int>>();

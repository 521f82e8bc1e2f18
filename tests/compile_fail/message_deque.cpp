// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*mov.*send a unique_ptr
#include <deque>

#include <strait/strait.hpp>

auto channel = strait::spsc::bounded<std::deque<int>>(4);  // libstdc++'s move allocates

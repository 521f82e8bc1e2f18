// SPDX-License-Identifier: BSL-1.0
//
// The checker in a file of its own, so that a model's instrumentation does not slow it.
#pragma once

#include <cstddef>

#include "history.hpp"

namespace strait_test {

/// Capacity 0 to 3, or anything else for a channel without a bound. One thread at a time; allocates
/// nothing after the first call.
bool linearizable(const history& h, std::size_t capacity);

}  // namespace strait_test

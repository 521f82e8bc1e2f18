// SPDX-License-Identifier: BSL-1.0
//
// How far apart two words must stand so that writing one does not take the other from a reader.
// Our own constant: std::hardware_destructive_interference_size warns in headers (GCC 12) and may
// differ between translation units.
#pragma once

#include <cstddef>

#include <strait/base/config.hpp>

namespace strait::inline STRAIT_ABI::detail {

inline constexpr std::size_t cache_line = 64;

}  // namespace strait::inline STRAIT_ABI::detail

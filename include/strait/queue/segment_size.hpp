// SPDX-License-Identifier: BSL-1.0
//
// How many messages a segment of an unbounded queue holds. Large enough that linking and recycling
// segments cost nothing per message, small enough that a channel with few messages stays small.
#pragma once

#include <bit>
#include <cstddef>

#include <strait/base/config.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// A power of two less one (the index of a place skips one value at each segment's end), about 4 KiB
/// of slots, at most 255; large messages have a segment each.
constexpr std::size_t messages_per_segment(std::size_t bytes_per_slot) noexcept {
  std::size_t n = 4096 / bytes_per_slot;
  if (n > STRAIT_SEGMENT_PLACES) n = STRAIT_SEGMENT_PLACES;
  if (n < 2) n = 2;
  return std::bit_floor(n) - 1;
}

}  // namespace strait::inline STRAIT_ABI::detail

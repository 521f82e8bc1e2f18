// SPDX-License-Identifier: BSL-1.0
//
// How many messages a segment of an unbounded queue holds. Large enough that linking and recycling
// segments cost nothing per message, small enough that a channel with few messages stays small.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

#include <strait/base/config.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// So many bytes are about a segment: a page.
inline constexpr std::size_t bytes_per_segment = 4096;

/// At least two, a power of two less one.
constexpr std::size_t messages_per_segment(std::size_t bytes_per_slot) noexcept {
  const std::size_t fit =
      std::min<std::size_t>(bytes_per_segment / bytes_per_slot, STRAIT_SEGMENT_PLACES);
  return std::bit_floor(std::max<std::size_t>(fit, 2)) - 1;
}

/// The same with places in lines (queue/place_line.hpp), of `step` positions each; a power of two. At least a
/// line, and two positions, the last of which is no place.
constexpr std::size_t positions_per_segment(std::size_t bytes_per_line, std::size_t step) noexcept {
  const std::size_t fit =
      std::min<std::size_t>(bytes_per_segment / bytes_per_line * step, STRAIT_SEGMENT_PLACES);
  return std::bit_floor(std::max(fit, std::max<std::size_t>(step, 2)));
}

}  // namespace strait::inline STRAIT_ABI::detail

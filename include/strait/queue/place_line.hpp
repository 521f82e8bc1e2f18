// SPDX-License-Identifier: BSL-1.0
//
// How the places of a queue lie in memory. A place is room for a message and a byte that says how far it is: a turn
// (queue/ring.hpp) or a mark (queue/segment_chain.hpp).
//
// Small messages share cache lines: as many as fit into one with their bytes behind them, 7 of 8 bytes. (A word beside each
// message would be padded to the message's alignment: 4.) So a line that goes from a sender to a receiver brings more
// messages, and a backlog takes half the memory. Large messages lie alone.
//
// Positions count a power of two for each line, so a place is found by a shift and a mask. The last few positions of a
// line are no places; who goes from one place to the next steps over them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <strait/base/cache_line.hpp>
#include <strait/base/config.hpp>
#include <strait/base/slot.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// A line has `Step` positions, of which the first `Places` are places.
template <std::size_t Step, std::size_t Places>
struct line_shape {
  static_assert(std::has_single_bit(Step) && Places > 0 && Places <= Step);
  static constexpr std::size_t step = Step, places = Places, gap = Step - Places;

  /// The position of the place after the one at `position`.
  static constexpr std::uint64_t next(std::uint64_t position) noexcept {
    return position + 1 + (position % step == places - 1 ? gap : 0);
  }
  /// Of the place that has so many before it.
  static constexpr std::uint64_t position(std::uint64_t before) noexcept {
    return before / places * step + before % places;
  }
  static constexpr std::uint64_t places_before(std::uint64_t position) noexcept {
    return position - position / step * gap;
  }
};

template <class T>
constexpr auto shape_for() noexcept {
  constexpr std::size_t fit = cache_line / (sizeof(slot<T>) + 1);
  if constexpr (fit < 2) {
    return line_shape<1, 1>();
  } else {
    constexpr std::size_t step =
        std::min<std::size_t>(std::bit_ceil(fit + 1), STRAIT_SEGMENT_PLACES);
    return line_shape<step, std::min(fit, step - 1)>();
  }
}
/// The shape of lines of messages T.
template <class T>
using shape_of = decltype(shape_for<T>());

template <class T, class State, class Shape>
struct alignas(Shape::places > 1 ? cache_line : alignof(slot<T>)) place_line {
  slot<T> messages[Shape::places];
  State states[Shape::places]{};
};

}  // namespace strait::inline STRAIT_ABI::detail

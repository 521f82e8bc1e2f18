// SPDX-License-Identifier: BSL-1.0
//
// base/hints.hpp in a model build: where a hint decides what a model can see, both answers are explored.
#pragma once

#include <cstdint>

#include <strait/check/seam.hpp>

namespace strait::inline STRAIT_ABI::sync {

class streak {
 public:
  bool is_long(rt::where at = rt::where::here()) noexcept { return rt::often(at); }
  void end() noexcept {}
};
class odds {
 public:
  bool are_good(rt::where at = rt::where::here()) noexcept { return !rt::bad_odds(at); }
  void came_to(bool) noexcept {}
};
class hand_overs {  // in a model who waits does not yield
 public:
  static bool are_many() noexcept { return false; }
  static void waited(unsigned) noexcept {}
};
class slices {  // likewise
 public:
  static slices& of(unsigned) noexcept {
    static slices any;  // there is nothing in it
    return any;
  }
  static bool are_at_stake(time_point) noexcept { return false; }
  static std::uint32_t end_turn() noexcept { return 0; }
  static void yielded(std::uint32_t, std::uint64_t, time_point, time_point) noexcept {}
};

}  // namespace strait::inline STRAIT_ABI::sync

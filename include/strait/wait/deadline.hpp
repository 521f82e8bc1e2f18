// SPDX-License-Identifier: BSL-1.0
//
// When a wait ends. The only place where durations and time points of any clock, unit and size become
// the one thing the waits know: an instant on the steady clock, or never.
//
// Rules: what overflows means for ever; what is past (or negative, or not a number) still allows one
// try. A clock that is not steady may jump, so `again` asks that clock once more after a timeout.
#pragma once

#include <chrono>
#include <ratio>
#include <type_traits>

#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

class deadline {
 public:
  static constexpr deadline never() noexcept { return deadline(sync::time_point::max()); }
  static constexpr deadline at(sync::time_point t) noexcept { return deadline(t); }

  /// `d` from `start` on, rounded up to a nanosecond; for ever if the clock cannot hold it.
  template <class Rep, class Period>
  static deadline after(std::chrono::duration<Rep, Period> d, sync::time_point start) noexcept {
    return deadline(add(start, d));
  }
  template <class Rep, class Period>
  static deadline after(std::chrono::duration<Rep, Period> d) noexcept {
    return after(d, sync::now());
  }

  template <class Clock, class Duration>
  static deadline until(std::chrono::time_point<Clock, Duration> t) noexcept {
    if constexpr (std::is_same_v<Clock, sync::clock>) {
      return deadline(add(sync::time_point{}, t.time_since_epoch()));
    } else {
      // Both instants in long double seconds: neither subtraction nor conversion can overflow.
      using seconds = std::chrono::duration<long double>;
      return after(seconds(t.time_since_epoch()) - seconds(Clock::now().time_since_epoch()));
    }
  }

  /// Whether a wait until `t` that timed out must go on, because t's clock says it is not yet time.
  template <class Clock, class Duration>
  static bool again(std::chrono::time_point<Clock, Duration> t) noexcept {
    if constexpr (std::is_same_v<Clock, sync::clock>) {
      return false;
    } else {
      return !until(t).passed();  // not Clock::now() < t: that comparison itself may overflow
    }
  }

  constexpr bool is_never() const noexcept { return when_ == sync::time_point::max(); }
  bool passed() const noexcept { return !is_never() && sync::now() >= when_; }
  constexpr sync::time_point when() const noexcept { return when_; }

  friend constexpr bool operator<(deadline a, deadline b) noexcept { return a.when_ < b.when_; }
  friend constexpr bool operator==(deadline, deadline) noexcept = default;

  /// start + d, or time_point::max() / min() where that does not fit.
  template <class Rep, class Period>
  static sync::time_point add(sync::time_point start,
                              std::chrono::duration<Rep, Period> d) noexcept {
    using std::chrono::nanoseconds;
    using wide = std::chrono::duration<long double, std::nano>;
    const long double ns = std::chrono::duration_cast<wide>(d).count();
    const auto from = static_cast<long double>(start.time_since_epoch().count());
    const auto top = static_cast<long double>(sync::time_point::max().time_since_epoch().count());
    if (!(ns == ns)) return start;  // not a number: now
    // Within a few units of the ends long double rounds; those instants are centuries away.
    if (from + ns >= top - 1024) return sync::time_point::max();
    if (from + ns <= -(top - 1024)) return sync::time_point::min();
    if constexpr (std::is_floating_point_v<Rep>) {
      return start + nanoseconds(static_cast<nanoseconds::rep>(ns));
    } else {
      // In range now, so the exact conversion (rounding up) is safe.
      return start + std::chrono::ceil<nanoseconds>(d);
    }
  }

 private:
  explicit constexpr deadline(sync::time_point t) noexcept : when_(t) {}
  sync::time_point when_;
};

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// after, at, tick and never: receivers whose sender is the clock. The message is the scheduled instant.
// They are ordinary receivers: receive from them, give them to select, copy them (copies share the
// messages: each goes to one). No thread runs behind them.
#pragma once

#include <chrono>
#include <type_traits>

#include <strait/channel/channel.hpp>
#include <strait/channel/timer.hpp>
#include <strait/wait/deadline.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {
using timer_message = std::chrono::steady_clock::time_point;

// Not inlined: a compiler that sees the allocation but not the kind warns about branches not taken.
template <class T>
STRAIT_NOINLINE receiver<T> make_timer(timer_core<T>* core) noexcept {
  return access::make<receiver<T>>(core);
}
}  // namespace detail

/// One message, `time` from now; afterwards empty for ever, never closed. A time that no clock can hold
/// means never; one that is not positive is ready at once.
template <class Rep, class Period>
[[nodiscard]] receiver<std::chrono::steady_clock::time_point> after(
    std::chrono::duration<Rep, Period> time) {
  using core = detail::timer_core<detail::timer_message>;
  return detail::make_timer(new core(core::once{}, detail::deadline::after(time)));
}

/// One message at `time`; at once if that is past. Another clock than the steady one is read once, now.
template <class Clock, class Duration>
[[nodiscard]] receiver<std::chrono::steady_clock::time_point> at(
    std::chrono::time_point<Clock, Duration> time) {
  using core = detail::timer_core<detail::timer_message>;
  return detail::make_timer(new core(core::once{}, detail::deadline::until(time)));
}

/// A message every `period`, the first one a period from now; at most one waits to be taken. Who waits
/// for a tick takes it on time, and the next is due a period after it; after a late take the next is due
/// a period after the take. A period of zero (or less) is always ready.
template <class Rep, class Period>
[[nodiscard]] receiver<std::chrono::steady_clock::time_point> tick(
    std::chrono::duration<Rep, Period> period) {
  using core = detail::timer_core<detail::timer_message>;
  const auto start = sync::now();
  const auto first = detail::deadline::after(period, start);
  const auto gap = first.is_never()
                       ? std::chrono::nanoseconds::max()
                       : std::chrono::nanoseconds(first < detail::deadline::at(start)
                                                      ? std::chrono::nanoseconds::zero()
                                                      : first.when() - start);
  return detail::make_timer(new core(first, gap));
}

/// No message, ever, and never closed: an arm that is switched off.
template <class T>
[[nodiscard]] receiver<T> never() {
  return detail::make_timer(new detail::timer_core<T>());
}

}  // namespace strait::inline STRAIT_ABI

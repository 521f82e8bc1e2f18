// SPDX-License-Identifier: BSL-1.0
//
// Time: any duration and time point, of any unit, representation, clock and size. On a channel that is
// ready the answer never depends on it; on one that is not, a past deadline says timeout at once, and a
// short one says timeout not before its time.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <utility>

#include "support.hpp"

namespace {

using namespace strait_test;
using namespace std::chrono;
using strait::errc;

/// Any number: often an extreme one.
template <class Rep>
Rep any_number(tape& choices) {
  using limits = std::numeric_limits<Rep>;
  switch (choices.below(10)) {
    case 0: return limits::max();
    case 1: return limits::lowest();
    case 2: return Rep(0);
    case 3: return Rep(-1);
    case 4: return Rep(1);
    case 5: return static_cast<Rep>(limits::max() / Rep(2));
    case 6: return static_cast<Rep>(limits::lowest() / Rep(2));
    case 7:
      if constexpr (std::is_floating_point_v<Rep>) return limits::infinity();
      return static_cast<Rep>(limits::max() - Rep(1));
    case 8:
      if constexpr (std::is_floating_point_v<Rep>) return -limits::infinity();
      return static_cast<Rep>(limits::lowest() + Rep(1));
    default: {
      const auto wide = (std::uint64_t{choices.next()} << 44) ^
                        (std::uint64_t{choices.next()} << 22) ^ choices.next();
      const auto value = static_cast<std::int64_t>(wide >> choices.below(63));
      return static_cast<Rep>(choices.below(2) == 0 ? value : -value);
    }
  }
}

/// Calls f with any duration.
template <class F>
void with_any_duration(tape& choices, F f) {
  switch (choices.below(10)) {
    case 0: return f(nanoseconds(any_number<std::int64_t>(choices)));
    case 1: return f(microseconds(any_number<std::int64_t>(choices)));
    case 2: return f(seconds(any_number<std::int64_t>(choices)));
    case 3: return f(hours(any_number<std::int32_t>(choices)));
    case 4:
      return f(duration<std::int64_t, std::ratio<86400 * 365>>(any_number<std::int64_t>(choices)));
    case 5: return f(duration<std::int8_t>(any_number<std::int8_t>(choices)));
    case 6: return f(duration<float>(any_number<float>(choices)));
    case 7: return f(duration<double>(any_number<double>(choices)));
    case 8: return f(duration<double, std::pico>(any_number<double>(choices)));
    default: return f(duration<std::int64_t, std::pico>(any_number<std::int64_t>(choices)));
  }
}

/// A clock with its own epoch and a coarse floating-point tick.
struct odd_clock {
  using rep = double;
  using period = std::ratio<1, 50>;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<odd_clock>;
  [[maybe_unused]] static constexpr bool is_steady = true;
  static time_point now() {
    return time_point(duration_cast<duration>(steady_clock::now().time_since_epoch()) +
                      duration(1e6));
  }
};

/// Calls f with any time point.
template <class F>
void with_any_time(tape& choices, F f) {
  switch (choices.below(8)) {
    case 0: return f(steady_clock::time_point(nanoseconds(any_number<std::int64_t>(choices))));
    case 1:
      return f(system_clock::time_point(system_clock::duration(any_number<std::int64_t>(choices))));
    case 2: return f(time_point<steady_clock, hours>(hours(any_number<std::int32_t>(choices))));
    case 3:
      return f(time_point<system_clock, duration<double>>(
          duration<double>(any_number<double>(choices))));
    case 4: return f(odd_clock::time_point(odd_clock::duration(any_number<double>(choices))));
    case 5: return f(time_point<system_clock, hours>(hours(any_number<std::int64_t>(choices))));
    case 6: return f(time_point<steady_clock, minutes>(minutes(any_number<std::int64_t>(choices))));
    default:
      return f(
          time_point<steady_clock, duration<float>>(duration<float>(any_number<float>(choices))));
  }
}

template <class Family>
void ready_channels_answer(tape& choices) {
  auto ch = choices.below(3) == 0 ? Family::template unbounded<int>()
                                  : Family::template bounded<int>(1 + choices.below(3));
  int sent = 0, received = 0;
  while (!choices.ended()) {
    // receive if there is something, else send: neither may ever wait
    if (sent != received) {
      const auto got = [&](strait::recv_result<int> m) {
        RC_ASSERT(m.has_value());
        RC_ASSERT(*m == received);
        ++received;
      };
      switch (choices.below(3)) {
        case 0: with_any_duration(choices, [&](auto d) { got(ch.rx.recv_for(d)); }); break;
        case 1: with_any_time(choices, [&](auto t) { got(ch.rx.recv_until(t)); }); break;
        default:
          with_any_duration(choices, [&](auto d) {
            const auto fired =
                strait::select(strait::on_timeout(d, [] {}), strait::on_recv(ch.rx, got));
            RC_ASSERT(
                fired ==
                std::size_t{1});  // a message that is ready goes before a timeout that has passed
          });
      }
    } else {
      const auto done = [&](strait::send_result<int> r) {
        RC_ASSERT(r.has_value());
        ++sent;
      };
      switch (choices.below(3)) {
        case 0: with_any_duration(choices, [&](auto d) { done(ch.tx.send_for(sent, d)); }); break;
        case 1: with_any_time(choices, [&](auto t) { done(ch.tx.send_until(sent, t)); }); break;
        default:
          with_any_time(choices, [&](auto t) {
            const auto fired =
                strait::select(strait::on_send(ch.tx, sent, done), strait::on_timeout(t, [] {}));
            RC_ASSERT(fired == std::size_t{0});
          });
      }
    }
  }
  // a closed channel is ready, too
  ch.tx.close();
  while (ch.rx.try_recv()) {
  }
  with_any_duration(choices, [&](auto d) { RC_ASSERT(ch.rx.recv_for(d).error() == errc::closed); });
  with_any_time(
      choices, [&](auto t) { RC_ASSERT(ch.tx.send_until(1, t).error().reason() == errc::closed); });
}

RC_GTEST_PROP(time_points, ready_mpmc, ()) {
  const auto numbers = *tapes(60);
  tape choices(numbers);
  ready_channels_answer<mpmc>(choices);
}
RC_GTEST_PROP(time_points, ready_mpsc, ()) {
  const auto numbers = *tapes(60);
  tape choices(numbers);
  ready_channels_answer<mpsc>(choices);
}
RC_GTEST_PROP(time_points, ready_spsc, ()) {
  const auto numbers = *tapes(60);
  tape choices(numbers);
  ready_channels_answer<spsc>(choices);
}

// Unbounded sends never time out, and never wait.
RC_GTEST_PROP(time_points, unbounded_sends, ()) {
  const auto numbers = *tapes(60);
  tape choices(numbers);
  auto ch = strait::unbounded<int>();
  while (!choices.ended()) {
    with_any_duration(choices, [&](auto d) { RC_ASSERT(ch.tx.send_for(1, d).has_value()); });
    with_any_time(choices, [&](auto t) { RC_ASSERT(ch.tx.send_until(1, t).has_value()); });
  }
}

template <class Rep, class Period>
bool is_short(duration<Rep, Period> d) {
  // compared as long double seconds: nothing overflows there
  return duration_cast<duration<long double>>(d) < duration<long double>(1e-4L);
}

// What is not ready times out: at once when the deadline is past, else not before its time.
RC_GTEST_PROP(time_points, what_is_not_ready, ()) {
  const auto numbers = *tapes(40);
  tape choices(numbers);
  auto empty = strait::bounded<int>(1);
  auto full = strait::bounded<int>(1);
  auto hand = strait::rendezvous<int>();
  RC_ASSERT(full.tx.try_send(1).has_value());
  while (!choices.ended()) {
    with_any_duration(choices, [&](auto d) {
      if (!is_short(d)) return;
      const auto begin = steady_clock::now();
      switch (choices.below(6)) {
        case 0: RC_ASSERT(empty.rx.recv_for(d).error() == errc::timeout); break;
        case 1: RC_ASSERT(full.tx.send_for(2, d).error().reason() == errc::timeout); break;
        case 2: RC_ASSERT(hand.rx.recv_for(d).error() == errc::timeout); break;
        case 3: RC_ASSERT(hand.tx.send_for(2, d).error().reason() == errc::timeout); break;
        case 4:
          RC_ASSERT(strait::select(strait::on_recv(empty.rx), strait::on_timeout(d)) ==
                    std::size_t{1});
          break;
        default: {
          strait::selector s;
          (void)s.recv(empty.rx);
          (void)s.send(hand.tx);
          RC_ASSERT(s.select_for(d).error() == errc::timeout);
        }
      }
      const auto took = duration<long double>(steady_clock::now() - begin);
      RC_ASSERT(took + duration<long double>(1e-9L) >= duration_cast<duration<long double>>(d));
    });
    with_any_time(choices, [&](auto t) {
      using clock = typename decltype(t)::clock;
      const auto left = duration<long double>(t.time_since_epoch()) -
                        duration<long double>(clock::now().time_since_epoch());
      if (!(left < duration<long double>(1e-4L))) return;
      if (choices.below(2) == 0) {
        RC_ASSERT(empty.rx.recv_until(t).error() == errc::timeout);
      } else {
        RC_ASSERT(full.tx.send_until(2, t).error().reason() == errc::timeout);
      }
      const auto over = duration<long double>(clock::now().time_since_epoch()) -
                        duration<long double>(t.time_since_epoch());
      RC_ASSERT(over >= duration<long double>(
                            -1e-6L));  // long double: a comparison of the two could overflow
    });
  }
}

// Timers made of any duration or time: past ones are ready, far ones are not, none is ever closed.
RC_GTEST_PROP(time_points, timers, ()) {
  const auto numbers = *tapes(40);
  tape choices(numbers);
  while (!choices.ended()) {
    with_any_duration(choices, [&](auto d) {
      const auto seconds_left = duration_cast<duration<long double>>(d).count();
      const auto timer = strait::after(d);
      const auto tick = strait::tick(d);
      if (seconds_left <= 0) {
        RC_ASSERT(timer.size() == 1U);
        RC_ASSERT(timer.try_recv().has_value());
        RC_ASSERT(tick.try_recv().has_value());
      } else if (seconds_left > 3600) {
        RC_ASSERT(timer.empty() && timer.try_recv().error() == errc::empty);
        RC_ASSERT(timer.recv_for(nanoseconds(1)).error() == errc::timeout);
        RC_ASSERT(tick.empty() && tick.try_recv().error() == errc::empty);
      }
      RC_ASSERT(!timer.is_closed());
      if (seconds_left <= 0) RC_ASSERT(timer.try_recv().error() == errc::empty);  // once
    });
    with_any_time(choices, [&](auto t) {
      using clock = typename decltype(t)::clock;
      const auto left = duration<long double>(t.time_since_epoch()) -
                        duration<long double>(clock::now().time_since_epoch());
      const auto timer = strait::at(t);
      if (left.count() < 0) RC_ASSERT(timer.try_recv().has_value());
      if (left.count() > 3600) RC_ASSERT(timer.try_recv().error() == errc::empty);
    });
  }
}

// The conversion itself, at the ends of the clock. Two instants that no clock shows stand for "for ever" and
// "long past"; so do the last 1,024 nanoseconds before each, where a long double may round.
TEST(deadlines, at_the_ends_of_the_clock) {
  using strait::detail::deadline;
  using instant = strait::sync::time_point;
  constexpr std::int64_t top = std::numeric_limits<std::int64_t>::max();
  const instant epoch{};
  EXPECT_EQ(deadline::add(epoch, nanoseconds(top)), instant::max());
  EXPECT_EQ(deadline::add(epoch, nanoseconds(top - 1024)), instant::max());
  EXPECT_EQ(deadline::add(epoch, nanoseconds(-top)), instant::min());
  EXPECT_EQ(deadline::add(epoch, nanoseconds(-(top - 1024))), instant::min());
  if constexpr (std::numeric_limits<long double>::digits >= 64) {
    EXPECT_EQ(deadline::add(epoch, nanoseconds(top - 1025)), epoch + nanoseconds(top - 1025));
    EXPECT_EQ(deadline::add(epoch, nanoseconds(-(top - 1025))), epoch - nanoseconds(top - 1025));
  }
  EXPECT_EQ(deadline::add(instant(nanoseconds(top - 5000)), nanoseconds(3000)),
            instant(nanoseconds(top - 2000)));
  EXPECT_TRUE(deadline::until(instant::max()).is_never());
  EXPECT_TRUE(deadline::until(time_point<steady_clock, hours>::max()).is_never());
}

TEST(deadlines, not_a_number_is_now) {
  using strait::detail::deadline;
  const strait::sync::time_point start{seconds(77)};
  EXPECT_EQ(deadline::add(start, duration<double>(std::nan(""))), start);
  EXPECT_EQ(deadline::add(start, duration<float, std::milli>(-std::nanf(""))), start);
}

TEST(deadlines, are_ordered) {
  using strait::detail::deadline;
  const deadline soon = deadline::at(strait::sync::time_point(seconds(1)));
  const deadline late = deadline::at(strait::sync::time_point(seconds(2)));
  EXPECT_TRUE(soon < late);
  EXPECT_FALSE(late < soon);
  EXPECT_FALSE(soon < soon);
  EXPECT_TRUE(late < deadline::never());
  EXPECT_FALSE(deadline::never() < deadline::never());
}

}  // namespace

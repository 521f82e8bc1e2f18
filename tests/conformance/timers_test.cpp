// SPDX-License-Identifier: BSL-1.0
//
// after, at, tick, never: receivers of scheduled instants. Nothing here has an upper bound in time.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <ranges>
#include <set>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;
using strait::on_recv;
using strait::on_timeout;
using strait::otherwise;
using strait::select;
using instant = steady::time_point;

static_assert(std::is_same_v<decltype(strait::after(1s).recv()), strait::recv_result<instant>>);
static_assert(
    std::is_same_v<decltype(strait::at(instant{}).try_recv()), strait::recv_result<instant>>);
static_assert(std::is_same_v<decltype(strait::tick(1s).recv()), strait::recv_result<instant>>);
static_assert(std::is_same_v<decltype(strait::never<std::string>().try_recv()),
                             strait::recv_result<std::string>>);
static_assert(std::copyable<decltype(strait::after(1s))> &&
              std::copyable<decltype(strait::tick(1s))>);
static_assert(std::copyable<decltype(strait::never<int>())>);

// semantics 19, 21: one message, the scheduled instant; afterwards empty for ever, never closed
TEST(TimersAfter, FiresOnce) {
  const auto before = steady::now();
  auto t = strait::after(15ms);
  const auto made = steady::now();
  auto m = t.recv();
  const auto now = steady::now();
  ASSERT_TRUE(m);
  EXPECT_GE(*m, before + 15ms);
  EXPECT_LE(*m, made + 15ms);
  EXPECT_GE(now, *m);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(failed(t.try_recv(), errc::empty));
    EXPECT_TRUE(failed(t.recv_for(1ms), errc::timeout));
    EXPECT_FALSE(t.is_closed());
    EXPECT_EQ(t.size(), 0U);
  }
}

// semantics 19: not before its time
TEST(TimersAfter, NotBeforeItsTime) {
  auto t = strait::after(1h);
  EXPECT_TRUE(failed(t.try_recv(), errc::empty));
  EXPECT_TRUE(failed(t.recv_for(2ms), errc::timeout));
  EXPECT_TRUE(failed(t.recv_until(steady::now() - 1h), errc::timeout));
  EXPECT_EQ(t.size(), 0U);
  EXPECT_TRUE(t.empty());
  EXPECT_FALSE(t.full());
  EXPECT_FALSE(t.is_closed());
  std::stop_source stop;
  worker stopper([&] {
    a_moment();
    stop.request_stop();
  });
  EXPECT_TRUE(failed(t.recv(stop.get_token()), errc::cancelled));
}

// semantics 21: capacity 1, and size 1 exactly when due and not taken
TEST(TimersAfter, SizeIsOneWhenDue) {
  auto t = strait::after(2ms);
  EXPECT_EQ(t.capacity(), std::size_t{1});
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(t.size(), 1U);
  EXPECT_FALSE(t.empty());
  EXPECT_TRUE(t.full());
  ASSERT_TRUE(t.try_recv());
  EXPECT_EQ(t.size(), 0U);
  EXPECT_TRUE(t.empty());
}

// semantics 19: the message goes to one of the clones
TEST(TimersAfter, OneOfTheClonesGetsIt) {
  for (int round = 0; round < 20; ++round) {
    auto t = strait::after(500us);
    std::atomic<int> got_it{0}, timed_out{0};
    {
      std::vector<worker> workers;
      for (int i = 0; i < 3; ++i) {
        workers.emplace_back([&, t] {
          auto m = t.recv_for(10ms);
          if (m) {
            ++got_it;
          } else {
            EXPECT_TRUE(failed(m, errc::timeout));
            ++timed_out;
          }
        });
      }
    }
    // On a slow machine every wait may have ended first; the message is then still there.
    if (t.try_recv()) ++got_it;
    EXPECT_EQ(got_it, 1);
    EXPECT_TRUE(failed(t.try_recv(), errc::empty));
  }
}

// semantics 19: a clone made before or after shares the state
TEST(TimersAfter, ClonesShareTheState) {
  auto t = strait::after(0s);
  auto u = t;
  EXPECT_TRUE(t == u);
  EXPECT_EQ(u.size(), 1U);
  EXPECT_TRUE(u.recv());
  EXPECT_EQ(t.size(), 0U);
  auto v = t;
  EXPECT_TRUE(failed(v.try_recv(), errc::empty));
}

// semantics 19: at(t) in the past is ready at once, and says t
TEST(TimersAt, ThePastIsReady) {
  const auto t = steady::now() - 1h;
  auto past = strait::at(t);
  EXPECT_EQ(past.size(), 1U);
  EXPECT_TRUE(got(past.try_recv(), t));
  EXPECT_TRUE(failed(past.try_recv(), errc::empty));
  EXPECT_TRUE(got(strait::at(instant{}).recv(), instant{}));
  EXPECT_TRUE(strait::after(-1h).try_recv());
  EXPECT_TRUE(strait::after(std::chrono::nanoseconds::min()).try_recv());
  const auto soon = steady::now() + 5ms;
  auto future = strait::at(soon);
  EXPECT_TRUE(got(future.recv(), soon));
  EXPECT_GE(steady::now(), soon);
}

// semantics 19: overflow behaves as never
TEST(TimersAfter, OverflowIsNever) {
  const auto check = [](auto t) {
    EXPECT_TRUE(failed(t.try_recv(), errc::empty));
    EXPECT_TRUE(failed(t.recv_for(1ms), errc::timeout));
    EXPECT_EQ(t.size(), 0U);
    EXPECT_FALSE(t.is_closed());
  };
  check(strait::after(std::chrono::nanoseconds::max()));
  check(strait::after(std::chrono::hours::max()));
  check(strait::after(std::chrono::duration<double>(1e300)));
  check(strait::at(instant::max()));
  check(strait::tick(std::chrono::hours::max()));
}

// semantics 20, pitfalls 8: ticks at least d apart; the payload is the scheduled instant; never before it
TEST(TimersTick, TicksAreScheduled) {
  constexpr auto d = 3ms;
  const auto before = steady::now();
  auto t = strait::tick(d);
  const auto made = steady::now();
  instant last{}, last_taken{};
  for (int i = 0; i < 10; ++i) {
    auto m = t.recv();
    const auto taken = steady::now();
    ASSERT_TRUE(m);
    EXPECT_GE(taken, *m);
    if (i == 0) {
      EXPECT_GE(*m, before + d);
      EXPECT_LE(*m, made + d);
    } else {
      EXPECT_GE(*m, last + d);
      EXPECT_LE(*m, last_taken + d);  // at the latest d after the take before
    }
    last = *m;
    last_taken = taken;
  }
  EXPECT_FALSE(t.is_closed());
}

// semantics 20, 21: no backlog, and after a late take the next is due d after the take
TEST(TimersTick, NoBacklog) {
  constexpr auto d = 40ms;
  auto t = strait::tick(d);
  EXPECT_EQ(t.capacity(), std::size_t{1});
  std::this_thread::sleep_for(4 * d);
  EXPECT_EQ(t.size(), 1U);
  const auto before = steady::now();
  ASSERT_TRUE(t.try_recv());
  auto m = t.try_recv();
  const auto now = steady::now();
  if (now < before + d) {
    EXPECT_TRUE(failed(m, errc::empty));
  }
  if (!m) m = t.recv();
  ASSERT_TRUE(m);
  EXPECT_GE(*m, before + d);
}

// semantics 20: clones share the ticks, each tick goes to one
TEST(TimersTick, ClonesShareTheTicks) {
  auto t = strait::tick(500us);
  std::vector<std::vector<instant>> seen(3);
  {
    std::vector<worker> workers;
    for (auto& s : seen) {
      workers.emplace_back([&s, t] {
        for (int i = 0; i < 10; ++i) s.push_back(t.recv().value());
      });
    }
  }
  std::set<instant> all;
  for (const auto& s : seen) {
    for (std::size_t i = 1; i < s.size(); ++i) EXPECT_GE(s[i], s[i - 1] + 500us);
    all.insert(s.begin(), s.end());
  }
  EXPECT_EQ(all.size(), 30U);
  for (auto it = all.begin(); std::next(it) != all.end(); ++it)
    EXPECT_GE(*std::next(it), *it + 500us);
}

// semantics 20: tick(0) is always ready
TEST(TimersTick, ZeroIsAlwaysReady) {
  auto t = strait::tick(0s);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(t.size(), 1U);
    ASSERT_TRUE(t.try_recv());
    ASSERT_TRUE(t.recv());
  }
  EXPECT_TRUE(got(choose(on_recv(t, [](instant) {}), otherwise([] { ADD_FAILURE(); })), 0U));
}

// semantics 13, 20: a tick is a range like any receiver
TEST(TimersTick, IsARange) {
  int n = 0;
  for ([[maybe_unused]] instant m : strait::tick(200us) | std::views::take(3)) ++n;
  EXPECT_EQ(n, 3);
}

// semantics 19, 21: never: never ready, never closed
TEST(TimersNever, IsNever) {
  auto n = strait::never<std::unique_ptr<int>>();
  EXPECT_TRUE(failed(n.try_recv(), errc::empty));
  EXPECT_TRUE(failed(n.recv_for(2ms), errc::timeout));
  EXPECT_EQ(n.size(), 0U);
  EXPECT_EQ(n.capacity(), std::size_t{0});
  EXPECT_FALSE(n.is_closed());
  for ([[maybe_unused]] auto& m : n.try_iter()) ADD_FAILURE();
  EXPECT_TRUE(
      got(choose(on_recv(n, [](std::unique_ptr<int>) { ADD_FAILURE(); }), otherwise([] {})), 1U));
  EXPECT_TRUE(got(choose(on_recv(n), on_timeout(2ms, [] {})), 1U));
  std::stop_source stop;
  worker stopper([&] {
    a_moment();
    stop.request_stop();
  });
  EXPECT_TRUE(failed(n.recv(stop.get_token()), errc::cancelled));
}

// semantics 29: timer arms end a select; the earliest fires
TEST(TimersSelect, TheEarliestFires) {
  auto late = strait::after(1h);
  auto soon = strait::after(10ms);
  auto [tx, rx] = strait::unbounded<int>();
  const auto start = steady::now();
  EXPECT_TRUE(got(
      choose(on_recv(late, [](instant) { ADD_FAILURE(); }), on_recv(rx, [](int) { ADD_FAILURE(); }),
             on_recv(soon, [&](instant m) { EXPECT_GE(m, start); }),
             on_timeout(1h, [] { ADD_FAILURE(); })),
      2U));
  EXPECT_TRUE(failed(soon.try_recv(), errc::empty));
  EXPECT_TRUE(failed(late.try_recv(), errc::empty));
  EXPECT_TRUE(got(choose(on_recv(soon), on_recv(late), on_timeout(5ms, [] {})), 2U));
}

// semantics 29: a message ends the wait although timers are in it
TEST(TimersSelect, AMessageBeatsALaterTimer) {
  auto late = strait::after(1h);
  auto ticks = strait::tick(1h);
  auto [tx, rx] = strait::rendezvous<int>();
  worker sender([&tx] {
    a_moment();
    EXPECT_TRUE(tx.send(5));
  });
  EXPECT_TRUE(got(choose(on_recv(late, [](instant) { ADD_FAILURE(); }),
                         on_recv(ticks, [](instant) { ADD_FAILURE(); }),
                         on_recv(rx, [](int m) { EXPECT_EQ(m, 5); })),
                  2U));
}

// semantics 20: ticks in a loop of selects, beside messages
TEST(TimersSelect, TicksBesideMessages) {
  auto ticks = strait::tick(1ms);
  auto [tx, rx] = strait::bounded<int>(1);
  worker sender([mine = std::move(tx)] {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(mine.send(i));
    std::this_thread::sleep_for(5ms);
  });
  int messages = 0, beats = 0;
  bool open = true;
  while (open || beats < 3) {
    choose(on_recv(rx,
                   [&](strait::recv_result<int> m) {
                     if (m) {
                       EXPECT_EQ(*m, messages++);
                     } else {
                       open = false;
                     }
                   })
               .when(open),
           on_recv(ticks, [&](instant) { ++beats; }));
  }
  EXPECT_EQ(messages, 50);
}

// semantics 15: several waiting on one timer: a loser goes on waiting and is not forgotten
TEST(TimersAfter, LosersGoOnWaiting) {
  auto t = strait::tick(2ms);
  std::vector<worker> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([t] { EXPECT_TRUE(t.recv()); });
  }
}

// semantics 18: no background thread
TEST(Timers, HaveNoThreadOfTheirOwn) {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  if (!std::filesystem::exists("/proc/self/task")) GTEST_SKIP() << "no /proc here";
  const auto before = threads();
  auto a = strait::after(1h);
  auto b = strait::tick(1h);
  auto c = strait::after(2ms);
  auto [tx, rx] = strait::unbounded<int>();
  EXPECT_TRUE(failed(rx.recv_for(2ms), errc::timeout));
  EXPECT_TRUE(got(choose(on_recv(a), on_recv(b), on_recv(rx), on_timeout(2ms, [] {})), 3U));
  EXPECT_TRUE(c.recv());
  EXPECT_EQ(threads(), before);
}

// pitfalls 15: waiting for a timer sleeps
TEST(Timers, WaitingCostsNoProcessorTime) {
  const auto start = steady::now();
  const processor_time used;
  EXPECT_TRUE(strait::after(150ms).recv());
  auto t = strait::after(150ms);
  auto n = strait::never<int>();
  EXPECT_TRUE(got(choose(on_recv(n), on_recv(t)), 1U));
  const auto cost = used.elapsed();
  EXPECT_TRUE(was_idle(cost, steady::now() - start));
}

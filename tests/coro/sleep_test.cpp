// SPDX-License-Identifier: BSL-1.0
//
// Time for coroutines: sleeping, turns, timeouts of waits, and idleness.
#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "support.hpp"

namespace {

using namespace strait_test;
using strait::sync_wait;
using strait::task;

template <class F>
task<steady::duration> timed(F make) {
  const auto begin = steady::now();
  auto op = make();
  co_await op;
  co_return steady::now() - begin;
}

TEST(Sleep, NotBeforeItsTime) {
  EXPECT_GE(sync_wait(timed([] { return strait::sleep_for(20ms); })), 20ms);
  const auto then = steady::now() + 20ms;
  sync_wait(timed([&] { return strait::sleep_until(then); }));
  EXPECT_GE(steady::now(), then);
  const auto there = std::chrono::system_clock::now() + 20ms;
  sync_wait(timed([&] { return strait::sleep_until(there); }));
  EXPECT_GE(std::chrono::system_clock::now(), there);
}

TEST(Sleep, ThePastDoesNotSleep) {
  sync_wait(timed([] { return strait::sleep_for(0s); }));
  sync_wait(timed([] { return strait::sleep_for(-1h); }));
  sync_wait(timed([] { return strait::sleep_until(steady::time_point::min()); }));
  sync_wait(timed([] { return strait::sleep_until(std::chrono::system_clock::time_point{}); }));
}

task<bool> sleeps(std::chrono::hours time, std::stop_token stop) {
  const bool slept = co_await strait::sleep_for(time, stop);
  co_return slept;
}

TEST(Sleep, AStopEndsIt) {
  std::stop_source source;
  worker stopper([&] {
    a_moment();
    source.request_stop();
  });
  EXPECT_FALSE(sync_wait(sleeps(1h, source.get_token())));
  EXPECT_FALSE(sync_wait(sleeps(1h, source.get_token())));
  EXPECT_TRUE(sync_wait(sleeps(0h, std::stop_token())));
  EXPECT_FALSE(
      sync_wait(sleeps(std::chrono::hours::max(), source.get_token())));  // never ends by itself
}

// Many at once, on few threads, in the order of their deadlines.
TEST(Sleep, ManyAtOnce) {
  strait::thread_pool pool(1);
  strait::scope s(pool);
  std::vector<int> order;
  bool all_asleep_first = true;
  const auto begin = steady::now() + 50ms;
  auto one = [&](steady::time_point when, int i) -> task<> {
    all_asleep_first = all_asleep_first && steady::now() < begin;
    co_await strait::sleep_until(when);
    EXPECT_GE(steady::now(), when);
    order.push_back(i);
  };
  constexpr int n = 1000;
  for (int i = 0; i < n; ++i) {
    const int place = i * 7 % n;  // each once
    s.spawn(one(begin + place * 10us, place));
  }
  s.join();
  ASSERT_EQ(order.size(), std::size_t{n});
  if (all_asleep_first) {
    EXPECT_TRUE(std::ranges::is_sorted(order));  // one worker: in their order
  }
}

TEST(Sleep, OnAPoolOfTwo) {
  strait::thread_pool pool(2);
  strait::scope s(pool);
  std::atomic<int> done{0};
  auto one = [](std::atomic<int>& count, int i) -> task<> {
    for (int k = 0; k < 5; ++k) co_await strait::sleep_for((i * 31 + k * 17) % 400 * 10us);
    ++count;
  };
  for (int i = 0; i < rounds(2000); ++i) s.spawn(one(done, i));
  s.join();
  EXPECT_EQ(done, rounds(2000));
}

// An earlier deadline wakes the worker that sleeps for a later one.
TEST(Sleep, AnEarlierOneComesFirst) {
  strait::thread_pool pool(1);
  strait::scope s(pool);
  std::stop_source enough;
  s.spawn([](std::stop_token stop) -> task<> {
    co_await strait::sleep_for(1h, stop);
  }(enough.get_token()));
  a_moment();
  s.spawn([](std::stop_source& source) -> task<> {
    co_await strait::sleep_for(5ms);
    source.request_stop();
  }(enough));
  s.join();
}

TEST(Sleep, WhoSleepsUsesNoProcessor) {
  strait::thread_pool pool(2);
  strait::scope s(pool);
  std::stop_source enough;
  auto [tx, rx] = strait::bounded<int>(0);
  for (int i = 0; i < 10; ++i) {
    s.spawn([](std::stop_token stop) -> task<> {
      co_await strait::sleep_for(1h, stop);
    }(enough.get_token()));
    s.spawn([](strait::receiver<int> from) -> task<> { (void)co_await from.async_recv(); }(rx));
  }
  a_moment();
  timespec before{}, after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(300ms);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const auto used =
      (after.tv_sec - before.tv_sec) * 1'000'000'000L + after.tv_nsec - before.tv_nsec;
  EXPECT_LT(used, 30'000'000L);  // a worker that polls would use 300 ms, one that ticks still many
  enough.request_stop();
  tx.reset();
  s.join();
}

// ---- turns --------------------------------------------------------------------------------------

TEST(Yield, LetsOthersGoFirst) {
  strait::thread_pool pool(1);
  strait::scope s(pool);
  std::vector<char> order;
  flag both;
  auto one = [](std::vector<char>& to, char name, flag& start) -> task<> {
    start.wait();
    for (int i = 0; i < 3; ++i) {
      to.push_back(name);
      co_await strait::yield();
    }
  };
  s.spawn(one(order, 'a', both));
  s.spawn(one(order, 'b', both));
  both.set();
  s.join();
  const std::string text(order.begin(), order.end());
  EXPECT_TRUE(text == "ababab" || text == "bababa") << text;
}

// ---- timeouts of waits --------------------------------------------------------------------------

TEST(Timeouts, EndNotBefore) {
  auto [tx, rx] = strait::bounded<int>(1);
  auto receive = [](strait::receiver<int> from) -> task<errc> {
    auto m = co_await from.async_recv_for(10ms);
    co_return m ? errc::closed : m.error();
  };
  const auto begin = steady::now();
  EXPECT_EQ(sync_wait(receive(rx)), errc::timeout);
  EXPECT_GE(steady::now() - begin, 10ms);
  ASSERT_TRUE(tx.send(1));
  auto send = [](strait::sender<int> to) -> task<errc> {
    auto op = to.async_send_until(2, steady::now() + 10ms);
    auto sent = co_await op;
    co_return sent ? errc::closed : sent.error().reason();
  };
  EXPECT_EQ(sync_wait(send(tx)), errc::timeout);
}

TEST(Timeouts, OfASelect) {
  auto [tx, rx] = strait::bounded<int>(0);
  auto choose = [](strait::receiver<int> from) -> task<int> {
    int how = 0;
    auto op = strait::async_select(strait::on_recv(from, [&](int) { how = 1; }),
                                   strait::on_timeout(5ms, [&] { how = 2; }));
    auto fired = co_await op;
    co_return fired ? how : -1;
  };
  EXPECT_EQ(sync_wait(choose(rx)), 2);
  worker sender([out = tx] { (void)out.send_for(1, 1h); });
  a_moment();
  EXPECT_NE(sync_wait(choose(rx)), -1);
  rx.reset();
}

}  // namespace

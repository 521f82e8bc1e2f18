// SPDX-License-Identifier: BSL-1.0
//
// Several tasks that belong together: scope and when_all.
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "support.hpp"

namespace {

using namespace strait_test;
using strait::sync_wait;
using strait::task;

task<> counts(std::atomic<int>& n) {
  co_await strait::yield();
  ++n;
}
task<> fails_with(std::string text) {
  throw std::runtime_error(text);
  co_return;
}
task<> until_stopped(std::stop_token stop, std::atomic<int>& stopped) {
  auto [tx, rx] = strait::bounded<int>(0);
  auto m = co_await rx.async_recv(stop);
  if (failed(m, errc::cancelled)) ++stopped;
}

TEST(Scope, JoinsWhatItStarted) {
  strait::thread_pool pool(2);
  std::atomic<int> n{0};
  strait::scope s(pool);
  s.join();  // of nothing
  for (int i = 0; i < rounds(1000); ++i) s.spawn(counts(n));
  s.join();
  EXPECT_EQ(n, rounds(1000));
  s.spawn(counts(n));  // and again
  s.join();
  EXPECT_EQ(n, rounds(1000) + 1);
}

TEST(Scope, AFailureStopsItsSiblings) {
  strait::thread_pool pool(2);
  std::atomic<int> stopped{0};
  strait::scope s(pool);
  for (int i = 0; i < 20; ++i) s.spawn(until_stopped(s.get_token(), stopped));
  s.spawn(fails_with("first"));
  try {
    s.join();
    ADD_FAILURE() << "join did not throw";
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "first");
  }
  EXPECT_EQ(stopped, 20);
  s.join();  // once
}

TEST(Scope, CarriesTheFirstOfSeveral) {
  strait::thread_pool pool(1);
  strait::scope s(pool);
  auto later = [](std::stop_token stop) -> task<> {
    co_await strait::sleep_for(1h, stop);
    throw std::logic_error("second");
  };
  s.spawn(later(s.get_token()));
  s.spawn(fails_with("first"));
  EXPECT_THROW(s.join(), std::runtime_error);
}

TEST(Scope, StopsOnRequest) {
  strait::thread_pool pool(2);
  std::atomic<int> stopped{0};
  strait::scope s(pool);
  for (int i = 0; i < 20; ++i) s.spawn(until_stopped(s.get_token(), stopped));
  EXPECT_FALSE(s.get_token().stop_requested());
  EXPECT_TRUE(s.request_stop());
  EXPECT_FALSE(s.request_stop());
  s.join();
  EXPECT_EQ(stopped, 20);
}

TEST(Scope, ItsDestructorStopsAndJoins) {
  strait::thread_pool pool(2);
  std::atomic<int> stopped{0};
  {
    strait::scope s(pool);
    for (int i = 0; i < 20; ++i) s.spawn(until_stopped(s.get_token(), stopped));
  }
  EXPECT_EQ(stopped, 20);
}

task<int> joins_inside(strait::thread_pool& pool) {
  std::atomic<int> n{0};
  strait::scope s(pool);
  for (int i = 0; i < 100; ++i) s.spawn(counts(n));
  co_await s.async_join();
  s.spawn(fails_with("inside"));
  bool thrown = false;
  try {
    auto join = s.async_join();
    co_await join;
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  co_return thrown ? n.load() : -1;
}

TEST(Scope, IsAwaited) {
  for (const std::size_t workers : {1U, 2U}) {
    strait::thread_pool pool(workers);
    EXPECT_EQ(sync_wait(joins_inside(pool)), 100);
    auto on_the_pool = [](strait::thread_pool& p) -> task<int> {
      co_await strait::resume_on(p);
      co_return co_await joins_inside(p);
    };
    EXPECT_EQ(sync_wait(on_the_pool(pool)), 100);
  }
}

TEST(Scope, TasksSpawnIntoTheirOwnScope) {
  strait::thread_pool pool(2);
  strait::scope s(pool);
  std::atomic<int> n{0};
  struct grow {
    static task<> from(strait::scope& into, std::atomic<int>& count, int depth) {
      ++count;
      if (depth > 0) {
        into.spawn(from(into, count, depth - 1));
        into.spawn(from(into, count, depth - 1));
      }
      co_return;
    }
  };
  s.spawn(grow::from(s, n, 10));
  s.join();
  EXPECT_EQ(n, (1 << 11) - 1);
}

TEST(ScopeDeath, BlockingJoinOnAWorker) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto joins = [](strait::thread_pool& pool) -> task<> {
    co_await strait::resume_on(pool);
    std::atomic<int> n{0};
    strait::scope s(pool);
    s.spawn(counts(n));
    s.join();
  };
  EXPECT_DEATH(
      {
        strait::thread_pool pool(1);
        sync_wait(joins(pool));
      },
      "async_join");
}

// ---- when_all -----------------------------------------------------------------------------------

task<int> number(int n) {
  co_await strait::yield();
  co_return n;
}
task<std::unique_ptr<int>> owned(int n) { co_return std::make_unique<int>(n); }

TEST(WhenAll, GivesAllValues) {
  auto [a, b, c] = sync_wait(strait::when_all(number(1), owned(2), [](int& n) -> task<> {
    n = 3;
    co_return;
  }(*std::make_unique<int>())));
  EXPECT_EQ(a, 1);
  EXPECT_EQ(*b, 2);
  EXPECT_EQ(c, std::monostate());
  EXPECT_EQ(sync_wait(strait::when_all()), std::tuple<>());
}

TEST(WhenAll, OfAList) {
  std::vector<task<int>> tasks;
  for (int i = 0; i < 100; ++i) tasks.push_back(number(i));
  const auto values = sync_wait(strait::when_all(std::move(tasks)));
  ASSERT_EQ(values.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(sync_wait(strait::when_all(std::vector<task<int>>())).empty());
  sync_wait(strait::when_all(std::vector<task<>>()));
}

TEST(WhenAll, ThrowsTheFirstInOrderWhenAllHaveEnded) {
  std::atomic<int> n{0};
  try {
    sync_wait(strait::when_all(counts(n), fails_with("second"), fails_with("third"), counts(n)));
    ADD_FAILURE() << "did not throw";
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "second");
  }
  EXPECT_EQ(n, 2);
}

TEST(WhenAll, IsConcurrent) {
  // Each waits for the other: neither could end alone.
  auto ping = strait::bounded<int>(0);
  auto pong = strait::bounded<int>(0);
  auto left = [](strait::sender<int> to, strait::receiver<int> from) -> task<int> {
    auto sent = co_await to.async_send(1);
    auto m = co_await from.async_recv();
    co_return sent&& m ? *m : -1;
  };
  auto right = [](strait::receiver<int> from, strait::sender<int> to) -> task<int> {
    auto m = co_await from.async_recv();
    auto sent = co_await to.async_send(m ? *m + 1 : -1);
    co_return sent ? 0 : -1;
  };
  auto [a, b] = sync_wait(strait::when_all(left(ping.tx, pong.rx), right(ping.rx, pong.tx)));
  EXPECT_EQ(a, 2);
  EXPECT_EQ(b, 0);
}

// A handle that a task holds goes when the task ends, not when all have.
TEST(WhenAll, AnEndedTaskLetsGo) {
  auto [tx, rx] = strait::unbounded<int>();
  auto send = [](strait::sender<int> to) -> task<> {
    for (int i = 0; i < 10; ++i) (void)to.try_send(i);
    co_return;
  };
  auto receive = [](strait::receiver<int> from) -> task<int> {
    int n = 0;
    while (auto m = co_await from.async_recv()) ++n;
    co_return n;
  };
  auto [sent, n] = sync_wait(strait::when_all(send(std::move(tx)), receive(std::move(rx))));
  EXPECT_EQ(n, 10);
}

TEST(WhenAll, OnAPool) {
  strait::thread_pool pool(2);
  auto all = [](strait::thread_pool& p) -> task<int> {
    co_await strait::resume_on(p);
    std::vector<task<int>> tasks;
    for (int i = 0; i < 1000; ++i) tasks.push_back(number(1));
    auto values = co_await strait::when_all(std::move(tasks));
    int sum = 0;
    for (const int v : values) sum += v;
    co_return p.runs_here() ? sum : -1;
  };
  for (int i = 0; i < rounds(20); ++i) EXPECT_EQ(sync_wait(all(pool)), 1000);
}

// ---- from a thread ------------------------------------------------------------------------------

TEST(SyncWait, Nests) {
  auto outer = []() -> task<int> { co_return sync_wait(number(1)) + co_await number(2); };
  EXPECT_EQ(sync_wait(outer()), 3);
}

TEST(SyncWait, InManyThreads) {
  auto [tx, rx] = strait::bounded<int>(0);
  std::atomic<int> sum{0};
  std::vector<worker> threads;
  auto receive = [](strait::receiver<int> from, std::atomic<int>& to) -> task<> {
    while (auto m = co_await from.async_recv()) to += *m;
  };
  for (int i = 0; i < 4; ++i) threads.emplace_back([&, in = rx] { sync_wait(receive(in, sum)); });
  for (int i = 1; i <= rounds(1000); ++i) ASSERT_TRUE(tx.send(i));
  tx.reset();
  threads.clear();
  EXPECT_EQ(sum, rounds(1000) * (rounds(1000) + 1) / 2);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
//
// The thread pool: it runs everything, on all its workers, starves nobody, sleeps when there is nothing to
// do, and takes with it what never ended.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
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

task<> counts(std::atomic<int>& n) {
  ++n;
  co_return;
}

TEST(Pool, RunsEverything) {
  for (const std::size_t workers : {1U, 2U, 5U}) {
    strait::thread_pool pool(workers);
    EXPECT_EQ(pool.size(), workers);
    std::atomic<int> n{0};
    const int all = rounds(10'000);
    for (int i = 0; i < all; ++i) strait::spawn(pool, counts(n));
    eventually([&] { return n == all; });
  }
}

TEST(Pool, HasAtLeastOneWorker) {
  strait::thread_pool pool(0);
  EXPECT_EQ(pool.size(), 1U);
  std::atomic<int> n{0};
  strait::spawn(pool, counts(n));
  eventually([&] { return n == 1; });
}

// Several coroutines of one worker use one sole sender: its end belongs to their thread. The receiver, in another
// one, sends for whoever is suspended in it.
TEST(Pool, CoroutinesShareASoleSender) {
  for (const std::size_t capacity : {1U, 3U}) {
    auto ch = strait::spsc::bounded<int>(capacity);
    const int all = rounds(20'000);
    std::vector<int> next{0, 1, 2};  // each sends its own residue, in order
    {
      strait::thread_pool pool(1);
      strait::scope s(pool);
      for (int who = 0; who < 3; ++who) {
        s.spawn([](const auto& tx, int i, int end) -> task<> {
          for (; i < end; i += 3) {
            if (i % 7 == 0 && tx.try_send(i)) continue;
            auto sent = co_await tx.async_send(i);
            EXPECT_TRUE(sent);
          }
        }(ch.tx, who, all));
      }
      for (int n = 0; n < all; ++n) {
        const auto m = ch.rx.recv();
        ASSERT_TRUE(m);
        int& expected = next[static_cast<std::size_t>(*m % 3)];
        ASSERT_EQ(*m, expected);
        expected += 3;
      }
      s.join();
    }
    EXPECT_FALSE(ch.rx.try_recv());
  }
}

task<> spawns(strait::thread_pool& pool, std::atomic<int>& n, int depth) {
  if (depth > 0) {
    strait::spawn(pool, spawns(pool, n, depth - 1));
    strait::spawn(pool, spawns(pool, n, depth - 1));
  } else {
    ++n;
  }
  co_return;
}

TEST(Pool, WorkersSpawn) {
  strait::thread_pool pool(2);
  std::atomic<int> n{0};
  strait::spawn(pool, spawns(pool, n, 12));
  eventually([&] { return n == 1 << 12; });
}

// Two that block their workers until the other one has come: each needs a worker of its own.
task<> meets(std::atomic<int>& here) {
  ++here;
  while (here < 2) std::this_thread::yield();
  co_return;
}
task<> starts_two(strait::scope& s, std::atomic<int>& here) {
  s.spawn(meets(here));
  s.spawn(meets(here));
  co_return;
}

TEST(Pool, WakesAWorkerForWhatAnotherQueued) {
  strait::thread_pool pool(2);
  for (int i = 0; i < rounds(2000); ++i) {
    std::atomic<int> here{0};
    strait::scope s(pool);
    if (i % 2 == 0) {
      s.spawn(meets(here));
      s.spawn(meets(here));
    } else {
      s.spawn(starts_two(s, here));
    }
    s.join();
    if (i % 16 == 0) std::this_thread::sleep_for(100us);  // both workers park
  }
}

// Whichever of the two a worker runs first, the other one is where the other worker finds it, also when the
// worker has just taken many turns from the place before its queue.
task<> starts_two_again_and_again(strait::thread_pool& pool, int times) {
  for (int i = 0; i < times; ++i) {
    std::atomic<int> here{0};
    strait::scope s(pool);
    s.spawn(meets(here));
    s.spawn(meets(here));
    co_await s.async_join();
  }
}

TEST(Pool, NothingIsLeftBehindABusyWorker) {
  strait::thread_pool pool(2);
  strait::scope s(pool);
  s.spawn(starts_two_again_and_again(pool, rounds(2000)));
  s.join();
}

// ---- nobody starves -----------------------------------------------------------------------------

task<> plays(strait::receiver<int> from, strait::sender<int> to) {
  while (auto m = co_await from.async_recv()) {
    auto sent = co_await to.async_send(*m);
    if (!sent) co_return;
  }
}

// Two that wake each other for ever are always "the last made ready".
TEST(Pool, APairThatWakesEachOtherStarvesNobody) {
  strait::thread_pool pool(1);
  auto a = strait::bounded<int>(1);
  auto b = strait::bounded<int>(1);
  ASSERT_TRUE(a.tx.send(1));
  strait::scope s(pool);
  s.spawn(plays(a.rx, b.tx));
  s.spawn(plays(b.rx, a.tx));
  std::atomic<int> n{0};
  for (int i = 0; i < 100; ++i) strait::spawn(pool, counts(n));
  eventually([&] { return n == 100; });
  std::stop_source stop;
  s.spawn([](std::atomic<int>& count) -> task<> {  // deadlines too
    co_await strait::sleep_for(1ms);
    ++count;
  }(n));
  eventually([&] { return n == 101; });
  a.rx.close();
  b.rx.close();
  s.join();
}

task<> yields(std::atomic<bool>& stop) {
  while (!stop) co_await strait::yield();
}

TEST(Pool, OneThatYieldsForEverStarvesNobody) {
  strait::thread_pool pool(1);
  std::atomic<bool> stop{false};
  strait::scope s(pool);
  s.spawn(yields(stop));
  s.spawn(yields(stop));
  std::atomic<int> n{0};
  for (int i = 0; i < 100; ++i) strait::spawn(pool, counts(n));
  eventually([&] { return n == 100; });
  stop = true;
  s.join();
}

// While two take turns briskly on one worker, the other one leaves them alone; not when the worker is kept.
TEST(Pool, WhoIsLeftAloneWithABriskPairIsDone) {
  strait::thread_pool pool(2);
  for (int round = 0; round < rounds(200); ++round) {
    std::atomic<bool> other_done{false};
    strait::scope s(pool);
    auto there = strait::spsc::bounded<int>(0), back = strait::spsc::bounded<int>(0);
    s.spawn([](strait::spsc::receiver<int> rx, strait::spsc::sender<int> tx) -> task<> {
      while (auto m = co_await rx.async_recv()) {
        auto sent = co_await tx.async_send(*m);
        if (!sent) co_return;
      }
    }(std::move(there.rx), std::move(back.tx)));
    s.spawn([](strait::thread_pool& p, strait::spsc::sender<int> tx, strait::spsc::receiver<int> rx,
               std::atomic<bool>& done) -> task<> {
      for (int i = 0; i < 300; ++i) {
        (void)co_await tx.async_send(i);
        (void)co_await rx.async_recv();
        co_await strait::yield();
      }
      strait::spawn(p, [](std::atomic<bool>& d) -> task<> {
        d = true;
        co_return;
      }(done));
      strait::spawn(
          p, []() -> task<> { co_return; }());  // the first one makes way: others may take it
      while (!done) std::this_thread::yield();  // keeps its worker until another one has done it
    }(pool, std::move(there.tx), std::move(back.rx), other_done));
    s.join();
  }
}

TEST(Pool, WorkFromOutsideIsDoneBesideABriskPair) {
  strait::thread_pool pool(2);
  std::atomic<bool> enough{false};
  strait::scope pair(pool);
  for (int i = 0; i < 3; ++i) {
    pair.spawn([](std::atomic<bool>& e) -> task<> {
      while (!e) co_await strait::yield();
    }(enough));
  }
  for (int round = 0; round < rounds(2'000); ++round) {
    std::atomic<int> n{0};
    strait::scope s(pool);
    for (int i = 0; i < 4; ++i) s.spawn(counts(n));
    s.join();
    EXPECT_EQ(n, 4);
  }
  enough = true;
  pair.join();
}

// ---- sleeping -----------------------------------------------------------------------------------

// The keeper sleeps already, until a deadline far away.
TEST(Pool, AnEarlierDeadlineIsKept) {
  strait::thread_pool pool(2);
  strait::scope far(pool);
  far.spawn([](strait::stop_token stop) -> task<> {
    (void)co_await strait::sleep_for(1h, stop);
  }(far.get_token()));
  for (int round = 0; round < rounds(50); ++round) {
    if (round % 2 == 0) std::this_thread::sleep_for(200us);  // both workers park
    strait::scope s(pool);
    s.spawn([]() -> task<> { (void)co_await strait::sleep_for(1ms); }());
    s.join();
  }
  far.request_stop();
  far.join();
}

// Two workers are kept until a deadline has passed that the third one must keep.
TEST(Pool, ADeadlineIsKeptBesideBusyWorkers) {
  strait::thread_pool pool(3);
  for (int round = 0; round < rounds(300); ++round) {
    std::atomic<bool> passed{false};
    strait::scope s(pool);
    const auto keeps_its_worker = [](std::atomic<bool>& until) -> task<> {
      while (!until) std::this_thread::yield();
      co_return;
    };
    s.spawn(keeps_its_worker(passed));
    s.spawn([](std::atomic<bool>& flag) -> task<> {
      co_await strait::sleep_for(std::chrono::microseconds(200));
      flag = true;
    }(passed));
    s.spawn(keeps_its_worker(passed));
    s.join();
  }
}

TEST(Pool, WithoutWorkUsesNoProcessor) {
  strait::thread_pool pool(4);
  std::atomic<int> n{0};
  for (int i = 0; i < 100; ++i) strait::spawn(pool, counts(n));
  eventually([&] { return n == 100; });
  a_moment();
  timespec before{}, after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(300ms);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const auto used =
      (after.tv_sec - before.tv_sec) * 1'000'000'000L + after.tv_nsec - before.tv_nsec;
  EXPECT_LT(used, 30'000'000L);
}

// ---- the end ------------------------------------------------------------------------------------

task<> waits(strait::receiver<int> rx, std::shared_ptr<int>) { (void)co_await rx.async_recv(); }

TEST(Pool, TakesWithItWhatNeverEnded) {
  auto held = std::make_shared<int>();
  auto [tx, rx] = strait::bounded<int>(0);
  {
    strait::thread_pool pool(2);
    for (int i = 0; i < 100; ++i) strait::spawn(pool, waits(rx, held));
    a_moment();
    EXPECT_GT(held.use_count(), 1);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(failed(tx.try_send(1), errc::full));  // none of them waits any more
}

TEST(Pool, EndsWhileMessagesCome) {
  for (int i = 0; i < rounds(200); ++i) {
    auto [tx, rx] = strait::bounded<int>(1);
    int received = 0, sent = 0;
    {
      std::optional<worker> sender;
      strait::thread_pool pool(2);
      for (int k = 0; k < 4; ++k) {
        strait::spawn(pool, [](strait::receiver<int> from) -> task<> {
          while (auto m = co_await from.async_recv()) {
          }
        }(rx));
      }
      sender.emplace([&, out = std::move(tx)] {
        while (sent < 200 && out.try_send(1).has_value()) ++sent;
      });
    }
    while (rx.try_recv()) ++received;  // what nobody took is still there
    EXPECT_LE(received, 1);
  }
}

TEST(PoolDeath, AnExceptionThatLeavesASpawnedTask) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        strait::thread_pool pool(1);
        strait::spawn(pool, []() -> task<> {
          throw std::runtime_error("nobody awaits me");
          co_return;
        }());
        for (;;) std::this_thread::sleep_for(1s);
      },
      "nobody awaits me");
}

// ---- moving -------------------------------------------------------------------------------------

TEST(Pool, ResumeOnMoves) {
  strait::thread_pool a(1), b(1);
  auto visits = [](strait::thread_pool& x, strait::thread_pool& y) -> task<bool> {
    co_await strait::resume_on(x);
    const bool first = x.runs_here() && !y.runs_here();
    co_await strait::resume_on(y);
    const bool second = y.runs_here() && !x.runs_here();
    co_await strait::sleep_for(1ms);  // it stays there
    co_return first&& second&& y.runs_here();
  };
  EXPECT_TRUE(sync_wait(visits(a, b)));
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
//
// The explorer finds what it is for: one small program for each verdict, right and wrong.
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <strait/check/check.hpp>
#include <strait/strait.hpp>

using namespace strait::check;
namespace seam = strait::sync;

namespace {

::testing::AssertionResult is(const result& r, verdict what) {
  if (r.what == what) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "after " << r.schedules << " schedules: " << r.report;
}
::testing::AssertionResult proved(const result& r) {
  if (r.ok() && r.complete) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << (r.ok() ? "not complete" : "") << " after " << r.schedules
                                       << " schedules: " << r.report;
}

}  // namespace

TEST(Explorer, RunsABodyWithoutThreadsOnce) {
  int runs = 0;
  const result r = explore([&] { ++runs; });
  EXPECT_TRUE(proved(r));
  EXPECT_GE(runs, 1);
  EXPECT_EQ(r.schedules, static_cast<std::uint64_t>(runs));
}

// Two threads of two steps each: all six interleavings.
TEST(Explorer, EveryInterleaving) {
  std::set<std::string> seen;
  std::string text;  // not the explored program's: no race on it
  options o;
  o.preemptions = -1;
  o.stale_reads = 0;
  const result r = explore(o, [&] {
    seam::atomic<int> order{0};
    text.clear();
    const auto two = [&](char c) {
      order.fetch_add(1, seam::relaxed);
      text += c;
      order.fetch_add(1, seam::relaxed);
      text += c;
    };
    thread a([&] { two('a'); });
    thread b([&] { two('b'); });
    a.join();
    b.join();
    seen.insert(text);
  });
  EXPECT_TRUE(proved(r));
  EXPECT_EQ(seen, (std::set<std::string>{"aabb", "abab", "abba", "baab", "baba", "bbaa"}));
}

TEST(Explorer, ThePreemptionBoundBounds) {
  std::set<std::string> seen;
  std::string text;
  options o;
  o.preemptions = 0;
  const result r = explore(o, [&] {
    seam::atomic<int> order{0};
    text.clear();
    const auto two = [&](char c) {
      for (int i = 0; i < 2; ++i) {
        order.fetch_add(1, seam::relaxed);
        text += c;
      }
    };
    thread a([&] { two('a'); });
    thread b([&] { two('b'); });
    a.join();
    b.join();
    seen.insert(text);
  });
  EXPECT_TRUE(proved(r));
  EXPECT_EQ(seen, (std::set<std::string>{"aabb", "bbaa"}));
}

TEST(Explorer, ALostUpdateIsFound) {
  const auto body = [](bool atomically) {
    return [atomically] {
      seam::atomic<int> n{0};
      const auto add = [&] {
        if (atomically) {
          n.fetch_add(1, seam::relaxed);
        } else {
          n.store(n.load(seam::relaxed) + 1, seam::relaxed);
        }
      };
      thread a(add), b(add);
      a.join();
      b.join();
      require(n.load(seam::relaxed) == 2, "no update is lost");
    };
  };
  EXPECT_TRUE(proved(explore(body(true))));
  const result r = explore(body(false));
  EXPECT_TRUE(is(r, verdict::failed));
  EXPECT_NE(r.message.find("no update is lost"), std::string::npos);
  EXPECT_NE(r.report.find("explorer_test.cpp"), std::string::npos);

  const result again = replay(r.schedule, body(false));
  EXPECT_TRUE(is(again, verdict::failed));
  EXPECT_EQ(again.schedules, 1U);
  EXPECT_EQ(again.report, r.report);
  EXPECT_TRUE(is(random(7, 1000, body(false)), verdict::failed));
  EXPECT_TRUE(is(pct(2, 1000, body(false)), verdict::failed));
  EXPECT_EQ(replay("nonsense", body(false)).what, verdict::nondeterminism);
}

TEST(Explorer, ARaceIsFound) {
  const auto body = [](bool released) {
    return [released] {
      var<int> data;
      seam::atomic<bool> ready{false};
      thread a([&] {
        data.set(1);
        ready.store(true, released ? seam::release : seam::relaxed);
      });
      if (ready.load(seam::acquire)) require(data.get() == 1, "the data is there");
      a.join();
    };
  };
  EXPECT_TRUE(proved(explore(body(true))));
  EXPECT_TRUE(is(explore(body(false)), verdict::race));
}

// The same by the compiler's instrumentation: no var.
TEST(Explorer, ARaceOnAnythingIsFound) {
  const auto body = [](bool released) {
    return [released] {
      struct {
        std::uint64_t value = 0;
        bool flags[3] = {};
      } data;
      seam::atomic<bool> ready{false};
      thread a([&] {
        data.flags[0] = true;  // its neighbour is the other thread's: no race
        data.value = 1;
        ready.store(true, released ? seam::release : seam::relaxed);
      });
      data.flags[1] = true;
      if (ready.load(seam::acquire)) require(data.value == 1, "the data is there");
      a.join();
      require(data.flags[0] && data.flags[1], "both");
    };
  };
  EXPECT_TRUE(proved(explore(body(true))));
  EXPECT_TRUE(is(explore(body(false)), verdict::race));
}

// What is known of memory is kept for four bytes, until one of them is accessed alone.
TEST(Explorer, ARaceOfAPartWithTheWholeIsFound) {
  struct mixed {
    union {
      std::uint64_t whole;
      unsigned char bytes[8];
    };
  };
  const auto write_whole = [](mixed& m) { m.whole = 1; };
  const auto read_whole = [](mixed& m) {
    volatile std::uint64_t w = m.whole;
    (void)w;
  };
  const auto write_part = [](mixed& m) { m.bytes[5] = 1; };
  const auto read_part = [](mixed& m) {
    volatile unsigned char b = m.bytes[5];
    (void)b;
  };
  const auto write_two = [](mixed& m) { m.bytes[4] = m.bytes[5] = 1; };
  const auto write_neighbours = [](mixed& m) { m.bytes[4] = m.bytes[6] = 1; };
  const auto together = [=](auto first, auto mine, auto others) {
    return explore([=] {
      mixed m{0};
      first(m);
      thread a([&] { others(m); });
      mine(m);
      a.join();
      write_whole(m);  // and all of it is one again
      read_part(m);
    });
  };
  for (const int apart : {0, 1}) {
    const auto first = [=](mixed& m) { apart ? write_two(m) : write_whole(m); };
    EXPECT_TRUE(is(together(first, write_whole, read_part), verdict::race));
    EXPECT_TRUE(is(together(first, write_whole, write_part), verdict::race));
    EXPECT_TRUE(is(together(first, read_whole, write_part), verdict::race));
    EXPECT_TRUE(is(together(first, read_part, write_whole), verdict::race));
    EXPECT_TRUE(is(together(first, write_part, write_part), verdict::race));
    EXPECT_TRUE(proved(together(first, read_whole, read_part)));
    EXPECT_TRUE(proved(together(first, write_part, write_neighbours)));
    EXPECT_TRUE(proved(together(first, read_part, write_neighbours)));
  }
}

TEST(Explorer, ADeadlockIsFound) {
  const result r = explore([] {
    seam::mutex a, b;
    thread t([&] {
      seam::lock_guard first(a);
      seam::lock_guard second(b);
    });
    {
      seam::lock_guard first(b);
      seam::lock_guard second(a);
    }
    t.join();
  });
  EXPECT_TRUE(is(r, verdict::deadlock));
  EXPECT_NE(r.report.find("waits for the lock"), std::string::npos);
}

TEST(Explorer, ALostWakeUpIsFound) {
  const auto body = [](bool looks_again) {
    return [looks_again] {
      seam::futex_word word{0};
      thread t([&] {
        word.store(1, seam::release);
        seam::futex_wake_all(&word);
      });
      if (word.load(seam::acquire) == 0) {
        // Wrong: sleeps on whatever the word is now.
        seam::futex_wait(word, looks_again ? 0 : word.load(seam::acquire), seam::time_point::max());
      }
      t.join();
    };
  };
  EXPECT_TRUE(proved(explore(body(true))));
  EXPECT_TRUE(is(explore(body(false)), verdict::deadlock));

  const result r = explore([] {  // changes the word and wakes nobody
    seam::futex_word word{0};
    thread t([&] { word.store(1, seam::release); });
    seam::futex_wait(word, 0, seam::time_point::max());
    t.join();
  });
  EXPECT_TRUE(is(r, verdict::lost_wakeup));
}

TEST(Explorer, ALivelockIsFound) {
  const result waits = explore([] {
    seam::atomic<bool> never{false};
    while (!never.load(seam::acquire)) strait::check::yield();
  });
  EXPECT_TRUE(is(waits, verdict::livelock));
  options o;
  o.steps = 500;
  const result spins = explore(o, [] {
    seam::atomic<int> n{0};
    while (n.load(seam::relaxed) == 0) {
    }
  });
  EXPECT_TRUE(is(spins, verdict::livelock));
}

// A loop that waits for another thread ends, whatever the schedule.
TEST(Explorer, WaitingInALoopIsFair) {
  EXPECT_TRUE(proved(explore([] {
    seam::atomic<int> turn{0};
    thread a([&] {
      while (turn.load(seam::relaxed) != 1) strait::check::yield();
      turn.store(2, seam::relaxed);
    });
    turn.store(1, seam::relaxed);
    while (turn.load(seam::relaxed) != 2) strait::check::yield();
    a.join();
  })));
}

TEST(Explorer, BadMemoryIsFound) {
  EXPECT_TRUE(is(explore([] { (void)seam::allocate(8, 8); }), verdict::leak));
  EXPECT_TRUE(is(explore([] {
                   void* p = seam::allocate(8, 8);
                   seam::deallocate(p, 8);
                   seam::deallocate(p, 8);
                 }),
                 verdict::bad_memory));
  EXPECT_TRUE(is(explore([] {
                   auto* p = ::new (seam::allocate(8, 8)) std::uint64_t(1);
                   seam::deallocate(p, 8);
                   *p = 2;
                 }),
                 verdict::bad_memory));
  EXPECT_TRUE(is(explore([] {
                   auto* p = ::new (seam::allocate(8, 8)) seam::atomic<int>(1);
                   seam::deallocate(p, 8);
                   (void)p->load(seam::relaxed);
                 }),
                 verdict::bad_memory));
  // Outside: behind a block, in front of it, and across its end.
  for (const int at : {8, -8, 4}) {
    EXPECT_TRUE(is(explore([at] {
                     void* p = seam::allocate(8, 8);
                     void* q = seam::allocate(8, 8);
                     (void)*reinterpret_cast<volatile std::uint64_t*>(static_cast<char*>(q) + at);
                     seam::deallocate(q, 8);
                     seam::deallocate(p, 8);
                   }),
                   verdict::bad_memory));
  }
  // Freed while another thread may still use it: a race even if the use came first.
  EXPECT_TRUE(is(explore([] {
                   auto* p = ::new (seam::allocate(8, 8)) seam::atomic<int>(1);
                   seam::atomic<bool> done{false};
                   thread t([&] {
                     (void)p->load(seam::relaxed);
                     done.store(true, seam::relaxed);  // should be a release
                   });
                   while (!done.load(seam::acquire)) strait::check::yield();
                   seam::deallocate(p, 8);
                   t.join();
                 }),
                 verdict::race));
}

// A word on the stack of a function that has returned.
TEST(Explorer, WhatWasOnAStackIsGoneWithItsFunction) {
  EXPECT_TRUE(is(explore([] {
                   seam::atomic<seam::atomic<int>*> shared{nullptr};
                   seam::atomic<bool> read{false};
                   thread t([&] {
                     [&]() __attribute__((noinline)) {
                       seam::atomic<int> here{1};
                       shared.store(&here, seam::release);
                     }();
                     while (!read.load(seam::acquire)) strait::check::yield();
                   });
                   seam::atomic<int>* p = nullptr;
                   while ((p = shared.load(seam::acquire)) == nullptr) strait::check::yield();
                   (void)p->load(seam::relaxed);
                   read.store(true, seam::release);
                   t.join();
                 }),
                 verdict::bad_memory));
}

// The process lives on, and so does the next exploration.
TEST(Explorer, AWildPointerIsReported) {
  const result wild = explore([] {
    int* volatile nowhere = nullptr;
    thread t([&] { *nowhere = 1; });
    t.join();
  });
  EXPECT_TRUE(is(wild, verdict::bad_memory));
  EXPECT_NE(wild.message.find("explorer_test.cpp"), std::string::npos) << wild.message;
  EXPECT_TRUE(is(explore([] {
                   volatile int zero = 0;
                   volatile int never = 7 / zero;
                   (void)never;
                 }),
                 verdict::bad_memory));
  EXPECT_TRUE(is(explore([] {
                   struct deep {
                     static int down(volatile int* p) {
                       volatile int here[1000];
                       here[0] = *p;
                       return here[0] < 0 ? 0 : down(here) + here[0];
                     }
                   };
                   volatile int start = 0;
                   (void)deep::down(&start);
                 }),
                 verdict::bad_memory));
  EXPECT_TRUE(proved(explore([] { strait::check::require(true, "as before"); })));
}

TEST(Explorer, AnEscapedExceptionIsFound) {
  const result r = explore([] {
    thread t([] { throw std::runtime_error("from the thread"); });
    t.join();
  });
  EXPECT_TRUE(is(r, verdict::exception));
  EXPECT_NE(r.message.find("from the thread"), std::string::npos);
}

// Threads may throw and catch across switches: each has its own exceptions.
TEST(Explorer, ExceptionsBelongToTheirThreads) {
  options o;
  o.preemptions = 2;
  EXPECT_TRUE(proved(explore(o, [] {
    seam::atomic<int> n{0};
    const auto work = [&](int mine) {
      try {
        n.fetch_add(1, seam::relaxed);
        throw mine;
      } catch (int caught) {
        n.fetch_add(1, seam::relaxed);
        require(caught == mine, "its own");
        try {
          throw caught + 10;
        } catch (int second) {
          n.fetch_add(1, seam::relaxed);
          require(second == mine + 10, "its own");
        }
      }
    };
    thread a([&] { work(1); });
    work(2);
    a.join();
  })));
}

TEST(Explorer, NondeterminismIsFound) {
  int runs = 0;
  const result r = explore([&] {
    ++runs;
    seam::atomic<int> n{0};
    thread a([&] { n.store(1, seam::relaxed); });
    if (runs % 2 == 0) n.store(2, seam::relaxed);
    a.join();
  });
  EXPECT_TRUE(is(r, verdict::nondeterminism));
}

TEST(Explorer, TimeIsAChoice) {
  std::set<bool> timed_out;
  EXPECT_TRUE(proved(explore([&] {
    auto [tx, rx] = strait::unbounded<int>();
    thread t([&] { (void)tx.send(1); });
    auto m = rx.recv_for(std::chrono::hours(1));
    require(m || m.error() == strait::errc::timeout, "a message or a timeout");
    timed_out.insert(!m);
    t.join();
  })));
  EXPECT_EQ(timed_out.size(), 2U);
}

TEST(Explorer, FaultsAreChoices) {
  options o;
  o.failed_allocations = 1;
  std::set<bool> failed;
  EXPECT_TRUE(proved(explore(o, [&] {
    try {
      auto ch = strait::bounded<int>(2);
      require(ch.tx.send(1).has_value(), "there is room");
      failed.insert(false);
    } catch (const std::bad_alloc&) {
      failed.insert(true);
    }
  })));
  EXPECT_EQ(failed.size(), 2U);

  options threads;
  threads.failed_threads = 1;
  std::set<bool> started;
  EXPECT_TRUE(proved(explore(threads, [&] {
    try {
      thread t([] {});
      started.insert(true);
    } catch (const std::system_error&) {
      started.insert(false);
    }
  })));
  EXPECT_EQ(started.size(), 2U);

  options wakes;
  wakes.spurious_wakes = 1;
  std::set<std::uint32_t> seen;
  EXPECT_TRUE(proved(explore(wakes, [&] {
    seam::futex_word word{0};
    thread t([&] {
      word.store(1, seam::release);
      seam::futex_wake_all(&word);
    });
    seam::futex_wait(word, 0, seam::time_point::max());
    seen.insert(word.load(seam::acquire));
    t.join();
  })));
  EXPECT_EQ(seen, (std::set<std::uint32_t>{0, 1}));
}

// The numbers of three bits of which at most so many are set, or any.
std::set<int> bits_at_most(int bound) {
  std::set<int> numbers;
  for (int bits = 0; bits < 8; ++bits) {
    if (bound < 0 || std::popcount(static_cast<unsigned>(bits)) <= bound) numbers.insert(bits);
  }
  return numbers;
}

// Each time that something happens it may have happened often, but at most so many times in all.
TEST(Explorer, StreaksAreLongSoManyTimes) {
  for (int bound : {0, 1, 2, -1}) {
    options o;
    o.long_streaks = bound;
    std::set<int> seen;
    EXPECT_TRUE(proved(explore(o, [&] {
      seam::streak first, second;
      int bits = 0;
      for (seam::streak* s : {&first, &second, &first}) bits = 2 * bits + (s->is_long() ? 1 : 0);
      seen.insert(bits);
    })));
    EXPECT_EQ(seen, bits_at_most(bound)) << bound;
  }
}

TEST(Explorer, OddsAreBadSoManyTimes) {
  for (int bound : {0, 1, 2, -1}) {
    options o;
    o.bad_odds = bound;
    std::set<int> seen;
    EXPECT_TRUE(proved(explore(o, [&] {
      seam::odds first, second;
      int bits = 0;
      for (seam::odds* odds : {&first, &second, &first})
        bits = 2 * bits + (odds->are_good() ? 0 : 1);
      seen.insert(bits);
    })));
    EXPECT_EQ(seen, bits_at_most(bound)) << bound;
  }
}

TEST(Explorer, LimitsAreSaid) {
  options o;
  o.schedules = 3;
  const result r = explore(o, [] {
    seam::atomic<int> n{0};
    thread a([&] { n.fetch_add(1, seam::relaxed); });
    n.fetch_add(1, seam::relaxed);
    a.join();
  });
  EXPECT_TRUE(r.ok());
  EXPECT_FALSE(r.complete);
  EXPECT_LE(r.schedules, 3U);
}

// Between operations only: far fewer schedules, the same deadlock.
TEST(Explorer, OperationsAsSteps) {
  const auto body = [] {
    auto a = strait::bounded<int>(1);
    auto b = strait::bounded<int>(1);
    thread t([&] {
      for (int i = 0; i < 2; ++i) (void)a.tx.send(i);
      for (int i = 0; i < 2; ++i) (void)b.rx.recv();
    });
    for (int i = 0; i < 2; ++i) (void)b.tx.send(i);
    for (int i = 0; i < 2; ++i) (void)a.rx.recv();
    t.join();
  };
  options o;
  o.operations = true;
  o.preemptions = -1;
  EXPECT_TRUE(is(explore(o, body), verdict::deadlock));
}

// A report says which line of the program used a channel, not only which line of the headers.
TEST(Explorer, TheReportNamesTheUsersLine) {
  options o;
  o.operations = true;
  int line = 0;
  const result r = explore(o, [&] {
    auto [tx, rx] = strait::bounded<int>(1);
    line = __LINE__ + 1;
    (void)rx.recv();
  });
  ASSERT_TRUE(is(r, verdict::deadlock));
  EXPECT_NE(r.report.find("uses a channel"), std::string::npos) << r.report;
  EXPECT_NE(r.report.find("explorer_test.cpp:" + std::to_string(line)), std::string::npos)
      << r.report;
}

// Partial-order reduction leaves schedules out, outcomes never: on random programs of three threads the
// outcomes with and without it are the same, within every bound.
TEST(Explorer, ReductionLosesNoOutcome) {
  const auto mix = [](std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  };
  std::uint64_t fewer = 0, all = 0;
  const char* wish = std::getenv("STRAIT_RANDOM_PROGRAMS");
  const auto programs = static_cast<std::uint64_t>(wish == nullptr ? 60 : std::atoi(wish));
  for (std::uint64_t program = 1; program <= programs; ++program) {
    constexpr int threads = 3, length = 2;
    int code[threads][length][2];
    std::uint64_t seed = program;
    for (auto& t : code) {
      for (auto& op : t) {
        op[0] = static_cast<int>(mix(seed) % 8);
        op[1] = static_cast<int>(mix(seed) % 2);
      }
    }
    for (const int bound : {0, 1, 2, -1}) {
      if (bound < 0 && program % 20 != 0) continue;  // the whole of a few
      std::set<std::vector<int>> outcomes[2];
      for (const bool reduce : {false, true}) {
        options o;
        o.preemptions = bound;
        o.stale_reads = bound < 0 ? 0 : 1;
        o.reduce = reduce;
        std::vector<int> seen;
        const result r = explore(o, [&] {
          seam::atomic<int> words[2] = {{0}, {0}};
          seam::futex_word sleepers{0};
          seam::mutex m;
          std::vector<int> registers[threads];
          const auto run = [&](int who) {
            for (const auto& op : code[who]) {
              seam::atomic<int>& w = words[op[1]];
              int out = 0;
              switch (op[0]) {
                case 0: out = w.load(seam::acquire); break;
                case 1: w.store(who + 1, seam::release); break;
                case 2: out = w.fetch_add(10, seam::acq_rel); break;
                case 3:
                  out = 0;
                  if (w.compare_exchange_strong(out, 5 + who, seam::acq_rel, seam::acquire))
                    out = -1;
                  break;
                case 4: {
                  const seam::lock_guard guard(m);
                  out = w.load(seam::relaxed);
                  w.store(out + 100, seam::relaxed);
                  break;
                }
                case 5: seam::full_fence(); break;
                case 6:  // sleeps until woken, or not at all, or for a while
                  seam::futex_wait(sleepers, 0, seam::now() + std::chrono::seconds(1));
                  out = sleepers.load(seam::relaxed) != 0 ? 1 : 0;
                  break;
                default: sleepers.store(1, seam::release); seam::futex_wake_all(&sleepers);
              }
              registers[who].push_back(out);
            }
          };
          {
            thread a([&] { run(0); });
            thread b([&] { run(1); });
            run(2);
          }
          seen.clear();
          for (const auto& of : registers) seen.insert(seen.end(), of.begin(), of.end());
          for (auto& w : words) seen.push_back(w.load(seam::relaxed));
          outcomes[reduce ? 1 : 0].insert(seen);
        });
        ASSERT_TRUE(proved(r)) << "program " << program;
        (reduce ? fewer : all) += r.schedules;
      }
      EXPECT_EQ(outcomes[0], outcomes[1]) << "program " << program << ", bound " << bound;
    }
  }
  EXPECT_LT(fewer, all);
  std::printf("  %llu schedules instead of %llu\n", static_cast<unsigned long long>(fewer),
              static_cast<unsigned long long>(all));
}

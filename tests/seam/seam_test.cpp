// SPDX-License-Identifier: BSL-1.0
//
// What an uncontended operation costs, counted and not timed: no lock, no system call, no allocation.
// Built with STRAIT_COUNT_SEAM=1, where base/sync.hpp counts all three; allocations are counted once
// more by a replaced operator new, so that one which goes round the seam shows too.
//
// That selects over disjoint channels share no lock is shown in two ways.
//   By counts: a select that finds an arm ready takes no lock at all. One that waits takes as many as its
//   own channels' lines need, and n of them at once on disjoint channels take n times that and find none
//   held (a held lock costs system calls beyond the sleeps).
//   By structure: every lock is a sync::mutex (tools/check_seam refuses others), and no header has one of
//   static or thread-local storage: a lock is part of a channel, so two channels' locks are two.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <optional>
#include <ostream>
#include <regex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "../stress/flavors.hpp"
#include "../stress/one_processor.hpp"
#include "../stress/scale.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {
std::atomic<std::uint64_t> calls_of_new{0};

void* counted_new(std::size_t bytes, std::size_t align) {
  calls_of_new.fetch_add(1, std::memory_order_relaxed);
  void* p = nullptr;
  if (align <= alignof(std::max_align_t)) {
    p = std::malloc(bytes == 0 ? 1 : bytes);
  } else {
    p = std::aligned_alloc(align, (bytes + align - 1) / align * align);
  }
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted_new(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t align) {
  return counted_new(bytes, static_cast<std::size_t>(align));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

using namespace strait_test;

struct cost {
  std::uint64_t locks = 0;
  std::uint64_t yields = 0, syscalls = 0;  // others than yields
  std::uint64_t allocations = 0, news = 0;

  static cost so_far() {
    const auto c = strait::sync::counts();
    return {c.locks, c.yields, c.syscalls - c.yields, c.allocations, calls_of_new.load()};
  }
  friend cost operator-(const cost& a, const cost& b) {
    return {a.locks - b.locks, a.yields - b.yields, a.syscalls - b.syscalls,
            a.allocations - b.allocations, a.news - b.news};
  }
  friend bool operator==(const cost&, const cost&) = default;
  friend void PrintTo(const cost& c, std::ostream* out) {
    *out << c.locks << " locks, " << c.yields << " yields, " << c.syscalls
         << " other system calls, " << c.allocations << " allocations, " << c.news
         << " calls of operator new";
  }
};

template <class F>
cost cost_of(F f) {
  const cost before = cost::so_far();
  f();
  return cost::so_far() - before;
}

const cost nothing{};
constexpr std::uint64_t million = sanitized ? 100'000 : 1'000'000;

/// Nothing, except that an unbounded queue may have made a few segments, which it then reuses.
template <class Flavor>
void expect_free(const Flavor& flavor, cost c, std::uint64_t handful = 8) {
  if (flavor.is_unbounded()) {
    EXPECT_LE(c.allocations, handful);
    EXPECT_LE(c.news, handful);
    c.allocations = c.news = 0;
  }
  EXPECT_EQ(c, nothing);
}

TEST(seam, is_counted) {
  // The counters count: otherwise everything below would pass for nothing.
  const cost made = cost_of([] {
    auto ch = strait::bounded<int>(1);
    (void)ch.rx.recv_for(std::chrono::milliseconds(1));
  });
  EXPECT_GT(made.locks, 0U);
  EXPECT_GT(made.syscalls, 0U);
  EXPECT_GT(made.allocations, 0U);
  EXPECT_GT(made.news, 0U);
}

STRAIT_FLAVOR_SUITE(uncontended, every_flavor());

STRAIT_FLAVOR_TEST(uncontended, send_and_receive_in_turn) {
  auto ch = flavor.template make<std::uint64_t>();
  std::uint64_t wrong = 0;
  const cost c = cost_of([&] {
    for (std::uint64_t i = 0; i < million; ++i) {
      if (flavor.is_rendezvous()) {  // nobody is there: full and empty
        wrong += ch.tx.try_send(i).has_value();
        wrong += ch.rx.try_recv().has_value();
      } else {
        wrong += !ch.tx.send(i).has_value();
        const auto m = ch.rx.recv();
        wrong += !m || *m != i;
      }
    }
  });
  EXPECT_EQ(wrong, 0U);
  expect_free(flavor, c);
}

STRAIT_FLAVOR_TEST(uncontended, bursts) {
  if (flavor.is_rendezvous()) GTEST_SKIP() << "holds nothing";
  auto ch = flavor.template make<std::uint64_t>();
  const std::uint64_t most = flavor.is_unbounded() || flavor.capacity > 8
                                 ? 8
                                 : static_cast<std::uint64_t>(flavor.capacity);
  std::uint64_t wrong = 0;
  const cost c = cost_of([&] {
    for (std::uint64_t i = 0, burst = 1; i < million; i += burst, burst = burst % most + 1) {
      for (std::uint64_t k = 0; k < burst; ++k) wrong += !ch.tx.try_send(i + k).has_value();
      if (flavor.capacity == static_cast<int>(burst))
        wrong += ch.tx.try_send(0).has_value();  // full
      for (std::uint64_t k = 0; k < burst; ++k) {
        const auto m = ch.rx.try_recv();
        wrong += !m || *m != i + k;
      }
      wrong += ch.rx.try_recv().has_value();  // empty
    }
  });
  EXPECT_EQ(wrong, 0U);
  expect_free(flavor, c);
}

// Waits that ended, by a message, a timeout, or a stop, leave nothing behind that costs later operations.
STRAIT_FLAVOR_TEST(uncontended, after_waits) {
  auto ch = flavor.template make<std::uint64_t>();
  const auto soon = std::chrono::milliseconds(1);
  std::stop_source stopped;
  stopped.request_stop();
  (void)ch.rx.recv_for(soon);
  (void)ch.rx.recv(stopped.get_token());
  strait::select(strait::on_recv(ch.rx, [](std::uint64_t) {}), strait::on_timeout(soon, [] {}));
  std::thread receiver([&] { (void)ch.rx.recv(); });
  (void)ch.tx.send(0);
  receiver.join();
  if (!flavor.is_unbounded()) {
    while (ch.tx.try_send(1)) {
    }
    (void)ch.tx.send_for(1, soon);
    strait::select(strait::on_send(ch.tx, std::uint64_t{1}), strait::on_timeout(soon, [] {}));
    std::thread sender([&] { (void)ch.tx.send(1); });
    (void)ch.rx.recv();
    sender.join();
  }
  while (ch.rx.try_recv()) {
  }
  const auto exchange = [&] {
    for (std::uint64_t i = 0; i < 5000; ++i) {
      (void)ch.tx.try_send(i);
      (void)ch.rx.try_recv();
    }
  };
  // Each side is made quiet once, after a streak, under its lock (wait/wait_queue.hpp).
  const cost at_first = cost_of(exchange);
  EXPECT_LE(at_first.locks, 2U);
  if (strait::sync::asymmetric() && !flavor.is_rendezvous()) {
    EXPECT_GE(at_first.locks, 1U);
  }
  EXPECT_EQ(at_first.syscalls, 0U);
  expect_free(flavor, cost_of(exchange));
}

STRAIT_FLAVOR_TEST(uncontended, timed_that_need_not_wait) {
  if (flavor.is_rendezvous()) GTEST_SKIP() << "would wait";
  auto ch = flavor.template make<std::uint64_t>();
  const cost c = cost_of([&] {
    for (std::uint64_t i = 0; i < million / 10; ++i) {
      (void)ch.tx.send_for(i, std::chrono::seconds(1));
      (void)ch.rx.recv_for(std::chrono::seconds(1));
      (void)ch.tx.send_for(i, std::chrono::seconds(-1));
      (void)ch.rx.recv_until(std::chrono::steady_clock::time_point::max());
    }
  });
  expect_free(flavor, c);
}

STRAIT_FLAVOR_TEST(uncontended, observing_copying_and_weak_handles) {
  auto ch = flavor.template make<std::uint64_t>();
  std::uint64_t sum = 0;
  const cost c = cost_of([&] {
    for (std::uint64_t i = 0; i < million / 10; ++i) {
      sum += ch.tx.size() + ch.rx.empty() + ch.tx.full() + ch.rx.capacity().value_or(0) +
             ch.tx.is_closed() + ch.tx.sender_count() + ch.rx.receiver_count();
      if constexpr (Flavor::many_senders) {
        const auto copy = ch.tx;
        sum += copy.downgrade().lock().has_value();
      }
    }
  });
  EXPECT_NE(sum, 0U);
  EXPECT_EQ(c, nothing);
}

STRAIT_FLAVOR_TEST(uncontended, select_with_otherwise) {
  auto ch = flavor.template make<std::uint64_t>();
  auto other = flavor.template make<std::uint64_t>();
  std::uint64_t otherwise = 0;
  const cost c = cost_of([&] {
    for (std::uint64_t i = 0; i < million / 4; ++i) {
      strait::select(strait::on_recv(ch.rx, [](std::uint64_t) {}),
                     strait::on_recv(other.rx, [](std::uint64_t) {}),
                     strait::otherwise([&] { ++otherwise; }));
    }
  });
  EXPECT_EQ(otherwise, million / 4);
  EXPECT_EQ(c, nothing);
}

STRAIT_FLAVOR_TEST(uncontended, select_over_ready_arms) {
  if (flavor.is_rendezvous()) GTEST_SKIP() << "never ready alone";
  auto ch = flavor.template make<std::uint64_t>();
  auto other = flavor.template make<std::uint64_t>();
  std::uint64_t moved = 0;
  const cost c = cost_of([&] {
    for (std::uint64_t i = 0; i < million / 4; ++i) {
      const std::uint64_t m = i;
      const auto took = [&](std::uint64_t) { ++moved; };
      // one of the two rooms, then one of the two messages; then everything at once
      strait::select(strait::on_send(ch.tx, m), strait::on_send(other.tx, [m] { return m; }));
      strait::select(strait::on_recv(ch.rx, took), strait::on_recv(other.rx, took));
      strait::select_biased(strait::on_recv(ch.rx, took), strait::on_send(other.tx, m),
                            strait::on_recv(other.rx, took),
                            strait::on_timeout(std::chrono::hours(1), [] {}));
      strait::select(strait::on_recv(other.rx, took), strait::on_stop(std::stop_token(), [] {}));
    }
  });
  EXPECT_EQ(moved, million / 4 * 2);
  expect_free(flavor, c, 16);
}

STRAIT_FLAVOR_TEST(uncontended, selector_over_ready_operations) {
  if (flavor.is_rendezvous()) GTEST_SKIP() << "never ready alone";
  auto ch = flavor.template make<std::uint64_t>();
  strait::selector sending, receiving;
  (void)sending.send(ch.tx);
  (void)receiving.recv(ch.rx);
  std::uint64_t wrong = 0;
  const cost c = cost_of([&] {
    for (std::uint64_t i = 0; i < million / 4; ++i) {
      wrong += !sending.select()->send(ch.tx, i).has_value();
      wrong += !receiving.ready().has_value();
      wrong += receiving.select()->recv(ch.rx).value() != i;
      wrong += receiving.try_select().has_value();
      (void)sending.try_select();  // dropped
    }
  });
  EXPECT_EQ(wrong, 0U);
  expect_free(flavor, c);
}

TEST(seam, oneshot_makes_the_channel_and_its_place) {
  const cost c = cost_of([] {
    for (std::uint64_t i = 0; i < 1000; ++i) {
      auto ch = strait::oneshot<std::uint64_t>();
      (void)ch.tx.send(i);
      (void)ch.rx.recv();
    }
  });
  EXPECT_LE(c.locks, 2000U);  // closing looks into both lines; sending and receiving lock nothing
  EXPECT_EQ(c.syscalls, 0U);
  EXPECT_LE(c.allocations, 2000U);
}

TEST(seam, timers_that_are_due) {
  const auto tick = strait::tick(std::chrono::nanoseconds(0));
  const auto never = strait::never<int>();
  std::uint64_t wrong = 0;
  const cost c = cost_of([&] {
    for (std::uint64_t i = 0; i < million / 10; ++i) {
      wrong += !tick.recv().has_value();
      wrong += never.try_recv().has_value();
    }
  });
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(c, nothing);
}

// ---- a wait allocates nothing -------------------------------------------------------------------

TEST(seam, waiting_allocates_nothing) {
  auto ch = strait::bounded<int>(1);
  auto hand = strait::rendezvous<int>();
  strait::selector s;
  (void)s.recv(ch.rx);
  (void)s.send(hand.tx);
  std::stop_source stop;
  std::thread partner;
  const cost c = cost_of([&] {
    for (int i = 0; i < 200; ++i) {
      (void)ch.rx.recv_for(std::chrono::microseconds(20));
      (void)hand.tx.send_for(1, std::chrono::microseconds(20));
      strait::select(strait::on_recv(ch.rx), strait::on_send(hand.tx, 1),
                     strait::on_timeout(std::chrono::microseconds(20)),
                     strait::on_stop(stop.get_token()));
      (void)s.select_for(std::chrono::microseconds(20));
    }
  });
  EXPECT_EQ(c.allocations, 0U);
  EXPECT_EQ(c.news, 0U);
  EXPECT_GT(c.locks, 0U);
}

// Behind those with which it lets others go first.
TEST(seam, a_sleep_is_one_call_of_the_kernel) {
  auto ch = strait::bounded<int>(1);
  auto hand = strait::rendezvous<int>();
  (void)ch.rx.try_recv();
  (void)strait::sync::processors();
  const auto fewest = [](auto& rx) {
    // A signal may end a sleep early, and another begins; not each time.
    std::uint64_t calls = 1000;
    auto limit = std::chrono::milliseconds(1);
    constexpr auto longest = std::chrono::milliseconds(64);
    for (int i = 0; i < 50; ++i) {
      const cost c = cost_of([&] { (void)rx.recv_for(limit); });
      EXPECT_LE(c.yields, strait::sync::yields_before_sleep);
      if (c.syscalls == 0) {
        // On a busy machine a yield may take until the limit: then nobody sleeps.
        limit = std::min(2 * limit, longest);
      } else {
        calls = std::min(calls, c.syscalls);
      }
    }
    return calls;
  };
  EXPECT_EQ(fewest(ch.rx), 1U);
  EXPECT_EQ(fewest(hand.rx), 1U);
}

// Whether a yield is a loss: what it takes is a slice.
bool somebody_else_computes_here() {
  constexpr auto no_turn_of_ours = std::chrono::microseconds(500);
  for (int i = 0; i < 1000; ++i) {
    const auto begin = strait::sync::now();
    std::this_thread::yield();
    if (strait::sync::now() - begin >= no_turn_of_ours) return true;
  }
  return false;
}

strait::sync::slices& own_slices() {
  return strait::sync::slices::of(strait::sync::this_processor());
}

// Two that share a processor hand it over by yields, and the kernel sees two busy threads that it leaves where they are.
// So now and then a wait sleeps at once: for a thread that is woken the kernel looks for another processor.
// The least here is a quarter of what is expected; where nobody sleeps on purpose it is two.
template <class Make, class Wait>
void expect_sleeps_on_a_shared_processor(Make make, Wait wait) {
  if (strait::sync::processors() == 1)
    GTEST_SKIP() << "one processor: there is no other to move to";
  constexpr int messages = 2000;
  const one_processor pinned;
  bool beside_others = false;
  for (int attempt = 0; attempt < 10; ++attempt) {
    // Where somebody else computes on this processor, a yield loses a slice of time, and for a while nobody yields.
    while (own_slices().are_at_stake(strait::sync::now()))
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    auto ch = make();
    const cost c = cost_of([&] {
      std::thread sender([tx = std::move(ch.tx)] {
        for (int i = 0; i < messages; ++i) (void)tx.send(i);
      });
      for (int i = 0; i < messages; ++i) wait(ch.rx);
      sender.join();
    });
    if (c.yields >= messages / 8U) {
      EXPECT_GE(c.syscalls, messages / 128U);
      return;
    }
    beside_others = somebody_else_computes_here() || beside_others;
  }
  if (beside_others) GTEST_SKIP() << "somebody else computes on this processor";
  FAIL() << "they did not wait for each other";
}

TEST(shared_processor, sleeps_now_and_then_at_a_rendezvous) {
  expect_sleeps_on_a_shared_processor([] { return strait::rendezvous<int>(); },
                                      [](auto& rx) { (void)rx.recv(); });
}
TEST(shared_processor, sleeps_now_and_then_at_one_place) {
  expect_sleeps_on_a_shared_processor([] { return strait::bounded<int>(1); },
                                      [](auto& rx) { (void)rx.recv(); });
}
TEST(shared_processor, sleeps_now_and_then_in_a_select) {
  expect_sleeps_on_a_shared_processor([] { return strait::bounded<int>(1); },
                                      [](auto& rx) { strait::select(strait::on_recv(rx)); });
}

// Somebody else computes on this processor, and a yield would give him a slice of time.
template <class Wait>
void expect_no_yield_where_slices_are_at_stake(Wait wait) {
  using namespace std::chrono_literals;
  (void)strait::sync::processors();  // read once: before it looks like one
  const one_processor pinned;
  auto& slices = own_slices();
  for (int attempt = 0; attempt < 100; ++attempt) {
    for (int losses = 0; losses < 4; ++losses) {
      const auto now = strait::sync::now();
      slices.yielded(slices.end_turn(), 0, now, now + 3ms);
    }
    const cost c = cost_of(wait);
    if (!slices.are_at_stake(strait::sync::now())) continue;  // this machine is slow
    EXPECT_EQ(c.yields, 0U);
    return;
  }
  GTEST_SKIP() << "a wait of a millisecond takes a quarter of a second";
}

constexpr auto soon = std::chrono::milliseconds(1);

TEST(shared_processor, keeps_slices_in_a_send_and_a_receive) {
  auto ch = strait::bounded<int>(1);
  expect_no_yield_where_slices_are_at_stake([&] {
    (void)ch.rx.recv_for(soon);
    (void)ch.tx.send(1);
    (void)ch.tx.send_for(2, soon);
  });
}
TEST(shared_processor, keeps_slices_at_a_rendezvous) {
  auto ch = strait::rendezvous<int>();
  expect_no_yield_where_slices_are_at_stake([&] {
    (void)ch.rx.recv_for(soon);
    (void)ch.tx.send_for(1, soon);
  });
}
TEST(shared_processor, keeps_slices_in_a_select) {
  auto ch = strait::bounded<int>(1);
  expect_no_yield_where_slices_are_at_stake(
      [&] { strait::select(strait::on_recv(ch.rx), strait::on_timeout(soon)); });
}
TEST(shared_processor, keeps_slices_in_a_selector) {
  auto ch = strait::bounded<int>(1);
  strait::selector s;
  s.recv(ch.rx);
  expect_no_yield_where_slices_are_at_stake([&] { (void)s.select_for(soon); });
}

// ---- large memory ---------------------------------------------------------------------------------

void is_zero_and_begins_well(std::size_t bytes, std::size_t align, std::size_t huge_page) {
  auto* const p = static_cast<unsigned char*>(strait::sync::allocate_zeroed(bytes, align));
  for (const std::size_t at : {std::size_t{0}, bytes / 2, bytes - 1}) {
    EXPECT_EQ(p[at], 0) << bytes;
    p[at] = 1;
  }
  const auto address = reinterpret_cast<std::uintptr_t>(p);
  EXPECT_EQ(address % align, 0U);
#if defined(__linux__)
  if (bytes >= 2 * huge_page) {
    EXPECT_EQ(address % huge_page, 0U);
  }
#endif
  strait::sync::deallocate_zeroed(p, bytes, align);
}

TEST(zeroed_memory, is_zero_to_its_ends_and_begins_with_a_huge_page_where_it_is_large) {
  constexpr std::size_t small = alignof(std::max_align_t), line = 64,
                        huge_page = std::size_t{1} << 21;
  for (const std::size_t align : {small, line}) {
    for (const std::size_t bytes :
         {std::size_t{64}, std::size_t{1} << 17, 2 * huge_page - 1, 2 * huge_page,
          2 * huge_page + 1, 3 * huge_page - align, 8 * huge_page})
      is_zero_and_begins_well(bytes, align, huge_page);
    for (const std::size_t too_much : {SIZE_MAX, SIZE_MAX - huge_page})
      EXPECT_THROW((void)strait::sync::allocate_zeroed(too_much, align), std::bad_alloc);
  }
}

// A ring whose places fit into a cache line with their bytes lies in its channel; a larger one, or with messages that
// lie alone, takes one block more.
TEST(zeroed_memory, a_ring_of_one_line_needs_none) {
  const auto blocks = [](auto make) { return cost_of([&] { (void)make(); }).allocations; };
  struct large {
    std::uint64_t words[4];
  };
  const auto one = blocks([] { return strait::bounded<std::uint64_t>(1); });
  EXPECT_EQ(blocks([] { return strait::bounded<std::uint64_t>(7); }), one);
  EXPECT_EQ(blocks([] { return strait::bounded<std::uint64_t>(8); }), one + 1);
  EXPECT_EQ(blocks([] { return strait::mpsc::bounded<std::uint64_t>(7); }), one);
  EXPECT_EQ(blocks([] { return strait::mpsc::bounded<std::uint64_t>(8); }), one + 1);
  EXPECT_EQ(blocks([] { return strait::bounded<large>(1); }), one + 1);
}

// Memory for the segments of a backlog is got for many of them at once; for a short one never.
template <class Channel>
void grow_and_shrink(Channel ch) {
  constexpr std::uint64_t many = 100'000, few = 500;
  const auto send = [&](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) (void)ch.tx.send(i);
  };
  const auto receive = [&](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) EXPECT_EQ(*ch.rx.recv(), i);
  };
  const cost growing = cost_of([&] { send(many); });
  EXPECT_GT(growing.allocations, many / 1000);
  EXPECT_EQ(growing.news, growing.allocations);  // what is got in advance is malloc's
  EXPECT_LE(growing.syscalls, growing.allocations / 8);
#if defined(MADV_POPULATE_WRITE)
  EXPECT_GT(growing.syscalls, 0U);
#endif
  EXPECT_EQ(cost_of([&] { receive(many); }), nothing);
  const cost steady = cost_of([&] {
    for (std::uint64_t i = 0; i < many / few; ++i) {
      send(few);
      receive(few);
    }
  });
  EXPECT_EQ(steady.syscalls, 0U);
}

TEST(backlog, gets_the_memory_of_many_segments_at_once) {
  grow_and_shrink(strait::unbounded<std::uint64_t>());
  grow_and_shrink(strait::mpsc::unbounded<std::uint64_t>());
  grow_and_shrink(strait::spsc::unbounded<std::uint64_t>());
}

// ---- selects on disjoint channels ---------------------------------------------------------------

// Waits `times` times on two channels of its own, one with a queue and one without.
void wait_on_own_channels(std::uint64_t times) {
  auto a = strait::bounded<int>(1);
  auto b = strait::rendezvous<int>();
  for (std::uint64_t i = 0; i < times; ++i) {
    strait::select(strait::on_recv(a.rx), strait::on_recv(b.rx),
                   strait::on_timeout(std::chrono::microseconds(200)));
  }
}

TEST(disjoint_selects, take_each_their_own_locks) {
  constexpr std::uint64_t times = 300, threads = 4;
  wait_on_own_channels(1);
  const cost alone = cost_of([] { wait_on_own_channels(times); });
  ASSERT_GT(alone.locks, 0U);
  const cost together = cost_of([] {
    std::array<std::thread, threads> people;
    for (auto& thread : people) thread = std::thread([] { wait_on_own_channels(times); });
    for (auto& thread : people) thread.join();
  });
  // A sleep may end for no reason and begin again, so a few more are possible; not a multiple.
  EXPECT_GE(together.locks, alone.locks * threads * 8 / 10);
  EXPECT_LE(together.locks, alone.locks * threads * 12 / 10 + 100);
  EXPECT_LE(together.syscalls, times * threads * 12 / 10 + 100);  // each sleeps once at most
}

TEST(disjoint_selects, have_no_lock_to_share) {
  std::size_t headers = 0, locks = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(STRAIT_INCLUDE_DIR)) {
    if (file.path().extension() != ".hpp") continue;
    ++headers;
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) {
      line = line.substr(0, line.find("//"));
      static const std::regex declares_a_lock(R"(\bmutex\s+\w+\s*(\{.*\})?;)");
      if (!std::regex_search(line, declares_a_lock)) continue;
      ++locks;
      static const std::regex shared(R"(\b(static|inline|thread_local|extern)\b)");
      EXPECT_FALSE(std::regex_search(line, shared)) << file.path() << ": " << line;
    }
  }
  EXPECT_GT(headers, 10U);
  EXPECT_GT(locks, 1U);
}

}  // namespace

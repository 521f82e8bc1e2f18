// SPDX-License-Identifier: BSL-1.0
//
// What a channel says about itself, and the life of its handles: copies, moves, reset, equality, counts,
// weak handles, thread exit.
#include <atomic>
#include <concepts>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Handles : public ::testing::Test {
 public:
  using flavours = every_flavour;
};

class HandlesBuffered : public ::testing::Test {
 public:
  using flavours = buffered_flavours;
};

// api: a handle whose type says "one" is move-only, the others copy
static_assert(std::copyable<strait::sender<int>>);
static_assert(std::copyable<strait::receiver<int>>);
static_assert(std::copyable<strait::sender<std::unique_ptr<int>>>);
static_assert(std::copyable<strait::mpsc::sender<int>>);
static_assert(std::movable<strait::mpsc::receiver<int>> &&
              !std::is_copy_constructible_v<strait::mpsc::receiver<int>>);
static_assert(!std::is_copy_assignable_v<strait::mpsc::receiver<int>>);
static_assert(std::movable<strait::spsc::sender<int>> &&
              !std::is_copy_constructible_v<strait::spsc::sender<int>>);
static_assert(std::movable<strait::spsc::receiver<int>> &&
              !std::is_copy_constructible_v<strait::spsc::receiver<int>>);
static_assert(!std::is_copy_assignable_v<strait::spsc::sender<int>>);
static_assert(std::movable<strait::oneshot_sender<int>> &&
              !std::is_copy_constructible_v<strait::oneshot_sender<int>>);
static_assert(std::movable<strait::oneshot_receiver<int>> &&
              !std::is_copy_constructible_v<strait::oneshot_receiver<int>>);
static_assert(std::is_nothrow_move_constructible_v<strait::sender<int>> &&
              std::is_nothrow_move_assignable_v<strait::sender<int>> &&
              std::is_nothrow_destructible_v<strait::sender<int>>);
static_assert(std::is_nothrow_move_constructible_v<strait::spsc::receiver<int>>);
// api: a handle is a message itself, so a channel can carry channels
static_assert(strait::message<strait::sender<int>> && strait::message<strait::spsc::receiver<int>>);
// api: operator bool is explicit
static_assert(!std::is_convertible_v<strait::sender<int>, bool> &&
              std::is_constructible_v<bool, strait::sender<int>>);
static_assert(!std::is_convertible_v<strait::spsc::receiver<int>, bool>);

// semantics 11: in one thread every observer is exact, at every filling
FLAVOUR_TEST(Handles, ObserversAreExactInOneThread) {
  auto [tx, rx] = flavour.template make<int>();
  if (flavour.unbounded()) {
    EXPECT_EQ(tx.capacity(), std::nullopt);
    EXPECT_EQ(rx.capacity(), std::nullopt);
  } else {
    EXPECT_EQ(tx.capacity(), flavour.capacity);
    EXPECT_EQ(rx.capacity(), flavour.capacity);
  }
  const auto check = [&](std::size_t n) {
    EXPECT_EQ(tx.size(), n);
    EXPECT_EQ(rx.size(), n);
    EXPECT_EQ(tx.empty(), n == 0);
    EXPECT_EQ(rx.empty(), n == 0);
    EXPECT_EQ(tx.full(), n == flavour.capacity);
    EXPECT_EQ(rx.full(), n == flavour.capacity);
  };
  const int n = flavour.room(100);
  for (int lap = 0; lap < 3; ++lap) {
    for (int i = 0; i < n; ++i) {
      check(static_cast<std::size_t>(i));
      ASSERT_TRUE(tx.try_send(i));
    }
    for (int i = n; i > 0; --i) {
      check(static_cast<std::size_t>(i));
      ASSERT_TRUE(rx.try_recv());
    }
    check(0);
  }
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(i));
  tx.close();
  check(static_cast<std::size_t>(n));  // closed, and what is queued is still there
}

// semantics 11: and a consistent snapshot, at most the capacity, while others work
FLAVOUR_TEST(Handles, SizeIsASnapshot) {
  auto [tx, rx] = flavour.template make<int>();
  std::atomic<bool> done{false};
  std::atomic<std::size_t> sent{0};
  worker sender([&] {
    for (int i = 0; i < rounds(4000); ++i) {
      sent.fetch_add(1);
      ASSERT_TRUE(tx.send(i));
    }
    done = true;
  });
  std::size_t received = 0;
  while (!done || rx.size() != 0) {
    const std::size_t size = rx.size();
    EXPECT_LE(size, flavour.capacity);
    EXPECT_LE(size, sent.load() - received);
    if (rx.try_recv()) {
      ++received;
    } else {
      std::this_thread::yield();  // the sender may need this processor
    }
  }
  EXPECT_EQ(received, sent);
}

// api: counts of both ends, seen from both ends
FLAVOUR_TEST(Handles, CountsFollowTheHandles) {
  auto [tx, rx] = flavour.template make<int>();
  const auto check = [&tx, &rx](std::size_t senders, std::size_t receivers) {
    if (tx) {
      EXPECT_EQ(tx.sender_count(), senders);
      EXPECT_EQ(tx.receiver_count(), receivers);
    }
    if (rx) {
      EXPECT_EQ(rx.sender_count(), senders);
      EXPECT_EQ(rx.receiver_count(), receivers);
    }
  };
  check(1, 1);
  if constexpr (Family::many_senders) {
    {
      auto a = tx;
      auto b = a;
      check(3, 1);
      auto c = std::move(a);
      check(3, 1);
      b.reset();
      check(2, 1);
      b.reset();
      check(2, 1);
      b = c;
      check(3, 1);
      b = std::move(c);
      check(2, 1);
    }
    check(1, 1);
  }
  if constexpr (Family::many_receivers) {
    auto a = rx;
    check(1, 2);
    a = rx;
    check(1, 2);
    a.reset();
    check(1, 1);
  }
  tx.close();
  check(1, 1);
  tx.reset();
  check(0, 1);
}

// api: a handle that was moved from or reset answers every operation with closed
FLAVOUR_TEST(Handles, AHandleWithoutAnEndAnswersClosed) {
  for (bool moved : {true, false}) {
    auto [tx, rx] = flavour.template make<int>();
    std::optional<decltype(flavour.template make<int>())> kept;
    if (moved) {
      kept.emplace(decltype(flavour.template make<int>()){std::move(tx), std::move(rx)});
    } else {
      tx.reset();
      rx.reset();
    }
    EXPECT_FALSE(tx);
    EXPECT_FALSE(rx);
    std::stop_source stop;
    EXPECT_TRUE(returned(tx.send(1), errc::closed, 1));
    EXPECT_TRUE(returned(tx.send(2, stop.get_token()), errc::closed, 2));
    EXPECT_TRUE(returned(tx.try_send(3), errc::closed, 3));
    EXPECT_TRUE(returned(tx.send_for(4, 1h), errc::closed, 4));
    EXPECT_TRUE(returned(tx.send_until(5, steady::now() + 1h), errc::closed, 5));
    EXPECT_EQ(tx.send_many(std::vector{1, 2}), 0U);
    EXPECT_TRUE(failed(rx.recv(), errc::closed));
    EXPECT_TRUE(failed(rx.recv(stop.get_token()), errc::closed));
    EXPECT_TRUE(failed(rx.try_recv(), errc::closed));
    EXPECT_TRUE(failed(rx.recv_for(1h), errc::closed));
    EXPECT_TRUE(failed(rx.recv_until(steady::now() + 1h), errc::closed));
    std::vector<int> none;
    EXPECT_EQ(rx.recv_many(std::back_inserter(none), 3), 0U);
    EXPECT_EQ(rx.try_recv_many(std::back_inserter(none), 3), 0U);
    for ([[maybe_unused]] int& m : rx) ADD_FAILURE();
    for ([[maybe_unused]] int& m : rx.try_iter()) ADD_FAILURE();
    EXPECT_TRUE(tx.is_closed());
    EXPECT_TRUE(rx.is_closed());
    EXPECT_EQ(tx.size(), 0U);
    EXPECT_EQ(rx.size(), 0U);
    EXPECT_TRUE(rx.empty());
    EXPECT_EQ(tx.capacity(), std::size_t{0});
    EXPECT_EQ(rx.capacity(), std::size_t{0});
    EXPECT_FALSE(tx.full() || rx.full());
    EXPECT_EQ(tx.sender_count() + tx.receiver_count() + rx.sender_count() + rx.receiver_count(),
              0U);
    tx.close();
    rx.close();
    tx.reset();
    rx.reset();
    std::size_t fired = 99;
    fired = *choose(strait::on_recv(
        rx, [](strait::recv_result<int> m) { EXPECT_TRUE(failed(m, errc::closed)); }));
    EXPECT_EQ(fired, 0U);
    fired = *choose(strait::on_send(
        tx, 7, [](strait::send_result<int> r) { EXPECT_TRUE(returned(r, errc::closed, 7)); }));
    EXPECT_EQ(fired, 0U);
    if (kept) {
      EXPECT_FALSE(kept->tx.is_closed());  // what was moved away lives
      if (kept->tx.capacity() != std::size_t{0}) {
        EXPECT_TRUE(kept->tx.send(8));
        EXPECT_TRUE(got(kept->rx.recv(), 8));
      }
      tx = std::move(kept->tx);  // and may be moved back
      rx = std::move(kept->rx);
      EXPECT_TRUE(tx && rx);
      EXPECT_FALSE(tx.is_closed());
    }
  }
}

// A copy that is assigned is one more handle of the other channel, and gives its own up.
TEST(HandlesMany, CopiesAreAssigned) {
  auto a = strait::unbounded<int>();
  auto b = strait::unbounded<int>();
  auto tx = a.tx;
  auto rx = a.rx;
  tx = b.tx;
  rx = b.rx;
  EXPECT_TRUE(tx == b.tx && rx == b.rx);
  EXPECT_EQ(a.tx.sender_count() + a.tx.receiver_count(), 2U);
  EXPECT_EQ(b.tx.sender_count() + b.tx.receiver_count(), 4U);
  rx = std::as_const(rx);
  EXPECT_EQ(b.tx.receiver_count(), 2U);
}

// api: operator bool says that a handle holds an end, and nothing about closed
FLAVOUR_TEST(Handles, BoolSaysHolding) {
  auto [tx, rx] = flavour.template make<int>();
  EXPECT_TRUE(tx);
  EXPECT_TRUE(rx);
  tx.close();
  EXPECT_TRUE(tx);
  EXPECT_TRUE(rx);
  rx.reset();
  EXPECT_FALSE(rx);
  EXPECT_TRUE(tx);
}

// api: operator== is same_channel; two empty handles are equal
FLAVOUR_TEST(Handles, EqualityIsSameChannel) {
  auto a = flavour.template make<int>();
  auto b = flavour.template make<int>();
  EXPECT_TRUE(a.tx == a.tx);
  EXPECT_TRUE(a.tx.same_channel(a.tx));
  EXPECT_TRUE(a.rx.same_channel(a.rx));
  EXPECT_FALSE(a.tx == b.tx);
  EXPECT_TRUE(a.tx != b.tx);
  EXPECT_FALSE(a.rx == b.rx);
  EXPECT_FALSE(a.tx.same_channel(b.tx));
  if constexpr (Family::many_senders) {
    auto copy = a.tx;
    EXPECT_TRUE(copy == a.tx);
    EXPECT_FALSE(copy == b.tx);
  }
  if constexpr (Family::many_receivers) {
    auto copy = a.rx;
    EXPECT_TRUE(copy == a.rx);
  }
  auto moved = std::move(a.tx);
  EXPECT_FALSE(moved == a.tx);
  b.tx.reset();
  EXPECT_TRUE(a.tx == b.tx);
  a.rx.reset();
  b.rx.reset();
  EXPECT_TRUE(a.rx == b.rx);
}

// api: assignment gives the old end up; self-assignment and swap keep both
FLAVOUR_TEST(Handles, AssignmentGivesTheOldEndUp) {
  auto a = flavour.template make<int>();
  auto b = flavour.template make<int>();
  a.tx = std::move(b.tx);
  EXPECT_TRUE(a.rx.is_closed());
  EXPECT_FALSE(b.rx.is_closed());
  EXPECT_EQ(b.rx.sender_count(), 1U);
  auto& same = a.tx;
  a.tx = std::move(same);
  EXPECT_FALSE(b.rx.is_closed());
  EXPECT_TRUE(a.tx);
  auto c = flavour.template make<int>();
  using std::swap;
  swap(a.tx, c.tx);  // now c.tx belongs to b.rx
  EXPECT_FALSE(b.rx.is_closed());
  EXPECT_FALSE(c.rx.is_closed());
  c.tx.reset();
  EXPECT_TRUE(b.rx.is_closed());
  EXPECT_FALSE(c.rx.is_closed());
  if constexpr (Family::many_senders) {
    auto d = flavour.template make<int>();
    auto& self = d.tx;
    d.tx = self;
    EXPECT_EQ(d.rx.sender_count(), 1U);
    d.tx = a.tx;
    EXPECT_TRUE(d.rx.is_closed());
    EXPECT_EQ(c.rx.sender_count(), 2U);
  }
}

// api: all operations are const
FLAVOUR_TEST(Handles, OperationsAreConst) {
  auto ch = flavour.template make<int>();
  const auto tx = std::move(ch.tx);
  const auto rx = std::move(ch.rx);
  worker receiver([&] {
    EXPECT_TRUE(got(rx.recv(), 1));
    EXPECT_TRUE(got(rx.recv_for(1h), 2));
    std::vector<int> all;
    EXPECT_EQ(rx.recv_many(std::back_inserter(all), 1), 1U);
    for (int& m : rx) all.push_back(m);
    EXPECT_EQ(all, (std::vector{3, 4}));
  });
  EXPECT_TRUE(tx.send(1));
  EXPECT_TRUE(tx.send_for(2, 1h));
  EXPECT_TRUE(tx.send_until(3, steady::now() + 1h));
  EXPECT_EQ(tx.send_many(std::vector{4}), 1U);
  EXPECT_LE(tx.size(), 4U);
  eventually([&] { return tx.empty(); });
  tx.close();
}

// api: one handle object may be used by several threads at once, unless its type says one
TEST(HandlesMany, OneHandleForManyThreads) {
  const auto check = [](auto ch, int receivers) {
    const auto& tx = ch.tx;
    const auto& rx = ch.rx;
    std::atomic<int> taken{0};
    const int each = rounds(800);
    {
      std::vector<worker> readers;
      for (int i = 0; i < receivers; ++i) {
        readers.emplace_back([&] {
          while (rx.recv()) ++taken;
        });
      }
      std::vector<worker> writers;
      for (int i = 0; i < 3; ++i) {
        writers.emplace_back([&] {
          for (int k = 0; k < each; ++k) ASSERT_TRUE(tx.send(k));
          (void)tx.size();
          (void)tx.receiver_count();
          auto copy = tx;
          EXPECT_TRUE(copy.same_channel(tx));
        });
      }
      writers.clear();
      tx.close();
    }
    EXPECT_EQ(taken, 3 * each);
  };
  check(strait::unbounded<int>(), 3);
  check(strait::bounded<int>(2), 3);
  check(strait::rendezvous<int>(), 3);
  check(strait::mpsc::unbounded<int>(), 1);
  check(strait::mpsc::bounded<int>(2), 1);
  check(strait::mpsc::bounded<int>(0), 1);
}

// cross-cutting: copy storms: the channel ends exactly when the last copy goes
TEST(HandlesMany, ACopyStormEndsWithTheLastCopy) {
  const auto storm = [](auto channel) {
    auto [tx, rx] = std::move(channel);
    std::atomic<int> sum{0};
    {
      std::vector<worker> workers;
      for (int w = 0; w < 3; ++w) {
        workers.emplace_back([mine = tx, &sum] {
          for (int i = 0; i < rounds(3000); ++i) {
            auto a = mine;
            auto b = a;
            a = b;
            auto c = std::move(b);
            if (i % 64 == 0) {
              ASSERT_TRUE(c.send(1));
              ++sum;
            }
          }
        });
      }
      tx.reset();
      int taken = 0;
      while (auto m = rx.recv()) taken += *m;
      workers.clear();
      EXPECT_EQ(taken, sum);
    }
    EXPECT_EQ(rx.sender_count(), 0U);
  };
  storm(strait::unbounded<int>());
  storm(strait::bounded<int>(1));
  storm(strait::rendezvous<int>());
  storm(strait::mpsc::unbounded<int>());
  storm(strait::mpsc::bounded<int>(2));
  storm(strait::mpsc::bounded<int>(0));
}

// cross-cutting: the same among receivers
TEST(HandlesMany, AReceiverCopyStorm) {
  for (std::size_t capacity : {0U, 1U, 1000U}) {
    auto [tx, rx] = strait::bounded<int>(capacity);
    std::vector<worker> workers;
    for (int w = 0; w < 3; ++w) {
      workers.emplace_back([mine = rx] {
        for (int i = 0; i < rounds(3000); ++i) {
          auto a = mine;
          auto b = std::move(a);
          (void)b.try_recv();
        }
      });
    }
    rx.reset();
    int sent = 0;
    while (tx.send(sent)) ++sent;  // ends when the last copy goes
    workers.clear();               // closed comes first, then that thread destroys what is queued
    EXPECT_EQ(tx.receiver_count(), 0U);
    EXPECT_EQ(tx.size(), 0U);
  }
}

namespace {
template <class Channel>
void check_weak_sender(Channel ch) {
  auto weak = ch.tx.downgrade();
  auto weak2 = weak;
  EXPECT_EQ(ch.rx.sender_count(), 1U);
  EXPECT_TRUE(weak.same_channel(weak2));
  {
    auto strong = weak.lock();
    ASSERT_TRUE(strong);
    EXPECT_TRUE(*strong == ch.tx);
    EXPECT_EQ(ch.rx.sender_count(), 2U);
    EXPECT_TRUE(strong->try_send(5));
    EXPECT_TRUE(got(ch.rx.try_recv(), 5));
    ch.tx.reset();
    EXPECT_FALSE(ch.rx.is_closed());
    EXPECT_TRUE(weak2.lock());
  }
  EXPECT_TRUE(ch.rx.is_closed());  // a weak handle keeps nothing open
  EXPECT_FALSE(weak.lock());
  EXPECT_FALSE(weak2.lock());
  ch.rx.reset();
  EXPECT_FALSE(weak.lock());  // it may outlive the channel
}
}  // namespace

// api: weak handles
TEST(HandlesWeak, ASenderWhileThereIsOne) {
  check_weak_sender(strait::unbounded<int>());
  check_weak_sender(strait::bounded<int>(2));
  check_weak_sender(strait::mpsc::unbounded<int>());
  check_weak_sender(strait::mpsc::bounded<int>(2));
}

TEST(HandlesWeak, AReceiverWhileThereIsOne) {
  auto [tx, rx] = strait::unbounded<int>();
  strait::weak_receiver<int> weak = rx.downgrade();
  EXPECT_EQ(tx.receiver_count(), 1U);
  {
    std::optional<strait::receiver<int>> strong = weak.lock();
    ASSERT_TRUE(strong);
    EXPECT_TRUE(*strong == rx);
    EXPECT_EQ(tx.receiver_count(), 2U);
    rx.reset();
    EXPECT_TRUE(tx.send(3));
    EXPECT_TRUE(got(strong->recv(), 3));
  }
  EXPECT_TRUE(tx.is_closed());
  EXPECT_FALSE(weak.lock());
}

// api: weak handles are copied, moved, assigned and compared
template <class Weak, class Strong>
void check_weak_values(Weak weak, Weak other, const Strong& strong, const Strong& other_strong) {
  EXPECT_TRUE(weak.same_channel(strong));
  EXPECT_FALSE(weak.same_channel(other_strong));
  Weak copy = weak;
  EXPECT_TRUE(copy.same_channel(strong));
  EXPECT_TRUE(weak.same_channel(strong));
  copy = other;
  EXPECT_TRUE(copy.same_channel(other_strong));
  Weak moved = std::move(copy);
  EXPECT_TRUE(moved.same_channel(other_strong));
  EXPECT_FALSE(copy.lock());
  using std::swap;
  swap(moved, weak);
  EXPECT_TRUE(moved.same_channel(strong));
  EXPECT_TRUE(weak.same_channel(other_strong));
  EXPECT_TRUE(moved.lock());
}
TEST(HandlesWeak, AreValues) {
  auto a = strait::unbounded<int>();
  auto b = strait::bounded<int>(1);
  check_weak_values(a.tx.downgrade(), b.tx.downgrade(), a.tx, b.tx);
  check_weak_values(a.rx.downgrade(), b.rx.downgrade(), a.rx, b.rx);
  EXPECT_EQ(a.tx.sender_count(), 1U);
  EXPECT_EQ(a.tx.receiver_count(), 1U);
}

// api: swap exchanges the ends
FLAVOUR_TEST(Handles, SwapExchanges) {
  auto a = flavour.template make<int>();
  auto b = flavour.template make<int>();
  using std::swap;
  swap(a.tx, b.tx);
  EXPECT_TRUE(a.tx.same_channel(b.rx));
  EXPECT_TRUE(b.tx.same_channel(a.rx));
  swap(a.rx, b.rx);
  EXPECT_TRUE(a.tx.same_channel(a.rx));
  EXPECT_TRUE(b.tx.same_channel(b.rx));
  a.tx.swap(b.tx);
  EXPECT_TRUE(a.tx.same_channel(b.rx));
}

// pitfalls 26: lock() of a closed channel gives nothing, though the ends are still there
TEST(HandlesWeak, NotOfAClosedChannel) {
  auto [tx, rx] = strait::bounded<int>(3);
  auto weak_tx = tx.downgrade();
  auto weak_rx = rx.downgrade();
  strait::weak_sender<int> copy = weak_tx;
  EXPECT_TRUE(tx.send(1));
  tx.close();
  EXPECT_FALSE(weak_tx.lock());
  EXPECT_FALSE(copy.lock());
  EXPECT_FALSE(weak_rx.lock());
  EXPECT_TRUE(got(rx.recv(), 1));
}

// api: lock() racing the last handle: a whole handle or nothing
TEST(HandlesWeak, LockRacingTheLastHandle) {
  for (int round = 0; round < rounds(500); ++round) {
    auto [tx, rx] = strait::unbounded<int>();
    auto weak = tx.downgrade();
    meeting start(2);
    bool locked = false;
    worker locker([&] {
      start.arrive();
      if (auto strong = weak.lock()) {
        locked = true;
        EXPECT_TRUE(strong->send(1));
      }
    });
    start.arrive();
    tx.reset();
    auto m = rx.recv();
    locker.join();
    EXPECT_EQ(m.has_value(), locked);
    EXPECT_TRUE(failed(rx.recv(), errc::closed));
    EXPECT_FALSE(weak.lock());
  }
}

// semantics 18: channels work in thread-local destructors, at the thread's exit
FLAVOUR_TEST(Handles, WorkInThreadLocalDestructors) {
  using channel = decltype(flavour.template make<int>());
  struct at_exit {
    channel* there = nullptr;
    channel* back = nullptr;
    ~at_exit() {
      EXPECT_TRUE(there->tx.send(1));
      EXPECT_TRUE(got(back->rx.recv(), 2));
      choose(strait::on_send(there->tx, 3), strait::on_timeout(1h, [] { ADD_FAILURE(); }));
      EXPECT_TRUE(failed(back->rx.recv_for(1ms), errc::timeout));
      there->tx.reset();
    }
  };
  auto there = flavour.template make<int>();
  auto back = flavour.template make<int>();
  worker thread([&] {
    thread_local at_exit last;
    last.there = &there;
    last.back = &back;
    if (flavour.room(1) == 1) {
      EXPECT_TRUE(failed(back.rx.try_recv(), errc::empty));
    }
  });
  EXPECT_TRUE(got(there.rx.recv(), 1));
  EXPECT_TRUE(back.tx.send(2));
  EXPECT_TRUE(got(there.rx.recv(), 3));
  EXPECT_TRUE(failed(there.rx.recv(), errc::closed));
}

// api: handles live in containers and travel through channels
TEST(HandlesMany, ChannelsThroughChannels) {
  auto [requests_tx, requests] =
      strait::mpsc::unbounded<std::pair<int, strait::oneshot_sender<int>>>();
  worker server([rx = std::move(requests)] {
    for (auto& [n, reply] : rx) EXPECT_TRUE(reply.send(n * n));
  });
  std::vector<strait::oneshot_receiver<int>> answers;
  for (int i = 0; i < 10; ++i) {
    auto [reply, answer] = strait::oneshot<int>();
    EXPECT_TRUE(requests_tx.send({i, std::move(reply)}));
    answers.push_back(std::move(answer));
  }
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(got(answers[static_cast<std::size_t>(i)].recv(), i * i));
  requests_tx.reset();
}

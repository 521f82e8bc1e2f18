// SPDX-License-Identifier: BSL-1.0
//
// Wake-ups are conserved. In each round a few waiters are going to give up (deadline, stop request,
// another arm of their select), at about the moment when one message, or one free place, appears; one
// patient waiter does not give up. Whoever was woken and left must have passed the wake-up on: the
// message is taken, the place is used, and the round ends. A lost wake-up is a hang, which the watchdog
// names.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "flavors.hpp"
#include "ops.hpp"
#include "payload.hpp"
#include "random.hpp"
#include "scale.hpp"
#include "team.hpp"

namespace {

using namespace strait_test;
using strait::errc;

STRAIT_FLAVOR_SUITE(wakeups, every_mpmc());

/// A wait of about the time it takes the others to get going, so that the races are met.
std::chrono::nanoseconds about_now(dice& chance) {
  return std::chrono::nanoseconds(chance.between(1'000, chance.once_in(3) ? 120'000 : 25'000));
}

constexpr std::size_t quitters = 3;

// One message a round.
STRAIT_MPMC_TEST(wakeups, receivers_that_give_up) {
  const std::uint64_t rounds = scaled(1'500, 200);
  auto ch = flavor.make<parcel>();
  auto other = strait::unbounded<int>();  // the other arm of the selects
  std::atomic<std::uint64_t> received{0};
  std::stop_source stop;
  meeting start(quitters + 1), end(quitters + 1);
  team people;
  for (std::size_t i = 0; i < quitters; ++i) {
    people.add([&, rx = ch.rx](dice& chance) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        bool got = false;
        switch (chance.below(4)) {
          case 0: got = rx.recv_for(about_now(chance)).has_value(); break;
          case 1: got = rx.recv(stop.get_token()).has_value(); break;
          case 2:
            strait::select(strait::on_recv(rx, [&](parcel) { got = true; }),
                           strait::on_recv(other.rx, [](int) {}),  // comes at about the same time
                           strait::on_stop(stop.get_token(), [] {}));
            break;
          default:
            strait::select(strait::on_timeout(about_now(chance), [] {}),
                           strait::on_recv(rx, [&](parcel) { got = true; }));
        }
        if (got) received.fetch_add(1, std::memory_order_release);
        end.wait();
      }
    });
  }
  people.add([&, rx = ch.rx](dice&) {  // the patient one
    while (rx.recv()) received.fetch_add(1, std::memory_order_release);
  });
  people.go();
  dice chance(1);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    stop = std::stop_source();
    start.wait();
    chance.dither(8'000);
    const auto order = chance.below(3);
    if (order == 0) {
      ASSERT_TRUE(other.tx.send(1));
    }
    ASSERT_TRUE(ch.tx.send(parcel(0, round + 1)));
    if (order == 1) {
      ASSERT_TRUE(other.tx.send(1));
    }
    // Nobody but those who wait already will take it.
    while (received.load(std::memory_order_acquire) != round + 1) std::this_thread::yield();
    stop.request_stop();
    end.wait();
    while (other.rx.try_recv()) {
    }
  }
  ch.tx.reset();
  people.join();
  EXPECT_EQ(received.load(), rounds);
}

// The token is stopped in the very moment of the message.
STRAIT_MPMC_TEST(wakeups, receivers_that_are_cancelled) {
  const std::uint64_t rounds = scaled(1'500, 200);
  auto ch = flavor.make<parcel>();
  std::atomic<std::uint64_t> received{0};
  std::stop_source stop;
  meeting start(quitters + 2), end(quitters + 2);
  team people;
  for (std::size_t i = 0; i < quitters; ++i) {
    people.add([&, rx = ch.rx](dice&) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        const auto m = rx.recv(stop.get_token());
        if (m) received.fetch_add(1, std::memory_order_release);
        STRAIT_TEST_HOLDS(m || m.error() == errc::cancelled);
        end.wait();
      }
    });
  }
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(8'000);
      stop.request_stop();
      end.wait();
    }
  });
  people.add([&, rx = ch.rx](dice&) {
    while (rx.recv()) received.fetch_add(1, std::memory_order_release);
  });
  people.go();
  dice chance(1);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    stop = std::stop_source();
    start.wait();
    chance.dither(8'000);
    ASSERT_TRUE(ch.tx.send(parcel(0, round + 1)));
    while (received.load(std::memory_order_acquire) != round + 1) std::this_thread::yield();
    end.wait();
  }
  ch.tx.reset();
  people.join();
  EXPECT_EQ(received.load(), rounds);
}

// One free place a round: the mirror image. The patient sender sends one message a round.
STRAIT_MPMC_TEST(wakeups, senders_that_give_up) {
  if (flavor.is_unbounded()) GTEST_SKIP() << "nobody waits to send";
  const std::uint64_t rounds = scaled(1'200, 200);
  auto ch = flavor.make<parcel>();
  auto other = strait::bounded<int>(1);
  while (ch.tx.try_send(parcel(9, 1))) {
  }
  ASSERT_TRUE(other.tx.try_send(0));
  std::atomic<std::uint64_t> sent{0};
  std::stop_source stop;
  meeting start(quitters + 1), end(quitters + 1);
  team people;
  for (std::uint32_t i = 0; i < quitters; ++i) {
    people.add([&, i, tx = ch.tx](dice& chance) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        bool done = false;
        switch (chance.below(4)) {
          case 0: done = tx.send_for(parcel(i, round + 1), about_now(chance)).has_value(); break;
          case 1: done = tx.send(parcel(i, round + 1), stop.get_token()).has_value(); break;
          case 2:
            strait::select(strait::on_send(other.tx, 1),
                           strait::on_send(tx, parcel(i, round + 1), [&] { done = true; }),
                           strait::on_stop(stop.get_token(), [] {}));
            break;
          default:
            strait::select(strait::on_send(
                               tx, [&] { return parcel(i, round + 1); }, [&] { done = true; }),
                           strait::on_timeout(about_now(chance), [] {}));
        }
        if (done) sent.fetch_add(1, std::memory_order_release);
        end.wait();
      }
    });
  }
  std::atomic<bool> over{false};
  people.add([&, tx = ch.tx](dice&) {
    for (std::uint64_t seq = 1; tx.send(parcel(7, seq)); ++seq)
      sent.fetch_add(1, std::memory_order_release);
    STRAIT_TEST_HOLDS(over.load());
  });
  people.go();
  dice chance(1);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    stop = std::stop_source();
    start.wait();
    chance.dither(8'000);
    const bool both = chance.once_in(2);
    if (both) {
      ASSERT_TRUE(other.rx.recv());
    }
    ASSERT_TRUE(ch.rx.recv());
    while (sent.load(std::memory_order_acquire) != round + 1) std::this_thread::yield();
    stop.request_stop();
    end.wait();
    (void)other.tx.try_send(0);
  }
  over.store(true);
  ch.rx.close();
  people.join();
  EXPECT_EQ(sent.load(), rounds);
}

// Several messages at once, each a wake-up of its own, and as many patient receivers; quitters in between.
STRAIT_MPMC_TEST(wakeups, bursts_among_quitters) {
  const std::uint64_t rounds = scaled(800, 100);
  constexpr std::uint64_t burst = 3;
  auto ch = flavor.make<parcel>();
  std::atomic<std::uint64_t> received{0};
  meeting start(3), end(3);
  team people;
  for (std::size_t i = 0; i < 2; ++i) {
    people.add([&, rx = ch.rx](dice& chance) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        if (rx.recv_for(about_now(chance))) received.fetch_add(1, std::memory_order_release);
        end.wait();
      }
    });
  }
  for (std::uint64_t i = 0; i < burst; ++i) {
    people.add([&, rx = ch.rx](dice&) {
      while (rx.recv()) received.fetch_add(1, std::memory_order_release);
    });
  }
  people.go();
  dice chance(1);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    start.wait();
    chance.dither(6'000);
    for (std::uint64_t i = 0; i < burst; ++i)
      ASSERT_TRUE(ch.tx.send(parcel(0, round * burst + i + 1)));
    while (received.load(std::memory_order_acquire) != (round + 1) * burst)
      std::this_thread::yield();
    end.wait();
  }
  ch.tx.reset();
  people.join();
  EXPECT_EQ(ledger::live(), 0);
}

// Two patient receivers and two quitters that are woken for one channel and take from another (the
// other arm wins): the first channel's message is for the patient ones.
STRAIT_MPMC_TEST(wakeups, selects_that_take_another_arm) {
  const std::uint64_t rounds = scaled(1'200, 150);
  auto a = flavor.make<parcel>();
  auto b = flavor.make<parcel>();
  std::atomic<std::uint64_t> received{0};
  std::stop_source stop;
  meeting start(4), end(4);
  team people;
  for (std::size_t i = 0; i < 2; ++i) {
    people.add([&, i](dice&) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        const auto took = [&](parcel) { received.fetch_add(1, std::memory_order_release); };
        if (i == 0) {
          strait::select(strait::on_recv(a.rx, took), strait::on_recv(b.rx, took),
                         strait::on_stop(stop.get_token()));
        } else {
          strait::select(strait::on_recv(b.rx, took), strait::on_stop(stop.get_token()),
                         strait::on_recv(a.rx, took));
        }
        end.wait();
      }
    });
  }
  people.add([&, rx = a.rx](dice&) {
    while (rx.recv()) received.fetch_add(1, std::memory_order_release);
  });
  people.add([&, rx = b.rx](dice&) {
    while (rx.recv()) received.fetch_add(1, std::memory_order_release);
  });
  people.add([&, tx = b.tx](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(8'000);
      STRAIT_TEST_HOLDS(tx.send(parcel(1, round + 1)).has_value());
      end.wait();
    }
  });
  people.go();
  dice chance(1);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    stop = std::stop_source();
    start.wait();
    chance.dither(8'000);
    ASSERT_TRUE(a.tx.send(parcel(0, round + 1)));
    while (received.load(std::memory_order_acquire) != 2 * (round + 1)) std::this_thread::yield();
    stop.request_stop();
    end.wait();
  }
  a.tx.close();
  b.tx.close();
  people.join();
  EXPECT_EQ(received.load(), 2 * rounds);
  EXPECT_EQ(ledger::live(), 0);
}

// ---- at the moment of going to sleep ------------------------------------------------------------

// Ping-pong in which each side lingers for about the time the other one spins before it sleeps: the
// message comes between the last look and the sleep. In every flavor, plain and by select.
STRAIT_FLAVOR_SUITE(ping_pong, one_of_each());

constexpr auto about_a_spin = std::chrono::nanoseconds(3'500);

template <class Flavor>
void play(const Flavor& flavor, unsigned ways, std::uint64_t rounds) {
  auto there = flavor.template make<std::uint64_t>();
  auto back = flavor.template make<std::uint64_t>();
  team people;
  people.add([ways, rx = std::move(there.rx), tx = std::move(back.tx)](dice& chance) {
    for (;;) {
      auto m = recv_once<std::uint64_t>(rx, ways, chance);
      if (!m) break;
      chance.linger(about_a_spin);
      std::uint64_t answer = *m + 1;
      STRAIT_TEST_HOLDS(!send_once(tx, answer, ways, chance));
    }
  });
  people.go();
  dice chance(2);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    chance.linger(about_a_spin);
    std::uint64_t m = round;
    ASSERT_FALSE(send_once(there.tx, m, ways, chance));
    ASSERT_EQ(recv_once<std::uint64_t>(back.rx, ways, chance).value(), round + 1);
    watchdog::beat();
  }
  there.tx.reset();
  people.join();
}

STRAIT_FLAVOR_TEST(ping_pong, plain) { play(flavor, plainly, scaled(6'000, 500)); }
STRAIT_FLAVOR_TEST(ping_pong, by_select) { play(flavor, by_select, scaled(6'000, 500)); }
STRAIT_FLAVOR_TEST(ping_pong, any_waiting) { play(flavor, waiting, scaled(3'000, 500)); }

// The same for room: the sender goes to sleep on a full channel while the receiver makes room.
STRAIT_FLAVOR_TEST(ping_pong, for_room) {
  if (flavor.is_unbounded()) GTEST_SKIP() << "nobody waits to send";
  const std::uint64_t rounds = scaled(6'000, 500);
  auto ch = flavor.template make<std::uint64_t>();
  team people;
  people.add([rounds, tx = std::move(ch.tx)](dice& chance) {
    for (std::uint64_t m = 0; m < rounds; ++m) {
      std::uint64_t message = m;
      STRAIT_TEST_HOLDS(!send_once(tx, message, plainly | by_select, chance));
    }
  });
  people.go();
  dice chance(2);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    chance.linger(about_a_spin);
    ASSERT_EQ(ch.rx.recv().value(), round);
    watchdog::beat();
  }
  people.join();
}

// ---- those who come later -----------------------------------------------------------------------

// What the rounds below share. In each round some come first, stand at the head of the line, are
// selected, and make nothing of it; the patient one comes later, stands behind them, and has nobody
// else to rely on. It is stopped only after the round's work is known to be done.
class later_rounds {
 public:
  explicit later_rounds(std::size_t members) : start_(members + 1), end_(members + 1) {}

  /// Runs `body(dice&)` once a round.
  template <class Body>
  void member(std::uint64_t rounds, Body body) {
    people_.add([this, rounds, body = std::move(body)](dice& chance) mutable {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start_.wait();
        body(chance);
        end_.wait();
      }
    });
  }
  /// Runs the rounds: `act(dice&)` starts each one's event, `done()` says when it is over.
  template <class Act, class Done>
  void run(std::uint64_t rounds, Act act, Done done) {
    people_.go();
    dice chance(1);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      stop_ = std::stop_source();
      start_.wait();
      act(chance);
      while (!done()) std::this_thread::yield();
      stop_.request_stop();
      end_.wait();
    }
    people_.join();
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  meeting start_, end_;
  team people_;
};

// First in both lines: selects. Two messages come at once, one on each channel: the select that was
// called for one takes the other, and the patient receiver of the first must be called instead.
STRAIT_MPMC_TEST(wakeups, a_select_that_was_called_takes_another_arm) {
  const std::uint64_t rounds = scaled(1'000, 100);
  auto a = flavor.make<parcel>();
  auto b = flavor.make<parcel>();
  std::atomic<std::uint64_t> received{0}, expected{0};
  later_rounds those(3);
  those.member(rounds, [&](dice& chance) {
    const auto took = [&](parcel) { received.fetch_add(1); };
    if (chance.once_in(2)) {
      strait::select(strait::on_recv(a.rx, took), strait::on_recv(b.rx, took),
                     strait::on_stop(those.token()));
    } else {
      strait::select_biased(strait::on_recv(b.rx, took), strait::on_recv(a.rx, took),
                            strait::on_stop(those.token()));
    }
  });
  for (auto* ch : {&a, &b}) {
    those.member(rounds, [&, rx = ch->rx](dice& chance) {
      chance.linger(std::chrono::microseconds(60));
      if (rx.recv(those.token())) received.fetch_add(1);
    });
  }
  std::thread helper;  // at capacity 0 both sends wait, so they need two threads
  those.run(
      rounds,
      [&](dice& chance) {
        chance.linger(std::chrono::microseconds(150));
        expected.fetch_add(2);
        if (flavor.is_rendezvous()) {
          helper = std::thread([&] { STRAIT_TEST_HOLDS(a.tx.send(parcel(0, 1)).has_value()); });
        } else {
          ASSERT_TRUE(a.tx.send(parcel(0, 1)));
        }
        ASSERT_TRUE(b.tx.send(parcel(1, 1)));
      },
      [&] {
        if (received.load() != expected.load()) return false;
        if (helper.joinable()) helper.join();
        return true;
      });
  EXPECT_EQ(ledger::live(), 0);
}

// The mirror image: a place gets free in each of two full channels.
STRAIT_MPMC_TEST(wakeups, a_select_that_was_called_sends_elsewhere) {
  if (flavor.is_unbounded() || flavor.is_rendezvous()) GTEST_SKIP() << "has no places";
  const std::uint64_t rounds = scaled(1'000, 100);
  auto a = flavor.make<parcel>();
  auto b = flavor.make<parcel>();
  for (auto* ch : {&a, &b}) {
    while (ch->tx.try_send(parcel(9, 1))) {
    }
  }
  std::atomic<std::uint64_t> sent{0}, expected{0};
  later_rounds those(3);
  those.member(rounds, [&](dice& chance) {
    const auto gave = [&] { sent.fetch_add(1); };
    if (chance.once_in(2)) {
      strait::select(
          strait::on_send(a.tx, parcel(0, 1), gave),
          strait::on_send(b.tx, [] { return parcel(0, 1); }, gave), strait::on_stop(those.token()));
    } else {
      strait::select_biased(strait::on_send(b.tx, parcel(0, 1), gave),
                            strait::on_send(a.tx, parcel(0, 1), gave),
                            strait::on_stop(those.token()));
    }
  });
  for (auto* ch : {&a, &b}) {
    those.member(rounds, [&, tx = ch->tx](dice& chance) {
      chance.linger(std::chrono::microseconds(60));
      if (tx.send(parcel(1, 1), those.token())) sent.fetch_add(1);
    });
  }
  those.run(
      rounds,
      [&](dice& chance) {
        chance.linger(std::chrono::microseconds(150));
        expected.fetch_add(2);
        ASSERT_TRUE(a.rx.recv());
        ASSERT_TRUE(b.rx.recv());
      },
      [&] { return sent.load() == expected.load(); });
}

struct refused {};

// First: promises that are dropped, makers that throw. The patient one wanted the same message (place).
STRAIT_MPMC_TEST(wakeups, a_promised_message_that_is_given_back) {
  const std::uint64_t rounds = scaled(1'000, 100);
  auto ch = flavor.make<parcel>();
  std::atomic<std::uint64_t> received{0}, expected{0};
  later_rounds those(2);
  those.member(rounds, [&](dice& chance) {
    strait::selector s;
    (void)s.recv(ch.rx);
    auto chosen = s.select_for(std::chrono::microseconds(200));
    chance.linger(std::chrono::microseconds(20));
    if (chosen && chance.once_in(3)) {
      if (chosen->recv(ch.rx)) received.fetch_add(1);
    }
  });
  those.member(rounds, [&, rx = ch.rx](dice& chance) {
    chance.linger(std::chrono::microseconds(30));
    if (rx.recv(those.token())) received.fetch_add(1);
  });
  those.run(
      rounds,
      [&](dice& chance) {
        chance.linger(std::chrono::microseconds(40));
        expected.fetch_add(1);
        ASSERT_TRUE(ch.tx.send(parcel(0, 1)));
      },
      [&] { return received.load() == expected.load(); });
  EXPECT_EQ(ledger::live(), 0);
}

STRAIT_MPMC_TEST(wakeups, a_promised_place_that_is_given_back) {
  if (flavor.is_unbounded()) GTEST_SKIP() << "has room for all";
  const std::uint64_t rounds = scaled(1'000, 100);
  auto ch = flavor.make<parcel>();
  while (ch.tx.try_send(parcel(9, 1))) {
  }
  std::atomic<std::uint64_t> sent{0}, expected{0};
  later_rounds those(2);
  those.member(rounds, [&](dice& chance) {
    if (chance.once_in(2)) {  // a promise, dropped or not
      strait::selector s;
      (void)s.send(ch.tx);
      auto chosen = s.select_for(std::chrono::microseconds(200));
      chance.linger(std::chrono::microseconds(20));
      if (chosen && chance.once_in(3)) {
        if (chosen->send(ch.tx, parcel(0, 1))) sent.fetch_add(1);
      }
      return;
    }
    try {  // a maker that takes its time, and throws or not
      strait::select(strait::on_send(
                         ch.tx,
                         [&] {
                           chance.linger(std::chrono::microseconds(20));
                           if (!chance.once_in(3)) throw refused();
                           return parcel(0, 1);
                         },
                         [&](strait::send_result<parcel> r) {
                           if (r) sent.fetch_add(1);
                         }),
                     strait::on_timeout(std::chrono::microseconds(200)));
    } catch (const refused&) {
    }
  });
  those.member(rounds, [&, tx = ch.tx](dice& chance) {
    chance.linger(std::chrono::microseconds(30));
    if (tx.send(parcel(1, 1), those.token())) sent.fetch_add(1);
  });
  those.run(
      rounds,
      [&](dice& chance) {
        chance.linger(std::chrono::microseconds(40));
        expected.fetch_add(1);
        ASSERT_TRUE(ch.rx.recv());
      },
      [&] { return sent.load() == expected.load(); });
}

// The last message is promised and the channel is closed: who waits for it learns how it ends, a
// message or closed.
STRAIT_MPMC_TEST(wakeups, the_last_message_is_promised) {
  if (flavor.is_rendezvous()) GTEST_SKIP() << "keeps no message";
  for (std::uint64_t round = scaled(300, 50); round != 0; --round) {
    auto ch = flavor.make<parcel>();
    ASSERT_TRUE(ch.tx.send(parcel(0, 1)));
    strait::selector s;
    (void)s.recv(ch.rx);
    auto promise = s.select();
    ASSERT_TRUE(promise);
    dice draw(round);
    const bool take = draw.once_in(2), close_late = draw.once_in(2);
    if (!close_late) ch.tx.close();
    std::atomic<int> got{0}, closed{0};
    team people;
    for (int i = 0; i < 2; ++i) {
      people.add([&, rx = ch.rx](dice& chance) {
        auto m = recv_once<parcel>(rx, plainly | by_select, chance);
        m ? ++got : ++closed;
        if (!m) STRAIT_TEST_HOLDS(m.error() == errc::closed);
        if (m) STRAIT_TEST_HOLDS(rx.recv().error() == errc::closed);
      });
    }
    people.go();
    draw.linger(std::chrono::microseconds(100));
    if (close_late) ch.tx.close();
    if (take) {
      EXPECT_TRUE(promise->recv(ch.rx));
    } else {
      promise = strait::unexpected(errc::empty);  // dropped
    }
    people.join();
    EXPECT_EQ(got.load(), take ? 0 : 1) << "seed " << seed();
    EXPECT_EQ(closed.load(), take ? 2 : 1);
    EXPECT_EQ(ledger::live(), 0);
  }
}

// ---- behind a slow one --------------------------------------------------------------------------

// Its move takes its time, once.
struct slow {
  std::uint64_t id;
  std::atomic<int>* stall = nullptr;  // 1: the next move takes 1 ms; 2: it is under way

  slow(std::uint64_t i, std::atomic<int>* s) noexcept : id(i), stall(s) {}
  slow(slow&& other) noexcept : id(other.id), stall(other.stall) {
    int armed = 1;
    if (stall != nullptr && stall->compare_exchange_strong(armed, 2)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  slow& operator=(slow&& other) noexcept {
    id = other.id;
    stall = other.stall;
    return *this;
  }
};

// Two receivers sleep. One sender is slow in the middle of its send, another one, behind it, is done.
// Each of the two messages has a receiver, whoever was woken for which.
STRAIT_MPMC_TEST(wakeups, a_message_behind_a_slow_sender) {
  if (flavor.capacity == 0 || flavor.capacity == 1) GTEST_SKIP() << "needs two places";
  for (std::uint64_t round = scaled(60, 20); round != 0; --round) {
    auto ch = flavor.make<slow>();
    std::atomic<int> stall{0};
    std::atomic<std::uint64_t> got{0};
    team people;
    for (int i = 0; i < 2; ++i) {
      people.add([&, rx = ch.rx](dice& chance) {
        const auto m = recv_once<slow>(rx, plainly | by_select, chance);
        STRAIT_TEST_HOLDS(m.has_value());
        got.fetch_add(1);
      });
    }
    people.add([&, tx = ch.tx](dice&) {
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      slow m(1, &stall);
      stall.store(1);
      // By select the message moves once, into the channel: that is where it stalls.
      STRAIT_TEST_HOLDS(strait::select(strait::on_send(tx, std::move(m))).has_value());
    });
    people.go();
    while (stall.load() != 2) std::this_thread::yield();
    ASSERT_TRUE(ch.tx.send(slow(2, nullptr)));
    people.join();
    EXPECT_EQ(got.load(), 2U);
  }
}

}  // namespace

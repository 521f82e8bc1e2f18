// SPDX-License-Identifier: BSL-1.0
//
// Handles: storms of copies, moves and resets under traffic; handles shared by reference; weak handles
// that lock while the last strong one goes; counts that are right in the end.
#include <atomic>
#include <cstdint>
#include <optional>
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

STRAIT_FLAVOR_SUITE(handles, every_mpmc());

// Each member keeps a few handles of both ends, copies, moves, swaps and drops them at random, and sends
// and receives (never waiting) in between.
STRAIT_MPMC_TEST(handles, copy_storm) {
  const std::uint64_t steps = scaled(20'000, 500);
  auto ch = flavor.make<parcel>();
  std::atomic<std::uint64_t> sent{0}, received{0};
  {
    team people;
    for (std::uint32_t i = 0; i < 4; ++i) {
      people.add([&, i, tx0 = ch.tx, rx0 = ch.rx](dice& chance) {
        std::vector<decltype(ch.tx)> txs(1, tx0);
        std::vector<decltype(ch.rx)> rxs(1, rx0);
        std::uint64_t mine_sent = 0, mine_received = 0;
        for (std::uint64_t step = 1; step <= steps; ++step) {
          auto& tx = txs[static_cast<std::size_t>(chance.below(txs.size()))];
          auto& rx = rxs[static_cast<std::size_t>(chance.below(rxs.size()))];
          switch (chance.below(10)) {
            case 0:
              if (txs.size() < 8) txs.push_back(tx);
              break;
            case 1:
              if (rxs.size() < 8) rxs.push_back(rx);
              break;
            case 2:
              if (txs.size() > 1) {
                std::swap(tx, txs.back());
                txs.pop_back();
              }
              break;
            case 3:
              if (rxs.size() > 1) {
                std::swap(rx, rxs.back());
                rxs.pop_back();
              }
              break;
            case 4: {
              auto moved = std::move(tx);
              tx = std::move(moved);
              break;
            }
            case 5: {
              auto copy = rx;
              rx.reset();
              rx = copy;
              break;
            }
            case 6:
              if (const auto again = rx.downgrade().lock()) STRAIT_TEST_HOLDS(*again == rx);
              break;
            case 7: STRAIT_TEST_HOLDS(ch.tx.sender_count() >= txs.size() + 1); break;
            case 8: {
              parcel m(i, step);
              if (!send_once(tx, m, by_try, chance)) ++mine_sent;
              break;
            }
            default:
              if (const auto m = rx.try_recv()) ++mine_received;
          }
          watchdog::beat();
        }
        sent.fetch_add(mine_sent);
        received.fetch_add(mine_received);
      });
    }
    people.join();
  }
  EXPECT_EQ(ch.tx.sender_count(), 1U);
  EXPECT_EQ(ch.rx.receiver_count(), 1U);
  std::uint64_t left = 0;
  while (ch.rx.try_recv()) ++left;
  EXPECT_EQ(sent.load(), received.load() + left);
  EXPECT_FALSE(ch.tx.is_closed());
  EXPECT_EQ(ledger::live(), 0);
}

// One sender object and one receiver object, used by all threads at once.
STRAIT_MPMC_TEST(handles, shared_by_reference) {
  const std::uint64_t each = scaled(flavor.capacity >= 0 && flavor.capacity < 4 ? 300 : 3'000, 50);
  auto ch = flavor.make<parcel>();
  const auto& tx = ch.tx;
  const auto& rx = ch.rx;
  std::atomic<std::uint64_t> received{0};
  team people;
  for (std::uint32_t i = 0; i < 3; ++i) {
    people.add([&, i](dice& chance) {
      for (std::uint64_t seq = 1; seq <= each; ++seq) {
        parcel m(i, seq);
        while (send_once(tx, m, any_way, chance)) std::this_thread::yield();
        watchdog::beat();
      }
    });
    people.add([&](dice& chance) {
      tally<parcel> mine(3);
      for (;;) {
        const auto m = recv_once<parcel>(rx, any_way, chance);
        if (!m && m.error() == errc::closed) break;
        if (!m) {
          std::this_thread::yield();
          continue;
        }
        mine.take(*m);
        if (received.fetch_add(1) + 1 == 3 * each) rx.close();
      }
    });
  }
  people.join();
  EXPECT_EQ(received.load(), 3 * each);
  EXPECT_EQ(ledger::live(), 0);
}

// The last strong sender goes while others lock weak ones. Whoever got a handle may send and is heard;
// once a lock failed, the end is gone for ever.
template <class Flavor>
void weak_senders_against_the_last_sender(const Flavor& flavor) {
  const std::uint64_t rounds = scaled(1'000, 100);
  struct {
    std::optional<sender_of<Flavor, parcel>> tx;
    std::optional<receiver_of<Flavor, parcel>> rx;
    std::optional<decltype(std::declval<sender_of<Flavor, parcel>>().downgrade())> weak;
    std::atomic<std::uint64_t> sent{0};
    std::uint64_t received = 0;
  } shared;
  meeting start(5), end(5);
  team people;
  for (std::uint32_t i = 0; i < 2; ++i) {
    people.add([&, i](dice& chance) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        bool gone = false;
        for (std::uint64_t seq = 1; seq <= 6; ++seq) {
          auto tx = shared.weak->lock();
          STRAIT_TEST_HOLDS(!(gone && tx));
          if (!tx) {
            gone = true;
            continue;
          }
          parcel m(i, seq);
          // Somebody may close nothing here: a sender that exists keeps the channel open.
          const auto failed = send_once(*tx, m, by_try | for_a_while, chance);
          STRAIT_TEST_HOLDS(failed != errc::closed);
          if (!failed) shared.sent.fetch_add(1, std::memory_order_relaxed);
        }
        end.wait();
      }
    });
  }
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(300);
      shared.tx.reset();
      end.wait();
    }
  });
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      tally<parcel> mine(2);
      for (;;) {
        const auto m = recv_once<parcel>(*shared.rx, plainly | for_a_while | by_select, chance);
        if (m) mine.take(*m);
        if (!m && m.error() == errc::closed) break;
      }
      shared.received = mine.count();
      end.wait();
    }
  });
  people.go();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto ch = flavor.template make<parcel>();
    shared.weak = ch.tx.downgrade();
    shared.tx = std::move(ch.tx);
    shared.rx = std::move(ch.rx);
    shared.sent.store(0);
    start.wait();
    end.wait();
    EXPECT_EQ(shared.received, shared.sent.load()) << "seed " << seed();
    EXPECT_FALSE(shared.weak->lock());
  }
  people.join();
  shared.rx.reset();
  EXPECT_EQ(ledger::live(), 0);
}

STRAIT_MPMC_TEST(handles, weak_senders_against_the_last_sender) {
  weak_senders_against_the_last_sender(flavor);
}

TEST(handles_mpsc, weak_senders_against_the_last_sender) {
  for (const int capacity : {no_bound, 0, 1, 5})
    weak_senders_against_the_last_sender(flavor_of<mpsc>(capacity));
}

// The same for receivers: once the last receiver is gone, nothing is kept, whoever locks.
STRAIT_MPMC_TEST(handles, weak_receivers_against_the_last_receiver) {
  const std::uint64_t rounds = scaled(1'000, 100);
  std::optional<strait::sender<parcel>> tx;
  std::optional<strait::receiver<parcel>> rx;
  std::optional<strait::weak_receiver<parcel>> weak;
  std::atomic<std::uint64_t> sent{0}, received{0};
  meeting start(5), end(5);
  team people;
  for (std::uint32_t i = 0; i < 2; ++i) {
    people.add([&](dice& chance) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        bool gone = false;
        for (int look = 0; look < 6; ++look) {
          auto mine = weak->lock();
          STRAIT_TEST_HOLDS(!(gone && mine));
          if (!mine) {
            gone = true;
            continue;
          }
          const auto m = recv_once<parcel>(*mine, by_try | for_a_while, chance);
          if (m) received.fetch_add(1, std::memory_order_relaxed);
          STRAIT_TEST_HOLDS(m || m.error() != errc::closed);
        }
        end.wait();
      }
    });
  }
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(300);
      rx.reset();
      end.wait();
    }
  });
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      for (std::uint64_t seq = 1;; ++seq) {
        parcel m(0, seq);
        const auto failed = send_once(*tx, m, plainly | by_try | for_a_while, chance);
        if (!failed) sent.fetch_add(1, std::memory_order_relaxed);
        if (failed == errc::closed) break;
        if (seq % 64 == 0) std::this_thread::yield();
      }
      end.wait();
    }
  });
  people.go();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto ch = flavor.make<parcel>();
    weak = ch.rx.downgrade();
    tx = std::move(ch.tx);
    rx = std::move(ch.rx);
    start.wait();
    end.wait();
    EXPECT_EQ(ledger::live(), 0);  // the sender still lives
    EXPECT_FALSE(weak->lock());
    EXPECT_LE(received.load(), sent.load());
    if (flavor.is_rendezvous()) {
      EXPECT_EQ(received.load(), sent.load());
    }
  }
  people.join();
}

// A weak handle outlives everything, and locking races with close().
STRAIT_MPMC_TEST(handles, weak_lock_against_close) {
  const std::uint64_t rounds = scaled(1'000, 100);
  std::optional<decltype(flavor.make<parcel>())> ch;
  meeting start(4), end(4);
  team people;
  for (int i = 0; i < 2; ++i) {
    people.add([&](dice&) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        const auto weak = ch->tx.downgrade();
        const auto weak_rx = ch->rx.downgrade();
        bool gone = false;
        for (int look = 0; look < 20; ++look) {
          const auto tx = weak.lock();
          const auto rx = weak_rx.lock();
          STRAIT_TEST_HOLDS(!(gone && (tx || rx)));
          if (!tx) gone = true;
          STRAIT_TEST_HOLDS(weak.same_channel(weak));
        }
        end.wait();
        STRAIT_TEST_HOLDS(!weak.lock() && !weak_rx.lock());
        end.wait();
      }
    });
  }
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(200);
      ch->tx.close();
      end.wait();
      end.wait();
    }
  });
  people.go();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    ch.emplace(flavor.make<parcel>());
    start.wait();
    end.wait();
    end.wait();
  }
  people.join();
}

// The senders of an mpsc channel are many too.
TEST(handles_mpsc, copy_storm_of_senders) {
  const std::uint64_t each = scaled(20'000, 500);
  auto ch = strait::mpsc::unbounded<parcel>();
  std::vector<std::uint64_t> sent(4, 0);
  tally<parcel> received(4);
  team people;
  for (std::uint32_t i = 0; i < 4; ++i) {
    people.add([&sent, i, each, tx0 = ch.tx](dice& chance) mutable {
      for (std::uint64_t seq = 1; seq <= each; ++seq) {
        auto tx = tx0;
        if (chance.once_in(3)) tx0 = std::move(tx), tx = tx0;
        STRAIT_TEST_HOLDS(tx.send(parcel(i, seq)).has_value());
        ++sent[i];
      }
    });
  }
  ch.tx.reset();
  people.add([&received, rx = std::move(ch.rx)](dice&) {
    while (const auto m = rx.recv()) received.take(*m);
  });
  people.join();
  EXPECT_EQ(received.count(), 4 * each);
  EXPECT_EQ(ledger::live(), 0);
}

}  // namespace

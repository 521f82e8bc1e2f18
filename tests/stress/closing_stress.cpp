// SPDX-License-Identifier: BSL-1.0
//
// The end of a channel in every race: close() while everybody waits; the last receiver goes while
// senders send (also the very first ones, and at the borders of segments); the last sender sends and
// goes while receivers look; both ends go at once.
#include <atomic>
#include <chrono>
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

STRAIT_FLAVOR_SUITE(closing, one_of_each());

// Everybody waits (senders on full, receivers on empty), then somebody closes. All wake, all say
// closed, each sender has its message back, each receiver drained what there was.
STRAIT_FLAVOR_TEST(closing, close_while_all_receivers_wait) {
  const std::size_t n_rx = Flavor::many_receivers ? 4 : 1;
  for (std::uint64_t round = scaled(150, 10); round != 0; --round) {
    auto ch = flavor.template make<parcel>();
    team people;
    for (std::size_t i = 0; i < n_rx; ++i) {
      people.add([rx = another(ch.rx)](dice& chance) {
        const auto m = recv_once<parcel>(rx, waiting, chance);
        STRAIT_TEST_HOLDS(!m && m.error() == errc::closed);
      });
    }
    people.add([&tx = ch.tx](dice& chance) {
      chance.dither(60'000);
      tx.close();
    });
    people.join();
    EXPECT_TRUE(ch.tx.is_closed());
    EXPECT_EQ(ch.tx.try_send(parcel(0, 1)).error().reason(), errc::closed);
  }
  EXPECT_EQ(ledger::live(), 0);
}

STRAIT_FLAVOR_TEST(closing, close_while_all_senders_wait) {
  if (flavor.is_unbounded()) GTEST_SKIP() << "nobody waits to send";
  const std::size_t n_tx = Flavor::many_senders ? 4 : 1;
  for (std::uint64_t round = scaled(150, 10); round != 0; --round) {
    auto ch = flavor.template make<parcel>();
    std::uint64_t queued = 0;
    while (ch.tx.try_send(parcel(9, queued + 1))) ++queued;
    ASSERT_EQ(queued, static_cast<std::uint64_t>(flavor.capacity));
    team people;
    for (std::uint32_t i = 0; i < n_tx; ++i) {
      people.add([i, tx = another(ch.tx)](dice& chance) {
        parcel m(i, 77);
        const auto failed = send_once(tx, m, waiting, chance);
        STRAIT_TEST_HOLDS(failed == errc::closed);
        STRAIT_TEST_HOLDS(m.intact() && m.producer() == i && m.seq() == 77);
      });
    }
    people.add([&rx = ch.rx](dice& chance) {
      chance.dither(60'000);
      rx.close();
    });
    people.join();
    for (std::uint64_t i = 0; i < queued; ++i) {
      const auto m = ch.rx.recv();
      ASSERT_TRUE(m);
      EXPECT_EQ(m->seq(), i + 1);
    }
    EXPECT_EQ(ch.rx.recv().error(), errc::closed);
  }
  EXPECT_EQ(ledger::live(), 0);
}

// A crowd at work, closed at any time by anybody: sent == received, without a look afterwards, because
// a receiver says closed only when nothing can come any more. Where an end belongs to one thread, that
// thread closes; else a bystander does. The threads share the handles by reference.
STRAIT_FLAVOR_TEST(closing, close_at_a_random_time) {
  const std::size_t n_tx = Flavor::many_senders ? 3 : 1;
  const std::size_t n_rx = Flavor::many_receivers ? 3 : 1;
  for (std::uint64_t round = scaled(120, 10); round != 0; --round) {
    auto ch = flavor.template make<parcel>();
    const auto& tx = ch.tx;
    const auto& rx = ch.rx;
    std::atomic<std::uint64_t> sent{0}, received{0};
    dice draw(round);
    const bool by_sender = draw.once_in(2);
    const std::uint64_t lifetime = 1 + draw.below(300);
    team people;
    for (std::uint32_t i = 0; i < n_tx; ++i) {
      people.add([&, i](dice& chance) {
        for (std::uint64_t seq = 1;; ++seq) {
          if (!Flavor::many_senders && by_sender && seq == lifetime) tx.close();
          parcel m(i, seq);
          const auto failed = send_once(tx, m, any_way, chance);
          if (!failed) {
            sent.fetch_add(1, std::memory_order_relaxed);
            if (flavor.is_unbounded() && tx.size() > 200) std::this_thread::yield();  // no flood
          } else {
            STRAIT_TEST_HOLDS(m.intact() && m.seq() == seq);
            if (*failed == errc::closed) break;
          }
        }
      });
    }
    for (std::size_t i = 0; i < n_rx; ++i) {
      people.add([&](dice& chance) {
        tally<parcel> mine(n_tx);
        for (std::uint64_t looks = 1;; ++looks) {
          if (!Flavor::many_receivers && !by_sender && looks == lifetime) rx.close();
          const auto m = recv_once<parcel>(rx, any_way, chance);
          if (m) {
            mine.take(*m);
          } else if (m.error() == errc::closed) {
            break;
          }
        }
        received.fetch_add(mine.count(), std::memory_order_relaxed);
      });
    }
    if ((by_sender && Flavor::many_senders) || (!by_sender && Flavor::many_receivers)) {
      people.add([&](dice& chance) {
        chance.dither(200'000);
        if constexpr (Flavor::many_receivers) {
          rx.close();
        } else if constexpr (Flavor::many_senders) {
          tx.close();
        }
      });
    }
    people.join();
    EXPECT_EQ(sent.load(), received.load()) << "seed " << seed();
    EXPECT_EQ(rx.try_recv().error(), errc::closed);
  }
  EXPECT_EQ(ledger::live(), 0);
}

// Two senders send while the last receiver goes. What was sent is destroyed by the time all three are
// done, although a sender still lives; what was not sent came back. The channel is brand-new (so that
// the first sends make its storage), or stands just before a border of segments.
template <class M, class Flavor>
void race_last_receiver(const Flavor& flavor, std::uint64_t prefill, std::uint64_t each,
                        std::uint64_t rounds) {
  const std::size_t n_tx = Flavor::many_senders ? 2 : 1;
  struct round_state {
    std::optional<sender_of<Flavor, M>> tx[2];
    std::optional<receiver_of<Flavor, M>> rx;
  } shared;
  meeting start(n_tx + 2), end(n_tx + 2);
  team people;
  for (std::uint32_t i = 0; i < n_tx; ++i) {
    people.add([&, i](dice& chance) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        start.wait();
        chance.dither(60);
        for (std::uint64_t seq = 1; seq <= each; ++seq) {
          M m = message_traits<M>::make(i, seq);
          const auto failed = send_once(*shared.tx[i], m, by_try | for_a_while | plainly, chance);
          if (failed == errc::closed) {
            STRAIT_TEST_HOLDS(message_traits<M>::intact(m) && message_traits<M>::seq(m) == seq);
            break;
          }
        }
        end.wait();
      }
    });
  }
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(120);
      shared.rx.reset();
      end.wait();
    }
  });
  people.go();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto ch = flavor.template make<M>();
    for (std::uint64_t i = 0; i < prefill; ++i) {  // through the channel, so the border moves
      ASSERT_TRUE(ch.tx.try_send(message_traits<M>::make(0, i + 1)));
      if (!flavor.is_unbounded() || i % 3 != 0) {
        ASSERT_TRUE(ch.rx.try_recv());
      }
    }
    shared.tx[0] = std::move(ch.tx);
    if (n_tx == 2) shared.tx[1] = another(*shared.tx[0]);
    shared.rx = std::move(ch.rx);
    start.wait();
    end.wait();
    EXPECT_EQ(ledger::live(), 0) << "prefill " << prefill << " seed "
                                 << seed();  // the sender lives
    EXPECT_TRUE(shared.tx[0]->is_closed());
    shared.tx[0].reset();
    shared.tx[1].reset();
  }
  people.join();
  EXPECT_EQ(ledger::live(), 0);
}

constexpr std::uint64_t borders[] = {0,  1,  2,  13, 14, 15,  16,  29,  30,  31,  32,  33,  61, 62,
                                     63, 64, 65, 93, 94, 124, 125, 126, 127, 128, 254, 255, 256};

STRAIT_FLAVOR_TEST(closing, last_receiver_goes_at_each_border) {
  for (const std::uint64_t prefill : borders) {
    if (flavor.is_rendezvous() && prefill != 0) continue;
    race_last_receiver<parcel>(flavor, prefill, 3, scaled(prefill == 0 ? 800 : 60, 20));
  }
}

STRAIT_FLAVOR_TEST(closing, first_send_first_send_last_receiver) {
  race_last_receiver<parcel>(flavor, 0, 1, scaled(1500, 100));
}

STRAIT_FLAVOR_TEST(closing, last_receiver_goes_under_fire) {
  race_last_receiver<parcel>(flavor, 0, 400, scaled(60, 10));
}

// push, then drop: the last message is never lost, in whatever way the receiver looks.
STRAIT_FLAVOR_TEST(closing, the_last_message_before_the_last_sender_goes) {
  const std::uint64_t rounds = scaled(1200, 100);
  std::optional<sender_of<Flavor, parcel>> tx;
  std::optional<receiver_of<Flavor, parcel>> rx;
  meeting start(3), end(3);
  team people;
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(200);
      STRAIT_TEST_HOLDS(tx->send(parcel(0, 1)).has_value());
      tx.reset();
      end.wait();
    }
  });
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(200);
      std::uint64_t got = 0;
      for (;;) {
        const auto m = recv_once<parcel>(*rx, any_way, chance);
        if (m) ++got;
        if (!m && m.error() == errc::closed) break;
        if (!m) std::this_thread::yield();
      }
      STRAIT_TEST_HOLDS(got == 1);
      end.wait();
    }
  });
  people.go();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto ch = flavor.template make<parcel>();
    tx = std::move(ch.tx);
    rx = std::move(ch.rx);
    start.wait();
    end.wait();
    rx.reset();
  }
  people.join();
  EXPECT_EQ(ledger::live(), 0);
}

// Both ends go in the same instant, with messages in the channel and a weak handle looking on.
STRAIT_FLAVOR_TEST(closing, both_ends_go_at_once) {
  const std::uint64_t rounds = scaled(1200, 100);
  std::optional<sender_of<Flavor, parcel>> tx;
  std::optional<receiver_of<Flavor, parcel>> rx;
  meeting start(3), end(3);
  team people;
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(40);
      tx.reset();
      end.wait();
    }
  });
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(40);
      rx.reset();
      end.wait();
    }
  });
  people.go();
  dice chance(3);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto ch = flavor.template make<parcel>();
    for (std::uint64_t i = chance.below(70); i != 0; --i) {
      if (!ch.tx.try_send(parcel(0, i))) break;
    }
    tx = std::move(ch.tx);
    rx = std::move(ch.rx);
    start.wait();
    end.wait();
    EXPECT_EQ(ledger::live(), 0);
  }
  people.join();
}

// A message that takes its time in one of its moves: it counts down from what the test sets, and the
// move that comes to zero stalls before it reads. By select a message moves once into the channel and
// once out of it.
class slow {
 public:
  static constexpr int over = -1000;

  slow(std::uint64_t i, std::atomic<int>* s) noexcept : id_(i), stall_(s) { ledger::born(); }
  slow(slow&& other) noexcept : stall_(other.stall_) {
    ledger::born();
    if (stall_ != nullptr && stall_->load() > 0 && stall_->fetch_sub(1) == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      stall_->store(over);
    }
    id_ = other.id_;
    check_ = other.check_;
  }
  ~slow() {
    check_ = 0;
    ledger::died();
  }

  std::uint64_t id() const noexcept { return id_; }
  bool intact() const noexcept { return check_ == 0x5105105105105105U; }

  static void wait_until_it_stalls(const std::atomic<int>& stall) {
    while (stall.load() > 0) std::this_thread::yield();
  }

 private:
  std::uint64_t id_;
  volatile std::uint64_t check_ = 0x5105105105105105U;
  std::atomic<int>* stall_;
};

// The last receiver goes while a sender is in the middle of its send. The send succeeds, and whoever
// discards waits for it: the message is gone while the sender still lives.
STRAIT_FLAVOR_TEST(closing, the_last_receiver_waits_for_a_slow_sender) {
  if (flavor.is_rendezvous()) GTEST_SKIP() << "nobody discards";
  for (std::uint64_t round = scaled(40, 10); round != 0; --round) {
    auto ch = flavor.template make<slow>();
    std::atomic<int> stall{1};
    std::atomic<bool> sent{false};
    team people;
    people.add([&](dice&) {
      slow m(1, &stall);
      strait::select(strait::on_send(
          ch.tx, std::move(m), [&](strait::send_result<slow> r) { sent.store(r.has_value()); }));
    });
    people.go();
    slow::wait_until_it_stalls(stall);
    ch.rx.reset();
    people.join();
    EXPECT_TRUE(sent.load());
    EXPECT_EQ(ledger::live(), 0);
    EXPECT_TRUE(ch.tx.is_closed());
  }
}

// A receiver is slow in the middle of taking its message, while others receive and send on, past the
// ends of several segments, many times round the ring: nobody writes where it still reads.
STRAIT_FLAVOR_TEST(closing, a_slow_receiver_keeps_its_place) {
  if (flavor.is_rendezvous()) GTEST_SKIP() << "has no places";
  if constexpr (!Flavor::many_receivers) {
    GTEST_SKIP() << "has one receiver";
  } else {
    for (std::uint64_t round = scaled(20, 5); round != 0; --round) {
      {
        auto ch = flavor.template make<slow>();
        std::atomic<int> stall{2};  // once into the channel, then out of it
        slow m(1, &stall);
        ASSERT_TRUE(strait::select(strait::on_send(ch.tx, std::move(m))));
        team people;
        people.add([&, rx = ch.rx](dice&) {
          const auto got = rx.recv();
          STRAIT_TEST_HOLDS(got && got->intact() && got->id() == 1);
        });
        people.go();
        slow::wait_until_it_stalls(stall);
        for (std::uint64_t id = 2; stall.load() != slow::over; ++id) {
          auto sent = ch.tx.try_send(slow(id, nullptr));
          if (!sent) STRAIT_TEST_HOLDS(sent.error().reason() == errc::full);
          if (sent && id % 3 != 0) {
            const auto got = ch.rx.try_recv();
            STRAIT_TEST_HOLDS(!got || got->intact());
          }
        }
        people.join();
        while (const auto got = ch.rx.try_recv()) STRAIT_TEST_HOLDS(got->intact());
      }
      EXPECT_EQ(ledger::live(), 0);
    }
  }
}

// A sender stalls in the middle of its send. Another one's send that is over must not be answered with
// closed; and when all is done, everything is there.
STRAIT_FLAVOR_TEST(closing, a_stalled_sender_never_reads_as_closed) {
  if (flavor.capacity == 0 || flavor.capacity == 1) GTEST_SKIP() << "needs two places";
  if constexpr (!Flavor::many_senders) {
    GTEST_SKIP() << "needs two senders";
  } else {
    for (std::uint64_t round = scaled(30, 5); round != 0; --round) {
      auto ch = flavor.template make<slow>();
      std::atomic<int> stall{1};
      team people;
      people.add([&stall, tx = ch.tx](dice&) {
        slow m(1, &stall);
        STRAIT_TEST_HOLDS(strait::select(strait::on_send(tx, std::move(m))).has_value());
      });
      people.go();
      slow::wait_until_it_stalls(stall);
      ASSERT_TRUE(ch.tx.try_send(slow(2, nullptr)));  // over, while the other one is stalled
      if (round % 2 == 0) ch.tx.close();              // what was claimed before still comes
      std::vector<std::uint64_t> got;
      while (got.size() < 2) {
        const auto m = ch.rx.try_recv();
        if (m) {
          got.push_back(m->id());
        } else {
          ASSERT_NE(m.error(), errc::closed);
          std::this_thread::yield();
        }
      }
      people.join();
      EXPECT_EQ(got[0] + got[1], 3U);
    }
  }
  EXPECT_EQ(ledger::live(), 0);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
//
// One message, one sender, one receiver, every race between send, receive, close and the two ends going.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "ops.hpp"
#include "payload.hpp"
#include "random.hpp"
#include "scale.hpp"
#include "team.hpp"

namespace {

using namespace strait_test;
using strait::errc;

TEST(oneshot_stress, send_receive_close_drop) {
  const std::uint64_t rounds = scaled(15'000, 500);
  std::optional<strait::oneshot_sender<parcel>> tx;
  std::optional<strait::oneshot_receiver<parcel>> rx;
  std::atomic<int> sent{0}, received{0};
  meeting start(3), end(3);
  team people;
  people.add([&](dice& chance) {
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      start.wait();
      chance.dither(100);
      switch (chance.below(8)) {
        case 0: tx->close(); break;
        case 1: tx.reset(); break;
        case 2: tx->reset(); break;
        case 3: {
          parcel m(0, round);
          bool ok = false, back = false;
          const auto fired =
              strait::select(strait::on_send(*tx, std::move(m), [&](strait::send_result<parcel> r) {
                ok = r.has_value();
                back = !r && r.error().value().intact();
              }));
          STRAIT_TEST_HOLDS(fired.has_value() && ok != back);
          if (ok) sent = 1;
          break;
        }
        default: {
          auto r = chance.once_in(2) ? tx->send(parcel(0, round)) : tx->try_send(parcel(0, round));
          if (r) {
            sent = 1;
          } else {
            STRAIT_TEST_HOLDS(r.error().reason() == errc::closed &&
                              r.error().value().seq() == round);
          }
          STRAIT_TEST_HOLDS(tx->send(parcel(0, round)).error().reason() ==
                            errc::closed);  // consumed
        }
      }
      end.wait();
    }
  });
  people.add([&](dice& chance) {
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      start.wait();
      chance.dither(100);
      std::optional<strait::recv_result<parcel>> m;
      switch (chance.below(8)) {
        case 0: rx->close(); break;
        case 1: rx.reset(); break;
        case 2: m = rx->recv_for(chance.short_wait()); break;
        case 3: m = rx->try_recv(); break;
        case 4:
          strait::select(
              strait::on_recv(*rx, [&](strait::recv_result<parcel> r) { m = std::move(r); }),
              strait::on_timeout(chance.short_wait(), [] {}));
          break;
        case 5:
          strait::select(
              strait::on_recv(*rx, [&](strait::recv_result<parcel> r) { m = std::move(r); }));
          break;
        default:
          // Waits until the sender did something; close() by the sender's end counts.
          m = rx->recv();
          STRAIT_TEST_HOLDS(m->has_value() || m->error() == errc::closed);
      }
      if (m && *m) {
        received = 1;
        STRAIT_TEST_HOLDS((*m)->seq() == round && (*m)->intact());
        STRAIT_TEST_HOLDS(rx->try_recv().error() == errc::closed);  // consumed
      }
      m.reset();  // counted below
      end.wait();
    }
  });
  people.go();
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    auto ch = strait::oneshot<parcel>();
    tx = std::move(ch.tx);
    rx = std::move(ch.rx);
    sent = received = 0;
    start.wait();
    end.wait();
    EXPECT_LE(received.load(), sent.load());
    if (sent.load() == 1 && received.load() == 0 && rx && *rx) {
      const auto m = rx->recv();  // it was sent before and nobody took it
      EXPECT_TRUE(m && m->seq() == round) << "seed " << seed();
    }
    tx.reset();
    rx.reset();
    EXPECT_EQ(ledger::live(), 0) << "seed " << seed();
  }
  people.join();
}

}  // namespace

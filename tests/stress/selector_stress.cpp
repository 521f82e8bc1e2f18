// SPDX-License-Identifier: BSL-1.0
//
// Selectors: run-time lists under traffic. Chosen operations are completed at once, late, with another
// handle of the same channel, or dropped; dropped ones give their place back, lose nothing and hang
// nobody, whether the partner is a plain operation, a select or another selector that drops as well.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
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

strait::expected<strait::selected, errc> choose(strait::selector& s, dice& chance, bool may_wait) {
  switch (chance.below(may_wait ? 4 : 3)) {
    case 0: return s.try_select();
    case 1: return s.select_for(chance.short_wait());
    case 2: return s.select_until(std::chrono::steady_clock::now() + chance.short_wait());
    default: return s.select();
  }
}

/// Sends `m` through one of `n` channels; drops some promises on the way. The message is sent in the end.
template <class Tx, class M>
void send_by_selector(strait::selector& s, const std::vector<Tx>& txs, M m, dice& chance,
                      unsigned drop_in) {
  for (;;) {
    auto chosen = choose(s, chance, true);
    watchdog::beat();
    if (!chosen) {
      STRAIT_TEST_HOLDS(chosen.error() == errc::empty || chosen.error() == errc::timeout);
      std::this_thread::yield();
      continue;
    }
    if (drop_in != 0 && chance.once_in(drop_in)) {
      if (chance.once_in(2)) chance.dither(500);
      continue;  // dropped
    }
    if (chance.once_in(8)) chance.dither(2'000);  // late
    auto done = [&] {
      if constexpr (std::is_copy_constructible_v<Tx>) {
        if (chance.once_in(4)) {
          const Tx clone = txs[chosen->index()];
          return chosen->send(clone, std::move(m));
        }
      }
      return chosen->send(txs[chosen->index()], std::move(m));
    }();
    if (done) return;
    STRAIT_TEST_HOLDS(done.error().reason() == errc::full);  // a rendezvous whose partner dropped
    m = std::move(done.error()).value();
    STRAIT_TEST_HOLDS(message_traits<M>::intact(m));
  }
}

/// Receives from `n` channels until all are closed and drained; drops some promises on the way.
template <class M, class Rx>
std::uint64_t drain_by_selector(const std::vector<Rx>& rxs, std::size_t producers, dice& chance,
                                unsigned drop_in) {
  std::vector<tally<M>> seen(rxs.size(), tally<M>(producers));
  auto fair = strait::selector();
  auto biased = strait::selector::biased();
  auto& s = chance.once_in(2) ? fair : biased;
  for (const auto& rx : rxs) (void)s.recv(rx);
  std::size_t open = rxs.size();
  while (open != 0) {
    if (chance.once_in(6)) {  // ready() reports, and may be wrong by the time we look
      const auto which = chance.once_in(2) ? s.try_ready() : s.ready_for(chance.short_wait());
      if (which) {
        if (const auto m = rxs[*which].try_recv()) seen[*which].take(*m);
      }
      continue;
    }
    auto chosen = choose(s, chance, true);
    watchdog::beat();
    if (!chosen) {
      STRAIT_TEST_HOLDS(chosen.error() == errc::empty || chosen.error() == errc::timeout);
      std::this_thread::yield();
      continue;
    }
    const std::size_t which = chosen->index();
    if (drop_in != 0 && chance.once_in(drop_in)) {
      if (chance.once_in(2)) chance.dither(500);
      continue;
    }
    if (chance.once_in(8)) chance.dither(2'000);
    const auto m = [&] {
      if constexpr (std::is_copy_constructible_v<Rx>) {
        if (chance.once_in(4)) {
          const Rx clone = rxs[which];
          return chosen->recv(clone);
        }
      }
      return chosen->recv(rxs[which]);
    }();
    if (m) {
      seen[which].take(*m);
    } else if (m.error() == errc::closed) {
      s.remove(which);
      --open;
    } else {
      STRAIT_TEST_HOLDS(m.error() == errc::empty);
    }
  }
  STRAIT_TEST_HOLDS(!s.select() && s.select().error() == errc::closed);  // no operation left
  std::uint64_t count = 0;
  for (const auto& t : seen) count += t.count();
  return count;
}

// ---- one channel of every flavor ----------------------------------------------------------------

STRAIT_FLAVOR_SUITE(selector_flavors, one_of_each());

enum class side { plain, selecting };

template <class Flavor>
void run_pair(const Flavor& flavor, side sending, side receiving, unsigned drop_in,
              std::uint64_t each) {
  const std::size_t n_tx = Flavor::many_senders ? 2 : 1;
  const std::size_t n_rx = Flavor::many_receivers ? 2 : 1;
  std::atomic<std::uint64_t> received{0};
  {
    auto ch = flavor.template make<parcel>();
    team people;
    for (std::uint32_t i = 0; i < n_tx; ++i) {
      people.add([=, tx = another(ch.tx)](dice& chance) mutable {
        std::vector<sender_of<Flavor, parcel>> txs;
        txs.push_back(std::move(tx));
        strait::selector s;
        (void)s.send(txs[0]);
        for (std::uint64_t seq = 1; seq <= each; ++seq) {
          if (sending == side::selecting) {
            send_by_selector(s, txs, parcel(i, seq), chance, drop_in);
          } else {
            parcel m(i, seq);
            while (send_once(txs[0], m, any_way, chance)) std::this_thread::yield();
          }
        }
      });
    }
    for (std::size_t i = 0; i < n_rx; ++i) {
      people.add([=, &received, rx = another(ch.rx)](dice& chance) mutable {
        std::vector<receiver_of<Flavor, parcel>> rxs;
        rxs.push_back(std::move(rx));
        if (receiving == side::selecting) {
          received += drain_by_selector<parcel>(rxs, n_tx, chance, drop_in);
          return;
        }
        tally<parcel> mine(n_tx);
        for (;;) {
          const auto m = recv_once<parcel>(rxs[0], any_way, chance);
          if (m) {
            mine.take(*m);
          } else if (m.error() == errc::closed) {
            break;
          } else {
            std::this_thread::yield();
          }
        }
        received += mine.count();
      });
    }
    ch.tx.reset();
    if constexpr (Flavor::many_receivers) ch.rx.reset();
    people.join();
  }
  EXPECT_EQ(received.load(), n_tx * each) << "seed " << seed();
  EXPECT_EQ(ledger::live(), 0);
}

STRAIT_FLAVOR_TEST(selector_flavors, sending_selectors) {
  run_pair(flavor, side::selecting, side::plain, 0, amount(flavor, 2'000));
  run_pair(flavor, side::selecting, side::plain, 3, amount(flavor, 2'000));
}
STRAIT_FLAVOR_TEST(selector_flavors, receiving_selectors) {
  run_pair(flavor, side::plain, side::selecting, 0, amount(flavor, 2'000));
  run_pair(flavor, side::plain, side::selecting, 3, amount(flavor, 2'000));
}
STRAIT_FLAVOR_TEST(selector_flavors, selectors_on_both_sides) {
  run_pair(flavor, side::selecting, side::selecting, 0, amount(flavor, 2'000));
  run_pair(flavor, side::selecting, side::selecting, 4, amount(flavor, 2'000));
}

// ---- several channels ---------------------------------------------------------------------------

class selector_mixes : public ::testing::TestWithParam<std::array<int, 3>> {};
INSTANTIATE_TEST_SUITE_P(every_mix, selector_mixes,
                         ::testing::Values(std::array{no_bound, no_bound, no_bound},
                                           std::array{0, 0, 0}, std::array{1, 1, 1},
                                           std::array{0, 2, no_bound}, std::array{1, 0, 3}));

TEST_P(selector_mixes, selectors_against_selects_and_plain) {
  for (const unsigned drop_in : {0U, 4U}) {
    const std::uint64_t each = scaled(500, 50);
    std::atomic<std::uint64_t> received{0};
    {
      std::vector<strait::sender<parcel>> txs;
      std::vector<strait::receiver<parcel>> rxs;
      for (const int capacity : GetParam()) {
        auto ch = capacity == no_bound
                      ? strait::unbounded<parcel>()
                      : strait::bounded<parcel>(static_cast<std::size_t>(capacity));
        txs.push_back(std::move(ch.tx));
        rxs.push_back(std::move(ch.rx));
      }
      team people;
      for (std::uint32_t i = 0; i < 4; ++i) {
        people.add([=](dice& chance) {  // even: by selector; odd: otherwise
          strait::selector s;
          for (const auto& tx : txs) (void)s.send(tx);
          for (std::uint64_t seq = 1; seq <= each; ++seq) {
            if (i % 2 == 0) {
              send_by_selector(s, txs, parcel(i, seq), chance, drop_in);
              continue;
            }
            parcel m(i, seq);
            while (send_once(txs[static_cast<std::size_t>(chance.below(3))], m, giving_up, chance))
              std::this_thread::yield();
          }
        });
      }
      for (std::uint32_t i = 0; i < 3; ++i) {
        people.add([=, &received](dice& chance) {
          if (i < 2) {
            received += drain_by_selector<parcel>(rxs, 4, chance, drop_in);
            return;
          }
          std::vector<tally<parcel>> seen(3, tally<parcel>(4));
          std::array<bool, 3> over{};
          while (!(over[0] && over[1] && over[2])) {
            const auto which = static_cast<std::size_t>(chance.below(3));
            const auto m = recv_once<parcel>(rxs[which], giving_up, chance);
            if (m) seen[which].take(*m);
            if (!m && m.error() == errc::closed) over[which] = true;
          }
          for (const auto& t : seen) received += t.count();
        });
      }
      txs.clear();
      rxs.clear();
      people.join();
    }
    EXPECT_EQ(received.load(), 4 * each) << "seed " << seed();
    EXPECT_EQ(ledger::live(), 0);
  }
}

// A promise is held while the channel ends: by close(), by the other end going. It completes with a
// message or closed, and nothing leaks.
STRAIT_FLAVOR_TEST(selector_flavors, promises_at_the_end_of_the_channel) {
  for (std::uint64_t round = scaled(200, 30); round != 0; --round) {
    auto ch = flavor.template make<parcel>();
    std::optional<sender_of<Flavor, parcel>> tx(std::move(ch.tx));
    std::optional<receiver_of<Flavor, parcel>> rx(std::move(ch.rx));
    std::uint64_t sent = 0, received = 0;
    team people;
    people.add([&](dice& chance) {
      {
        strait::selector s;
        (void)s.send(*tx);
        for (std::uint64_t seq = 1;; ++seq) {
          auto chosen = choose(s, chance, true);
          if (!chosen) continue;
          if (chance.once_in(3)) continue;
          if (chance.once_in(20)) tx->close();
          auto done = chosen->send(*tx, parcel(0, seq));
          if (done) ++sent;
          if (!done && done.error().reason() == errc::closed) break;
        }
      }
      tx.reset();
    });
    people.add([&](dice& chance) {
      const bool leave_early = chance.once_in(2);
      {
        strait::selector s;
        (void)s.recv(*rx);
        for (;;) {
          auto chosen = choose(s, chance, true);
          if (!chosen) continue;
          if (chance.once_in(3)) continue;
          if (leave_early && chance.once_in(15)) break;  // with the promise
          const auto m = chosen->recv(*rx);
          if (m) ++received;
          if (!m && m.error() == errc::closed) break;
        }
      }
      if (leave_early) rx.reset();
    });
    people.join();
    if (rx) {
      EXPECT_EQ(sent, received) << "seed " << seed();
    } else {
      EXPECT_LE(received, sent);
      if (flavor.is_rendezvous()) {
        EXPECT_EQ(received, sent) << "seed " << seed();
      }
    }
    EXPECT_EQ(ledger::live(), 0) << "seed " << seed();
  }
}

}  // namespace

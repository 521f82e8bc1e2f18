// SPDX-License-Identifier: BSL-1.0
//
// The oldest law of channels: what was sent is received, once, in order, and nothing else is. A `plan`
// says how many threads send and receive in which ways; `run_plan` does it and checks counts, a sum
// that no loss-and-doubling can keep, FIFO per producer at each receiver, and that no message lives on.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
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

namespace strait_test {

struct plan {
  std::size_t senders = 2;
  std::size_t receivers = 2;
  std::uint64_t each = 1000;  // messages (or attempts) a sender
  unsigned send_ways = plainly;
  unsigned recv_ways = plainly;
  bool persist = true;  // a send that failed for now is tried again; else its message is dropped
  std::uint64_t dither = 0;       // up to so many idle rounds between two operations
  std::uint64_t close_after = 0;  // close() after about so many receives (0: never)
  bool hazards = false;           // stop tokens are stopped at random times
};

template <class Flavor>
std::size_t senders_allowed(std::size_t n) {
  return Flavor::many_senders ? n : 1;
}
template <class Flavor>
std::size_t receivers_allowed(std::size_t n) {
  return Flavor::many_receivers ? n : 1;
}

template <class M, class Flavor>
void run_plan(const Flavor& flavor, const plan& p) {
  const std::size_t n_tx = senders_allowed<Flavor>(p.senders);
  const std::size_t n_rx = receivers_allowed<Flavor>(p.receivers);
  const std::int64_t lived_before = ledger::live();

  std::vector<tally<M>> sent(n_tx, tally<M>(n_tx)), received(n_rx, tally<M>(n_tx));
  std::atomic<std::uint64_t> received_so_far{0};
  std::atomic<bool> over{false};
  hazards tokens(n_tx + n_rx);
  team people;
  {
    auto ch = flavor.template make<M>();

    for (std::size_t i = 0; i < n_tx; ++i) {
      people.add([&, i, tx = another(ch.tx)](dice& chance) mutable {
        for (std::uint64_t seq = 1; seq <= p.each; ++seq) {
          M m = message_traits<M>::make(static_cast<std::uint32_t>(i), seq);
          const M copy_of_the_name = message_traits<M>::make(static_cast<std::uint32_t>(i), seq);
          std::optional<strait::errc> failed;
          do {
            const auto token = p.hazards ? tokens.token(i) : std::stop_token();
            failed = send_once(tx, m, p.send_ways, chance, token);
            if (failed) {
              STRAIT_TEST_HOLDS(message_traits<M>::intact(m) && message_traits<M>::seq(m) == seq);
              if (*failed != strait::errc::closed) std::this_thread::yield();
            }
            watchdog::beat();
          } while (p.persist && failed && *failed != strait::errc::closed);
          if (!failed) sent[i].note(copy_of_the_name);
          if (failed == strait::errc::closed) {
            STRAIT_TEST_HOLDS(p.close_after !=
                              0);  // nobody else ends the channel before we are done
            break;
          }
          if (p.dither != 0) chance.dither(p.dither);
        }
        tx.reset();
      });
    }
    for (std::size_t i = 0; i < n_rx; ++i) {
      people.add([&, i, rx = another(ch.rx)](dice& chance) mutable {
        for (;;) {
          const auto token = p.hazards ? tokens.token(n_tx + i) : std::stop_token();
          const auto m = recv_once<M>(rx, p.recv_ways, chance, token);
          if (m) {
            received[i].take(*m);
            const auto so_far = received_so_far.fetch_add(1, std::memory_order_relaxed) + 1;
            if (so_far == p.close_after) rx.close();
          } else if (m.error() == strait::errc::closed) {
            // closed is for ever, and nothing was left
            STRAIT_TEST_HOLDS(rx.try_recv().error() == strait::errc::closed);
            STRAIT_TEST_HOLDS(rx.size() == 0);
            break;
          } else {
            std::this_thread::yield();
          }
          watchdog::beat();
          if (p.dither != 0) chance.dither(p.dither);
        }
      });
    }
    std::thread striker;
    if (p.hazards) {
      striker = std::thread([&] {
        dice chance(0xDA46E7);
        while (!over.load(std::memory_order_relaxed)) {
          tokens.strike(chance);
          chance.dither(3000);
          if (chance.once_in(4)) std::this_thread::yield();
        }
      });
    }
    ch.tx.reset();
    if constexpr (Flavor::many_receivers) ch.rx.reset();
    people.join();
    over.store(true, std::memory_order_relaxed);
    if (striker.joinable()) striker.join();
  }

  tally<M> all_sent(0), all_received(0);
  for (const auto& t : sent) all_sent += t;
  for (const auto& t : received) all_received += t;
  EXPECT_EQ(all_sent.count(), all_received.count()) << "seed " << seed();
  EXPECT_EQ(all_sent.sum(), all_received.sum()) << "seed " << seed();
  if (p.persist && p.close_after == 0) {
    EXPECT_EQ(all_sent.count(), n_tx * p.each) << "seed " << seed();
  }
  EXPECT_EQ(ledger::live(), lived_before) << "seed " << seed();
}

/// The sizes of team every plan is tried with: two to eight threads.
struct sides {
  std::size_t senders, receivers;
};
inline constexpr sides team_sizes[] = {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {3, 1},
                                       {1, 3}, {4, 4}, {2, 6}, {6, 2}};

/// Calls f(senders, receivers) for each team the flavor allows, each once.
template <class Flavor, class F>
void for_each_team(const Flavor&, F f) {
  std::vector<std::pair<std::size_t, std::size_t>> done;
  for (const auto& size : team_sizes) {
    const std::pair team(senders_allowed<Flavor>(size.senders),
                         receivers_allowed<Flavor>(size.receivers));
    if (std::find(done.begin(), done.end(), team) != done.end()) continue;
    done.push_back(team);
    f(team.first, team.second);
  }
}

}  // namespace strait_test

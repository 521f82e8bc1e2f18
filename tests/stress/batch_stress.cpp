// SPDX-License-Identifier: BSL-1.0
//
// Batches and ranges in races: send_many of many elements against recv_many, try_recv_many, the ranges
// and plain receives; batches cut short by close(); output iterators that throw.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <stdexcept>
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

STRAIT_FLAVOR_SUITE(batches, one_of_each());

/// Receives in batches of random size and form until the channel is closed and drained.
template <class Rx>
tally<parcel> drain_in_batches(const Rx& rx, std::size_t producers, dice& chance) {
  tally<parcel> mine(producers);
  for (;;) {
    std::vector<parcel> some;
    const std::size_t max = 1 + static_cast<std::size_t>(chance.below(12));
    switch (chance.below(4)) {
      case 0: {
        const std::size_t n = rx.recv_many(std::back_inserter(some), max);
        STRAIT_TEST_HOLDS(n == some.size() && n <= max);
        if (n == 0) return mine;
        break;
      }
      case 1: {
        const std::size_t n = rx.try_recv_many(std::back_inserter(some), max);
        STRAIT_TEST_HOLDS(n == some.size() && n <= max);
        if (n == 0) std::this_thread::yield();
        break;
      }
      case 2: {
        std::size_t n = 0;
        for (auto& m : rx.try_iter()) {
          mine.take(m);
          if (++n == max) break;
        }
        if (n == 0) std::this_thread::yield();
        break;
      }
      default: {
        std::size_t n = 0;
        for (auto& m : rx) {
          mine.take(m);
          if (++n == max) break;
        }
        if (n < max) return mine;  // the range ended: closed and drained
      }
    }
    for (const auto& m : some) mine.take(m);
  }
}

STRAIT_FLAVOR_TEST(batches, many_against_many) {
  const std::size_t n_tx = Flavor::many_senders ? 3 : 1;
  const std::size_t n_rx = Flavor::many_receivers ? 3 : 1;
  const std::uint64_t each = amount(flavor, 8'000);
  std::atomic<std::uint64_t> received{0};
  {
    auto ch = flavor.template make<parcel>();
    team people;
    for (std::uint32_t i = 0; i < n_tx; ++i) {
      people.add([each, i, tx = another(ch.tx)](dice& chance) {
        for (std::uint64_t seq = 1; seq <= each;) {
          std::vector<parcel> batch;
          for (std::uint64_t n = chance.below(20); n != 0 && seq <= each; --n)
            batch.emplace_back(i, seq++);
          const std::size_t size = batch.size();
          STRAIT_TEST_HOLDS(tx.send_many(std::move(batch)) == size);
          watchdog::beat();
        }
      });
    }
    for (std::size_t i = 0; i < n_rx; ++i) {
      people.add([&, rx = another(ch.rx)](dice& chance) {
        received += drain_in_batches(rx, n_tx, chance).count();
      });
    }
    ch.tx.reset();
    if constexpr (Flavor::many_receivers) ch.rx.reset();
    people.join();
  }
  EXPECT_EQ(received.load(), n_tx * each) << "seed " << seed();
  EXPECT_EQ(ledger::live(), 0);
}

// Closed in the middle: what send_many reports is what arrives; the rest is untouched.
STRAIT_FLAVOR_TEST(batches, cut_short_by_close) {
  const std::size_t n_tx = Flavor::many_senders ? 2 : 1;
  for (std::uint64_t round = scaled(150, 20); round != 0; --round) {
    std::atomic<std::uint64_t> sent{0}, received{0};
    auto ch = flavor.template make<parcel>();
    team people;
    dice draw(round);
    const std::uint64_t until = 1 + draw.below(150);
    for (std::uint32_t i = 0; i < n_tx; ++i) {
      people.add([&sent, &flavor, i, tx = another(ch.tx)](dice& chance) {
        for (std::uint64_t seq = 1;;) {
          std::vector<parcel> batch;
          for (std::uint64_t n = 1 + chance.below(20); n != 0; --n) batch.emplace_back(i, seq++);
          const std::size_t n = tx.send_many(std::move(batch));
          sent.fetch_add(n);
          for (std::size_t k = 0; k < batch.size(); ++k)
            STRAIT_TEST_HOLDS(batch[k].holds() == (k >= n));
          if (n < batch.size()) return;
          while (flavor.is_unbounded() && tx.size() > 300 && !tx.is_closed())
            std::this_thread::yield();  // no flood
        }
      });
    }
    people.add([&, rx = another(ch.rx)](dice& chance) {
      tally<parcel> mine(n_tx);
      while (mine.count() < until) {
        std::vector<parcel> some;
        (void)rx.recv_many(std::back_inserter(some), 1 + static_cast<std::size_t>(chance.below(9)));
        for (const auto& m : some) mine.take(m);
      }
      rx.close();
      received += mine.count() + drain_in_batches(rx, n_tx, chance).count();
    });
    people.join();
    EXPECT_EQ(sent.load(), received.load()) << "seed " << seed();
  }
  EXPECT_EQ(ledger::live(), 0);
}

// An output iterator that throws loses the message it was given, and only that one.
struct fragile {
  using difference_type = std::ptrdiff_t;
  tally<parcel>* into;
  std::uint64_t* left;
  fragile& operator*() { return *this; }
  fragile& operator++() { return *this; }
  fragile operator++(int) { return *this; }
  fragile& operator=(parcel&& m) {
    if (--*left == 0) throw std::runtime_error("full of it");
    into->take(m);
    return *this;
  }
};

STRAIT_FLAVOR_TEST(batches, output_that_throws) {
  const std::uint64_t each = amount(flavor, 4'000);
  auto ch = flavor.template make<parcel>();
  std::uint64_t lost = 0;
  tally<parcel> mine(1);
  team people;
  people.add([each, tx = std::move(ch.tx)](dice&) {
    for (std::uint64_t seq = 1; seq <= each; ++seq)
      STRAIT_TEST_HOLDS(tx.send(parcel(0, seq)).has_value());
  });
  people.add([&, rx = std::move(ch.rx)](dice& chance) {
    for (std::uint64_t left = 5;;) {
      try {
        const std::size_t n = chance.once_in(2) ? rx.recv_many(fragile{&mine, &left}, 7)
                                                : rx.try_recv_many(fragile{&mine, &left}, 7);
        if (n == 0 && rx.recv_many(fragile{&mine, &left}, 1) == 0) return;
      } catch (const std::runtime_error&) {
        ++lost;
        left = 1 + chance.below(30);
      }
    }
  });
  people.join();
  EXPECT_EQ(mine.count() + lost, each) << "seed " << seed();
  EXPECT_EQ(ledger::live(), 0);
}

}  // namespace

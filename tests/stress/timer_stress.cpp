// SPDX-License-Identifier: BSL-1.0
//
// Timers shared by clones and threads: after fires once, each tick goes to one, in order, never faster
// than its period; alone, in selects, and with waiters that give up.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "ops.hpp"
#include "random.hpp"
#include "scale.hpp"
#include "team.hpp"

namespace {

using namespace strait_test;
using namespace std::chrono_literals;
using strait::errc;
using instant = std::chrono::steady_clock::time_point;

TEST(timers, after_goes_to_one_of_the_clones) {
  for (std::uint64_t round = scaled(200, 20); round != 0; --round) {
    dice draw(round);
    const auto delay = std::chrono::microseconds(draw.between(0, 400));
    const instant begin = std::chrono::steady_clock::now();
    const auto timer = strait::after(delay);
    std::atomic<int> fired{0};
    team people;
    for (int i = 0; i < 4; ++i) {
      people.add([&, rx = timer](dice& chance) {
        const auto limit = begin + delay + 1ms;
        for (;;) {
          strait::recv_result<instant> m = strait::unexpected(errc::empty);
          switch (chance.below(4)) {
            case 0: m = rx.try_recv(); break;
            case 1: m = rx.recv_for(chance.short_wait()); break;
            case 2: m = rx.recv_until(limit); break;
            default:
              strait::select(strait::on_recv(rx, [&](instant t) { m = t; }),
                             strait::on_timeout(chance.short_wait(), [] {}));
          }
          if (m) {
            fired.fetch_add(1);
            STRAIT_TEST_HOLDS(*m >= begin + delay && *m <= std::chrono::steady_clock::now());
          } else {
            STRAIT_TEST_HOLDS(m.error() != errc::closed);
          }
          if (std::chrono::steady_clock::now() > limit) break;
          watchdog::beat();
        }
      });
    }
    people.join();
    EXPECT_EQ(fired.load(), 1) << "seed " << seed();
    EXPECT_EQ(timer.try_recv().error(), errc::empty);
    EXPECT_FALSE(timer.is_closed());
    EXPECT_EQ(timer.size(), 0U);
  }
}

// Four waiters on one `after`: one takes it, the others must not sleep through something else.
TEST(timers, after_and_a_channel) {
  for (std::uint64_t round = scaled(200, 20); round != 0; --round) {
    const auto timer = strait::after(200us);
    auto ch = strait::bounded<int>(1);
    std::atomic<int> fired{0}, got{0};
    team people;
    for (int i = 0; i < 3; ++i) {
      people.add([&](dice&) {
        strait::select(strait::on_recv(timer, [&](instant) { fired.fetch_add(1); }),
                       strait::on_recv(ch.rx, [&](int) { got.fetch_add(1); }));
      });
    }
    people.add([&](dice& chance) {
      chance.dither(100'000);
      STRAIT_TEST_HOLDS(ch.tx.send(1).has_value());
      STRAIT_TEST_HOLDS(ch.tx.send(2).has_value());
    });
    people.join();
    EXPECT_EQ(fired.load(), 1);
    EXPECT_EQ(got.load(), 2);
  }
}

TEST(timers, each_tick_goes_to_one_in_order) {
  const auto period = 300us;
  const std::uint64_t ticks = scaled(800, 60);
  const instant begin = std::chrono::steady_clock::now();
  const auto timer = strait::tick(period);
  std::mutex mutex;
  std::vector<instant> seen;
  std::atomic<std::uint64_t> taken{0};
  team people;
  for (int i = 0; i < 4; ++i) {
    people.add([&, rx = timer](dice& chance) {
      while (taken.load() < ticks) {
        strait::recv_result<instant> m = strait::unexpected(errc::empty);
        switch (chance.below(4)) {
          case 0: m = rx.try_recv(); break;
          case 1: m = rx.recv_for(chance.short_wait()); break;
          case 2: m = rx.recv(); break;
          default:
            strait::select(strait::on_timeout(chance.short_wait(), [] {}),
                           strait::on_recv(rx, [&](instant t) { m = t; }));
        }
        STRAIT_TEST_HOLDS(m || m.error() != errc::closed);
        if (!m) continue;
        STRAIT_TEST_HOLDS(*m <= std::chrono::steady_clock::now());
        taken.fetch_add(1);
        watchdog::beat();
        std::lock_guard lock(mutex);
        seen.push_back(*m);
      }
    });
  }
  people.join();
  std::sort(seen.begin(), seen.end());
  ASSERT_FALSE(seen.empty());
  EXPECT_GE(seen.front(), begin + period);
  for (std::size_t i = 1; i < seen.size(); ++i) {
    EXPECT_GE(seen[i] - seen[i - 1], period)
        << "tick " << i << " seed " << seed();  // so none twice
  }
}

TEST(timers, close_wakes_everybody) {
  for (std::uint64_t round = scaled(200, 20); round != 0; --round) {
    const auto timer = round % 2 == 0 ? strait::after(1h) : strait::never<instant>();
    team people;
    for (int i = 0; i < 3; ++i) {
      people.add([&, rx = timer](dice& chance) {
        const auto m = recv_once<instant>(rx, waiting, chance);
        STRAIT_TEST_HOLDS(!m && m.error() == errc::closed);
      });
    }
    people.add([&](dice& chance) {
      chance.dither(60'000);
      timer.close();
    });
    people.join();
  }
}

TEST(timers, tick_of_zero_is_always_ready) {
  const auto timer = strait::tick(0ns);
  const std::uint64_t each = scaled(20'000, 500);
  team people;
  for (int i = 0; i < 3; ++i) {
    people.add([&](dice&) {
      for (std::uint64_t n = 0; n < each; ++n) {
        // Another thread may have taken the tick of this very nanosecond; waiting finds the next.
        STRAIT_TEST_HOLDS(timer.recv().has_value());
        watchdog::beat();
      }
    });
  }
  people.join();
}

}  // namespace

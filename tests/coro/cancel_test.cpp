// SPDX-License-Identifier: BSL-1.0
//
// Waits that end otherwise: by a stop token, a timeout, or because the suspended coroutine is destroyed. In
// each case the message stays in the channel, goes to the next, or was delivered; no wake-up is lost. Under
// load, for every flavour; every schedule of the small cases is in ../check/coro_models.cpp.
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "flavours.hpp"
#include "owned_coroutine.hpp"
#include "support.hpp"

namespace {

using namespace strait_test;
using strait::sync_wait;
using strait::task;

class Destroyed : public testing::Test {
 public:
  using flavours = every_flavour;
};
class DestroyedMany : public testing::Test {
 public:
  using flavours = list<with<mpmc, no_bound>, with<mpmc, 0>, with<mpmc, 1>, with<mpmc, 3>>;
};
class Timeouts : public Destroyed {};
class Stops : public Destroyed {};

struct tally {
  std::int64_t sum = 0;
  int count = 0;
};

template <class Rx>
owned_coroutine receives(Rx& rx, tally& into) {
  auto m = co_await rx.async_recv();
  if (m) {
    into.sum += *m;
    ++into.count;
  }
}

// Coroutines on one worker: whoever destroys one runs there too, so it is not being resumed meanwhile.
template <class Rx>
task<> destroys_receivers(strait::thread_pool& home, Rx rx, tally& into, unsigned seed) {
  co_await strait::resume_on(home);
  std::minstd_rand random(seed);
  while (!rx.is_closed()) {
    {
      auto a = receives(rx, into);
      const auto turns = random() % 3;
      for (unsigned i = 0; i < turns; ++i) co_await strait::yield();
    }
    // Now one that waits until it has something.
    if (random() % 4 == 0) {
      auto m = co_await rx.async_recv();
      if (m) {
        into.sum += *m;
        ++into.count;
      }
    }
  }
  while (auto m = co_await rx.async_recv()) {
    into.sum += *m;
    ++into.count;
  }
}

FLAVOUR_TEST(Destroyed, ReceiversTakeNothingWithThem) {
  const int n = rounds(4000);
  auto [tx, rx] = flavour.template make<int>();
  tally into;
  strait::thread_pool pool(1);
  worker sender([&, out = std::move(tx)] {
    for (int i = 1; i <= n; ++i) ASSERT_TRUE(out.send(i));
  });
  sync_wait(destroys_receivers(pool, std::move(rx), into, 7));
  EXPECT_EQ(into.count, n);
  EXPECT_EQ(into.sum, std::int64_t{n} * (n + 1) / 2);
}

template <class Tx>
owned_coroutine sends(Tx& tx, int m, bool& sent) {
  auto op = tx.async_send(m);
  auto done = co_await op;
  sent = done.has_value();
}

template <class Tx>
task<> destroys_senders(strait::thread_pool& home, Tx tx, std::int64_t& sum, int n) {
  co_await strait::resume_on(home);
  std::minstd_rand random(3);
  for (int i = 1; i <= n; ++i) {
    bool sent = false;
    {
      auto a = sends(tx, i, sent);
      const auto turns = random() % 3;
      for (unsigned k = 0; k < turns; ++k) co_await strait::yield();
    }
    if (sent) {
      sum += i;
    } else {
      // It may have been taken; its number is not used again, and what is not counted must be so rare
      // that a real send follows.
      auto op = tx.async_send(-i);
      (void)co_await op;
    }
  }
}

// What a sender was told is sent arrives once; what it was not told may have arrived, once.
FLAVOUR_TEST(Destroyed, SendersHaveSentOrNot) {
  const int n = rounds(4000);
  auto [tx, rx] = flavour.template make<int>();
  std::int64_t told = 0, received = 0;
  std::vector<int> seen(static_cast<std::size_t>(2 * n + 1));
  strait::thread_pool pool(1);
  std::optional<worker> receiver;
  receiver.emplace([&, in = std::move(rx)] {
    while (auto m = in.recv()) {
      ++seen[static_cast<std::size_t>(*m + n)];
      if (*m > 0) received += *m;
    }
  });
  sync_wait(destroys_senders(pool, std::move(tx), told, n));
  receiver.reset();
  EXPECT_GE(received, told);
  for (const int times : seen) EXPECT_LE(times, 1);
}

// The frames live in vectors that go at random, with lines of several.
FLAVOUR_TEST(DestroyedMany, PassTheirWakeUpsOn) {
  const int n = rounds(2000);
  auto [tx, rx] = flavour.template make<int>();
  tally into;
  strait::thread_pool pool(1);
  auto crowd = [](strait::thread_pool& home, auto from, tally& to) -> task<> {
    co_await strait::resume_on(home);
    std::minstd_rand random(11);
    while (!from.is_closed()) {
      std::vector<owned_coroutine> waiting;
      for (int i = 0; i < 5; ++i) waiting.push_back(receives(from, to));
      for (unsigned i = 0; i < 2; ++i) co_await strait::yield();
      while (!waiting.empty()) {
        std::swap(waiting[random() % waiting.size()], waiting.back());
        waiting.pop_back();
        if (random() % 2 == 0) co_await strait::yield();
      }
    }
    while (auto m = co_await from.async_recv()) {
      to.sum += *m;
      ++to.count;
    }
  };
  std::atomic<std::int64_t> elsewhere{0};
  {
    // A thread in the same line: it must get what the destroyed ones were called for.
    worker thread([&, in = rx] {
      while (auto m = in.recv()) elsewhere += *m;
    });
    worker sender([&, out = std::move(tx)] {
      for (int i = 1; i <= n; ++i) ASSERT_TRUE(out.send(i));
    });
    sync_wait(crowd(pool, std::move(rx), into));
  }
  EXPECT_EQ(into.sum + elsewhere, std::int64_t{n} * (n + 1) / 2);
}

// ---- stop tokens and timeouts -------------------------------------------------------------------

template <class Rx>
task<> impatient(Rx rx, tally& into, unsigned seed) {
  std::minstd_rand random(seed);
  for (;;) {
    const auto patience = std::chrono::microseconds(random() % 60);
    auto m = co_await rx.async_recv_for(patience);
    if (m) {
      into.sum += *m;
      ++into.count;
    } else if (m.error() == errc::closed) {
      co_return;
    }
  }
}

template <class Tx>
task<> impatient_sender(Tx tx, int n) {
  std::minstd_rand random(5);
  for (int i = 1; i <= n; ++i) {
    int m = i;
    for (;;) {
      auto op = tx.async_send_for(m, std::chrono::microseconds(random() % 60));
      auto sent = co_await op;
      if (sent) break;
      if (sent.error().reason() == errc::closed) co_return;
      m = sent.error().value();
    }
  }
}

FLAVOUR_TEST(Timeouts, LoseNothing) {
  const int n = rounds(3000);
  auto [tx, rx] = flavour.template make<int>();
  tally into;
  strait::thread_pool pool(2);
  strait::scope s(pool);
  s.spawn(impatient(std::move(rx), into, 1));
  s.spawn(impatient_sender(std::move(tx), n));
  s.join();
  EXPECT_EQ(into.count, n);
  EXPECT_EQ(into.sum, std::int64_t{n} * (n + 1) / 2);
}

template <class Rx>
task<> stoppable(Rx rx, tally& into, std::atomic<std::stop_source*>& current) {
  for (;;) {
    std::stop_source mine;
    current = &mine;
    auto m = co_await rx.async_recv(mine.get_token());
    while (current.exchange(nullptr) == nullptr)
      co_await strait::yield();  // taken: it is being used
    if (m) {
      into.sum += *m;
      ++into.count;
    } else if (m.error() == errc::closed) {
      co_return;
    }
  }
}

FLAVOUR_TEST(Stops, LoseNothing) {
  const int n = rounds(3000);
  auto [tx, rx] = flavour.template make<int>();
  tally into;
  std::atomic<std::stop_source*> current{nullptr};
  std::atomic<bool> over{false};
  worker stopper([&] {
    while (!over) {
      if (std::stop_source* source = current.exchange(nullptr)) {
        source->request_stop();
        current = source;  // given back
      }
      std::this_thread::yield();
    }
  });
  {
    worker sender([&, out = std::move(tx)] {
      for (int i = 1; i <= n; ++i) ASSERT_TRUE(out.send(i));
    });
    strait::thread_pool pool(1);
    strait::scope s(pool);
    s.spawn(stoppable(std::move(rx), into, current));
    s.join();
  }
  over = true;
  EXPECT_EQ(into.count, n);
  EXPECT_EQ(into.sum, std::int64_t{n} * (n + 1) / 2);
}

// ---- oneshot ------------------------------------------------------------------------------------

TEST(Oneshot, Awaited) {
  auto [tx, rx] = strait::oneshot<std::unique_ptr<int>>();
  auto receive = [](strait::oneshot_receiver<std::unique_ptr<int>> from) -> task<int> {
    auto m = co_await from.async_recv();
    co_return m ? **m : -1;
  };
  worker sender([out = std::move(tx)] { EXPECT_TRUE(out.send(std::make_unique<int>(4))); });
  EXPECT_EQ(sync_wait(receive(std::move(rx))), 4);
}

TEST(Oneshot, ADestroyedWaitKeepsIt) {
  for (int i = 0; i < rounds(2000); ++i) {
    auto [tx, rx] = strait::oneshot<int>();
    strait::thread_pool pool(1);
    worker sender([out = std::move(tx)] { EXPECT_TRUE(out.send(4)); });
    auto destroy = [](strait::thread_pool& home, strait::oneshot_receiver<int> from) -> task<int> {
      co_await strait::resume_on(home);
      tally into;
      {
        auto wait = receives(from, into);
      }
      if (into.count == 1) co_return 4;
      auto m = co_await from.async_recv();
      co_return m ? *m : -1;
    };
    ASSERT_EQ(sync_wait(destroy(pool, std::move(rx))), 4);
  }
}

// A select that is destroyed while it waits in several lines.
TEST(Select, DestroyedInSeveralLines) {
  const int n = rounds(3000);
  auto a = strait::bounded<int>(0);
  auto b = strait::bounded<int>(1);
  tally into;
  strait::thread_pool pool(1);
  worker left([&, tx = std::move(a.tx)] {
    for (int i = 1; i <= n; ++i) ASSERT_TRUE(tx.send(i));
  });
  worker right([&, tx = std::move(b.tx)] {
    for (int i = 1; i <= n; ++i) ASSERT_TRUE(tx.send(i));
  });
  struct one {
    static owned_coroutine select(strait::receiver<int>& x, strait::receiver<int>& y, tally& to) {
      auto count = [&to](int m) {
        to.sum += m;
        ++to.count;
      };
      auto op = strait::async_select(strait::on_recv(x, count), strait::on_recv(y, count));
      (void)co_await op;
    }
    static task<> run(strait::thread_pool& home, strait::receiver<int> x, strait::receiver<int> y,
                      tally& to, int all) {
      co_await strait::resume_on(home);
      std::minstd_rand random(1);
      while (to.count < all) {
        auto waiting = select(x, y, to);
        const auto turns = random() % 3;
        for (unsigned i = 0; i < turns; ++i) co_await strait::yield();
      }
    }
  };
  sync_wait(one::run(pool, std::move(a.rx), std::move(b.rx), into, 2 * n));
  EXPECT_EQ(into.sum, std::int64_t{n} * (n + 1));
}

}  // namespace

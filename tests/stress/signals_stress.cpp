// SPDX-License-Identifier: BSL-1.0
//
// A storm of signals: every 100 microseconds one interrupts each thread of the test in whatever it does, so that
// sleeps in the kernel end early (EINTR) again and again. Nothing may be lost, woken for nothing or told a
// timeout that has not come. Each test asserts that signals did arrive.
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "random.hpp"
#include "scale.hpp"
#include "team.hpp"

namespace {

using namespace strait_test;
using namespace std::chrono_literals;
using strait::errc;

std::atomic<std::uint64_t> arrived{0};
extern "C" void count_signal(int) { arrived.fetch_add(1, std::memory_order_relaxed); }

/// Interrupts the threads that stand in the rain, from one thread of its own, while it lives.
class storm {
 public:
  storm() : before_(arrived.load()) {
    struct sigaction action{};
    action.sa_handler = &count_signal;
    ::sigemptyset(&action.sa_mask);
    action.sa_flags = 0;                     // no SA_RESTART: system calls end with EINTR
    ::sigaction(SIGUSR1, &action, nullptr);  // for good: a thread may be told late
    thread_ = std::thread([this] {
      while (!over_.load(std::memory_order_acquire)) {
        std::this_thread::sleep_for(100us);
        const std::lock_guard lock(mutex_);
        for (const pthread_t t : targets_) ::pthread_kill(t, SIGUSR1);
      }
    });
  }
  storm(const storm&) = delete;
  storm& operator=(const storm&) = delete;
  ~storm() {
    over_.store(true, std::memory_order_release);
    thread_.join();
    EXPECT_GT(arrived.load(), before_) << "no signal came: the test showed nothing";
  }

  /// The calling thread is interrupted while this lives.
  class rain {
   public:
    explicit rain(storm& s) : storm_(&s) {
      const std::lock_guard lock(s.mutex_);
      s.targets_.push_back(::pthread_self());
    }
    rain(const rain&) = delete;
    rain& operator=(const rain&) = delete;
    ~rain() {
      const std::lock_guard lock(storm_->mutex_);
      std::erase(storm_->targets_, ::pthread_self());
    }

   private:
    storm* storm_;
  };

  /// The calling thread is interrupted from now on; it ends after this.
  void interrupt_this_thread() {
    const std::lock_guard lock(mutex_);
    for (const pthread_t t : targets_) {
      if (::pthread_equal(t, ::pthread_self()) != 0) return;
    }
    targets_.push_back(::pthread_self());
  }

  /// Until at least one has come since.
  void wait_for_one() const {
    const std::uint64_t now = arrived.load();
    while (arrived.load() == now) std::this_thread::yield();
  }

 private:
  const std::uint64_t before_;
  std::mutex mutex_;
  std::vector<pthread_t> targets_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

template <class Channel>
void conserves(Channel ch, std::uint64_t each) {
  storm weather;
  std::atomic<std::uint64_t> sent{0}, received{0}, sum_sent{0}, sum_received{0};
  team people;
  for (std::uint64_t s = 0; s < 2; ++s) {
    people.add([&, s, tx = ch.tx](dice& chance) {
      const storm::rain wet(weather);
      for (std::uint64_t i = 0; i < each; ++i) {
        const std::uint64_t m = s * each + i + 1;
        const auto r = chance.below(2) == 0 ? tx.send(m) : tx.send_for(m, 10s);
        STRAIT_TEST_HOLDS(r.has_value());
        sent.fetch_add(1);
        sum_sent.fetch_add(m);
        if (i % 16 == 0) watchdog::beat();
      }
    });
  }
  for (int r = 0; r < 2; ++r) {
    people.add([&, rx = ch.rx](dice& chance) {
      const storm::rain wet(weather);
      for (;;) {
        strait::recv_result<std::uint64_t> m = strait::unexpected(errc::empty);
        switch (chance.below(3)) {
          case 0: m = rx.recv(); break;
          case 1: m = rx.recv_for(50us); break;
          default: strait::select(strait::on_recv(rx, [&](auto got) { m = got; }));
        }
        if (!m && m.error() == errc::closed) break;
        if (m) {
          received.fetch_add(1);
          sum_received.fetch_add(*m);
        }
      }
    });
  }
  people.go();
  ch.tx.reset();
  people.join();
  {
    const storm::rain wet(weather);  // a quick test may be over before the first one
    weather.wait_for_one();
  }
  EXPECT_EQ(sent.load(), received.load());
  EXPECT_EQ(sum_sent.load(), sum_received.load());
}

TEST(signals, rendezvous) { conserves(strait::bounded<std::uint64_t>(0), scaled(20'000, 200)); }
TEST(signals, one_place) { conserves(strait::bounded<std::uint64_t>(1), scaled(20'000, 200)); }
TEST(signals, unbounded) { conserves(strait::unbounded<std::uint64_t>(), scaled(40'000, 200)); }

// A sleep that is interrupted is not over: the time limit is an instant, not what was left of it.
TEST(signals, time_limits_are_kept) {
  auto ch = strait::bounded<int>(1);
  auto hand = strait::bounded<int>(0);
  storm weather;
  const storm::rain wet(weather);
  for (std::uint64_t i = scaled(30, 4); i != 0; --i) {
    const auto begin = std::chrono::steady_clock::now();
    switch (i % 4) {
      case 0: EXPECT_EQ(ch.rx.recv_for(5ms).error(), errc::timeout); break;
      case 1: EXPECT_EQ(hand.rx.recv_for(5ms).error(), errc::timeout); break;
      case 2: EXPECT_TRUE(strait::after(5ms).recv().has_value()); break;
      default:
        EXPECT_EQ(strait::select(strait::on_recv(ch.rx), strait::on_timeout(5ms)), std::size_t{1});
    }
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 5ms);
    watchdog::beat();
  }
  weather.wait_for_one();
}

// Coroutines on workers that are interrupted while they park, run, and sleep for a deadline.
strait::task<> plays(strait::receiver<int> from, strait::sender<int> to, storm& weather) {
  for (;;) {
    weather.interrupt_this_thread();  // whichever worker it is
    auto m = co_await from.async_recv_for(100us);
    if (!m && m.error() == errc::timeout) continue;
    if (!m || *m == 0) co_return;
    auto sent = co_await to.async_send(*m - 1);
    if (!sent) co_return;
  }
}

TEST(signals, coroutines) {
  strait::thread_pool pool(2);
  storm weather;  // ends before its targets
  for (const std::size_t capacity : {0U, 1U}) {
    auto a = strait::bounded<int>(capacity), b = strait::bounded<int>(capacity);
    auto from = a.rx;
    strait::scope players(pool);
    players.spawn(plays(std::move(a.rx), std::move(b.tx), weather));
    players.spawn(plays(std::move(b.rx), a.tx, weather));
    const int turns = static_cast<int>(scaled(20'000, 200));
    EXPECT_TRUE(a.tx.send(turns).has_value());
    weather.wait_for_one();
    a.tx.reset();
    from.reset();
    players.join();
    watchdog::beat();
  }
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
//
// Threads that start together. `team` holds them until everybody is there, gives each its own dice,
// and joins them. `meeting` is a barrier for rounds: cheap on two cores, polite on one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "random.hpp"
#include "watchdog.hpp"

namespace strait_test {

class team {
 public:
  team() = default;
  team(const team&) = delete;
  team& operator=(const team&) = delete;
  ~team() { join(); }

  /// A new member; runs `body(dice&)` once the team goes.
  template <class Body>
  void add(Body body) {
    const std::uint64_t stream = 0x1000003U * (salt_ + threads_.size() + 1);
    threads_.emplace_back([this, stream, body = std::move(body)]() mutable {
      dice chance(stream);
      while (!going_.load(std::memory_order_acquire)) std::this_thread::yield();
      body(chance);
      watchdog::beat();
    });
  }
  void go() { going_.store(true, std::memory_order_release); }
  /// Lets the team go if it did not yet, and waits for all. The team can be used again.
  void join() {
    go();
    for (auto& thread : threads_) thread.join();
    salt_ += threads_.size();
    threads_.clear();
    going_.store(false, std::memory_order_relaxed);
    watchdog::beat();
  }

 private:
  std::atomic<bool> going_{false};
  std::uint64_t salt_ = 0;
  std::vector<std::thread> threads_;
};

class meeting {
 public:
  explicit meeting(std::size_t parties) noexcept : parties_(parties), missing_(parties) {}
  meeting(const meeting&) = delete;
  meeting& operator=(const meeting&) = delete;

  void wait() noexcept {
    const std::size_t round = round_.load(std::memory_order_acquire);
    if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      missing_.store(parties_, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      watchdog::beat();
      return;
    }
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
      if (spins > 200) std::this_thread::yield();
    }
  }

 private:
  const std::size_t parties_;
  alignas(64) std::atomic<std::size_t> missing_;
  alignas(64) std::atomic<std::size_t> round_{0};
};

/// A failure that says itself only a few times, however often it happens.
inline void complain(const char* what) {
  static std::atomic<int> said{0};
  if (said.fetch_add(1, std::memory_order_relaxed) < 20) {
    ADD_FAILURE() << what << " (seed " << seed() << ")";
  }
}
#define STRAIT_TEST_HOLDS(condition) ((condition) ? void() : ::strait_test::complain(#condition))

}  // namespace strait_test

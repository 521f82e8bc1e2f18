// SPDX-License-Identifier: BSL-1.0
//
// Chance that can be repeated: one seed for the process (STRAIT_SEED, else drawn and printed), one
// generator a thread, derived from the seed, the test's name and the thread's place in its team.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace strait_test {

inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    if (const char* text = std::getenv("STRAIT_SEED"); text != nullptr && *text != '\0') {
      return static_cast<std::uint64_t>(std::strtoull(text, nullptr, 0));
    }
    return static_cast<std::uint64_t>(std::random_device{}());
  }();
  return value;
}

/// splitmix64: small, fast, good enough to disturb threads.
class dice {
 public:
  explicit dice(std::uint64_t stream) noexcept : state_(seed() * 0x2545F4914F6CDD1DU ^ stream) {
    if (const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
        test != nullptr) {
      state_ ^= std::hash<std::string>{}(std::string(test->test_suite_name()) + test->name());
    }
    (void)next();
  }

  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  /// In [0, n).
  std::uint64_t below(std::uint64_t n) noexcept { return n == 0 ? 0 : next() % n; }
  /// In [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) noexcept {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  /// True once in n.
  bool once_in(std::uint64_t n) noexcept { return below(n) == 0; }

  /// Mostly a few microseconds, sometimes past, sometimes long enough to sleep.
  std::chrono::nanoseconds short_wait() noexcept {
    switch (below(8)) {
      case 0: return std::chrono::nanoseconds(between(-1000, 0));
      case 1: return std::chrono::microseconds(between(50, 400));
      default: return std::chrono::nanoseconds(between(100, 30'000));
    }
  }
  /// Waits awake, any time up to `most`: to arrive while somebody is just going to sleep.
  void linger(std::chrono::nanoseconds most) noexcept {
    const auto until =
        std::chrono::steady_clock::now() +
        std::chrono::nanoseconds(below(static_cast<std::uint64_t>(most.count()) + 1));
    while (std::chrono::steady_clock::now() < until) {
    }
  }
  /// Burns between nothing and about `most` rounds; the point is only to shift this thread in time.
  void dither(std::uint64_t most) noexcept {
    for (std::uint64_t i = below(most + 1); i != 0; --i) {
      volatile std::uint64_t sink = state_;
      (void)sink;
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace strait_test

// SPDX-License-Identifier: BSL-1.0
//
// A hang is a failure with a name. Workers call `watchdog::beat()` as they get on; when nobody has for
// a minute, the watchdog names the test and aborts. STRAIT_WATCHDOG sets the seconds;
// STRAIT_WATCHDOG_KEEP=1 keeps the process for a debugger instead of aborting.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace strait_test {

class watchdog : public ::testing::EmptyTestEventListener {
 public:
  watchdog() : limit_(seconds_from_environment()), thread_([this] { watch(); }) {}
  ~watchdog() override {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  /// "I got on." Any thread, any time; costs one uncontended add.
  static void beat() noexcept { mine().fetch_add(1, std::memory_order_relaxed); }

  void OnTestStart(const ::testing::TestInfo& test) override {
    std::lock_guard lock(mutex_);
    test_ = std::string(test.test_suite_name()) + "." + test.name();
    beat();
  }
  void OnTestEnd(const ::testing::TestInfo&) override { beat(); }

 private:
  struct alignas(128) line {
    std::atomic<std::uint64_t> beats;  // zero from the start (C++20)
  };

  static std::atomic<std::uint64_t>& mine() noexcept {
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t index =
        threads.fetch_add(1, std::memory_order_relaxed) % lines_.size();
    return lines_[index].beats;
  }
  static std::uint64_t beats() noexcept {
    std::uint64_t sum = 0;
    for (const auto& line : lines_) sum += line.beats.load(std::memory_order_relaxed);
    return sum;
  }
  static std::chrono::seconds seconds_from_environment() {
    const char* text = std::getenv("STRAIT_WATCHDOG");
    const long seconds = text == nullptr ? 60 : std::strtol(text, nullptr, 10);
    return std::chrono::seconds(seconds > 0 ? seconds : 60);
  }

  void watch() {
    using clock = std::chrono::steady_clock;
    std::unique_lock lock(mutex_);
    std::uint64_t seen = beats();
    auto since = clock::now();
    while (!changed_.wait_for(lock, std::chrono::milliseconds(500), [this] { return done_; })) {
      if (const std::uint64_t now = beats(); now != seen) {
        seen = now;
        since = clock::now();
      } else if (clock::now() - since > limit_) {
        std::fprintf(stderr, "\nwatchdog: no progress for %lld s in %s (process %d)\n",
                     static_cast<long long>(limit_.count()), test_.c_str(),
                     static_cast<int>(::getpid()));
        std::fflush(stderr);
        if (std::getenv("STRAIT_WATCHDOG_KEEP") == nullptr) std::abort();
        since = clock::now() + std::chrono::hours(24);
      }
    }
  }

  static inline std::array<line, 32> lines_{};

  std::chrono::seconds limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string test_ = "(no test)";
  bool done_ = false;
  std::thread thread_;
};

}  // namespace strait_test

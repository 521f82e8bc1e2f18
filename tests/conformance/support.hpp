// SPDX-License-Identifier: BSL-1.0
//
// What the conformance tests share: threads that are joined, flags, words for results, a message that
// counts its lives, a clock for a thread's own processor time, and a watchdog that gives a hang a name.
//
// No test may fail because the machine is slow: times are only ever bounded from below, and where a test
// says `a_moment()` so that another thread is probably asleep by then, its verdict holds either way.
#pragma once

#include <time.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRAIT_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define STRAIT_TEST_SANITIZED 1
#endif
#endif
#ifndef STRAIT_TEST_SANITIZED
#define STRAIT_TEST_SANITIZED 0
#endif

// ThreadSanitizer and MemorySanitizer bring an operator new of their own that a program cannot replace.
#if defined(__SANITIZE_THREAD__)
#define STRAIT_TEST_OWN_NEW 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define STRAIT_TEST_OWN_NEW 0
#endif
#endif
#ifndef STRAIT_TEST_OWN_NEW
#define STRAIT_TEST_OWN_NEW 1
#endif

namespace strait_test {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using strait::errc;

inline constexpr bool sanitized = STRAIT_TEST_SANITIZED != 0;

/// Rounds of a race or of a count: a quarter under a sanitizer, where each costs many times more.
constexpr int rounds(int everyday) { return sanitized ? (everyday + 3) / 4 : everyday; }

// ---- the watchdog -------------------------------------------------------------------------------

/// Aborts, naming the test, when one test runs longer than a minute (five under a sanitizer, or
/// STRAIT_WATCHDOG seconds). Registers itself; the tests of a healthy library end long before.
class watchdog final : public ::testing::EmptyTestEventListener {
 public:
  void OnTestProgramStart(const ::testing::UnitTest&) override {
    thread_ = std::thread([this] { watch(); });
  }
  void OnTestStart(const ::testing::TestInfo& test) override {
    change(std::string(test.test_suite_name()) + "." + test.name());
  }
  void OnTestEnd(const ::testing::TestInfo&) override { change(std::string()); }
  void OnTestProgramEnd(const ::testing::UnitTest&) override {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  static bool install() {
    ::testing::UnitTest::GetInstance()->listeners().Append(new watchdog);
    return true;
  }

 private:
  void change(std::string name) {
    {
      std::lock_guard lock(mutex_);
      test_ = std::move(name);
      ++number_;
    }
    changed_.notify_all();
  }
  void watch() {
    const char* text = std::getenv("STRAIT_WATCHDOG");
    const long wish = text == nullptr ? 0 : std::strtol(text, nullptr, 10);
    const std::chrono::seconds limit(wish > 0 ? wish : sanitized ? 300 : 60);
    std::unique_lock lock(mutex_);
    while (!done_) {
      const std::uint64_t number = number_;
      const bool moved = changed_.wait_for(lock, limit, [&] { return done_ || number_ != number; });
      if (!moved && !test_.empty()) {
        std::fprintf(stderr, "watchdog: %s still runs after %lld s\n", test_.c_str(),
                     static_cast<long long>(limit.count()));
        std::abort();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string test_;
  std::uint64_t number_ = 0;
  bool done_ = false;
  std::thread thread_;
};

[[maybe_unused]] inline const bool watchdog_installed = watchdog::install();

// ---- threads ------------------------------------------------------------------------------------

/// A thread that is joined at the end of its scope.
class worker {
 public:
  worker() = default;
  template <class Body>
    requires(!std::is_same_v<std::remove_cvref_t<Body>, worker>)
  explicit worker(Body&& body) : thread_(std::forward<Body>(body)) {}
  worker(worker&&) = default;
  worker& operator=(worker&&) = delete;
  ~worker() { join(); }
  template <class Body>
  void start(Body&& body) {
    join();
    thread_ = std::thread(std::forward<Body>(body));
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

/// Long enough that another thread is most likely asleep in its wait. No verdict may rest on it.
inline void a_moment() { std::this_thread::sleep_for(10ms); }

/// Returns when the condition holds; the watchdog ends a wait for what never comes.
template <class Condition>
void eventually(Condition condition) {
  for (int i = 0; !condition(); ++i) {
    if (i < 200) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(200us);
    }
  }
}

/// Set once, seen by all.
class flag {
 public:
  void set() noexcept { set_.store(true, std::memory_order_release); }
  bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }
  void wait() const {
    eventually([this] { return is_set(); });
  }

 private:
  std::atomic<bool> set_{false};
};

/// Holds threads until all are there, as often as wanted; yields while it waits.
class meeting {
 public:
  explicit meeting(int parties) noexcept : parties_(parties) {}
  void arrive() noexcept {
    const int round = round_.load(std::memory_order_acquire);
    if (here_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
      here_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (int i = 0; round_.load(std::memory_order_acquire) == round; ++i) {
      if (i > 50) std::this_thread::yield();
    }
  }

 private:
  const int parties_;
  std::atomic<int> here_{0};
  std::atomic<int> round_{0};
};

/// Burns a little, differently each time: shifts two threads against each other.
inline void dither(std::minstd_rand& random, unsigned most) {
  const unsigned n = static_cast<unsigned>(random()) % (most + 1);
  for (unsigned i = 0; i < n; ++i) {
    [[maybe_unused]] volatile unsigned sink = i;
  }
}

/// This thread's own processor time since construction.
class processor_time {
 public:
  std::chrono::nanoseconds elapsed() const { return now() - start_; }

 private:
  static std::chrono::nanoseconds now() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  }
  std::chrono::nanoseconds start_ = now();
};

/// A wait that cost at most a tenth of its length (and a start-up allowance) was asleep.
inline ::testing::AssertionResult was_idle(std::chrono::nanoseconds used,
                                           std::chrono::nanoseconds waited) {
  if (used <= waited / 10 + 5ms) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "used " << used.count() << " ns of processor time in a wait of " << waited.count()
         << " ns";
}

/// A token whose stop was requested before. Not inlined: GCC 12 warns of an uninitialized source there.
[[gnu::noinline]] inline std::stop_token stopped_token() {
  std::stop_source source;
  source.request_stop();
  return source.get_token();
}

// ---- words for results --------------------------------------------------------------------------

inline std::string word(errc reason) {
  switch (reason) {
    case errc::empty: return "empty";
    case errc::full: return "full";
    case errc::closed: return "closed";
    case errc::timeout: return "timeout";
    case errc::cancelled: return "cancelled";
  }
  return "no errc: " + std::to_string(static_cast<int>(reason));
}

inline errc reason_of(errc reason) { return reason; }
template <class T>
errc reason_of(const strait::send_error<T>& error) {
  return error.reason();
}

/// The result holds this value.
template <class Result, class Value>
::testing::AssertionResult got(const Result& result, const Value& value) {
  if (!result)
    return ::testing::AssertionFailure() << "failed: " << word(reason_of(result.error()));
  if (*result == value) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "holds " << ::testing::PrintToString(*result)
                                       << " instead of " << ::testing::PrintToString(value);
}

/// The result holds no value, for this reason.
template <class Result>
::testing::AssertionResult failed(const Result& result, errc reason) {
  if (result) return ::testing::AssertionFailure() << "succeeded instead of " << word(reason);
  if (reason_of(result.error()) == reason) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << word(reason_of(result.error())) << " instead of " << word(reason);
}

/// The send failed for this reason and gave this message back.
template <class Result, class Value>
::testing::AssertionResult returned(Result&& result, errc reason, const Value& value) {
  if (auto verdict = failed(result, reason); !verdict) return verdict;
  auto& back = result.error().value();
  if (back == value) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "gave back " << ::testing::PrintToString(back)
                                       << " instead of " << ::testing::PrintToString(value);
}

// ---- a message that counts its lives ------------------------------------------------------------

/// Move-only. Counts objects alive, messages made and messages that died; dies loudly when destroyed
/// twice or moved from after death. A moved-from object lives but holds no message.
class counted {
 public:
  explicit counted(int value) noexcept : value_(value) {
    made_.fetch_add(1, std::memory_order_relaxed);
    live_.fetch_add(1, std::memory_order_relaxed);
  }
  counted(counted&& other) noexcept : value_(other.take()) {
    live_.fetch_add(1, std::memory_order_relaxed);
  }
  counted& operator=(counted&& other) noexcept {
    if (this != &other) {
      lose();
      value_ = other.take();
    }
    return *this;
  }
  ~counted() {
    check();
    lose();
    state_ = dead;
    live_.fetch_sub(1, std::memory_order_relaxed);
  }

  int value() const noexcept {
    check();
    return value_;
  }
  friend bool operator==(const counted& a, int b) noexcept { return a.value() == b; }
  friend void PrintTo(const counted& c, std::ostream* out) {
    *out << "counted(" << c.value() << ")";
  }

  static int live() noexcept { return live_.load(); }
  static int made() noexcept { return made_.load(); }
  static int died() noexcept { return died_.load(); }
  static void start_over() noexcept { made_ = died_ = live_ = 0; }

  static constexpr int nothing = std::numeric_limits<int>::min();

 private:
  static constexpr std::uint32_t alive = 0xA11FE0A1, dead = 0xDEAD0DED;

  void check() const noexcept {
    if (state_ == alive) return;
    std::fprintf(stderr, "counted: used after its destruction, or never constructed\n");
    std::abort();
  }
  int take() noexcept {
    check();
    return std::exchange(value_, nothing);
  }
  void lose() noexcept {
    if (value_ != nothing) died_.fetch_add(1, std::memory_order_relaxed);
    value_ = nothing;
  }

  int value_;
  volatile std::uint32_t state_ = alive;  // volatile: the write in the destructor is meant
  static inline std::atomic<int> live_{0}, made_{0}, died_{0};
};

// ---- chance -------------------------------------------------------------------------------------

namespace detail {
/// Q(a, x), the upper regularised incomplete gamma function (series, and Lentz's continued fraction).
inline double gamma_q(double a, double x) {
  if (x <= 0) return 1;
  const double front = std::exp(-x + a * std::log(x) - std::lgamma(a));
  if (x < a + 1) {
    double term = 1 / a, sum = term;
    for (double n = a + 1; term > sum * 1e-15; ++n) sum += term *= x / n;
    return 1 - front * sum;
  }
  double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
  for (int i = 1; i < 1000; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= d * c;
    if (std::fabs(d * c - 1) < 1e-15) break;
  }
  return front * h;
}
}  // namespace detail

/// Pearson's chi-square against the uniform distribution: fails at p <= 10^-6.
inline ::testing::AssertionResult uniform(const std::vector<std::int64_t>& counts) {
  double n = 0;
  for (auto c : counts) n += static_cast<double>(c);
  const double expected = n / static_cast<double>(counts.size());
  double chi = 0;
  for (auto c : counts)
    chi += (static_cast<double>(c) - expected) * (static_cast<double>(c) - expected) / expected;
  const double p = detail::gamma_q(static_cast<double>(counts.size() - 1) / 2, chi / 2);
  if (p > 1e-6) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "not uniform: " << ::testing::PrintToString(counts)
                                       << ", chi-square " << chi << ", p " << p;
}

}  // namespace strait_test

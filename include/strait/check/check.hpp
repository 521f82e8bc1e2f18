// SPDX-License-Identifier: BSL-1.0
//
// Check a concurrent program under every schedule.
//
//   #include <strait/check/check.hpp>       // compile with STRAIT_CHECK=1, link strait::check
//
//   auto r = strait::check::explore([] {
//     auto [tx, rx] = strait::bounded<int>(1);
//     strait::check::thread t([tx = std::move(tx)] { (void)tx.send(1); });
//     strait::check::require(rx.recv().has_value(), "the message arrives");
//     t.join();
//   });
//   if (!r.ok()) std::puts(r.report.c_str());
//
// The body runs once per schedule; it must do the same thing each time but for what the explorer
// decides. Threads are fibers: do not block in the kernel, use no other thread's locks.
//
// Sources: bounded search after Musuvathi and Qadeer (PLDI 2007), random search with priorities after
// Burckhardt et al. (ASPLOS 2010), the memory model RC11 (Lahav et al., PLDI 2017) as views. Not
// modelled: load buffering, which RC11 forbids; and outcomes in which the order of seq_cst operations is
// not the order of their execution (they need a relaxed hop through a third access; see the disabled
// programs of tests/check/litmus_test.cpp). Store, full fence, load on both sides is exact.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <strait/check/runtime.hpp>

namespace strait::check {

enum class verdict : std::uint8_t {
  ok,
  failed,         ///< a require() was false
  deadlock,       ///< everybody waits for somebody
  lost_wakeup,    ///< a thread sleeps though the word it sleeps on has changed
  livelock,       ///< no end within options::steps
  race,           ///< two accesses to plain data, at least one a write, not ordered
  bad_memory,     ///< use after free, double free, or memory that was never allocated
  leak,           ///< memory left at the end
  exception,      ///< one left a thread
  nondeterminism  ///< the body did something else when it was run again
};
const char* to_string(verdict v) noexcept;

struct options {
  int preemptions = 2;    ///< at most so many switches away from a thread that could go on; -1: any
  int stale_reads = 2;    ///< at most so many loads of another than the newest value; -1: any
  int weak_failures = 1;  ///< at most so many spurious failures of compare_exchange_weak
  int long_streaks = 1;   ///< at most so many times, what has happened once has happened often
  int processors = 1;     ///< with more than one, who waits looks around awake for a moment first,
  int bad_odds = 0;       ///< and at most so many times does not, since it came to nothing lately
  int spurious_wakes = 0;      ///< at most so many returns of a sleep without a wake or a deadline
  int failed_allocations = 0;  ///< at most so many allocations fail
  int failed_threads = 0;      ///< at most so many thread creations fail
  bool rmw_newest = true;      ///< a read-modify-write reads the newest value (as processors do)
  bool asymmetric = true;      ///< light fences are free (membarrier); false: all fences are full
  bool operations = false;     ///< switch threads between channel operations only
  bool reduce =
      true;  ///< of schedules that differ in the order of independent steps, one is enough
  std::uint64_t steps = 20'000;          ///< in one schedule; more is a livelock
  std::uint64_t schedules = UINT64_MAX;  ///< stop after so many, not complete
  double seconds = 0;  ///< stop after so much processor time, not complete; 0: no limit
};

struct result {
  verdict what = verdict::ok;
  std::uint64_t schedules = 0;  ///< executed
  std::uint64_t steps = 0;      ///< in all of them
  std::uint64_t longest = 0;    ///< steps of the longest
  bool complete = false;        ///< every schedule within the options was executed
  double seconds = 0;           ///< of processor time
  std::string message;          ///< one line: what went wrong
  std::string schedule;         ///< for replay()
  std::string report;           ///< the failing schedule, a column for each thread

  bool ok() const noexcept { return what == verdict::ok; }
};

using body = std::function<void()>;

/// Executes `b` under every schedule within the options, those with few preemptions first; stops at
/// the first failure. Not reentrant; one exploration at a time in a process.
result explore(const options& o, const body& b);
inline result explore(const body& b) { return explore(options(), b); }

/// n schedules, chosen at random.
result random(std::uint64_t seed, std::uint64_t n, const body& b, options o = {});
/// n schedules with random priorities that change `depth` - 1 times: finds a bug that needs `depth`
/// ordering constraints among k steps of t threads with a chance of at least 1/(t * k^(depth-1)) each.
result pct(int depth, std::uint64_t n, const body& b, std::uint64_t seed = 1, options o = {});
/// Executes the one schedule that a result names.
result replay(const std::string& schedule, const body& b);

/// A thread of the program under check. The destructor joins.
class thread {
 public:
  /// Throws std::system_error where options::failed_threads let the creation fail.
  template <class F>
  explicit thread(F f, rt::where at = rt::where::here()) {
    auto* held = new F(std::move(f));
    number_ = rt::spawn(
        [](void* p) {
          std::unique_ptr<F> mine(static_cast<F*>(p));
          (*mine)();
        },
        held, at);
    if (number_ < 0) {
      delete held;
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    }
  }
  thread(thread&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  thread& operator=(thread&&) = delete;
  ~thread() { join(); }

  void join(rt::where at = rt::where::here()) noexcept {
    if (number_ >= 0) rt::join(std::exchange(number_, -1), at);
  }

  /// Whether it waits in a channel for another thread; if so, what it did before is seen. Wait for this in
  /// a loop that yields; the reduction does not know of this look: explore with options::reduce = false.
  bool asleep() const noexcept { return rt::asleep(number_); }

 private:
  int number_ = -1;
};

/// Ends the exploration with a failure when the condition is false.
inline void require(bool condition, const char* sentence = "require",
                    rt::where at = rt::where::here()) noexcept {
  rt::require(condition, sentence, at);
}

/// 0 to n - 1; every value is explored.
inline unsigned choose(unsigned n, rt::where at = rt::where::here()) noexcept {
  return rt::choose(n, at);
}

inline void fence(rt::order o, rt::where at = rt::where::here()) noexcept { rt::fence(o, at); }

/// Lets others go first; a loop that waits for another thread must call it (or wait on a channel).
inline void yield(rt::where at = rt::where::here()) noexcept { rt::yield(at); }

/// Lets `d` nanoseconds of the explored program's time pass.
inline void advance(std::int64_t nanoseconds) noexcept { rt::advance(nanoseconds); }

/// Plain data that threads share: a race on it is found.
template <class T>
class var {
 public:
  var() = default;
  explicit var(T value) : value_(std::move(value)) {}
  T get(rt::where at = rt::where::here()) const {
    rt::plain_read(this, sizeof *this, at);
    return value_;
  }
  void set(T value, rt::where at = rt::where::here()) {
    rt::plain_write(this, sizeof *this, at);
    value_ = std::move(value);
  }

 private:
  T value_{};
};

}  // namespace strait::check

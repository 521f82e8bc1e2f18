// SPDX-License-Identifier: BSL-1.0
//
// One execution of the program under check at a time: its threads, its memory, its clock, its heap.
//
// A scheduling point stands before every step that others can see. The running fiber asks the search
// who goes on, and switches to that fiber itself; there is no scheduler thread. What the program does
// between two points is one step.
//
// What is not a choice, and why that is sound
//   - unlock: whoever wants the lock can take it before or after; nothing else tells the two apart.
//   - a thread that yields goes on only after another has changed something, or when nobody else can:
//     waiting in a loop is not explored turn by turn. After a yield a load reads the newest value, as
//     it will in the end.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include <strait/check/check.hpp>

#include "caller.hpp"
#include "fiber.hpp"
#include "heap.hpp"
#include "memory.hpp"
#include "pages.hpp"
#include "plain_memory.hpp"
#include "region.hpp"
#include "search.hpp"

namespace strait::check::detail {

struct event {
  int thread;
  const char* what;
  const void* object;
  word value;
  word before;
  unsigned age;  // how many newer stores a load did not read
  where at;
};

class machine {
 public:
  machine();
  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;

  /// Executes the body once under the choices of `s`; false: a failure (what, message, events).
  bool execute(const options& o, search& s, const body& b);

  /// From now on each channel operation is an event that names the user's line: slow, for a report.
  void trace(bool on) noexcept { tracing_ = on; }

  verdict what() const noexcept { return what_; }
  const std::string& message() const noexcept { return message_; }
  const std::vector<event>& events() const noexcept { return events_; }
  std::uint64_t steps() const noexcept { return steps_; }
  int preemptions() const noexcept { return preemptions_; }
  int threads() const noexcept { return count_; }
  std::string name_of(const void* object) const;
  std::string state_of(int thread) const;

  // ---- the runtime (rt::) ----

  void construct(void* object, unsigned size, where at);
  word load(const void* object, unsigned size, rt::order o, where at);
  void store(void* object, unsigned size, word value, rt::order o, where at);
  word modify(void* object, unsigned size, rt::rmw how, word operand, rt::order o, where at);
  bool compare_exchange(void* object, unsigned size, word& expected, word desired,
                        rt::order success, rt::order failure, bool weak, where at);
  void fence(rt::order o, where at);
  bool asymmetric() const noexcept { return options_.asymmetric; }
  unsigned processors() const noexcept { return static_cast<unsigned>(options_.processors); }
  void light_fence(where at);
  void heavy_fence(where at);
  void lock(void* mutex, where at);
  void unlock(void* mutex, where at);
  void futex_wait(void* object, std::uint32_t expected, std::int64_t until, where at);
  void futex_wake(void* object, bool all, where at);
  std::int64_t now();
  void advance(std::int64_t ns);
  void yield(where at);
  void* allocate(std::size_t bytes, std::size_t align, bool zeroed, where at);
  void deallocate(void* p, where at);
  void plain(const void* object, std::size_t size, bool write, where at);
  void operation_begin(where at);
  void operation_end();
  int spawn(rt::entry f, void* argument, where at);
  void join(int thread, where at);
  int self() const noexcept { return current_; }
  void*& local() noexcept { return me().local; }
  bool asleep(int thread);
  void entered(const void* frame) noexcept {
    threads_[current_].stack_used = reinterpret_cast<std::uintptr_t>(frame);
  }
  unsigned choose_value(unsigned n, where at);
  bool often(where at);
  bool bad_odds(where at);
  void require(bool condition, const char* sentence, where at);
  [[noreturn]] void crashed(int signal, const void* address, const void* code);

 private:
  enum class state : std::uint8_t { none, ready, sleeping, locking, joining, finished };

  struct thread_state {
    fiber context;
    state now = state::none;
    rt::entry run = nullptr;
    void* argument = nullptr;
    void* local = nullptr;
    const void* waits_for = nullptr;  // a futex word or a lock
    std::uint32_t expected = 0;
    int joins = -1;
    std::int64_t until = rt::no_deadline;
    bool yielded = false;
    bool fresh = false;  // the next loads read the newest value
    std::uint64_t progress_seen = 0;
    std::uintptr_t stack_used = 0;  // while it does not run: from this address up
    int in_operation = 0;
    where at{nullptr, 0};
    view known, acquired, fenced;
  };

  struct lock_state {
    const void* address;
    bool held;
    view released;
  };

  static void fiber_loop();
  void run_job();
  [[noreturn]] void stop();
  [[noreturn]] void fail(verdict v, std::string message);

  bool enabled(int t) const noexcept;
  void point(const char* what, where at);
  void block_current(state s, where at);
  void leave_to_others(bool for_good);
  void switch_to(int t);
  void wake_from_timeout(int thread);
  void progress() noexcept { ++progress_; }
  bool happens(int at_most, int& times, const char* what, where at);

  thread_state& me() noexcept { return threads_[current_]; }
  unsigned at_location(const void* object, unsigned size);
  unsigned* location_slot(const void* object);
  lock_state& lock_of(const void* mutex);
  void check_alive(const void* object, std::size_t size, where at, const char* what);
  void touch(const void* object, std::size_t size, bool write, bool atomic, where at);
  unsigned pick_read(location& l, std::uint32_t floor, bool follow, const word* expected,
                     std::uint32_t failure_floor = 0, bool may_fail = false);
  void after_read(unsigned index, const written& w, rt::order o);
  void release_into(written& w, unsigned index, rt::order o, const view* joined);
  void note(const char* what, const void* object, word value, word before, unsigned age, where at);
  unsigned decide(unsigned n);

  // What the search is told of: a location is an object, and so are its sleepers, and a lock.
  static constexpr unsigned all_fences = 0, the_clock = 1, first_end = 2;
  static constexpr unsigned first_other = first_end + max_threads;
  static unsigned object_of_location(unsigned index) noexcept { return first_other + 3 * index; }
  static unsigned object_of_sleepers(unsigned index) noexcept {
    return first_other + 3 * index + 1;
  }
  unsigned object_of_lock(const lock_state& l) const noexcept {
    return first_other + 3 * static_cast<unsigned>(&l - locks_.data()) + 2;
  }
  void looks_at(unsigned object) { search_->touches(current_, object, false); }
  void changes(unsigned object) { search_->touches(current_, object, true); }

  options options_;
  search* search_ = nullptr;
  const body* body_ = nullptr;
  fiber host_;
  thread_state threads_[max_threads];
  int count_ = 0;
  int current_ = 0;
  bool over_ = false;

  region region_;
  heap heap_{region_};
  plain_memory plain_;
  struct place {
    std::uint32_t run;
    std::uint32_t index;
  };
  pages<place> places_{
      region::bytes};  // location of the atomic that begins at each byte of the region
  std::unordered_map<const void*, place> elsewhere_;
  std::uint32_t run_ = 0;
  std::uint32_t base_clock_ = 0;
  std::vector<location> locations_;
  unsigned location_count_ = 0;
  std::vector<lock_state> locks_;
  std::size_t lock_count_ = 0;
  view sc_;
  view light_;  // what light fences have shown: to heavy ones
  view heavy_;  // what heavy fences have shown: to light ones

  std::uint64_t steps_ = 0;
  std::uint64_t progress_ = 0;
  std::uint64_t idle_ = 0;
  int preemptions_ = 0, stale_ = 0, weak_ = 0, streaks_ = 0, bad_odds_ = 0, spurious_ = 0,
      allocations_failed_ = 0, threads_failed_ = 0;
  std::int64_t now_ = 0;
  word random_ = 0;
  std::vector<event> events_;
  caller_names callers_;
  bool tracing_ = false;
  verdict what_ = verdict::ok;
  std::string message_;
};

/// The machine of the exploration that is running, or null.
machine* running() noexcept;

/// Counts as plain accesses what the compiler reports (see instrument.cpp).
void plain_access(const void* object, std::size_t size, bool write, const void* code) noexcept;

}  // namespace strait::check::detail

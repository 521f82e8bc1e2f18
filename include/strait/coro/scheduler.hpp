// SPDX-License-Identifier: BSL-1.0
//
// Where coroutines go on: the interface of a scheduler, and what it queues.
//
// A suspended coroutine is queued as a `runnable` that lives in its own frame, so queueing allocates
// nothing, and a frame that is destroyed while it is queued takes itself out (withdraw). A deadline is a
// `timer_entry`, likewise.
//
// Whoever runs coroutines does it in a loop (run_loop_here), and a coroutine that hands over to another
// one (an awaited task, its awaiter when it ends) names it and returns to that loop. So a hand-over is a
// few plain instructions, the stack does not grow whatever the compiler does about tail calls, and the
// coroutine that hands over is suspended before the other one starts.
#pragma once

#include <coroutine>
#include <utility>

#include <strait/base/sync.hpp>
#include <strait/base/thread.hpp>
#include <strait/wait/waiter.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

class run_queue;

/// Something to run once on a scheduler.
class runnable {
 public:
  runnable() noexcept = default;
  runnable(const runnable&) = delete;
  runnable& operator=(const runnable&) = delete;

  /// In the scheduler's turn, with no lock held. May end the runnable's life.
  virtual void run() noexcept = 0;

 protected:
  ~runnable() = default;

 private:
  friend run_queue;
  runnable* previous_ = nullptr;
  runnable* next_ = nullptr;
  sync::atomic<run_queue*> where_{
      nullptr};  // the queue in whose list it is; changes under its lock
  sync::atomic<run_queue*> front_{nullptr};  // the queue before whose list it is, or was just now
};

/// A waiter's deadline, in a scheduler's heap.
struct timer_entry {
  sync::time_point when{};
  waiter* target = nullptr;
  timer_entry* child = nullptr;     // pairing heap: the first child,
  timer_entry* sibling = nullptr;   // the next of the parent's children,
  timer_entry* previous = nullptr;  // the sibling before, or the parent
  bool linked = false;
};

}  // namespace detail

/// Runs coroutines. What is posted runs later, once, never inside the call that posts it.
class scheduler {
 public:
  scheduler() noexcept = default;
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  /// Any thread may post. Never runs user code in the call.
  virtual void post(detail::runnable& r) noexcept = 0;
  /// Behind everything that is ready now.
  virtual void post_back(detail::runnable& r) noexcept { post(r); }
  /// Takes back what was posted, or is about to be: waits for it to come. It must not have begun.
  virtual void withdraw(detail::runnable& r) noexcept = 0;
  /// At `t.when` cancels `t.target`, unless it is taken out before.
  virtual void add(detail::timer_entry& t) noexcept = 0;
  /// When this returns, nobody touches `t` or its target on its behalf.
  virtual void remove(detail::timer_entry& t) noexcept = 0;

 protected:
  ~scheduler() = default;
};

namespace detail {

/// The loop that runs coroutines on this thread now.
struct loop_context {
  scheduler* home;
  void* worker = nullptr;  // the scheduler's own note of who runs this loop
  std::coroutine_handle<> next = nullptr;
};

inline loop_context* this_loop() noexcept { return static_cast<loop_context*>(sync::this_slot()); }

/// Makes `home` the scheduler of what runs on this thread while it lives.
class enter_loop {
 public:
  explicit enter_loop(scheduler* home, void* worker = nullptr) noexcept
      : context_{home, worker}, outer_(std::exchange(sync::this_slot(), &context_)) {}
  enter_loop(const enter_loop&) = delete;
  enter_loop& operator=(const enter_loop&) = delete;
  ~enter_loop() { sync::this_slot() = outer_; }

  /// Resumes what was handed over to, one after the other.
  void drain() noexcept {
    while (context_.next) std::exchange(context_.next, nullptr).resume();
  }
  loop_context& context() noexcept { return context_; }

 private:
  loop_context context_;
  void* outer_;
};

/// Resumes `h` here and now, in a loop of its own.
inline void resume_here(std::coroutine_handle<> h) noexcept {
  const loop_context* outer = this_loop();
  enter_loop loop(outer != nullptr ? outer->home : nullptr,
                  outer != nullptr ? outer->worker : nullptr);
  loop.context().next = h;
  loop.drain();
}

/// From a coroutine that is suspended, or is about to be in the same call: `h` goes on in its place.
inline void hand_over(std::coroutine_handle<> h) noexcept {
  if (loop_context* loop = this_loop(); loop != nullptr && !loop->next) {
    loop->next = h;
  } else {
    resume_here(h);
  }
}

}  // namespace detail
}  // namespace strait::inline STRAIT_ABI

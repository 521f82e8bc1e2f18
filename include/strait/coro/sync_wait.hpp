// SPDX-License-Identifier: BSL-1.0
//
// From a thread into a coroutine: runs a task, and what it waits for, in the calling thread until the task
// has ended. The thread sleeps while nothing is ready; a task that went on elsewhere (resume_on) ends the
// wait from there.
//
// Whoever posts, or ends the wait, does so under the lock, and the loop takes that lock before it goes: so
// nobody touches it afterwards, but for a wake-up, which needs the address only.
#pragma once

#include <cstdint>
#include <utility>

#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/coro/run_queue.hpp>
#include <strait/coro/scheduler.hpp>
#include <strait/coro/task.hpp>
#include <strait/coro/timer_heap.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

/// A scheduler that is one thread, for a while.
class run_loop final : public scheduler, private task_end {
 public:
  run_loop() noexcept = default;

  void post(runnable& r) noexcept override {
    // The loop's own thread looks at the queue before it sleeps.
    if (const loop_context* here = this_loop(); here != nullptr && here->home == this)
      return queue_.push_back(r);
    change([&] { queue_.push_back(r); });
  }
  void withdraw(runnable& r) noexcept override { run_queue::withdraw(r); }
  void add(timer_entry& t) noexcept override {
    change([&] { timers_.add(t); });
  }
  void remove(timer_entry& t) noexcept override {
    sync::lock_guard lock(mutex_);
    if (t.linked) timers_.remove(t);
  }

  /// Runs `t` to its end, and whatever is posted meanwhile.
  template <class T>
  void run(task<T>& t) noexcept {
    enter_loop loop(this);
    task_access::run(t, *this);
    for (std::uint32_t turn = 1;; ++turn) {
      loop.drain();
      if (finished_.load(sync::acquire)) break;  // acquire: pairs with ended's release
      if (turn % clock_every == 0) fire_timers();
      if (runnable* r = queue_.pop()) {
        r->run();
      } else if (!fire_timers()) {
        sleep();
      }
    }
    const sync::lock_guard last(mutex_);
  }

 private:
  static constexpr std::uint32_t clock_every = 61;

  template <class F>
  void change(F&& f) noexcept {
    sync::futex_word* sleeping = nullptr;
    {
      sync::lock_guard lock(mutex_);
      f();
      if (parked_.load(sync::relaxed) != 0) {  // relaxed: under the lock
        sleeping = &parked_;
        parked_.store(0, sync::release);  // release: pairs with sleep's acquire
      }
    }
    if (sleeping != nullptr) sync::futex_wake_all(sleeping);
  }

  void ended() noexcept override {
    // release: what the task did, for run
    change([&] { finished_.store(true, sync::release); });
  }

  // Cancels what is due; whether there was any.
  bool fire_timers() noexcept {
    for (bool any = false;; any = true) {
      wakeup owed;
      {
        sync::lock_guard lock(mutex_);
        timer_entry* t = timers_.earliest();
        if (t == nullptr || t->when > sync::now()) return any;
        timers_.remove(*t);
        t->target->cancel(owed);
      }
      owed.deliver();
    }
  }

  void sleep() noexcept {
    sync::time_point until = sync::time_point::max();
    {
      sync::lock_guard lock(mutex_);
      // relaxed: written under the lock
      if (finished_.load(sync::relaxed) || !queue_.looks_empty()) return;
      parked_.store(1, sync::relaxed);  // relaxed: under the lock
      if (timers_.earliest() != nullptr) until = timers_.earliest()->when;
    }
    // acquire: pairs with change's release
    while (parked_.load(sync::acquire) != 0) {
      sync::futex_wait(parked_, 1, until);
      if (until != sync::time_point::max() && sync::now() >= until) {
        sync::lock_guard lock(mutex_);
        parked_.store(0, sync::relaxed);  // relaxed: under the lock
      }
    }
  }

  run_queue queue_;
  sync::mutex mutex_;  // timers_, and who posts from outside
  timer_heap timers_;
  sync::futex_word parked_{0};  // 1: the loop sleeps; whoever has something for it sets 0
  sync::atomic<bool> finished_{false};
};

}  // namespace detail

/// Runs `t` in the calling thread, which blocks until it has ended. Returns its value, or throws its
/// exception. Thread-safe; inside a coroutine it blocks the worker (co_await instead).
template <class T>
T sync_wait(task<T> t) {
  {
    detail::run_loop loop;
    loop.run(t);
  }
  return detail::task_access::take(t);
}

}  // namespace strait::inline STRAIT_ABI

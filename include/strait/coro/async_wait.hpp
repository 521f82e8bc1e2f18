// SPDX-License-Identifier: BSL-1.0
//
// A coroutine that waits: the same select as a thread's (channel/select_op.hpp), with a suspension where
// the thread parks. It stands in the same lines, in the same order.
//
//   await_ready    the first round: done at once, or in the lines
//   await_suspend  asleep from here on (waiter::suspend), unless it was decided meanwhile
//   wake           by whoever selected it: posts it to the coroutine's scheduler
//   run            in the scheduler's turn: goes on; resumes the coroutine, or suspends again
//
// After `suspend` said true the wait may go on in another thread at once: nothing of it is touched any
// more by the one that suspended it.
//
// Destruction while suspended. The owner of the frame sees to it that the coroutine is not being resumed
// meanwhile (nobody can destroy what runs); but it may have been woken, or be about to be. Either the wait
// is taken back before anybody selects it, or the wake-up is awaited, taken out of the scheduler again,
// and passed on (N2 in wait/wait_queue.hpp).
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>

#include <strait/base/config.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/coro/default_pool.hpp>
#include <strait/coro/scheduler.hpp>

namespace strait::inline STRAIT_ABI::detail {

class async_wait final : private sleeper, private runnable {
 public:
  /// `plan` and what it names live as long as this.
  explicit async_wait(const select_plan& plan) noexcept : run_(plan, this) {}
  async_wait(const async_wait&) = delete;
  async_wait& operator=(const async_wait&) = delete;
  ~async_wait() {
    if (state_ != state::active) forsake();
  }

  /// True: it is over and nobody need suspend.
  bool ready() {
    step_ = run_.advance();
    return step_ == select_run::step::over;
  }

  /// False: it is over after all.
  bool suspend(std::coroutine_handle<> h) {
    coroutine_ = h;
    home_ = &home_of_this_coroutine();
    return !settle();
  }

  /// After the resumption; rethrows what was thrown meanwhile.
  const select_outcome& outcome() const {
#if STRAIT_EXCEPTIONS
    if (error_ != nullptr) std::rethrow_exception(error_);
#endif
    return run_.outcome();
  }

 private:
  enum class state : std::uint8_t {
    active,
    asleep,  // whoever decides the waiter posts us
    posted   // we posted ourselves
  };

  // True: over. False: suspended.
  bool settle() {
    for (;;) {
      switch (step_) {
        case select_run::step::over: return true;
        case select_run::step::yield:
          state_ = state::posted;
          home_->post_back(*this);
          return false;
        case select_run::step::wait: break;
      }
      state_ = state::asleep;
      if (const deadline until = run_.waits_until(); !until.is_never()) {
        timer_.when = until.when();
        timer_.target = &run_.waits_for();
        home_->add(timer_);
      }
      if (run_.waits_for().suspend()) return false;
      awake();
      step_ = run_.advance();
    }
  }

  void awake() noexcept {
    state_ = state::active;
    if (timer_.target != nullptr) {
      home_->remove(timer_);
      timer_.target = nullptr;
    }
  }

  void wake() noexcept override { home_->post(*this); }

  void run() noexcept override {
    awake();
#if STRAIT_EXCEPTIONS
    try {
      step_ = run_.advance();
      if (!settle()) return;
    } catch (...) {
      error_ = std::current_exception();
    }
#else
    step_ = run_.advance();
    if (!settle()) return;
#endif
    hand_over(coroutine_);
  }

  STRAIT_COLD void forsake() noexcept {
    if (timer_.target != nullptr) home_->remove(timer_);
    if (state_ == state::posted || !run_.abandon()) home_->withdraw(*this);
  }

  select_run run_;
  select_run::step step_ = select_run::step::over;
  state state_ = state::active;
  std::coroutine_handle<> coroutine_;
  scheduler* home_ = nullptr;
  timer_entry timer_;
  std::exception_ptr error_;
};

}  // namespace strait::inline STRAIT_ABI::detail

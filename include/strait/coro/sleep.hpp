// SPDX-License-Identifier: BSL-1.0
//
// Time, and turns: sleeping, letting others go first, going on elsewhere.
#pragma once

#include <chrono>
#include <coroutine>
#include <utility>

#include <strait/base/sync.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/coro/async_limits.hpp>
#include <strait/coro/async_wait.hpp>
#include <strait/coro/default_pool.hpp>
#include <strait/coro/scheduler.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

/// A select without operations: only time and the stop token can end it.
template <class Limit>
class [[nodiscard]] sleep_op {
 public:
  explicit sleep_op(Limit limit, stop_token stop = {})
      : limit_(std::move(limit)),
        token_(std::move(stop)),
        plan_{.ops = {},
              .stops = {&stop_, token_.stop_possible() ? 1U : 0U},
              .until = limit_.until(),
              .check = limit_.check(),
              .may_be_empty = true},
        wait_(plan_) {}
  sleep_op(const sleep_op&) = delete;
  sleep_op& operator=(const sleep_op&) = delete;

  bool await_ready() { return wait_.ready(); }
  bool await_suspend(std::coroutine_handle<> h) { return wait_.suspend(h); }
  /// Whether the time has passed; false: it was asked to stop.
  bool await_resume() { return wait_.outcome().how == select_end::timeout; }

 private:
  Limit limit_;
  stop_token token_;
  stop_arm_state stop_{&token_, {}};
  const select_plan plan_;
  async_wait wait_;
};

/// Suspends once, and goes on behind what is ready on `home`.
class [[nodiscard]] reschedule final : private runnable {
 public:
  explicit reschedule(scheduler* home) noexcept : home_(home) {}
  ~reschedule() {
    if (posted_) home_->withdraw(*this);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    if (home_ == nullptr) home_ = &home_of_this_coroutine();
    coroutine_ = h;
    posted_ = true;
    home_->post_back(*this);  // it may go on, and be gone, before this returns
  }
  void await_resume() const noexcept {}

 private:
  void run() noexcept override {
    posted_ = false;
    hand_over(coroutine_);
  }

  scheduler* home_;
  std::coroutine_handle<> coroutine_;
  bool posted_ = false;
};

}  // namespace detail

/// `co_await sleep_for(d)`: suspends for `time`, by the steady clock. Any duration is fine; one that no clock
/// can hold sleeps for ever. With a stop token: the result is false if the token ended it.
template <class Rep, class Period>
auto sleep_for(std::chrono::duration<Rep, Period> time, stop_token stop = {}) {
  return detail::sleep_op<detail::until_instant>(
      detail::until_instant(detail::deadline::after(time)), std::move(stop));
}
/// Until a time point, by its own clock.
template <class Clock, class Duration>
auto sleep_until(std::chrono::time_point<Clock, Duration> time, stop_token stop = {}) {
  using limit = decltype(detail::until_time(time));
  return detail::sleep_op<limit>(detail::until_time(time), std::move(stop));
}

/// `co_await yield()`: lets everything that is ready on this scheduler go first.
inline auto yield() noexcept { return detail::reschedule(nullptr); }

/// `co_await resume_on(pool)`: the coroutine goes on there, and stays. What awaits it goes on where it was.
inline auto resume_on(scheduler& home) noexcept { return detail::reschedule(&home); }

}  // namespace strait::inline STRAIT_ABI

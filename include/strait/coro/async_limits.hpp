// SPDX-License-Identifier: BSL-1.0
//
// How long an operation that is awaited waits: until it is done, a stop is asked for, or a time has come.
#pragma once

#include <chrono>
#include <type_traits>
#include <utility>

#include <strait/base/sync.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/wait/deadline.hpp>

namespace strait::inline STRAIT_ABI::detail {

class until_done {
 public:
  static deadline until() noexcept { return deadline::never(); }
  static deadline_check* check() noexcept { return nullptr; }
  static const stop_token* token() noexcept { return nullptr; }
};

/// The same for a timer, which wakes by itself.
class until_woken : public until_done {};

class until_stopped {
 public:
  explicit until_stopped(stop_token token) noexcept : token_(std::move(token)) {}
  static deadline until() noexcept { return deadline::never(); }
  static deadline_check* check() noexcept { return nullptr; }
  const stop_token* token() const noexcept { return &token_; }

 private:
  stop_token token_;
};

class until_instant {
 public:
  explicit until_instant(deadline instant) noexcept : instant_(instant) {}
  deadline until() const noexcept { return instant_; }
  static deadline_check* check() noexcept { return nullptr; }
  static const stop_token* token() noexcept { return nullptr; }

 private:
  deadline instant_;
};

/// A time point of another clock than the steady one.
template <class Clock, class Duration>
class until_clock_says final : private deadline_check {
 public:
  explicit until_clock_says(std::chrono::time_point<Clock, Duration> time) noexcept : time_(time) {}
  deadline until() const noexcept { return deadline::until(time_); }
  deadline_check* check() noexcept { return this; }
  static const stop_token* token() noexcept { return nullptr; }

 private:
  bool passed(deadline& until) noexcept override {
    if (!deadline::again(time_)) return true;
    until = deadline::until(time_);
    return false;
  }
  std::chrono::time_point<Clock, Duration> time_;
};

template <class Rep, class Period>
until_instant until_after(std::chrono::duration<Rep, Period> time) noexcept {
  return until_instant(deadline::after(time));
}
template <class Clock, class Duration>
auto until_time(std::chrono::time_point<Clock, Duration> time) noexcept {
  if constexpr (std::is_same_v<Clock, sync::clock>) {
    return until_instant(deadline::until(time));
  } else {
    return until_clock_says<Clock, Duration>(time);
  }
}

}  // namespace strait::inline STRAIT_ABI::detail

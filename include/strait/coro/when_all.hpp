// SPDX-License-Identifier: BSL-1.0
//
// Several tasks at once, and what came of all of them.
//
//   auto [a, b] = co_await strait::when_all(left(), right());
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <strait/base/sync.hpp>
#include <strait/coro/default_pool.hpp>
#include <strait/coro/scheduler.hpp>
#include <strait/coro/task.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

template <class T>
class concurrent_task;

/// The coroutine that waits for all of them. The first runs at once in its place, the others are queued.
class concurrent_tasks : private continuation {
 public:
  bool await_ready() const noexcept { return count_ == 0; }
  void await_resume() const noexcept {}

  void one_ended() noexcept {
    // acq_rel: what each did comes before the awaiter goes on
    if (left_.fetch_sub(1, sync::acq_rel) == 1) this->resume();
  }

 protected:
  explicit concurrent_tasks(std::size_t count) noexcept : count_(count), left_(count) {}
  ~concurrent_tasks() = default;

  void suspend(std::coroutine_handle<> h) noexcept { continuation::suspend(h); }

 private:
  std::size_t count_;
  sync::atomic<std::size_t> left_;
};

template <class T>
class concurrent_task final : private runnable, private task_end {
 public:
  explicit concurrent_task(task<T>&& t) noexcept : task_(std::move(t)) {}
  concurrent_task(concurrent_task&& other) noexcept : task_(std::move(other.task_)) {}
  ~concurrent_task() {
    if (home_ != nullptr) home_->withdraw(*this);
  }

  void queue(concurrent_tasks& all, scheduler& home) noexcept {
    all_ = &all;
    home_ = &home;
    home.post_back(*this);
  }
  /// The caller is suspended; it may be resumed, and gone, before this returns.
  void begin(concurrent_tasks& all) noexcept {
    all_ = &all;
    task_access::run(task_, *this);
  }
  T take() { return result_->take(); }

 private:
  void run() noexcept override {
    home_ = nullptr;
    task_access::run(task_, *this);
  }
  // The task goes now, not when all have ended: another one may wait for a handle that it holds.
  void ended() noexcept override {
#if STRAIT_EXCEPTIONS
    try {
      result_.emplace(task_access::finish(task_));
    } catch (...) {  // the move of its value
      result_.emplace().unhandled_exception();
    }
#else
    result_.emplace(task_access::finish(task_));
#endif
    all_->one_ended();
  }

  task<T> task_;
  std::optional<outcome<T>> result_;
  concurrent_tasks* all_ = nullptr;
  scheduler* home_ = nullptr;  // where its first turn is queued
};

template <class... T>
class tuple_of_tasks final : public concurrent_tasks {
 public:
  explicit tuple_of_tasks(task<T>&... t) noexcept
      : concurrent_tasks(sizeof...(T)), tasks_(concurrent_task<T>(std::move(t))...) {}
  void await_suspend(std::coroutine_handle<> h) {
    scheduler& home = home_of_this_coroutine();
    this->suspend(h);
    std::apply(
        [&](auto& first, auto&... rest) {
          (rest.queue(*this, home), ...);
          first.begin(*this);
        },
        tasks_);
  }
  auto take() {
    return std::apply(
        [](auto&... t) { return std::tuple<decltype(value_of(t))...>{value_of(t)...}; }, tasks_);
  }

 private:
  template <class U>
  static U value_of(concurrent_task<U>& t) {
    return t.take();
  }
  static std::monostate value_of(concurrent_task<void>& t) {
    t.take();
    return {};
  }

  std::tuple<concurrent_task<T>...> tasks_;
};

template <class T>
class list_of_tasks final : public concurrent_tasks {
 public:
  explicit list_of_tasks(std::vector<task<T>>& tasks) : concurrent_tasks(tasks.size()) {
    tasks_.reserve(tasks.size());
    for (auto& t : tasks) tasks_.emplace_back(std::move(t));
  }
  void await_suspend(std::coroutine_handle<> h) {
    scheduler& home = home_of_this_coroutine();
    this->suspend(h);
    for (std::size_t i = 1; i < tasks_.size(); ++i) tasks_[i].queue(*this, home);
    tasks_.front().begin(*this);
  }
  auto& tasks() noexcept { return tasks_; }

 private:
  std::vector<concurrent_task<T>> tasks_;
};

}  // namespace detail

/// Runs the tasks concurrently, on the awaiter's scheduler: on a pool in parallel, under sync_wait in turns.
/// Gives their values as a tuple, in order (std::monostate for a task<>), when all have ended; if any
/// ended with an exception, throws that of the first of those in order. Not destroyed before it has ended
/// while one of the tasks is running.
template <class... T>
task<std::tuple<std::conditional_t<std::is_void_v<T>, std::monostate, T>...>> when_all(
    task<T>... tasks) {
  if constexpr (sizeof...(T) == 0) {
    co_return std::tuple<>();
  } else {
    detail::tuple_of_tasks<T...> all(tasks...);
    co_await all;
    co_return all.take();
  }
}

/// The same for a run-time number of tasks; gives a vector of their values, in order.
template <class T>
task<std::vector<T>> when_all(std::vector<task<T>> tasks) {
  detail::list_of_tasks<T> all(tasks);
  co_await all;
  std::vector<T> values;
  values.reserve(all.tasks().size());
  for (auto& t : all.tasks()) values.push_back(t.take());
  co_return values;
}
inline task<> when_all(std::vector<task<>> tasks) {
  detail::list_of_tasks<void> all(tasks);
  co_await all;
  for (auto& t : all.tasks()) t.take();
}

}  // namespace strait::inline STRAIT_ABI

// SPDX-License-Identifier: BSL-1.0
//
// A coroutine that is awaited: strait::task<T>. Lazy: it runs when it is awaited (or spawned, or given to
// sync_wait), and hands over to its awaiter when it ends.
//
//   strait::task<int> twice(strait::receiver<int> rx) {
//     auto m = co_await rx.async_recv();
//     co_return m ? 2 * *m : 0;
//   }
//
// Both hand-overs name the coroutine that goes on and return to the loop that runs it (coro/scheduler.hpp),
// so any number of them, and any depth, use the same stack, also without tail calls. A task that ends on
// another scheduler than its awaiter's (it went there with resume_on) posts the awaiter to its own.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <strait/base/config.hpp>
#include <strait/base/contract.hpp>
#include <strait/base/heap_object.hpp>
#include <strait/base/object.hpp>
#include <strait/coro/scheduler.hpp>

namespace strait::inline STRAIT_ABI {

template <class T = void>
class task;

namespace detail {

struct task_access;

/// What came of a coroutine: a value, a reference, nothing, or an exception.
class outcome_base {
 public:
  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  const std::exception_ptr& error() const noexcept { return error_; }

 protected:
  void rethrow() const {
#if STRAIT_EXCEPTIONS
    if (error_ != nullptr) std::rethrow_exception(error_);
#endif
  }

 private:
  std::exception_ptr error_;
};

template <class T>
class outcome : public outcome_base {
 public:
  template <class U>
    requires std::is_constructible_v<T, U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <class T>
class outcome<T&> : public outcome_base {
 public:
  void return_value(T& value) noexcept { value_ = detail::address_of(value); }
  T& take() {
    rethrow();
    return *value_;
  }

 private:
  T* value_ = nullptr;
};

template <>
class outcome<void> : public outcome_base {
 public:
  void return_void() noexcept {}
  void take() { rethrow(); }
};

/// Who is told that a task has ended, in the task's last turn. May destroy it.
class task_end {
 public:
  virtual void ended() noexcept = 0;

 protected:
  ~task_end() = default;
};

/// A coroutine that waits for something that ends on any scheduler, and goes on on its own.
class continuation : private runnable {
 public:
  continuation() noexcept = default;

  void suspend(std::coroutine_handle<> h) noexcept {
    coroutine_ = h;
    const loop_context* loop = this_loop();
    home_ = loop != nullptr ? loop->home : nullptr;
  }
  /// Once. Nothing of it is touched afterwards.
  void resume() noexcept {
    const loop_context* loop = this_loop();
    if (home_ == nullptr || (loop != nullptr && loop->home == home_)) return hand_over(coroutine_);
    posted_ = true;
    home_->post(*this);
  }
  scheduler* home() const noexcept { return home_; }

 protected:
  ~continuation() {
    if (posted_) home_->withdraw(*this);
  }

 private:
  void run() noexcept override {
    posted_ = false;
    hand_over(coroutine_);
  }

  std::coroutine_handle<> coroutine_;
  scheduler* home_ = nullptr;  // null: whoever resumes it
  bool posted_ = false;
};

class spawned_task;

/// Who answers for tasks that nobody awaits.
class task_group {
 public:
  /// `t` has ended; to be destroyed here.
  virtual void ended(spawned_task& t) noexcept = 0;

 protected:
  ~task_group() = default;
};

/// The part of a task's promise by which it can be spawned: its place in a queue until it starts, and in its
/// group's list.
class spawned_task : public runnable, private task_end {
 public:
  task_end* end = nullptr;  // who is told of the end

  /// Posts its first turn.
  void start(task_group& group, scheduler& on) noexcept {
    group_ = &group;
    end = this;
    home_ = &on;
    on.post(*this);
  }
  virtual void destroy() noexcept = 0;
  virtual std::exception_ptr take_error() noexcept = 0;

 protected:
  ~spawned_task() {
    if (home_ != nullptr) home_->withdraw(*this);
  }
  virtual std::coroutine_handle<> handle() noexcept = 0;

 private:
  friend class task_list;

  void run() noexcept override {
    home_ = nullptr;
    hand_over(handle());
  }
  void ended() noexcept override { group_->ended(*this); }

  task_group* group_ = nullptr;
  scheduler* home_ = nullptr;  // where its first turn is queued
  spawned_task* previous_ = nullptr;
  spawned_task* next_ = nullptr;
};

/// The tasks of a group; the caller holds the lock that guards it.
class task_list {
 public:
  spawned_task* front() const noexcept { return first_; }
  void add(spawned_task& t) noexcept {
    t.previous_ = nullptr;
    t.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &t;
    first_ = &t;
  }
  void remove(spawned_task& t) noexcept {
    (t.previous_ != nullptr ? t.previous_->next_ : first_) = t.next_;
    if (t.next_ != nullptr) t.next_->previous_ = t.previous_;
  }

 private:
  spawned_task* first_ = nullptr;
};

struct awaited_task {
  task_end* end = nullptr;
};

/// At the end of a task.
struct hand_back {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> h) const noexcept {
    h.promise().end->ended();  // the frame, and this, may be gone now
  }
  void await_resume() const noexcept {}
};

template <class T>
struct task_promise final : public heap_object,  // the frame
                            outcome<T>,
                            std::conditional_t<std::is_void_v<T>, spawned_task, awaited_task> {
  task<T> get_return_object() noexcept;
  std::suspend_always initial_suspend() const noexcept { return {}; }
  hand_back final_suspend() const noexcept { return {}; }

  // Only of a task<>.
  std::coroutine_handle<> handle() noexcept {
    return std::coroutine_handle<task_promise>::from_promise(*this);
  }
  void destroy() noexcept { handle().destroy(); }
  std::exception_ptr take_error() noexcept { return this->error(); }
};

}  // namespace detail

/// A coroutine that produces a T. Move-only; awaited once, as an rvalue. Destroyed without having been
/// awaited it has not run; destroyed while it is suspended it ends there: its locals are destroyed, in
/// the destroying thread. Not thread-safe.
template <class T>
class [[nodiscard]] task {
 public:
  using promise_type = detail::task_promise<T>;
  using value_type = T;

  task(task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (coroutine_) coroutine_.destroy();
      coroutine_ = std::exchange(other.coroutine_, nullptr);
    }
    return *this;
  }
  ~task() {
    if (coroutine_) coroutine_.destroy();
  }

  /// Holds a coroutine: not moved from, not spawned.
  explicit operator bool() const noexcept { return static_cast<bool>(coroutine_); }

  /// Runs it; gives its value, or throws its exception.
  auto operator co_await() && noexcept { return awaiter(coroutine_); }

 private:
  friend promise_type;
  friend detail::task_access;
  explicit task(std::coroutine_handle<promise_type> h) noexcept : coroutine_(h) {}

  class awaiter : private detail::continuation, private detail::task_end {
   public:
    explicit awaiter(std::coroutine_handle<promise_type> h) noexcept : awaited_(h) {
      STRAIT_EXPECTS(h && !h.done(), "a task is awaited once, and not after it was moved from");
    }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) noexcept {
      this->suspend(h);
      awaited_.promise().end = this;
      detail::hand_over(awaited_);
    }
    T await_resume() { return awaited_.promise().take(); }

   private:
    void ended() noexcept override { this->resume(); }
    std::coroutine_handle<promise_type> awaited_;
  };

  std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
task<T> detail::task_promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}

namespace detail {

/// For those who start tasks without awaiting them.
struct task_access {
  template <class T>
  static task_promise<T>& promise(task<T>& t) noexcept {
    STRAIT_EXPECTS(t.coroutine_ && !t.coroutine_.done(),
                   "a task is started once, and not after it was moved from");
    return t.coroutine_.promise();
  }
  /// Its group destroys it.
  template <class T>
  static task_promise<T>& release(task<T>& t) noexcept {
    task_promise<T>& p = promise(t);
    t.coroutine_ = nullptr;
    return p;
  }
  /// Ends a task that has ended: what it holds (handles among its arguments) goes now.
  template <class T>
  static outcome<T> finish(task<T>& t) noexcept(std::is_nothrow_move_constructible_v<outcome<T>>) {
    struct destroyed {
      task<T>& t;
      ~destroyed() { std::exchange(t.coroutine_, nullptr).destroy(); }
    } at_the_end{t};
    return std::move(static_cast<outcome<T>&>(t.coroutine_.promise()));
  }
  /// Runs it in the calling loop's next step; `end` is told.
  template <class T>
  static void run(task<T>& t, task_end& end) noexcept {
    promise(t).end = &end;
    hand_over(t.coroutine_);
  }
  template <class T>
  static T take(task<T>& t) {
    return t.coroutine_.promise().take();
  }
};

}  // namespace detail
}  // namespace strait::inline STRAIT_ABI

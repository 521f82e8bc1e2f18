// SPDX-License-Identifier: BSL-1.0
//
// Tasks that end before the block that started them.
//
//   strait::scope s(pool);
//   for (auto& job : jobs) s.spawn(work(job, s.get_token()));
//   s.join();                     // in a coroutine: co_await s.async_join();
//
// The first task that ends with an exception asks the others to stop; join throws that exception when all
// have ended. (Structured concurrency, as in Trio's nurseries and P3149.)
//
// The joiner waits as a select does, with one operation: "nobody is left" (channel/select_op.hpp). The
// last task to end takes the lock to say so, and the joiner takes it before it goes, so the scope stays
// until that task has let go of it.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>

#include <strait/base/contract.hpp>
#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/coro/async_wait.hpp>
#include <strait/coro/task.hpp>
#include <strait/coro/thread_pool.hpp>
#include <strait/wait/wait_queue.hpp>

namespace strait::inline STRAIT_ABI {

/// Owns tasks on a pool; does not end before they have. All members but the destructor are thread-safe.
class scope final : private detail::task_group {
  class join_op;
  class async_join_op;

 public:
  /// The pool outlives the scope. Throws std::bad_alloc.
  explicit scope(thread_pool& pool) : pool_(&pool) {}
  /// Asks the tasks to stop and waits for them. Join first where a task's exception matters, and in a
  /// coroutine of the pool, whose worker must not block: there it is misuse not to have joined.
  ~scope() {
    if (!is_empty()) {
      stop_.request_stop();
      wait();
    }
    let_go();
  }

  /// Starts `t` on the pool. Never blocks.
  void spawn(task<> t) {
    auto& promise = detail::task_access::release(t);
    left_.fetch_add(1, sync::relaxed);  // relaxed: post publishes it
    promise.start(*this, *pool_);
  }

  /// Blocks until all tasks have ended; throws the first exception that one of them ended with. Not in a
  /// coroutine of the same pool. The scope can be used again.
  void join() {
    wait();
    finish();
  }
  /// join, awaited. The coroutine that awaits it is not one of the scope's own tasks.
  [[nodiscard]] async_join_op async_join();

  /// Asks the tasks to stop, if they look at the token. True for the first who asks.
  bool request_stop() noexcept { return stop_.request_stop(); }
  stop_token get_token() const noexcept { return stop_.get_token(); }

 private:
  class join_op final : public detail::select_op {
   public:
    explicit join_op(scope& s) noexcept : scope_(&s) {}
    detail::attempt try_now(detail::waiter&) override {
      return scope_->is_empty() ? detail::attempt::chosen : detail::attempt::not_ready;
    }
    detail::attempt enlist(detail::waiter& owner, detail::place where,
                           detail::waiter&) noexcept override {
      node_.owner = &owner;
      node_.arm = position;
      scope_->joiners_.add(node_, where);
      return detail::attempt::not_ready;
    }
    void delist() noexcept override { scope_->joiners_.remove(node_); }
    bool ready() const noexcept override { return scope_->is_empty(); }
    void selected() noexcept override {}
    bool unbind() noexcept override { return true; }  // nobody binds it
    void pass_on() noexcept override {}               // all are told
    std::uint64_t version() const noexcept override { return 0; }
    detail::deadline due() const noexcept override { return detail::deadline::never(); }

   private:
    scope* scope_;
    detail::wait_node node_;
  };

  class joining {
   public:
    explicit joining(scope& s) noexcept : op_(s) {}
    joining(const joining&) = delete;
    joining& operator=(const joining&) = delete;
    const detail::select_plan& plan() const noexcept { return plan_; }

   private:
    join_op op_;
    detail::select_op* one_ = &op_;
    detail::select_plan plan_{.ops = {&one_, 1}, .fair = false};
  };

  class async_join_op {
   public:
    explicit async_join_op(scope& s) noexcept : scope_(&s), joining_(s), wait_(joining_.plan()) {}
    bool await_ready() { return wait_.ready(); }
    bool await_suspend(std::coroutine_handle<> h) { return wait_.suspend(h); }
    void await_resume() { scope_->finish(); }

   private:
    scope* scope_;
    joining joining_;
    detail::async_wait wait_;
  };

  bool is_empty() const noexcept {
    return left_.load(sync::acquire) == 0;  // acquire: pairs with ended's release
  }
  void wait() {
    if (is_empty()) return;
    STRAIT_EXPECTS(!pool_->runs_here(),
                   "a scope is joined with async_join in a coroutine of its pool: join, and the "
                   "destructor before it was joined, would block the worker");
    joining all(*this);
    detail::select_run run(all.plan());
    (void)run();
  }
  void let_go() noexcept { const sync::lock_guard last(mutex_); }
  void finish() {
    std::exception_ptr error;
    {
      sync::lock_guard lock(mutex_);
      error = std::exchange(error_, nullptr);
    }
#if STRAIT_EXCEPTIONS
    if (error != nullptr) std::rethrow_exception(error);
#endif
  }

  void ended(detail::spawned_task& t) noexcept override {
    std::exception_ptr error = t.take_error();
    t.destroy();
    if (error != nullptr) fail(std::move(error));
    std::size_t n = left_.load(sync::relaxed);  // relaxed: the exchange below decides
    while (n > 1) {
      // release: what the task did, for the joiner
      if (left_.compare_exchange_weak(n, n - 1, sync::release, sync::relaxed)) return;
    }
    sync::lock_guard lock(mutex_);  // from here on the joiner may only go after us
    if (left_.fetch_sub(1, sync::release) == 1) joiners_.notify_all();  // release: as above
  }
  STRAIT_COLD void fail(std::exception_ptr error) noexcept {
    {
      sync::lock_guard lock(mutex_);
      if (error_ == nullptr) std::swap(error_, error);
    }
    stop_.request_stop();
  }

  thread_pool* pool_;
  stop_source stop_;
  sync::atomic<std::size_t> left_{0};  // tasks that have not ended
  sync::mutex mutex_;                  // error_, and the end of the last task
  std::exception_ptr error_;
  detail::wait_queue joiners_;
};

inline scope::async_join_op scope::async_join() { return async_join_op(*this); }

}  // namespace strait::inline STRAIT_ABI

// SPDX-License-Identifier: BSL-1.0
//
// Channels as operations of Asio (standalone, 1.22 or newer), with any completion token:
//
//   strait::asio_recv(rx, io.get_executor(), [](strait::recv_result<int> m) { ... });
//   auto m = co_await strait::asio_recv(rx, asio::use_awaitable);          // in an asio::awaitable
//   auto sent = co_await strait::asio_send(tx, 7, asio::use_awaitable);
//
// The operation waits in the channel's line like a thread or a coroutine, and completes on the handler's
// executor, never inside the call that woke it, nor inside the call that started it. While it waits it counts
// as work of the executor, so io_context::run stays. The handle stays until then, and is used by nobody
// else if its type has one user.
//
// Cancellation (the handler's slot, asio 1.19) ends the wait with errc::cancelled; a message that was handed
// over already is delivered instead. When the execution context is destroyed the operations that still
// wait go with it: they take no message with them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/execution.hpp>
#include <asio/execution_context.hpp>
#include <asio/post.hpp>
#include <asio/system_executor.hpp>

#include <strait/base/backoff.hpp>
#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/channel.hpp>
#include <strait/channel/select_arms.hpp>
#include <strait/channel/select_op.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

class asio_service;

/// An operation that waits, as its execution context knows it.
class asio_waiting {
 public:
  /// The context ends: the operation goes, now or with the turn that is queued for it.
  virtual void forsake() noexcept = 0;

 protected:
  ~asio_waiting();

 private:
  friend asio_service;
  asio_service* service_ = nullptr;  // whose list it is in
  asio_waiting* previous_ = nullptr;
  asio_waiting* next_ = nullptr;
};

/// The operations that wait on behalf of an execution context.
class asio_service final : public ::asio::execution_context::service {
 public:
  static inline ::asio::execution_context::id id;

  explicit asio_service(::asio::execution_context& context)
      : ::asio::execution_context::service(context) {}

  void add(asio_waiting& w) noexcept {
    const sync::lock_guard lock(mutex_);
    w.previous_ = nullptr;
    w.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &w;
    first_ = &w;
    w.service_ = this;
  }
  void remove(asio_waiting& w) noexcept {
    const sync::lock_guard lock(mutex_);
    (w.previous_ != nullptr ? w.previous_->next_ : first_) = w.next_;
    if (w.next_ != nullptr) w.next_->previous_ = w.previous_;
    w.service_ = nullptr;
  }

  // A thread that posts says so: the context is not gone before it is done.
  void begin_post() noexcept { posting_.fetch_add(1, sync::relaxed); }  // relaxed: see forsake
  void end_post() noexcept { posting_.fetch_sub(1, sync::release); }    // release: pairs with below
  void wait_for_posts() noexcept {
    for (backoff b; posting_.load(sync::acquire) != 0;) b.wait();  // acquire: pairs with above
  }

 private:
  // Nobody runs the context any more, so nothing is resumed meanwhile; but others may wake.
  void shutdown() override {
    while (first_ != nullptr) {
      asio_waiting& w = *first_;
      remove(w);
      w.forsake();
    }
    wait_for_posts();
  }

  sync::mutex mutex_;
  asio_waiting* first_ = nullptr;
  sync::atomic<std::size_t> posting_{0};
};

inline asio_waiting::~asio_waiting() {
  if (service_ != nullptr) service_->remove(*this);
}

/// One operation: a select of one (channel/select_op.hpp) whose owner is woken by posting.
template <class Op, class Handler, class Executor>
class asio_operation final : private sleeper, private asio_waiting {
  using executor = ::asio::associated_executor_t<Handler, Executor>;
  using work = std::decay_t<decltype(::asio::prefer(std::declval<executor>(),
                                                    ::asio::execution::outstanding_work.tracked))>;

 public:
  /// Should it throw (no memory to send into, say), it leaves here and nothing has been done.
  template <class... Args>
  static void start(Handler handler, const Executor& fallback, Args&&... args) {
    auto self =
        std::make_unique<asio_operation>(std::move(handler), fallback, std::forward<Args>(args)...);
    self->step_ = self->run_.advance();
    self.release()->settle();
  }

  template <class... Args>
  asio_operation(Handler handler, const Executor& fallback, Args&&... args)
      : handler_(std::move(handler)),
        work_(::asio::prefer(::asio::get_associated_executor(handler_, fallback),
                             ::asio::execution::outstanding_work.tracked)),
        home_(&::asio::use_service<asio_service>(
            context_of(::asio::get_associated_executor(handler_, fallback), fallback))),
        op_(std::forward<Args>(args)...),
        plan_{.ops = {&one_, 1}, .stops = {&stop_, listen() ? 1U : 0U}, .fair = false},
        run_(plan_, this) {
    home_->add(*this);
  }
  asio_operation(const asio_operation&) = delete;
  asio_operation& operator=(const asio_operation&) = delete;
  ~asio_operation() = default;

 private:
  // The queued turn. Owns the operation, which goes with it if the context drops it.
  class turn {
   public:
    explicit turn(asio_operation* me) noexcept : me_(me) {}
    void operator()() { me_.release()->go_on(); }

   private:
    std::unique_ptr<asio_operation> me_;
  };

  // Some executors of tokens (asio::use_future) do not say; they stand on the fallback.
  template <class Own>
  static ::asio::execution_context& context_of(const Own& own, const Executor& fallback) {
    if constexpr (::asio::can_query<const Own&, ::asio::execution::context_t>::value) {
      return ::asio::query(own, ::asio::execution::context);
    } else {
      return ::asio::query(fallback, ::asio::execution::context);
    }
  }

  // Whether the operation can be cancelled.
  bool listen() {
    auto slot = ::asio::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected()) return false;
    token_ = source_.emplace().get_token();
    slot.assign([this](::asio::cancellation_type) { source_->request_stop(); });
    return true;
  }

  // Afterwards the operation may be gone.
  void settle() noexcept {
    if (step_ != select_run::step::wait || !run_.waits_for().suspend()) wake();
  }

  // By any thread, once for each sleep.
  void wake() noexcept override {
    asio_service* const home = home_;
    home->begin_post();
    queued_.store(true, sync::release);  // release: pairs with forsake's acquire
    ::asio::post(work_, turn(this));
    home->end_post();
  }

  void go_on() {
    queued_.store(false, sync::relaxed);  // relaxed: in the executor's turn
    std::unique_ptr<asio_operation> self(this);
    if (step_ != select_run::step::over) step_ = run_.advance();
    if (step_ != select_run::step::over) return self.release()->settle();
    if (source_) ::asio::get_associated_cancellation_slot(handler_).clear();
    auto result = std::move(op_).take(run_.outcome());
    Handler handler = std::move(handler_);
    [[maybe_unused]] const work keep = std::move(work_);
    self.reset();
    std::move(handler)(std::move(result));
  }

  // Either nobody has woken it, nor will, or the turn that is being queued takes it along.
  void forsake() noexcept override {
    if (queued_.load(sync::acquire)) return;  // acquire: pairs with wake's release
    if (run_.abandon()) {
      delete this;
      return;
    }
    // acquire: as above. Its begin_post comes before: shutdown waits for the rest.
    for (backoff b; !queued_.load(sync::acquire);) b.wait();
  }

  Handler handler_;
  work work_;
  asio_service* home_;
  Op op_;
  select_op* one_ = op_.operation();
  std::optional<stop_source> source_;
  stop_token token_;
  stop_arm_state stop_{&token_, {}};
  const select_plan plan_;
  select_run run_;
  select_run::step step_ = select_run::step::over;
  sync::atomic<bool> queued_{false};
};

template <class Receiver>
class asio_recv_op {
 public:
  using result_type = recv_result<typename Receiver::message_type>;

  explicit asio_recv_op(const Receiver& rx) noexcept : op_(rx, false) {}
  select_op* operation() noexcept { return &op_; }
  result_type take(const select_outcome& outcome) && {
    if (outcome.how == select_end::stopped) op_.result().error() = errc::cancelled;
    op_.finished();
    return std::move(op_.result());
  }

 private:
  recv_op<Receiver> op_;
};

template <class Sender>
class asio_send_op {
  using T = typename Sender::message_type;

 public:
  using result_type = send_result<T>;

  asio_send_op(const Sender& tx, T&& message) : message_(std::move(message)), op_(tx, message_) {}
  select_op* operation() noexcept { return &op_; }
  result_type take(const select_outcome& outcome) && {
    if (outcome.how == select_end::stopped) return send_outcome(errc::cancelled, message_);
    return op_.result();
  }

 private:
  T message_;
  send_op<Sender> op_;
};

template <class T>
concept asio_executor = ::asio::execution::is_executor<T>::value;

}  // namespace detail

/// Receives as recv, and completes with a recv_result<T>: closed, or (where the token was cancelled)
/// cancelled. The handler runs on its own executor, else on `fallback`. Allocates the operation, and what
/// asio::post allocates when it is woken. Thread-safe as rx.async_recv().
template <class Receiver, detail::asio_executor Executor, class Token>
auto asio_recv(const Receiver& rx, Executor fallback, Token&& token) {
  using awaited = detail::asio_recv_op<Receiver>;
  return ::asio::async_initiate<Token, void(typename awaited::result_type)>(
      [](auto handler, const Receiver* from, Executor ex) {
        using operation = detail::asio_operation<awaited, decltype(handler), Executor>;
        operation::start(std::move(handler), ex, *from);
      },
      token, &rx, std::move(fallback));
}
template <class Receiver, class Token>
auto asio_recv(const Receiver& rx, Token&& token) {
  return strait::asio_recv(rx, ::asio::system_executor(), std::forward<Token>(token));
}

/// Sends as send, and completes with a send_result<T>, which holds the message if it was not sent. As asio_recv;
/// throws std::bad_alloc in the call that starts it, and the message is lost then.
template <class Sender, detail::asio_executor Executor, class Token>
auto asio_send(const Sender& tx, typename Sender::message_type message, Executor fallback,
               Token&& token) {
  using awaited = detail::asio_send_op<Sender>;
  return ::asio::async_initiate<Token, void(typename awaited::result_type)>(
      [](auto handler, const Sender* to, typename Sender::message_type m, Executor ex) {
        using operation = detail::asio_operation<awaited, decltype(handler), Executor>;
        operation::start(std::move(handler), ex, *to, std::move(m));
      },
      token, &tx, std::move(message), std::move(fallback));
}
template <class Sender, class Token>
auto asio_send(const Sender& tx, typename Sender::message_type message, Token&& token) {
  return strait::asio_send(tx, std::move(message), ::asio::system_executor(),
                           std::forward<Token>(token));
}

}  // namespace strait::inline STRAIT_ABI

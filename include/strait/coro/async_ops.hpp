// SPDX-License-Identifier: BSL-1.0
//
// Sending, receiving and selecting from a coroutine: the same channels, lines and rules as a thread's.
//
//   send_result<T> r = co_await tx.async_send(m);
//   recv_result<T> m = co_await rx.async_recv();
//   auto fired       = co_await strait::async_select(arms...);
//
// Any coroutine may await them. Each is an object that may be named and awaited later, once:
//   auto op = tx.async_send(m);
//   auto r = co_await op;
// GCC before 13 destroys some temporaries of a co_await expression twice; there an operation whose
// arguments are such must be named, and awaiting it unnamed does not compile.
//
// The coroutine goes on on the scheduler that ran it when it suspended, never inside the call that woke
// it; where it ran on none, on strait::default_pool(). Nothing is allocated to wait. A coroutine that is
// destroyed while it waits takes no message with it and passes its wake-up on.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <strait/base/config.hpp>
#include <strait/base/contract.hpp>
#include <strait/channel/channel.hpp>
#include <strait/channel/select.hpp>
#include <strait/coro/async_limits.hpp>
#include <strait/coro/async_wait.hpp>
#include <strait/coro/lone_wait.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

/// Whether a temporary T in a co_await expression is safe with this compiler.
template <class T>
inline constexpr bool safe_aggregate =
    !STRAIT_GCC_DESTROYS_TWICE || std::is_trivially_destructible_v<T> || !std::is_aggregate_v<T>;
template <class F>
inline constexpr bool safe_callable =
    !STRAIT_GCC_DESTROYS_TWICE || std::is_trivially_destructible_v<F>;

/// Compilers place a coroutine's frame as `new` does and no stricter, so such a message cannot live in it.
template <class... T>
inline constexpr bool fits_a_frame = ((alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) && ...);

// ---- one operation on one channel ----

/// An operation of a select that is alone in it, and how long it waits. The select is made only where an
/// attempt does not do.
template <class Op, class Limit>
class async_operation {
 public:
  async_operation(const async_operation&) = delete;
  async_operation& operator=(const async_operation&) = delete;

  bool start() {
    const bool quick = op_.is_quick();
    if (quick) {
      waiter nobody;
      if (op_.try_now(nobody) == attempt::chosen) return true;
    }
    return waiting_.emplace(op_, limit_, quick).wait.ready();
  }
  bool suspend(std::coroutine_handle<> h) { return waiting_->wait.suspend(h); }

 protected:
  template <class... Args>
  explicit async_operation(Limit limit, Args&&... args)
      : limit_(std::move(limit)), op_(std::forward<Args>(args)...) {}
  ~async_operation() = default;

  /// success: it was done, or the channel is closed; the operation knows.
  errc outcome() const {
    if (!waiting_) return success;
    switch (waiting_->wait.outcome().how) {
      case select_end::timeout: return errc::timeout;
      case select_end::stopped: return errc::cancelled;
      default: return success;
    }
  }

  Limit limit_;
  Op op_;

 private:
  struct waiting {
    waiting(Op& op, Limit& limit, bool attempted)
        : one(&op),
          stop{limit.token(), {}},
          plan{.ops = {&one, 1},
               .stops = {&stop, stop.token != nullptr ? 1U : 0U},
               .until = limit.until(),
               .check = limit.check(),
               .fair = false,
               .attempted = attempted},
          wait(plan) {}
    select_op* one;
    stop_arm_state stop;
    const select_plan plan;
    async_wait wait;
  };
  std::optional<waiting> waiting_;
};

/// A receive, by a select.
template <class Receiver, class Limit>
class recv_operation : public async_operation<recv_op<Receiver>, Limit> {
 public:
  recv_operation(const Receiver& rx, Limit limit)
      : async_operation<recv_op<Receiver>, Limit>(std::move(limit), rx, false) {}
  recv_result<typename Receiver::message_type> result() {
    if (const errc e = this->outcome(); e != success) this->op_.result().error() = e;
    this->op_.finished();
    return std::move(this->op_.result());
  }
};

/// A receive without a limit: it waits alone, but for a timer, which is a limit itself.
template <class Receiver>
class recv_operation<Receiver, until_done> {
  using T = typename Receiver::message_type;
  using alone = lone_wait<receiving<Receiver>>;
  using by_select = recv_operation<Receiver, until_woken>;

 public:
  recv_operation(const Receiver& rx, until_done) noexcept : rx_(&rx), core_(access::core(rx)) {}
  recv_operation(const recv_operation&) = delete;
  recv_operation& operator=(const recv_operation&) = delete;

  bool start() {
    if (core_ == nullptr) [[unlikely]]
      return ended(attempt::closed);
    if constexpr (timers) {
      if (core_->kind() == channel_kind::timer) [[unlikely]]
        return wait_.template emplace<by_select>(*rx_, until_woken()).start();
    }
    return ended(access::dispatch_untimed<Receiver>(
        *core_, [&](auto& c) { return c.attempt_recv(result_); }));
  }
  bool suspend(std::coroutine_handle<> h) {
    if constexpr (timers) {
      if (auto* timer = std::get_if<by_select>(&wait_)) return timer->suspend(h);
      return wait_.template emplace<alone>(*core_, result_).suspend(h);
    } else {
      return wait_.emplace(*core_, result_).suspend(h);
    }
  }
  recv_result<T> result() {
    if constexpr (timers) {
      if (auto* timer = std::get_if<by_select>(&wait_)) return timer->result();
      if (auto* wait = std::get_if<alone>(&wait_)) ended(wait->outcome());
    } else {
      if (wait_) ended(wait_->outcome());
    }
    access::used(*rx_);
    return std::move(result_);
  }

 private:
  static constexpr bool timers = access::may_be_timer<Receiver>();

  // True: it is over.
  bool ended(attempt a) noexcept {
    if (a == attempt::closed) [[unlikely]]
      result_.error() = errc::closed;
    return a == attempt::chosen || a == attempt::closed;
  }

  const Receiver* rx_;
  channel_base* const core_;
  recv_result<T> result_ = detail::recv_failed<T>(errc::empty);
  std::conditional_t<timers, std::variant<std::monostate, alone, by_select>, std::optional<alone>>
      wait_;
};

/// A send, by a select; `message` stays where it is.
template <class Sender, class Limit>
class send_operation : public async_operation<send_op<Sender>, Limit> {
  using T = typename Sender::message_type;

 public:
  send_operation(const Sender& tx, T& message, Limit limit)
      : async_operation<send_op<Sender>, Limit>(std::move(limit), tx, message) {}
  send_result<T> result(T& message) {
    if (const errc e = this->outcome(); e != success) return detail::send_outcome(e, message);
    return this->op_.result();
  }
};

/// A send without a limit: it waits alone.
template <class Sender>
class send_operation<Sender, until_done> {
  using T = typename Sender::message_type;

 public:
  send_operation(const Sender& tx, T& message, until_done) noexcept
      : tx_(&tx), core_(access::core(tx)), message_(detail::address_of(message)) {}
  send_operation(const send_operation&) = delete;
  send_operation& operator=(const send_operation&) = delete;

  bool start() {
    outcome_ = attempt::closed;
    if (core_ == nullptr) [[unlikely]]
      return true;
    outcome_ = access::dispatch_untimed<Sender>(*core_,
                                                [&](auto& c) { return c.attempt_send(*message_); });
    return outcome_ == attempt::chosen || outcome_ == attempt::closed;
  }
  bool suspend(std::coroutine_handle<> h) { return wait_.emplace(*core_, *message_).suspend(h); }
  send_result<T> result(T& message) {
    if (wait_) outcome_ = wait_->outcome();
    access::used(*tx_);
    return detail::send_outcome(outcome_ == attempt::closed ? errc::closed : success, message);
  }

 private:
  const Sender* tx_;
  channel_base* const core_;
  T* message_;
  attempt outcome_ = attempt::not_ready;
  std::optional<lone_wait<sending<Sender>>> wait_;
};

}  // namespace detail

/// A receive that a coroutine awaits; made by async_recv and its siblings. To be awaited once, in the
/// thread that uses the handle; the handle stays until then.
template <class Receiver, class Limit>
class [[nodiscard]] async_recv_op {
  static_assert(
      detail::fits_a_frame<typename Receiver::message_type>,
      "strait: coroutine frames are not over-aligned: await a std::unique_ptr to the message");

 public:
  async_recv_op(const Receiver& rx, Limit limit) : op_(rx, std::move(limit)) {}

  bool await_ready() { return op_.start(); }
  bool await_suspend(std::coroutine_handle<> h) { return op_.suspend(h); }
  /// As recv and its siblings.
  recv_result<typename Receiver::message_type> await_resume() { return op_.result(); }

 private:
  detail::recv_operation<Receiver, Limit> op_;
};

/// A send that a coroutine awaits; made by async_send and its siblings. As async_recv_op.
template <class Sender, class Limit>
class [[nodiscard]] async_send_op {
  using T = typename Sender::message_type;
  static_assert(
      detail::fits_a_frame<T>,
      "strait: coroutine frames are not over-aligned: await a std::unique_ptr to the message");

  class awaiter {
   public:
    explicit awaiter(async_send_op& op) noexcept : op_(&op) {}
    bool await_ready() { return op_->op_.start(); }
    bool await_suspend(std::coroutine_handle<> h) { return op_->op_.suspend(h); }
    send_result<T> await_resume() { return op_->op_.result(op_->message_); }

   private:
    async_send_op* op_;
  };

 public:
  async_send_op(const Sender& tx, T&& m, Limit limit)
      : message_(std::move(m)), op_(tx, message_, std::move(limit)) {}

  /// As send and its siblings.
  awaiter operator co_await() & noexcept { return awaiter(*this); }
  awaiter operator co_await() && noexcept {
    static_assert(detail::safe_aggregate<T>,
                  "strait: name this operation: `auto op = tx.async_send(m); co_await op;` "
                  "(GCC before 13 destroys a temporary aggregate in a co_await expression twice)");
    return awaiter(*this);
  }

 private:
  T message_;
  detail::send_operation<Sender, Limit> op_;
};

namespace detail {

// What the members of all handles come to.
template <class Sender, class Limit>
auto send_async(const Sender& tx, typename Sender::message_type& message, Limit limit) {
  return async_send_op<Sender, Limit>(tx, std::move(message), std::move(limit));
}
template <class Receiver, class Limit>
auto recv_async(const Receiver& rx, Limit limit) {
  return async_recv_op<Receiver, Limit>(rx, std::move(limit));
}

}  // namespace detail

// ---- the handles' members ----

template <class T, class Topology>
auto basic_sender<T, Topology>::async_send(T message) const {
  return detail::send_async(*this, message, detail::until_done());
}
template <class T, class Topology>
auto basic_sender<T, Topology>::async_send(T message, stop_token stop) const {
  return detail::send_async(*this, message, detail::until_stopped(std::move(stop)));
}
template <class T, class Topology>
template <class Rep, class Period>
auto basic_sender<T, Topology>::async_send_for(T message,
                                               std::chrono::duration<Rep, Period> time) const {
  return detail::send_async(*this, message, detail::until_after(time));
}
template <class T, class Topology>
template <class Clock, class Duration>
auto basic_sender<T, Topology>::async_send_until(
    T message, std::chrono::time_point<Clock, Duration> time) const {
  return detail::send_async(*this, message, detail::until_time(time));
}

template <class T, class Topology>
auto basic_receiver<T, Topology>::async_recv() const {
  return detail::recv_async(*this, detail::until_done());
}
template <class T, class Topology>
auto basic_receiver<T, Topology>::async_recv(stop_token stop) const {
  return detail::recv_async(*this, detail::until_stopped(std::move(stop)));
}
template <class T, class Topology>
template <class Rep, class Period>
auto basic_receiver<T, Topology>::async_recv_for(std::chrono::duration<Rep, Period> time) const {
  return detail::recv_async(*this, detail::until_after(time));
}
template <class T, class Topology>
template <class Clock, class Duration>
auto basic_receiver<T, Topology>::async_recv_until(
    std::chrono::time_point<Clock, Duration> time) const {
  return detail::recv_async(*this, detail::until_time(time));
}

template <class T>
auto oneshot_sender<T>::async_send(T message) const {
  return detail::send_async(*this, message, detail::until_done());
}
template <class T>
auto oneshot_sender<T>::async_send(T message, stop_token stop) const {
  return detail::send_async(*this, message, detail::until_stopped(std::move(stop)));
}
template <class T>
template <class Rep, class Period>
auto oneshot_sender<T>::async_send_for(T message, std::chrono::duration<Rep, Period> time) const {
  return detail::send_async(*this, message, detail::until_after(time));
}
template <class T>
template <class Clock, class Duration>
auto oneshot_sender<T>::async_send_until(T message,
                                         std::chrono::time_point<Clock, Duration> time) const {
  return detail::send_async(*this, message, detail::until_time(time));
}

template <class T>
auto oneshot_receiver<T>::async_recv() const {
  return detail::recv_async(*this, detail::until_done());
}
template <class T>
auto oneshot_receiver<T>::async_recv(stop_token stop) const {
  return detail::recv_async(*this, detail::until_stopped(std::move(stop)));
}
template <class T>
template <class Rep, class Period>
auto oneshot_receiver<T>::async_recv_for(std::chrono::duration<Rep, Period> time) const {
  return detail::recv_async(*this, detail::until_after(time));
}
template <class T>
template <class Clock, class Duration>
auto oneshot_receiver<T>::async_recv_until(std::chrono::time_point<Clock, Duration> time) const {
  return detail::recv_async(*this, detail::until_time(time));
}

// ---- async_select ----

namespace detail {

/// An arm between async_select and co_await. A select that was named outlives the expression that made it,
/// so the arm takes the message in (or what makes it) that a blocking select leaves with the caller; one
/// that is awaited in that expression gives it back first.
template <class Arm>
struct kept_arm {
  explicit kept_arm(Arm&& a) : arm(std::move(a)) {}
  void give_back() noexcept {}
  Arm arm;
};
template <class Sender, class M, class F>
  requires(!std::is_reference_v<M>)
struct kept_arm<send_arm<Sender, M, F>> {
  explicit kept_arm(send_arm<Sender, M, F>&& a)
      : arm(std::move(a)), lent(arm.message), message(std::move(*lent)) {
    arm.message = detail::address_of(message);
  }
  kept_arm(const kept_arm&) = delete;
  kept_arm& operator=(const kept_arm&) = delete;
  ~kept_arm() = default;

  void give_back() noexcept {
    if constexpr (!std::is_const_v<M> && !std::is_trivially_copyable_v<M> &&
                  moves_without_throwing<M>) {
      std::destroy_at(lent);
      std::construct_at(lent, std::move(message));
      arm.message = lent;
    }
  }

  send_arm<Sender, M, F> arm;
  M* lent;
  M message;
};

/// Whether a temporary arm in a co_await expression is safe with this compiler.
template <class Arm>
inline constexpr bool safe_arm = safe_callable<Arm>;
template <class Sender, class M, class F>
inline constexpr bool safe_arm<send_arm<Sender, M, F>> =
    safe_callable<F> &&
    (std::is_reference_v<M> ||
     (makes_message<M, typename Sender::message_type> ? safe_callable<M> : safe_aggregate<M>));

}  // namespace detail

/// A select that a coroutine awaits; made by async_select. Owns its arms; to be awaited once.
template <class... Arms>
class [[nodiscard]] async_select_op {
  static_assert(
      detail::fits_a_frame<detail::select_arms<Arms...>>,
      "strait: coroutine frames are not over-aligned: await a std::unique_ptr to the message");

  using kept_arms = std::tuple<detail::kept_arm<Arms>...>;

  class awaiter {
   public:
    awaiter(bool fair, kept_arms& arms)
        : select_(std::apply(
              [&](auto&... a) { return detail::select_arms<Arms...>(fair, a.arm...); }, arms)),
          wait_(select_.plan()) {}
    awaiter(const awaiter&) = delete;
    awaiter& operator=(const awaiter&) = delete;
    bool await_ready() { return wait_.ready(); }
    bool await_suspend(std::coroutine_handle<> h) { return wait_.suspend(h); }
    expected<std::size_t, errc> await_resume() { return select_.fire(wait_.outcome()); }

   private:
    detail::select_arms<Arms...> select_;
    detail::async_wait wait_;
  };

 public:
  /// Whether it may be awaited in the expression that makes it, with this compiler.
  static constexpr bool may_be_unnamed = (detail::safe_arm<Arms> && ...);

  explicit async_select_op(bool fair, Arms&&... arms) : fair_(fair), arms_(std::move(arms)...) {}
  async_select_op(const async_select_op&) = delete;
  async_select_op& operator=(const async_select_op&) = delete;

  /// As select; the handler runs in the coroutine that awaits.
  awaiter operator co_await() & noexcept { return awaiter(fair_, arms_); }
  awaiter operator co_await() && noexcept {
    static_assert(
        may_be_unnamed,
        "strait: name this operation: `auto op = strait::async_select(...); co_await op;` "
        "(GCC before 13 destroys a temporary lambda or aggregate in a co_await expression twice)");
    std::apply([](auto&... a) { (a.give_back(), ...); }, arms_);
    return awaiter(fair_, arms_);
  }

 private:
  bool fair_;
  kept_arms arms_;
};

/// As select, awaited: `auto fired = co_await strait::async_select(arms...)`. One that is named first,
/// `auto op = strait::async_select(...); co_await op;`, takes rvalue messages in, and those that it does
/// not send go with it; await it by its name, not as std::move(op).
template <class... Arms>
auto async_select(Arms&&... arms) {
  if constexpr (detail::require_arms<Arms...>()) {
    return async_select_op<std::remove_cvref_t<Arms>...>(true, std::forward<Arms>(arms)...);
  }
}

/// As select_biased, awaited.
template <class... Arms>
auto async_select_biased(Arms&&... arms) {
  if constexpr (detail::require_arms<Arms...>()) {
    return async_select_op<std::remove_cvref_t<Arms>...>(false, std::forward<Arms>(arms)...);
  }
}

}  // namespace strait::inline STRAIT_ABI

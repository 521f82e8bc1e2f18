// SPDX-License-Identifier: BSL-1.0
//
// Sending and receiving from a coroutine: the same channels, lines and rules as a thread's.
//
//   send_result<T> r = co_await tx.async_send(m);
//   recv_result<T> m = co_await rx.async_recv();
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
#include <utility>

#include <strait/base/config.hpp>
#include <strait/channel/channel.hpp>
#include <strait/channel/oneshot.hpp>
#include <strait/coro/async_limits.hpp>
#include <strait/coro/async_operation.hpp>
#include <strait/coro/frame.hpp>

namespace strait::inline STRAIT_ABI {

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

}  // namespace strait::inline STRAIT_ABI

// SPDX-License-Identifier: BSL-1.0
//
// One message from one sender to one receiver. Both ends are consumed by use: after a success or
// `closed` the handle holds nothing any more; empty and timeout leave it as it is.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

#include <strait/channel/patience.hpp>
#include <strait/channel/receiver.hpp>
#include <strait/channel/sender.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

// What both ends share: an ordinary end that lets go of the channel when it was used.
template <class End>
class oneshot_end {
 public:
  using message_type = typename End::message_type;

  oneshot_end() noexcept = default;
  oneshot_end(oneshot_end&&) noexcept = default;
  oneshot_end& operator=(oneshot_end&&) noexcept = default;

  /// Gives the handle up unused.
  void reset() noexcept { end_.reset(); }
  std::size_t size() const noexcept { return end_.size(); }
  bool empty() const noexcept { return end_.empty(); }
  bool full() const noexcept { return end_.full(); }
  std::optional<std::size_t> capacity() const noexcept { return end_.capacity(); }
  bool is_closed() const noexcept { return end_.is_closed(); }
  void close() const noexcept { end_.close(); }
  std::size_t sender_count() const noexcept { return end_.sender_count(); }
  std::size_t receiver_count() const noexcept { return end_.receiver_count(); }
  template <class Handle>
  bool same_channel(const Handle& other) const noexcept {
    return access::core(end_) == access::core(other);
  }
  /// Not consumed, moved from or reset.
  explicit operator bool() const noexcept { return static_cast<bool>(end_); }
  friend bool operator==(const oneshot_end& a, const oneshot_end& b) noexcept {
    return a.end_ == b.end_;
  }

 protected:
  friend access;
  using end_type = End;
  explicit oneshot_end(channel_base* core) noexcept : end_(access::make<End>(core)) {}

  mutable End end_;  // one thread at a time, by type; consuming is part of every operation
};

}  // namespace detail

/// The sending end of a oneshot channel. Move-only; belongs to one thread at a time. A send never waits.
template <class T>
class oneshot_sender : public detail::oneshot_end<basic_sender<T, detail::oneshot_topology>> {
  using base = detail::oneshot_end<basic_sender<T, detail::oneshot_topology>>;

 public:
  oneshot_sender() noexcept = default;

  /// Sends the message and consumes the handle. Errors: closed (the receiver is gone).
  [[nodiscard]] send_result<T> send(T message) const { return send_now(message); }
  [[nodiscard]] send_result<T> send(T message, stop_token) const { return send_now(message); }
  [[nodiscard]] send_result<T> try_send(T message) const { return send_now(message); }
  template <class Rep, class Period>
  [[nodiscard]] send_result<T> send_for(T message, std::chrono::duration<Rep, Period>) const {
    return send_now(message);
  }
  template <class Clock, class Duration>
  [[nodiscard]] send_result<T> send_until(T message,
                                          std::chrono::time_point<Clock, Duration>) const {
    return send_now(message);
  }
  // ---- sending from a coroutine: coro/async_ops.hpp ----

  /// `co_await tx.async_send(m)`: as send, but the coroutine suspends and its thread goes on. Gives a
  /// send_result. What is awaited is an object that may be named, and is awaited once while the handle lives.
  [[nodiscard]] auto async_send(T message) const;
  [[nodiscard]] auto async_send(T message, stop_token stop) const;
  template <class Rep, class Period>
  [[nodiscard]] auto async_send_for(T message, std::chrono::duration<Rep, Period> time) const;
  template <class Clock, class Duration>
  [[nodiscard]] auto async_send_until(T message,
                                      std::chrono::time_point<Clock, Duration> time) const;

  friend void swap(oneshot_sender& a, oneshot_sender& b) noexcept { std::swap(a.end_, b.end_); }

 private:
  friend detail::access;
  explicit oneshot_sender(detail::channel_base* core) noexcept : base(core) {}

  send_result<T> send_now(T& message) const {
    const errc e = detail::access::send(this->end_, message, detail::patience::none());
    consume();  // there is always room: it was sent, or it is closed
    return detail::send_outcome(e, message);
  }
  void consume() const noexcept { this->end_.reset(); }
};

/// The receiving end of a oneshot channel. Move-only; belongs to one thread at a time.
template <class T>
class oneshot_receiver : public detail::oneshot_end<basic_receiver<T, detail::oneshot_topology>> {
  using base = detail::oneshot_end<basic_receiver<T, detail::oneshot_topology>>;

 public:
  oneshot_receiver() noexcept = default;

  /// Waits for the message and consumes the handle. Errors: closed (the sender is gone without sending).
  [[nodiscard]] recv_result<T> recv() const { return receive(detail::patience::forever()); }
  [[nodiscard]] recv_result<T> recv(stop_token stop) const {
    return receive(detail::patience::unless(stop));
  }
  [[nodiscard]] recv_result<T> try_recv() const { return receive(detail::patience::none()); }
  template <class Rep, class Period>
  [[nodiscard]] recv_result<T> recv_for(std::chrono::duration<Rep, Period> time) const {
    return receive(detail::patience::till(detail::deadline::after(time)));
  }
  template <class Clock, class Duration>
  [[nodiscard]] recv_result<T> recv_until(std::chrono::time_point<Clock, Duration> time) const {
    recv_result<T> out = detail::recv_failed<T>(errc::timeout);
    do {
      receive_into(out, detail::patience::till(detail::deadline::until(time)));
    } while (!out && out.error() == errc::timeout && detail::deadline::again(time));
    return out;
  }
  // ---- receiving from a coroutine: coro/async_ops.hpp ----

  /// `co_await rx.async_recv()`: as recv, but the coroutine suspends and its thread goes on. Gives a
  /// recv_result. What is awaited is an object that may be named, and is awaited once while the handle lives.
  [[nodiscard]] auto async_recv() const;
  [[nodiscard]] auto async_recv(stop_token stop) const;
  template <class Rep, class Period>
  [[nodiscard]] auto async_recv_for(std::chrono::duration<Rep, Period> time) const;
  template <class Clock, class Duration>
  [[nodiscard]] auto async_recv_until(std::chrono::time_point<Clock, Duration> time) const;

  friend void swap(oneshot_receiver& a, oneshot_receiver& b) noexcept { std::swap(a.end_, b.end_); }

 private:
  friend detail::access;
  explicit oneshot_receiver(detail::channel_base* core) noexcept : base(core) {}

  void receive_into(recv_result<T>& out, const detail::patience& p) const {
    detail::access::recv(this->end_, out, p);
    if (out || out.error() == errc::closed) consume();
  }
  recv_result<T> receive(const detail::patience& p) const {
    recv_result<T> out = detail::recv_failed<T>(errc::empty);
    receive_into(out, p);
    return out;
  }
  void consume() const noexcept { this->end_.reset(); }
};

}  // namespace strait::inline STRAIT_ABI

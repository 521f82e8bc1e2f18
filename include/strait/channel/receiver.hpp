// SPDX-License-Identifier: BSL-1.0
//
// The receiving end, and the ranges over it. See channel/channel.hpp for how a channel is made.
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

#include <strait/channel/flavors.hpp>
#include <strait/channel/patience.hpp>
#include <strait/channel/sender.hpp>
#include <strait/error.hpp>
#include <strait/fwd.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

/// An input iterator over what a receiver gives. It takes a message when it is compared or
/// dereferenced (never in begin() or ++), and owns it until ++.
template <class Receiver, bool Blocking>
class receive_iterator {
 public:
  using value_type = typename Receiver::message_type;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  explicit receive_iterator(const Receiver& rx) noexcept : rx_(&rx) {}
  receive_iterator(receive_iterator&&) noexcept = default;
  receive_iterator& operator=(receive_iterator&& other) noexcept {
    if (this != &other) {
      detail::destroy(*this);
      detail::construct(*this, std::move(other));
    }
    return *this;
  }

  /// Precondition: not at the end.
  value_type& operator*() const noexcept {
    fetch();
    return *held_;
  }
  receive_iterator& operator++() noexcept {
    fetch();  // who steps over a message unseen has taken it all the same
    drop();
    return *this;
  }
  void operator++(int) noexcept { ++*this; }

  friend bool operator==(const receive_iterator& it, std::default_sentinel_t) noexcept {
    it.fetch();
    return !it.held_;
  }

 private:
  void fetch() const noexcept {
    if (fetched_) return;
    detail_recv(*rx_, held_);
    fetched_ = true;
  }
  void drop() noexcept {
    detail::destroy(held_);
    detail::construct(held_, unexpect, errc::empty);
    fetched_ = false;
  }
  static void detail_recv(const Receiver& rx, recv_result<value_type>& out) noexcept {
    rx.recv_into(out, Blocking ? patience::forever() : patience::none());
  }

  const Receiver* rx_;
  mutable recv_result<value_type> held_ = detail::recv_failed<value_type>(errc::empty);
  mutable bool fetched_ = false;
};

/// What is there now: ends at the first moment the channel is found empty, and may be run again.
template <class Receiver>
class try_range {
 public:
  explicit try_range(const Receiver& rx) noexcept : rx_(&rx) {}
  receive_iterator<Receiver, false> begin() const noexcept {
    return receive_iterator<Receiver, false>(*rx_);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  const Receiver* rx_;
};

}  // namespace detail

/// The receiving end of a channel of T.
///
/// A copy is the same end once more: each message goes to one of them. When the last one goes, what is
/// queued is destroyed then and there and the channel closes. Where the topology has one receiver the
/// handle is move-only and belongs to one thread at a time. Otherwise every const member may be called
/// from several threads at once on the same object; assignment, reset and destruction must not race
/// with other uses of that object.
///
/// A handle that was moved from or reset answers every operation with `closed`.
template <class T, class Topology>
class basic_receiver {
  static_assert(detail::require_message_shape<T>::value);

 public:
  using message_type = T;

  /// A handle without a channel.
  basic_receiver() noexcept = default;

  basic_receiver(const basic_receiver& other) noexcept
    requires(Topology::many_receivers)
      : core_(other.core_) {
    if (core_ != nullptr) core_->add_receiver();
  }
  basic_receiver(basic_receiver&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}

  basic_receiver& operator=(const basic_receiver& other) noexcept
    requires(Topology::many_receivers)
  {
    basic_receiver(other).swap(*this);
    return *this;
  }
  basic_receiver& operator=(basic_receiver&& other) noexcept {
    basic_receiver(std::move(other)).swap(*this);
    return *this;
  }
  ~basic_receiver() { reset(); }

  void swap(basic_receiver& other) noexcept { std::swap(core_, other.core_); }
  friend void swap(basic_receiver& a, basic_receiver& b) noexcept { a.swap(b); }

  /// Gives the handle up (Rust's drop). The last receiver closes the channel and destroys what is queued.
  void reset() noexcept {
    if (detail::channel_base* c = std::exchange(core_, nullptr)) c->drop_receiver();
  }

  // ---- receiving ----

  /// Waits for a message. Errors: closed (and nothing is left).
  [[nodiscard]] recv_result<T> recv() const { return recv_within(detail::patience::forever()); }

  /// As recv, and gives up with `cancelled` when `stop` is asked to stop. Tries once in any case.
  [[nodiscard]] recv_result<T> recv(stop_token stop) const {
    return recv_within(detail::patience::unless(stop));
  }

  /// Never waits for a message. Errors: closed (and nothing is left), empty. (Should the sender whose
  /// turn it is be in the middle of its push, this waits the few instructions until it is done: the
  /// answer is never a false `empty`. At capacity 0 it waits in the same way for a select that it met and
  /// that is making its message.)
  [[nodiscard]] recv_result<T> try_recv() const { return recv_within(detail::patience::none()); }

  /// As recv, and gives up with `timeout` after `time`. Any duration is fine; one that is not positive
  /// tries once, one that no clock can hold waits for ever.
  template <class Rep, class Period>
  [[nodiscard]] recv_result<T> recv_for(std::chrono::duration<Rep, Period> time) const {
    return recv_within(detail::patience::till(detail::deadline::after(time)));
  }

  /// As recv, and gives up with `timeout` at `time`, by its own clock.
  template <class Clock, class Duration>
  [[nodiscard]] recv_result<T> recv_until(std::chrono::time_point<Clock, Duration> time) const {
    recv_result<T> out = detail::recv_failed<T>(errc::timeout);
    do {
      recv_into(out, detail::patience::till(detail::deadline::until(time)));
    } while (!out && out.error() == errc::timeout && detail::deadline::again(time));
    return out;
  }

  /// Waits for the first message, then takes what is there, at most `max`, in order. Returns how many;
  /// 0: closed (or max == 0, at once). If the output iterator throws, the message it was given is lost
  /// and the rest stay.
  template <std::output_iterator<T&&> Out>
  [[nodiscard]] std::size_t recv_many(Out out, std::size_t max) const {
    return max == 0 ? 0 : take(out, max, detail::patience::forever());
  }
  /// As recv_many, without waiting; 0 also means: nothing there.
  template <std::output_iterator<T&&> Out>
  [[nodiscard]] std::size_t try_recv_many(Out out, std::size_t max) const {
    return max == 0 ? 0 : take(out, max, detail::patience::none());
  }

  /// `for (auto& m : rx)` waits for each message and ends when the channel is closed and drained.
  detail::receive_iterator<basic_receiver, true> begin() const noexcept {
    return detail::receive_iterator<basic_receiver, true>(*this);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

  /// `for (auto& m : rx.try_iter())` takes what is there and ends at the first empty.
  detail::try_range<basic_receiver> try_iter() const noexcept {
    return detail::try_range<basic_receiver>(*this);
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

  // ---- observing ----

  /// Messages in the channel now: a consistent snapshot, at most the capacity.
  std::size_t size() const noexcept {
    return core_ == nullptr ? 0 : with_core([](auto& c) { return c.size(); });
  }
  bool empty() const noexcept { return size() == 0; }
  /// Unbounded: never. Capacity 0: always.
  bool full() const noexcept {
    return core_ != nullptr && with_core([](auto& c) { return c.full(); });
  }
  /// nullopt: unbounded.
  std::optional<std::size_t> capacity() const noexcept {
    if (core_ == nullptr) return 0;
    return with_core([](auto& c) -> std::optional<std::size_t> { return c.capacity(); });
  }
  /// True for good once close() was called or one end is gone.
  bool is_closed() const noexcept {
    return core_ == nullptr || with_core([](auto& c) { return c.is_closed(); });
  }
  /// Ends the channel for everybody: sends fail, receivers drain what is queued and then see `closed`.
  void close() const noexcept {
    if (core_ != nullptr) with_core([](auto& c) { c.close(); });
  }
  std::size_t sender_count() const noexcept { return core_ == nullptr ? 0 : core_->sender_count(); }
  std::size_t receiver_count() const noexcept {
    return core_ == nullptr ? 0 : core_->receiver_count();
  }

  /// Whether the two handles, of either end, lead to one channel.
  template <class Handle>
  bool same_channel(const Handle& other) const noexcept {
    return core_ == detail::access::core(other);
  }

  /// Holds an end; says nothing about closed.
  explicit operator bool() const noexcept { return core_ != nullptr; }
  friend bool operator==(const basic_receiver& a, const basic_receiver& b) noexcept {
    return a.core_ == b.core_;
  }

  /// A handle that does not keep the channel open.
  basic_weak_receiver<T, Topology> downgrade() const noexcept
    requires(Topology::many_receivers)
  {
    return basic_weak_receiver<T, Topology>(core_);
  }

 private:
  friend detail::access;
  friend basic_weak_receiver<T, Topology>;
  template <class Receiver, bool Blocking>
  friend class detail::receive_iterator;

  explicit basic_receiver(detail::channel_base* core) noexcept : core_(core) {}

  template <class F>
  static decltype(auto) dispatch(detail::channel_base& core, F&& f) {
    return detail::with_receiver_core<Topology, T>(core, std::forward<F>(f));
  }
  // What no sender leads to: a timer.
  static constexpr bool timers = Topology::timers;
  template <class F>
  static decltype(auto) dispatch_untimed(detail::channel_base& core, F&& f) {
    return detail::with_sender_core<Topology, T>(core, std::forward<F>(f));
  }
  template <class F>
  decltype(auto) with_core(F&& f) const {
    const sync::operation here;
    return dispatch(*core_, std::forward<F>(f));
  }

  // `out` holds an error, before; afterwards the message or the reason.
  void recv_into(recv_result<T>& out, const detail::patience& p) const {
    static_assert(detail::require_message<T>::value);
    const errc e =
        core_ == nullptr ? errc::closed : with_core([&](auto& c) { return c.recv(out, p); });
    if (e != detail::success) out.error() = e;
  }
  recv_result<T> recv_within(const detail::patience& p) const {
    recv_result<T> out = detail::recv_failed<T>(errc::empty);
    recv_into(out, p);
    return out;
  }

  template <class Out>
  std::size_t take(Out& out, std::size_t max, detail::patience first) const {
    std::size_t taken = 0;
    for (; taken < max; ++taken) {
      recv_result<T> m = recv_within(taken == 0 ? first : detail::patience::none());
      if (!m) break;
      *out = std::move(*m);
      ++out;
    }
    return taken;
  }

  detail::channel_base* core_ = nullptr;
};

/// A receiver that does not keep the channel open.
template <class T, class Topology>
class basic_weak_receiver {
 public:
  basic_weak_receiver() noexcept = default;
  basic_weak_receiver(const basic_weak_receiver& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) core_->add_weak();
  }
  basic_weak_receiver(basic_weak_receiver&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)) {}
  basic_weak_receiver& operator=(basic_weak_receiver other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~basic_weak_receiver() {
    if (core_ != nullptr) core_->drop_owner();
  }

  /// A receiver again; nullopt when the last one is gone or the channel is closed. Never blocks.
  [[nodiscard]] std::optional<basic_receiver<T, Topology>> lock() const noexcept {
    if (core_ == nullptr || !core_->revive_receiver()) return std::nullopt;
    basic_receiver<T, Topology> strong(core_);
    if (strong.is_closed()) return std::nullopt;
    return strong;
  }

  template <class Handle>
  bool same_channel(const Handle& other) const noexcept {
    return core_ == detail::access::core(other);
  }

 private:
  friend detail::access;
  friend basic_receiver<T, Topology>;
  explicit basic_weak_receiver(detail::channel_base* core) noexcept : core_(core) {
    if (core_ != nullptr) core_->add_weak();
  }

  detail::channel_base* core_ = nullptr;
};

}  // namespace strait::inline STRAIT_ABI

// What is in the channel now is not what a range over it will give.
template <class T, class Topology>
inline constexpr bool std::ranges::disable_sized_range<strait::basic_receiver<T, Topology>> = true;

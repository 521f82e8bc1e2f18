// SPDX-License-Identifier: BSL-1.0
//
// The sending end. See channel/channel.hpp for how a channel is made.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

#include <strait/channel/flavors.hpp>
#include <strait/channel/patience.hpp>
#include <strait/error.hpp>
#include <strait/fwd.hpp>

#if !STRAIT_ITERATOR_HAS_RANGES
#include <ranges>
#endif

namespace strait::inline STRAIT_ABI {

namespace detail {

struct access;  // how select reaches a handle's core

/// Whether an expiring range's elements may be moved out: it owns them (a container, not a view).
template <class Range>
concept expiring_container = !std::is_lvalue_reference_v<Range> && !std::is_const_v<Range> &&
                             !std::ranges::view<std::remove_cvref_t<Range>> &&
                             !std::ranges::borrowed_range<std::remove_cvref_t<Range>>;

/// What send_many takes: more than one pass, so that an element that was not accepted is not lost; the
/// elements make a T, or are T that may be moved out.
template <class Range, class T>
concept message_range =
    std::ranges::forward_range<Range> &&
    (std::constructible_from<T, std::ranges::range_reference_t<Range>> ||
     (expiring_container<Range> && std::is_same_v<std::ranges::range_reference_t<Range>, T&>));

}  // namespace detail

/// The sending end of a channel of T.
///
/// A copy is the same end once more; the channel closes when the last one goes. Where the topology has
/// one sender the handle is move-only and belongs to one thread at a time. Otherwise every const member
/// may be called from several threads at once on the same object; assignment, reset and destruction
/// must not race with other uses of that object.
///
/// A handle that was moved from or reset answers every operation with `closed`.
template <class T, class Topology>
class basic_sender {
  static_assert(detail::require_message_shape<T>::value);

 public:
  using message_type = T;

  /// A handle without a channel.
  basic_sender() noexcept = default;

  basic_sender(const basic_sender& other) noexcept
    requires(Topology::many_senders)
      : core_(other.core_) {
    if (core_ != nullptr) core_->add_sender();
  }
  basic_sender(basic_sender&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}

  basic_sender& operator=(const basic_sender& other) noexcept
    requires(Topology::many_senders)
  {
    basic_sender(other).swap(*this);
    return *this;
  }
  basic_sender& operator=(basic_sender&& other) noexcept {
    basic_sender(std::move(other)).swap(*this);
    return *this;
  }
  ~basic_sender() { reset(); }

  void swap(basic_sender& other) noexcept { std::swap(core_, other.core_); }
  friend void swap(basic_sender& a, basic_sender& b) noexcept { a.swap(b); }

  /// Gives the handle up (Rust's drop). The last sender closes the channel.
  void reset() noexcept {
    if (detail::channel_base* c = std::exchange(core_, nullptr)) c->drop_sender();
  }

  // ---- sending ----

  /// Waits while the channel is full; at capacity 0 until a receiver is bound to take this message.
  /// Errors: closed. Unbounded: never waits; std::bad_alloc if there is no memory, the channel unchanged.
  [[nodiscard]] send_result<T> send(T message) const {
    return send_within(message, detail::patience::forever());
  }

  /// As send, and gives up with `cancelled` when `stop` is asked to stop. Tries once in any case.
  [[nodiscard]] send_result<T> send(T message, stop_token stop) const {
    return send_within(message, detail::patience::unless(stop));
  }

  /// Never waits for room. Errors: closed, full (capacity 0: nobody is receiving now; if it met a selector
  /// that chose to receive, it waits until that one has completed or dropped its receive).
  [[nodiscard]] send_result<T> try_send(T message) const {
    return send_within(message, detail::patience::none());
  }

  /// As send, and gives up with `timeout` after `time`. Any duration is fine; one that is not positive
  /// tries once, one that no clock can hold waits for ever.
  template <class Rep, class Period>
  [[nodiscard]] send_result<T> send_for(T message, std::chrono::duration<Rep, Period> time) const {
    return send_within(message, detail::patience::till(detail::deadline::after(time)));
  }

  /// As send, and gives up with `timeout` at `time`, by its own clock.
  template <class Clock, class Duration>
  [[nodiscard]] send_result<T> send_until(T message,
                                          std::chrono::time_point<Clock, Duration> time) const {
    for (;;) {
      const errc e = send_to_core(message, detail::patience::till(detail::deadline::until(time)));
      if (e != errc::timeout || !detail::deadline::again(time))
        return detail::send_outcome(e, message);
    }
  }

  /// Sends the elements in order, waiting for room, until all are sent or the channel closes. Copies
  /// from an lvalue range; moves, element by element as accepted, from an expiring container of T; a
  /// view acts through its reference type. Elements that were not accepted are untouched.
  /// Returns how many were accepted. Throws what making a message throws.
  template <class Range>
  [[nodiscard]] std::size_t send_many(Range&& range) const {
    static_assert(
        std::ranges::forward_range<Range>,
        "strait: send_many needs a std::ranges::forward_range: in a single pass an element that is "
        "not accepted would be lost");
    static_assert(detail::message_range<Range, T>,
                  "strait: send_many: the range's elements do not convert to the message");
    std::size_t accepted = 0;
    for (auto&& element : range) {
      if (!send_element<Range>(std::forward<decltype(element)>(element))) break;
      ++accepted;
    }
    return accepted;
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
  bool same_channel(const Handle& other) const noexcept;

  /// Holds an end; says nothing about closed.
  explicit operator bool() const noexcept { return core_ != nullptr; }
  friend bool operator==(const basic_sender& a, const basic_sender& b) noexcept {
    return a.core_ == b.core_;
  }

  /// A handle that does not keep the channel open.
  basic_weak_sender<T, Topology> downgrade() const noexcept
    requires(Topology::many_senders);

 private:
  friend detail::access;
  friend basic_weak_sender<T, Topology>;

  explicit basic_sender(detail::channel_base* core) noexcept : core_(core) {}

  template <class F>
  static decltype(auto) dispatch(detail::channel_base& core, F&& f) {
    return detail::with_sender_core<Topology, T>(core, std::forward<F>(f));
  }
  template <class F>
  decltype(auto) with_core(F&& f) const {
    const sync::operation here;
    return dispatch(*core_, std::forward<F>(f));
  }

  errc send_to_core(T& message, const detail::patience& p) const {
    static_assert(detail::require_message<T>::value);
    if (core_ == nullptr) [[unlikely]]
      return errc::closed;
    return with_core([&](auto& c) { return c.send(message, p); });
  }
  send_result<T> send_within(T& message, const detail::patience& p) const {
    return detail::send_outcome(send_to_core(message, p), message);
  }

  template <class Range, class Element>
  bool send_element(Element&& element) const {
    using reference = std::ranges::range_reference_t<Range>;
    if constexpr (std::is_same_v<std::remove_reference_t<reference>, T> &&
                  (std::is_rvalue_reference_v<reference> || detail::expiring_container<Range>)) {
      return send_to_core(element, detail::patience::forever()) ==
             detail::success;  // moved only if accepted
    } else {
      T message(std::forward<Element>(element));
      return send_to_core(message, detail::patience::forever()) == detail::success;
    }
  }

  detail::channel_base* core_ = nullptr;
};

/// A sender that does not keep the channel open.
template <class T, class Topology>
class basic_weak_sender {
 public:
  basic_weak_sender() noexcept = default;
  basic_weak_sender(const basic_weak_sender& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) core_->add_weak();
  }
  basic_weak_sender(basic_weak_sender&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)) {}
  basic_weak_sender& operator=(basic_weak_sender other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~basic_weak_sender() {
    if (core_ != nullptr) core_->drop_owner();
  }

  /// A sender again; nullopt when the last one is gone or the channel is closed. Never blocks.
  [[nodiscard]] std::optional<basic_sender<T, Topology>> lock() const noexcept {
    if (core_ == nullptr || !core_->revive_sender()) return std::nullopt;
    basic_sender<T, Topology> strong(core_);
    if (strong.is_closed()) return std::nullopt;
    return strong;
  }

  template <class Handle>
  bool same_channel(const Handle& other) const noexcept;

 private:
  friend detail::access;
  friend basic_sender<T, Topology>;
  explicit basic_weak_sender(detail::channel_base* core) noexcept : core_(core) {
    if (core_ != nullptr) core_->add_weak();
  }

  detail::channel_base* core_ = nullptr;
};

namespace detail {

struct access {
  template <class Handle>
  static channel_base* core(const Handle& handle) noexcept {
    if constexpr (requires { handle.end_; }) {
      return core(handle.end_);
    } else {
      return handle.core_;
    }
  }
  /// Calls `f` with the core behind `core`, which a Handle led to.
  template <class Handle, class F>
  static decltype(auto) dispatch(channel_base& core, F&& f) {
    if constexpr (requires { typename Handle::end_type; }) {
      return dispatch<typename Handle::end_type>(core, std::forward<F>(f));
    } else {
      return Handle::dispatch(core, std::forward<F>(f));
    }
  }
  /// The same for a core that is no timer.
  template <class Handle, class F>
  static decltype(auto) dispatch_untimed(channel_base& core, F&& f) {
    if constexpr (requires { typename Handle::end_type; }) {
      return dispatch_untimed<typename Handle::end_type>(core, std::forward<F>(f));
    } else if constexpr (may_be_timer<Handle>()) {
      return Handle::dispatch_untimed(core, std::forward<F>(f));
    } else {
      return Handle::dispatch(core, std::forward<F>(f));
    }
  }
  template <class Handle>
  static constexpr bool may_be_timer() noexcept {
    if constexpr (requires { Handle::timers; }) return Handle::timers;
    return false;
  }
  template <class Handle, class T>
  static errc send(const Handle& handle, T& message, const patience& p) {
    return handle.send_to_core(message, p);
  }
  template <class Handle, class Result>
  static void recv(const Handle& handle, Result& out, const patience& p) {
    handle.recv_into(out, p);
  }
  template <class Handle>
  static Handle make(channel_base* core) noexcept {
    return Handle(core);
  }
  /// A oneshot end is consumed by success and by closed; the others stay.
  template <class Handle>
  static void used(const Handle& handle) noexcept {
    if constexpr (requires { handle.consume(); }) handle.consume();
  }
};

}  // namespace detail

template <class T, class Topology>
template <class Handle>
bool basic_sender<T, Topology>::same_channel(const Handle& other) const noexcept {
  return core_ == detail::access::core(other);
}

template <class T, class Topology>
template <class Handle>
bool basic_weak_sender<T, Topology>::same_channel(const Handle& other) const noexcept {
  return core_ == detail::access::core(other);
}

template <class T, class Topology>
basic_weak_sender<T, Topology> basic_sender<T, Topology>::downgrade() const noexcept
  requires(Topology::many_senders)
{
  return basic_weak_sender<T, Topology>(core_);
}

}  // namespace strait::inline STRAIT_ABI

// SPDX-License-Identifier: BSL-1.0
//
// The arms of a static select: as the caller writes them, and at work, with their operation and what
// happens when they fire. One from outside (interop/readable.hpp) derives from arm_base and specialises
// `armed`; the first look (channel/first_look.hpp) passes over a select that has such an arm.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <strait/base/config.hpp>
#include <strait/base/object.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/select_arms.hpp>
#include <strait/channel/select_handler.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/error.hpp>
#include <strait/wait/deadline.hpp>

namespace strait::inline STRAIT_ABI::detail {

struct arm_base {};

template <class A>
concept select_arm = std::derived_from<std::remove_cvref_t<A>, arm_base>;

/// A guard: without its condition the arm is absent.
template <class Derived>
struct guarded : arm_base {
  bool on = true;

  [[nodiscard]] Derived when(bool condition) && {
    on = on && condition;
    return std::move(static_cast<Derived&>(*this));
  }
};

template <class Receiver, class F>
struct recv_arm : guarded<recv_arm<Receiver, F>> {
  recv_arm(const Receiver& receiver, F&& f) : rx(&receiver), handler(std::move(f)) {}
  const Receiver* rx;
  F handler;
};

template <class Sender, class M, class F>
struct send_arm : guarded<send_arm<Sender, M, F>> {
  send_arm(const Sender& sender, M&& m, F&& f)
      : tx(&sender), message(detail::address_of(m)), handler(std::move(f)) {}
  const Sender* tx;
  std::remove_reference_t<M>* message;
  F handler;
};

/// When a timeout arm fires: at an instant of the steady clock, or when another clock says so. That one
/// may jump, so it is asked again when the wait is over.
struct steady_moment {
  deadline instant;
  deadline until() const noexcept { return instant; }
  bool again() const noexcept { return false; }
};
template <class Clock, class Duration>
struct clock_moment {
  std::chrono::time_point<Clock, Duration> instant;
  deadline until() const noexcept { return deadline::until(instant); }
  bool again() const noexcept { return deadline::again(instant); }
};

template <class Moment, class F>
struct timeout_arm : guarded<timeout_arm<Moment, F>> {
  timeout_arm(Moment m, F&& f) : moment(std::move(m)), handler(std::move(f)) {}
  Moment moment;
  F handler;
};

template <class F>
struct stop_arm : guarded<stop_arm<F>> {
  stop_arm(stop_token t, F&& f) : token(std::move(t)), handler(std::move(f)) {}
  stop_token token;
  F handler;
};

template <class F>
struct otherwise_arm : guarded<otherwise_arm<F>> {
  explicit otherwise_arm(F&& f) : handler(std::move(f)) {}
  F handler;
};

// ---- an arm at work: its operation, and what happens when it fires ----

/// The handler of a receive, with what was received.
template <class Receiver, class F>
void deliver(recv_arm<Receiver, F>& arm, recv_result<typename Receiver::message_type>& result) {
  constexpr handler_takes taken = what_recv_handler_takes<F, typename Receiver::message_type>();
  if constexpr (taken == handler_takes::message) {
    call_handler(arm.handler, *result);
  } else if constexpr (taken == handler_takes::result) {
    call_handler(arm.handler, result);
  } else {
    (void)std::invoke(arm.handler);
  }
}

/// The handler of a send, with what came of it.
template <class Sender, class M, class F>
void deliver(send_arm<Sender, M, F>& arm, send_result<typename Sender::message_type> result) {
  if constexpr (takes<F, send_result<typename Sender::message_type>>) {
    call_handler(arm.handler, result);
  } else {
    (void)std::invoke(arm.handler);
  }
}

/// Whether a send arm has its message in hand: an expiring T, moved from if it is sent. Otherwise it makes it.
template <class Sender, class M>
inline constexpr bool in_hand = std::is_same_v<M, typename Sender::message_type>;

enum class arm_kind { operation, timeout, stop, otherwise };

template <class Arm>
class armed;

template <class Receiver, class F>
class armed<recv_arm<Receiver, F>> {
  static constexpr bool messages_only =
      what_recv_handler_takes<F, typename Receiver::message_type>() == handler_takes::message;

 public:
  static constexpr arm_kind kind = arm_kind::operation;

  explicit armed(recv_arm<Receiver, F>& arm) noexcept : arm_(&arm), op_(*arm.rx, messages_only) {}

  select_op* operation() noexcept { return arm_->on ? &op_ : nullptr; }

  void fire() {
    op_.finished();
    deliver(*arm_, op_.result());
  }

 private:
  recv_arm<Receiver, F>* arm_;
  recv_op<Receiver> op_;
};

/// A callable without arguments whose result is a T, and which is not itself one.
template <class M, class T>
concept makes_message = !std::is_same_v<std::remove_cvref_t<M>, T> && requires(M&& make) {
  { std::invoke(std::forward<M>(make)) };
  requires std::is_same_v<std::remove_cvref_t<std::invoke_result_t<M>>, T>;
};

/// How a send arm comes by its message: see on_send.
template <class T, class M>
struct message_maker {
  std::remove_reference_t<M>* source;

  T operator()() const {
    if constexpr (makes_message<M, T>) {
      return std::invoke(std::forward<M>(*source));
    } else {
      return T(std::forward<M>(*source));
    }
  }
};

template <class Sender, class M, class F>
class armed<send_arm<Sender, M, F>> {
  using T = typename Sender::message_type;
  using maker = message_maker<T, M>;
  using op = std::conditional_t<in_hand<Sender, M>, send_op<Sender>, lazy_send_op<Sender, maker>>;

 public:
  static constexpr arm_kind kind = arm_kind::operation;

  explicit armed(send_arm<Sender, M, F>& arm) noexcept
      : arm_(&arm), make_{arm.message}, op_(*arm.tx, source(arm, make_)) {}

  select_op* operation() noexcept { return arm_->on ? &op_ : nullptr; }

  void fire() { deliver(*arm_, op_.result()); }

 private:
  static auto& source(send_arm<Sender, M, F>& arm, maker& make) noexcept {
    if constexpr (in_hand<Sender, M>) {
      return *arm.message;
    } else {
      return make;
    }
  }

  send_arm<Sender, M, F>* arm_;
  maker make_;
  op op_;
};

template <class Arm, arm_kind Kind>
class armed_plain {
 public:
  static constexpr arm_kind kind = Kind;
  explicit armed_plain(Arm& arm) noexcept : arm_(&arm) {}
  bool on() const noexcept { return arm_->on; }
  Arm& arm() const noexcept { return *arm_; }
  void fire() { (void)std::invoke(arm_->handler); }

 private:
  Arm* arm_;
};
template <class Moment, class F>
class armed<timeout_arm<Moment, F>>
    : public armed_plain<timeout_arm<Moment, F>, arm_kind::timeout> {
  using armed_plain<timeout_arm<Moment, F>, arm_kind::timeout>::armed_plain;
};
template <class F>
class armed<stop_arm<F>> : public armed_plain<stop_arm<F>, arm_kind::stop> {
  using armed_plain<stop_arm<F>, arm_kind::stop>::armed_plain;
};
template <class F>
class armed<otherwise_arm<F>> : public armed_plain<otherwise_arm<F>, arm_kind::otherwise> {
  using armed_plain<otherwise_arm<F>, arm_kind::otherwise>::armed_plain;
};

}  // namespace strait::inline STRAIT_ABI::detail

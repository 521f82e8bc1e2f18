// SPDX-License-Identifier: BSL-1.0
//
// Waiting for several things at once.
//
//   auto fired = strait::select(
//       strait::on_recv(rx1, [](strait::recv_result<std::string> m) { ... }),  // sees closed too
//       strait::on_recv(rx2, [](std::string m) { ... }),      // takes a T: drops out when rx2 closes
//       strait::on_send(tx, value_or_callable, [](strait::send_result<T> r) { ... }),
//       strait::on_timeout(500ms, [] { ... }),                // or a time_point
//       strait::on_stop(stop_token, [] { ... }),
//       strait::otherwise([] { ... }));                       // at most one; select does not wait
//
// `select` chooses fairly among the ready arms, `select_biased` the first in order. Any arm takes a
// guard: on_recv(rx, f).when(condition). The result is the position of the arm that fired in the list of
// arguments, or `closed` when no arm is left. Ready means "would not block", so an operation on a closed
// channel is ready and completes with closed. A message or room that is ready goes before a stop
// request and before a timeout that has passed. Nothing is allocated; handlers run after the operation
// completed, with no lock held, and their exceptions reach the caller.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <strait/base/sync.hpp>
#include <strait/channel/arm.hpp>
#include <strait/channel/first_look.hpp>
#include <strait/channel/select_handler.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/error.hpp>
#include <strait/wait/deadline.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

// ---- the arms of one select: collected, and the one that fires ----

template <class... Arms>
class select_arms final : private deadline_check {
 public:
  /// The arms live as long as this. `attempted`: just now, all of them, in vain.
  select_arms(bool fair, bool attempted, Arms&... arms) noexcept : arms_(arms...) {
    collect(all);
    plan_ = {.ops = {ops_.data(), n_ops_},
             .stops = {stops_.data(), n_stops_},
             .until = until_,
             .check = this,
             .wait = otherwise_ == none,
             .fair = fair,
             .may_be_empty = otherwise_ != none || timeout_ != none || n_stops_ != 0,
             .attempted = attempted && otherwise_ == none};
  }

  const select_plan& plan() const noexcept { return plan_; }

  /// Runs the handler of the arm that the select came to.
  expected<std::size_t, errc> fire(const select_outcome& out) {
    const std::size_t which = position(out);
    if (which == none) return expected<std::size_t, errc>(unexpect, errc::closed);
    fire(which, all);
    return which;
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr std::size_t count = sizeof...(Arms);
  static constexpr auto all = std::index_sequence_for<Arms...>();

  std::size_t position(const select_outcome& out) const noexcept {
    switch (out.how) {
      case select_end::chosen: return out.op->position;
      case select_end::timeout: return timeout_;
      case select_end::nothing_ready: return otherwise_;
      case select_end::stopped: return stopped_arm();
      case select_end::no_arms: break;
    }
    return none;
  }

  template <std::size_t... I>
  void collect(std::index_sequence<I...>) noexcept {
    (add<I>(std::get<I>(arms_)), ...);
  }

  template <std::size_t I, class Armed>
  void add(Armed& arm) noexcept {
    if constexpr (Armed::kind == arm_kind::operation) {
      if (select_op* op = arm.operation()) {
        op->position = static_cast<std::uint32_t>(I);
        ops_[n_ops_++] = op;
      }
    } else if (!arm.on()) {
      return;
    } else if constexpr (Armed::kind == arm_kind::timeout) {
      take_if_earlier<I>(arm);
    } else if constexpr (Armed::kind == arm_kind::stop) {
      stops_[n_stops_].token = &arm.arm().token;
      stop_positions_[n_stops_++] = I;
    } else {
      otherwise_ = I;
    }
  }

  template <std::size_t I, class Armed>
  void take_if_earlier(Armed& arm) noexcept {
    if constexpr (Armed::kind == arm_kind::timeout) {
      if (!arm.on()) return;
      const deadline until = arm.arm().moment.until();
      if (timeout_ != none && !(until < until_)) return;
      until_ = until;
      timeout_ = I;
    }
  }

  bool passed(deadline& until) noexcept override { return passed(until, all); }
  template <std::size_t... I>
  bool passed(deadline& until, std::index_sequence<I...>) noexcept {
    if (!(asks_again<I>(std::get<I>(arms_)) || ...)) return true;
    timeout_ = none;
    (take_if_earlier<I>(std::get<I>(arms_)), ...);
    until = until_;
    return false;
  }
  template <std::size_t I, class Armed>
  bool asks_again(Armed& arm) const noexcept {
    if constexpr (Armed::kind == arm_kind::timeout)
      return I == timeout_ && arm.arm().moment.again();
    return false;
  }

  std::size_t stopped_arm() const noexcept {
    for (std::size_t i = 0; i < n_stops_; ++i) {
      if (stops_[i].token->stop_requested()) return stop_positions_[i];
    }
    return none;  // not reached: a stop request is not taken back
  }

  template <std::size_t... I>
  void fire(std::size_t which, std::index_sequence<I...>) {
    (void)((I == which && (std::get<I>(arms_).fire(), true)) || ...);
  }

  std::tuple<armed<Arms>...> arms_;
  std::array<select_op*, count + 1> ops_{};
  std::array<stop_arm_state, (0 + ... + std::size_t{armed<Arms>::kind == arm_kind::stop}) + 1>
      stops_{};
  std::array<std::size_t, count + 1> stop_positions_{};
  std::size_t n_ops_ = 0;
  std::size_t n_stops_ = 0;
  deadline until_ = deadline::never();
  std::size_t timeout_ = none;
  std::size_t otherwise_ = none;
  select_plan plan_;
};

template <class... Arms>
constexpr std::size_t otherwise_count =
    (std::size_t{0} + ... + std::size_t{armed<Arms>::kind == arm_kind::otherwise});

/// Whether these are the arguments of a select; says what is wrong if they are not.
template <class... Arms>
consteval bool require_arms() {
  static_assert((select_arm<Arms> && ...),
                "strait: select takes arms: on_recv, on_send, on_timeout, on_stop, otherwise");
  static_assert(
      (!std::is_lvalue_reference_v<Arms> && ...),
      "strait: select takes its arms as rvalues: write them in place, or std::move a named one");
  if constexpr ((select_arm<Arms> && ...) && (!std::is_lvalue_reference_v<Arms> && ...)) {
    static_assert(otherwise_count<Arms...> <= 1, "strait: select takes at most one otherwise arm");
    return true;
  }
  return false;
}

template <class... Arms>
expected<std::size_t, errc> run_select(bool fair, Arms&&... arms) {
  if constexpr (require_arms<Arms...>()) {
    const bool waits = otherwise_count<Arms...> == 0 && sync::processors() > 1;
    bool attempted = false;
    backoff b;
    const learnt_wait lately(b, waits ? &sync::own<last_waits, first_look<Arms...>>() : nullptr);
    if constexpr (first_look<Arms...>::possible) {
      first_look<Arms...> look(arms...);
      do {
        const std::size_t which = look(fair, waits ? sight::own : sight::both);
        if (which != look.none) return which;
      } while (waits && look.attempted() && b.pause());
      attempted = look.attempted() && !waits;  // else one more comes first, at both sides
    }
    select_arms<Arms...> mine(fair, attempted, arms...);
    select_run run(mine.plan());
    return mine.fire(run(b));
  } else {
    return expected<std::size_t, errc>(unexpect, errc::closed);
  }
}

template <class Handle>
concept receiving_handle = requires(const Handle& h) {
  typename Handle::message_type;
  h.try_recv();
};
template <class Handle>
concept sending_handle =
    requires(const Handle& h) { typename Handle::message_type; } && !receiving_handle<Handle>;

}  // namespace detail

// ---- making arms ----

/// Receives from `rx`. The handler takes the message (a T: then the arm drops out when the channel is
/// closed), or a recv_result<T>, or nothing (both see closed too).
template <class Receiver, class F = detail::no_handler>
[[nodiscard]] auto on_recv(const Receiver& rx, F handler = {}) {
  static_assert(detail::receiving_handle<Receiver>, "strait: on_recv takes a receiver");
  using T = typename Receiver::message_type;
  static_assert(detail::what_recv_handler_takes<F, T>() != detail::handler_takes::nothing ||
                    std::invocable<F&>,
                "strait: on_recv's handler takes the message, a recv_result of it, or nothing");
  return detail::recv_arm<Receiver, F>(rx, std::move(handler));
}

/// Sends through `tx`. `message` is the value, if its decayed type is T (an rvalue is moved from only if
/// the arm fires and the send succeeds; an lvalue is copied when the arm fires); else, if it is callable
/// without arguments and gives a T, it makes the message when the arm fires; else it is converted then.
/// An rvalue is held by reference. The handler takes a send_result<T> or nothing.
template <class Sender, class M, class F = detail::no_handler>
[[nodiscard]] auto on_send(const Sender& tx, M&& message, F handler = {}) {
  static_assert(detail::sending_handle<Sender>, "strait: on_send takes a sender");
  using T = typename Sender::message_type;
  static_assert(detail::makes_message<M, T> || std::constructible_from<T, M>,
                "strait: on_send's second argument is the message, a callable that makes it, or "
                "converts to it");
  static_assert(detail::takes<F, send_result<T>> || std::invocable<F&>,
                "strait: on_send's handler takes a send_result of the message, or nothing");
  return detail::send_arm<Sender, M, F>(tx, std::forward<M>(message), std::move(handler));
}

/// Fires when nothing else did for `time` (or until a time point) from now.
template <class Rep, class Period, class F = detail::no_handler>
[[nodiscard]] auto on_timeout(std::chrono::duration<Rep, Period> time, F handler = {}) {
  return detail::timeout_arm<detail::steady_moment, F>({detail::deadline::after(time)},
                                                       std::move(handler));
}
template <class Clock, class Duration, class F = detail::no_handler>
[[nodiscard]] auto on_timeout(std::chrono::time_point<Clock, Duration> time, F handler = {}) {
  if constexpr (std::is_same_v<Clock, sync::clock>) {
    return detail::timeout_arm<detail::steady_moment, F>({detail::deadline::until(time)},
                                                         std::move(handler));
  } else {
    return detail::timeout_arm<detail::clock_moment<Clock, Duration>, F>({time},
                                                                         std::move(handler));
  }
}

/// Fires when `token` is asked to stop.
template <class F = detail::no_handler>
[[nodiscard]] auto on_stop(stop_token token, F handler = {}) {
  return detail::stop_arm<F>(std::move(token), std::move(handler));
}

/// Fires when no operation is ready; with it, select does not wait.
template <class F = detail::no_handler>
[[nodiscard]] auto otherwise(F handler = {}) {
  return detail::otherwise_arm<F>(std::move(handler));
}

// ---- selecting ----

/// Waits until one of the arms can go, does its operation and runs its handler. Fair: the arms that are
/// ready have the same chance. Returns the position of the arm that fired; closed: no arm is left.
/// Throws what a handler, a message maker or a copy throws. Complexity: O(arms), and O(waiters it meets).
template <class... Arms>
expected<std::size_t, errc> select(Arms&&... arms) {
  return detail::run_select(true, std::forward<Arms>(arms)...);
}

/// As select, but the first ready arm in the order of the arguments goes.
template <class... Arms>
expected<std::size_t, errc> select_biased(Arms&&... arms) {
  return detail::run_select(false, std::forward<Arms>(arms)...);
}

}  // namespace strait::inline STRAIT_ABI

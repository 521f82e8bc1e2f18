// SPDX-License-Identifier: BSL-1.0
//
// Waiting for several things at once, from a coroutine:
//
//   auto fired = co_await strait::async_select(arms...);
//
// The arms are those of strait::select (channel/select.hpp). As with async_send and async_recv
// (coro/async_ops.hpp) it may be named and awaited later, once, and the coroutine goes on on its scheduler.
#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <strait/base/config.hpp>
#include <strait/base/object.hpp>
#include <strait/channel/first_look.hpp>
#include <strait/channel/select.hpp>
#include <strait/coro/async_wait.hpp>
#include <strait/coro/frame.hpp>
#include <strait/error.hpp>

namespace strait::inline STRAIT_ABI {

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
    using look = detail::first_look<Arms...>;

   public:
    awaiter(bool fair, kept_arms& arms) noexcept : fair_(fair), arms_(&arms) {}
    awaiter(const awaiter&) = delete;
    awaiter& operator=(const awaiter&) = delete;
    bool await_ready() {
      return std::apply([this](auto&... a) { return start(a.arm...); }, *arms_);
    }
    bool await_suspend(std::coroutine_handle<> h) { return waiting_->wait.suspend(h); }
    expected<std::size_t, errc> await_resume() {
      if (fired_ != look::none) return fired_;
      return waiting_->select.fire(waiting_->wait.outcome());
    }

   private:
    struct waiting {
      waiting(bool fair, bool attempted, Arms&... arms)
          : select(fair, attempted, arms...), wait(select.plan()) {}
      detail::select_arms<Arms...> select;
      detail::async_wait wait;
    };

    bool start(Arms&... arms) {
      bool attempted = false;
      if constexpr (look::possible) {
        look first(arms...);
        fired_ = first(fair_);
        if (fired_ != look::none) return true;
        attempted = first.attempted();
      }
      return waiting_.emplace(fair_, attempted, arms...).wait.ready();
    }

    const bool fair_;
    kept_arms* const arms_;
    std::size_t fired_ = look::none;
    std::optional<waiting> waiting_;
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

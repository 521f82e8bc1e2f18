// SPDX-License-Identifier: BSL-1.0
//
// The first look of a static select: every arm is attempted where it stands, in random order (or as given),
// before a select is made of them. In a busy program most selects end here. A thread that waits looks around
// like this for as long as it would for one channel (base/backoff.hpp) before it lies down in all their lines.
//
// It is the first round of the select that would be made (channel/select_op.hpp), and only where that round
// is nothing but attempts on queues: no arm waits for a partner (a rendezvous), for a time (a timer), or
// makes its message when it is chosen; every arm has its channel. Else it does nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include <strait/base/config.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/arm.hpp>
#include <strait/channel/channel_base.hpp>
#include <strait/channel/dice.hpp>
#include <strait/channel/party.hpp>
#include <strait/channel/select_handler.hpp>
#include <strait/channel/sender.hpp>
#include <strait/error.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// Whether an attempt through this handle is one on a queue.
template <class Handle>
bool leads_to_a_queue(const Handle& handle) noexcept {
  const channel_base* const core = access::core(handle);
  return core != nullptr &&
         (core->kind() == channel_kind::bounded || core->kind() == channel_kind::unbounded);
}

/// What the first look makes of an arm: whether its type allows an attempt (`possible`), whether its channel
/// does (`usable`), and what the attempt came to (`fire`: chosen, then its handler has run; dropped, then it takes no
/// part any more). This one: of an arm that nothing is known of there is no first look.
template <class Arm>
struct arm_look {
  static constexpr bool possible = false, is_operation = true;
};

/// The look at an arm that is no operation: a timeout, a stop token, otherwise.
template <class Arm>
struct no_look {
  static constexpr bool possible = true, is_operation = false;
  static bool usable(const Arm&) noexcept { return true; }
  static attempt fire(Arm&, sight) noexcept { return attempt::not_ready; }
};

template <class Moment, class F>
struct arm_look<timeout_arm<Moment, F>> : no_look<timeout_arm<Moment, F>> {};
template <class F>
struct arm_look<stop_arm<F>> : no_look<stop_arm<F>> {};
template <class F>
struct arm_look<otherwise_arm<F>> : no_look<otherwise_arm<F>> {};

template <class Receiver, class F>
struct arm_look<recv_arm<Receiver, F>> {
  using T = typename Receiver::message_type;
  static constexpr bool possible = true, is_operation = true;

  static bool usable(const recv_arm<Receiver, F>& arm) noexcept {
    return !arm.on || leads_to_a_queue(*arm.rx);
  }
  static attempt fire(recv_arm<Receiver, F>& arm, sight reach) {
    if (!arm.on) return attempt::not_ready;
    recv_result<T> result = detail::recv_failed<T>(errc::empty);
    const attempt a = access::dispatch_untimed<Receiver>(*access::core(*arm.rx), [&](auto& c) {
      const sync::operation here;
      return c.attempt_recv(result, reach);
    });
    if (a == attempt::closed) [[unlikely]] {
      if (what_recv_handler_takes<F, T>() == handler_takes::message) return attempt::dropped;
      result.error() = errc::closed;
    } else if (a != attempt::chosen) {
      return a;
    }
    access::used(*arm.rx);
    deliver(arm, result);
    return attempt::chosen;
  }
};

template <class Sender, class M, class F>
struct arm_look<send_arm<Sender, M, F>> {
  using T = typename Sender::message_type;
  static constexpr bool possible = in_hand<Sender, M>, is_operation = true;

  static bool usable(const send_arm<Sender, M, F>& arm) noexcept {
    return !arm.on || leads_to_a_queue(*arm.tx);
  }
  static attempt fire(send_arm<Sender, M, F>& arm, sight reach) {
    if (!arm.on) return attempt::not_ready;
    const attempt a = access::dispatch_untimed<Sender>(*access::core(*arm.tx), [&](auto& c) {
      const sync::operation here;
      return c.attempt_send(*arm.message, reach);
    });
    if (a != attempt::chosen && a != attempt::closed) return a;
    access::used(*arm.tx);
    deliver(arm, detail::send_outcome(a == attempt::closed ? errc::closed : success, *arm.message));
    return attempt::chosen;
  }
};

template <class... Arms>
class first_look {
  static constexpr std::size_t count = sizeof...(Arms);
  static constexpr auto all = std::index_sequence_for<Arms...>();

 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr bool possible =
      count <= 256 && (arm_look<Arms>::possible && ...) && (arm_look<Arms>::is_operation || ...);

  /// The arms live as long as this.
  explicit first_look(Arms&... arms) noexcept : arms_(arms...) {}

  /// The position of the arm that fired, or none. Throws what its handler or moving a message in throws.
  std::size_t operator()(bool fair, sight reach = sight::both) {
    reach_ = reach;
    if (!usable(all)) return none;
    attempted_ = true;
    return fair ? in_random_order(std::make_index_sequence<count>()) : in_order(all);
  }

  /// Whether every arm was attempted, in vain, and none has left.
  bool attempted() const noexcept { return attempted_; }

 private:
  template <std::size_t... I>
  bool usable(std::index_sequence<I...>) const noexcept {
    return (arm_look<Arms>::usable(std::get<I>(arms_)) && ...);
  }

  // Uniform over all orders, of which only so much is drawn as is needed (Fisher and Yates).
  template <std::size_t... I>
  std::size_t in_random_order(std::index_sequence<I...>) {
    std::array<std::uint8_t, count> order{static_cast<std::uint8_t>(I)...};
    dice d;
    for (std::size_t left = count; left > 0; --left) {
      std::uint8_t& pick = order[left > 1 ? d.below(left) : 0];
      if (fires(pick, all)) return pick;
      pick = order[left - 1];
    }
    return none;
  }

  template <std::size_t... I>
  std::size_t in_order(std::index_sequence<I...>) {
    std::size_t which = none;
    (void)((fires(std::get<I>(arms_)) && (which = I, true)) || ...);
    return which;
  }

  template <std::size_t... I>
  bool fires(std::size_t which, std::index_sequence<I...>) {
    bool fired = false;
    (void)((I == which && (fired = fires(std::get<I>(arms_)), true)) || ...);
    return fired;
  }

  template <class Arm>
  bool fires(Arm& arm) {
    const attempt a = arm_look<Arm>::fire(arm, reach_);
    if (a == attempt::dropped) attempted_ = false;
    return a == attempt::chosen;
  }

  std::tuple<Arms&...> arms_;
  sight reach_ = sight::both;
  bool attempted_ = false;
};

}  // namespace strait::inline STRAIT_ABI::detail

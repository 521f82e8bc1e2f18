// SPDX-License-Identifier: BSL-1.0
//
// One operation on one channel, and how long a coroutine waits for it: what async_send, async_recv and their
// siblings (coro/async_ops.hpp) are made of.
//
//   start     without waiting; true: it is over
//   suspend   waits; false: it is over after all
//   result    when it is over
//
// Without a limit it waits alone (coro/lone_wait.hpp); with one it is a select (coro/async_wait.hpp).
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <strait/base/config.hpp>
#include <strait/channel/channel_base.hpp>
#include <strait/channel/select_arms.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/coro/async_limits.hpp>
#include <strait/coro/async_wait.hpp>
#include <strait/coro/lone_wait.hpp>
#include <strait/error.hpp>

namespace strait::inline STRAIT_ABI::detail {

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

}  // namespace strait::inline STRAIT_ABI::detail

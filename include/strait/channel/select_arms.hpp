// SPDX-License-Identifier: BSL-1.0
//
// The operations a static select is made of: a receive, a send whose message is there, a send whose
// message is made when it is chosen. Each leads to its handle's core, whatever the flavor.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <strait/channel/receiver.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/channel/sender.hpp>
#include <strait/error.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// What all operations on one handle share: its core, its party, and the half of a core it uses.
///
/// The core is looked up when the select starts. From a promise until it is spent the operation also
/// owns the core, because user code runs in between and may give the handle up.
template <class Handle>
class handle_op : public select_op {
 public:
  using message_type = typename Handle::message_type;

  explicit handle_op(const Handle& handle) noexcept
      : handle_(&handle), core_(access::core(handle)) {}

  /// An attempt never waits for a partner (as one at a rendezvous may).
  bool is_quick() const noexcept {
    return core_ == nullptr || core_->kind() != channel_kind::rendezvous;
  }

 protected:
  ~handle_op() = default;

  void look_again() noexcept { core_ = access::core(*handle_); }
  bool has_core() const noexcept { return core_ != nullptr; }
  template <class F>
  decltype(auto) with(F&& f) const {
    return access::template dispatch<Handle>(*core_, std::forward<F>(f));
  }

  bool is_promised() const noexcept { return promised_; }
  bool promise(bool made) noexcept {
    if (made) core_->add_weak();
    promised_ = made;
    return made;
  }
  void end_promise() noexcept {
    promised_ = false;
    me_.arrived = false;
    std::exchange(core_, nullptr)->drop_owner();
  }

  const Handle* handle_;
  channel_base* core_;
  party<message_type> me_;
  bool probing_ = false;  // only asks whether the operation is ready

 private:
  bool promised_ = false;
};

template <class Receiver>
class recv_op_base : public handle_op<Receiver> {
 public:
  using handle_op<Receiver>::handle_op;

  attempt enlist(waiter& owner, place where, waiter& here) noexcept override {
    this->me_.owner = &owner;
    this->me_.arm = this->position;
    if (!this->has_core()) return attempt::not_ready;
    return this->with(
        [&](auto& c) { return c.enlist_recv(this->me_, where, here, this->probing_); });
  }
  void delist() noexcept override {
    if (this->has_core()) this->with([&](auto& c) { c.delist_recv(this->me_, this->probing_); });
  }
  bool unbind() noexcept override {
    return this->with([&](auto& c) { return c.unbind(this->me_); });
  }
  bool ready() const noexcept override {
    return !this->has_core() || this->with([&](auto& c) { return c.recv_ready(this->probing_); });
  }
  void pass_on() noexcept override {
    if (this->has_core()) this->with([](auto& c) { c.pass_on_recv(); });
  }
  std::uint64_t version() const noexcept override {
    return this->has_core() ? this->with([](auto& c) { return c.recv_version(); }) : 0;
  }
  deadline due() const noexcept override {
    return this->has_core() ? this->with([](auto& c) { return c.recv_due(); }) : deadline::never();
  }

 protected:
  ~recv_op_base() = default;
};

template <class Sender>
class send_op_base : public handle_op<Sender> {
 public:
  using handle_op<Sender>::handle_op;

  attempt enlist(waiter& owner, place where, waiter& here) noexcept override {
    this->me_.owner = &owner;
    this->me_.arm = this->position;
    if (!this->has_core()) return attempt::not_ready;
    return this->with(
        [&](auto& c) { return c.enlist_send(this->me_, where, here, this->probing_); });
  }
  void delist() noexcept override {
    if (this->has_core()) this->with([&](auto& c) { c.delist_send(this->me_, this->probing_); });
  }
  bool unbind() noexcept override {
    return this->with([&](auto& c) { return c.unbind(this->me_); });
  }
  bool ready() const noexcept override {
    return !this->has_core() || this->with([&](auto& c) { return c.send_ready(this->probing_); });
  }
  void pass_on() noexcept override {
    if (this->has_core()) this->with([](auto& c) { c.pass_on_send(); });
  }
  std::uint64_t version() const noexcept override {
    return this->has_core() ? this->with([](auto& c) { return c.send_version(); }) : 0;
  }
  deadline due() const noexcept override { return deadline::never(); }

 protected:
  ~send_op_base() = default;
};

/// Receives into `result()`. With `messages_only` it drops out when the channel is closed.
template <class Receiver>
class recv_op final : public recv_op_base<Receiver> {
 public:
  using T = typename Receiver::message_type;

  recv_op(const Receiver& rx, bool messages_only) noexcept
      : recv_op_base<Receiver>(rx), messages_only_(messages_only) {
    this->me_.result = detail::address_of(result_);
    this->me_.arrived = true;
  }

  attempt try_now(waiter& here) override {
    attempt a = attempt::closed;
    if (this->has_core()) a = this->with([&](auto& c) { return c.select_recv(this->me_, here); });
    if (a != attempt::closed) return a;
    if (messages_only_) return attempt::dropped;
    result_.error() = errc::closed;
    return attempt::chosen;
  }
  void selected() noexcept override {}     // the partner has filled the result
  void leave_behind() noexcept override {  // so there is a message
    this->with([&](auto& c) { c.leave_behind(std::move(*result_)); });
  }

  recv_result<T>& result() noexcept { return result_; }
  void finished() noexcept {
    if (result_ || result_.error() == errc::closed) access::used(*this->handle_);
  }

 private:
  recv_result<T> result_ = detail::recv_failed<T>(errc::empty);
  bool messages_only_;
};

/// Sends the caller's message; it is moved from only if the operation is chosen and not closed.
template <class Sender>
class send_op final : public send_op_base<Sender> {
 public:
  using T = typename Sender::message_type;

  send_op(const Sender& tx, T& message) noexcept : send_op_base<Sender>(tx) {
    this->me_.message = detail::address_of(message);
    this->me_.arrived = true;
  }

  attempt try_now(waiter& here) override {
    attempt a = attempt::closed;
    if (this->has_core()) a = this->with([&](auto& c) { return c.select_send(this->me_, here); });
    closed_ = a == attempt::closed;
    return closed_ ? attempt::chosen : a;
  }
  void selected() noexcept override {}  // the partner has taken the message

  send_result<T> result() {
    access::used(*this->handle_);
    return detail::send_outcome(closed_ ? errc::closed : success, *this->me_.message);
  }

 private:
  bool closed_ = false;
};

/// Sends a message that is made when the operation is chosen, with no lock held. Until then it is a
/// promise (core.hpp, rendezvous.hpp); should making the message throw, the promise is given back.
template <class Sender, class Maker>
class lazy_send_op final : public send_op_base<Sender> {
 public:
  using T = typename Sender::message_type;

  lazy_send_op(const Sender& tx, Maker& maker) noexcept
      : send_op_base<Sender>(tx), maker_(detail::address_of(maker)) {}
  ~lazy_send_op() { give_back(); }

  attempt try_now(waiter&) override {
    attempt a = attempt::closed;
    if (this->has_core()) a = this->with([&](auto& c) { return c.reserve_send(this->me_); });
    this->promise(a == attempt::chosen);
    return a == attempt::closed ? attempt::chosen : a;
  }
  attempt enlist(waiter& owner, place where, waiter& here) noexcept override {
    const attempt a = send_op_base<Sender>::enlist(owner, where, here);
    this->promise(a == attempt::chosen);
    return a;
  }
  void selected() noexcept override { this->promise(true); }

  /// Makes the message and sends it.
  attempt commit(waiter& here) override {
    message_.emplace(*maker_);
    if (!this->is_promised()) return attempt::chosen;
    this->me_.message = detail::address_of(message_->message);
    const attempt a = this->with([&](auto& c) { return c.commit_send(this->me_, here); });
    if (a != attempt::bound) finish(a);
    return a == attempt::bound ? a : attempt::chosen;
  }
  void met(bool done) noexcept override { finish(done ? attempt::chosen : attempt::not_ready); }

  /// success, closed, or full (the selector that had promised to take it dropped its promise meanwhile);
  /// in the last two the result holds the message.
  send_result<T> result() {
    if (outcome_ != errc::full) access::used(*this->handle_);
    return detail::send_outcome(outcome_, message_->message);
  }

 private:
  void give_back() noexcept {
    if (!this->is_promised()) return;
    this->with([&](auto& c) { c.cancel_send(this->me_); });
    this->end_promise();
  }

  void finish(attempt a) noexcept {
    this->end_promise();
    outcome_ = a == attempt::chosen ? success : (a == attempt::closed ? errc::closed : errc::full);
  }

  struct made {  // builds the message where it stays, and does not convert: T may take anything
    explicit made(Maker& make) : message(make()) {}
    T message;
  };

  Maker* maker_;
  std::optional<made> message_;
  errc outcome_ = errc::closed;
};

}  // namespace strait::inline STRAIT_ABI::detail

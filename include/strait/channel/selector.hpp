// SPDX-License-Identifier: BSL-1.0
//
// Select over a list that is made at run time.
//
//   strait::selector s;
//   auto i = s.recv(rx);
//   auto j = s.send(tx);
//   if (auto chosen = s.select(); chosen && chosen->index() == i) { auto m = chosen->recv(rx); ... }
//
// The chosen operation is a promise: it is completed by `selected.recv(rx)` or `selected.send(tx, m)`,
// which do not wait for the channel. Dropped instead, it gives its place back and hangs nobody.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <strait/base/contract.hpp>
#include <strait/channel/select_arms.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/error.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

/// An operation of a selector, whatever it is about.
class selector_entry {
 public:
  virtual ~selector_entry() = default;
  virtual select_op& operation() noexcept = 0;
  virtual void give_back() noexcept = 0;
  virtual void prepare(bool only_probe) noexcept = 0;  // before each select
  virtual const channel_base* channel() const noexcept = 0;
  virtual bool sends() const noexcept = 0;
};

/// Spends a promise; if the partner is only promised itself, waits until it has come or given up.
template <class Commit>
attempt to_the_end(Commit commit) {
  waiter here;
  const attempt a = commit(here);
  if (a != attempt::bound) return a;
  backoff b;
  return here.park(deadline::never(), b) == waiter::done ? attempt::chosen : attempt::not_ready;
}

template <class Receiver>
class selector_recv final : public recv_op_base<Receiver>, public selector_entry {
 public:
  using T = typename Receiver::message_type;
  explicit selector_recv(const Receiver& rx) noexcept : recv_op_base<Receiver>(rx) {}
  ~selector_recv() override { give_back(); }

  attempt try_now(waiter&) override {
    if (this->probing_) return this->ready() ? attempt::chosen : attempt::not_ready;
    attempt a = attempt::closed;
    if (this->has_core()) a = this->with([&](auto& c) { return c.reserve_recv(this->me_); });
    this->promise(a == attempt::chosen);
    return a == attempt::closed ? attempt::chosen : a;
  }
  attempt enlist(waiter& owner, place where, waiter& here) noexcept override {
    const attempt a = recv_op_base<Receiver>::enlist(owner, where, here);
    this->promise(a == attempt::chosen);
    return a;
  }
  void selected() noexcept override { this->promise(true); }

  // errc::empty: at a rendezvous, the partner (a selector as well) dropped its promise.
  recv_result<T> complete() {
    recv_result<T> out = detail::recv_failed<T>(errc::closed);
    if (this->is_promised()) {
      this->me_.result = detail::address_of(out);
      const attempt a = to_the_end([&](waiter& here) {
        return this->with([&](auto& c) { return c.commit_recv(this->me_, here); });
      });
      this->end_promise();
      if (a == attempt::not_ready) out.error() = errc::empty;
    }
    if (out || out.error() == errc::closed) access::used(*this->handle_);
    return out;
  }

  select_op& operation() noexcept override { return *this; }
  void give_back() noexcept override {
    if (!this->is_promised()) return;
    this->with([&](auto& c) { c.cancel_recv(this->me_); });
    this->end_promise();
  }
  void prepare(bool only_probe) noexcept override {
    this->look_again();
    this->probing_ = only_probe;
  }
  const channel_base* channel() const noexcept override { return this->core_; }
  bool sends() const noexcept override { return false; }
};

template <class Sender>
class selector_send final : public send_op_base<Sender>, public selector_entry {
 public:
  using T = typename Sender::message_type;
  explicit selector_send(const Sender& tx) noexcept : send_op_base<Sender>(tx) {}
  ~selector_send() override { give_back(); }

  attempt try_now(waiter&) override {
    if (this->probing_) return this->ready() ? attempt::chosen : attempt::not_ready;
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

  // errc::full: at a rendezvous, the partner (a selector as well) dropped its promise.
  send_result<T> complete(T& message) {
    errc e = errc::closed;
    if (this->is_promised()) {
      this->me_.message = detail::address_of(message);
      const attempt a = to_the_end([&](waiter& here) {
        return this->with([&](auto& c) { return c.commit_send(this->me_, here); });
      });
      this->end_promise();
      e = a == attempt::chosen ? success : (a == attempt::closed ? errc::closed : errc::full);
    }
    if (e != errc::full) access::used(*this->handle_);
    return detail::send_outcome(e, message);
  }

  select_op& operation() noexcept override { return *this; }
  void give_back() noexcept override {
    if (!this->is_promised()) return;
    this->with([&](auto& c) { c.cancel_send(this->me_); });
    this->end_promise();
  }
  void prepare(bool only_probe) noexcept override {
    this->look_again();
    this->probing_ = only_probe;
  }
  const channel_base* channel() const noexcept override { return this->core_; }
  bool sends() const noexcept override { return true; }
};

}  // namespace detail

class selector;

/// An operation that a selector chose: complete it, or drop it and it gives its place back. Move-only.
/// It must not outlive its selector, and is void once the selector selects again.
class selected {
 public:
  selected(selected&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        index_(other.index_),
        ticket_(other.ticket_) {}
  selected& operator=(selected&& other) noexcept {
    if (this != &other) {
      drop();
      owner_ = std::exchange(other.owner_, nullptr);
      index_ = other.index_;
      ticket_ = other.ticket_;
    }
    return *this;
  }
  ~selected() { drop(); }

  /// Which operation: what selector::recv or selector::send returned for it.
  std::size_t index() const noexcept { return index_; }

  /// Completes a receive. `rx` is any handle of the channel it was registered with. Does not wait for the
  /// channel; errors: closed (and nothing is left, or `rx` was given up meanwhile); at a rendezvous also empty, if the other side was a
  /// selected operation too and was dropped.
  template <class Receiver>
  [[nodiscard]] recv_result<typename Receiver::message_type> recv(const Receiver& rx);

  /// Completes a send; the counterpart of recv. Errors: closed, at a rendezvous also full.
  template <class Sender>
  [[nodiscard]] send_result<typename Sender::message_type> send(
      const Sender& tx, typename Sender::message_type message);

 private:
  friend selector;
  selected(selector& owner, std::size_t index, std::uint64_t ticket) noexcept
      : owner_(&owner), index_(index), ticket_(ticket) {}
  inline void drop() noexcept;

  selector* owner_;
  std::size_t index_;
  std::uint64_t ticket_;
};

/// A list of operations to select from. Handles are held by reference and must live as long as they are
/// in the list. One thread at a time. Reusable; select allocates nothing (adding an operation does).
class selector {
 public:
  selector() noexcept = default;
  /// A selector that chooses the first ready operation in the order of their indices.
  [[nodiscard]] static selector biased() noexcept { return selector(false); }

  selector(const selector&) = delete;
  selector& operator=(const selector&) = delete;

  /// Adds a receive (a send); returns its index. Indices are stable and never used again.
  template <class Receiver>
  std::size_t recv(const Receiver& rx) {
    return add(std::make_unique<detail::selector_recv<Receiver>>(rx));
  }
  template <class Sender>
  std::size_t send(const Sender& tx) {
    return add(std::make_unique<detail::selector_send<Sender>>(tx));
  }
  template <class Handle>
  std::size_t recv(const Handle&&) = delete;  // held by reference: a temporary would be gone
  template <class Handle>
  std::size_t send(const Handle&&) = delete;

  /// Takes an operation out; the others keep their indices and their order.
  void remove(std::size_t index) noexcept {
    STRAIT_EXPECTS(index < entries_.size() && entries_[index] != nullptr,
                   "selector::remove: no operation has this index");
    if (index == current_) ++ticket_, current_ = none;
    entries_[index].reset();
  }

  /// Waits for an operation to become ready and promises it. closed: the list is empty.
  [[nodiscard]] expected<selected, errc> select() {
    return choose(detail::deadline::never(), true, false);
  }
  /// Errors: empty (nothing is ready), closed (the list is empty).
  [[nodiscard]] expected<selected, errc> try_select() {
    return choose(detail::deadline::never(), false, false);
  }
  /// Errors: timeout.
  template <class Rep, class Period>
  [[nodiscard]] expected<selected, errc> select_for(std::chrono::duration<Rep, Period> time) {
    return choose(detail::deadline::after(time), true, true);
  }
  template <class Clock, class Duration>
  [[nodiscard]] expected<selected, errc> select_until(
      std::chrono::time_point<Clock, Duration> time) {
    for (;;) {
      auto chosen = choose(detail::deadline::until(time), true, true);
      if (chosen || chosen.error() != errc::timeout || !detail::deadline::again(time))
        return chosen;
    }
  }

  /// As the select family, but only reports the index of an operation that would not block now, and takes
  /// nothing; by the time it is tried, somebody else may have been faster.
  [[nodiscard]] expected<std::size_t, errc> ready() {
    return probe(detail::deadline::never(), true, false);
  }
  [[nodiscard]] expected<std::size_t, errc> try_ready() {
    return probe(detail::deadline::never(), false, false);
  }
  template <class Rep, class Period>
  [[nodiscard]] expected<std::size_t, errc> ready_for(std::chrono::duration<Rep, Period> time) {
    return probe(detail::deadline::after(time), true, true);
  }
  template <class Clock, class Duration>
  [[nodiscard]] expected<std::size_t, errc> ready_until(
      std::chrono::time_point<Clock, Duration> time) {
    for (;;) {
      auto which = probe(detail::deadline::until(time), true, true);
      if (which || which.error() != errc::timeout || !detail::deadline::again(time)) return which;
    }
  }

 private:
  friend selected;
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  explicit selector(bool fair) noexcept : fair_(fair) {}

  std::size_t add(std::unique_ptr<detail::selector_entry> entry) {
    entry->operation().position = static_cast<std::uint32_t>(entries_.size());
    scratch_.reserve(entries_.size() + 1);  // so that select needs no memory
    entries_.push_back(std::move(entry));
    return entries_.size() - 1;
  }

  detail::select_outcome run(detail::deadline until, bool wait, bool may_be_empty,
                             bool only_probe) {
    give_back();
    scratch_.clear();
    for (auto& e : entries_) {
      if (e == nullptr) continue;
      e->prepare(only_probe);
      scratch_.push_back(&e->operation());
    }
    const detail::select_plan plan{
        .ops = scratch_, .until = until, .wait = wait, .fair = fair_, .may_be_empty = may_be_empty};
    detail::select_run select(plan);
    return select();
  }

  static errc reason(detail::select_end how) noexcept {
    if (how == detail::select_end::no_arms) return errc::closed;
    return how == detail::select_end::timeout ? errc::timeout : errc::empty;
  }

  expected<selected, errc> choose(detail::deadline until, bool wait, bool may_be_empty) {
    const detail::select_outcome out = run(until, wait, may_be_empty, false);
    if (out.how != detail::select_end::chosen)
      return expected<selected, errc>(unexpect, reason(out.how));
    current_ = out.op->position;
    return selected(*this, current_, ++ticket_);
  }

  expected<std::size_t, errc> probe(detail::deadline until, bool wait, bool may_be_empty) {
    const detail::select_outcome out = run(until, wait, may_be_empty, true);
    if (out.how != detail::select_end::chosen)
      return expected<std::size_t, errc>(unexpect, reason(out.how));
    return std::size_t{out.op->position};
  }

  // The operation promised to `ticket`, which is completed now; `channel` is null if the handle was given
  // up meanwhile.
  detail::selector_entry& take(const selected& s, const detail::channel_base* channel,
                               bool sends) noexcept {
    STRAIT_EXPECTS(s.ticket_ == ticket_ && current_ != none,
                   "this selected operation was completed already, or its selector went on");
    detail::selector_entry& entry = *entries_[s.index_];
    STRAIT_EXPECTS(entry.sends() == sends,
                   "a selected send is completed with send, a selected receive with recv");
    STRAIT_EXPECTS(channel == nullptr || entry.channel() == channel,
                   "this selected operation belongs to another channel");
    current_ = none;
    return entry;
  }
  void give_back() noexcept {
    if (current_ != none) entries_[std::exchange(current_, none)]->give_back();
  }

  std::vector<std::unique_ptr<detail::selector_entry>> entries_;
  std::vector<detail::select_op*> scratch_;
  std::size_t current_ = none;  // promised and not completed
  std::uint64_t ticket_ = 0;
  bool fair_ = true;
};

inline void selected::drop() noexcept {
  if (owner_ != nullptr && ticket_ == owner_->ticket_) owner_->give_back();
  owner_ = nullptr;
}

template <class Receiver>
recv_result<typename Receiver::message_type> selected::recv(const Receiver& rx) {
  STRAIT_EXPECTS(owner_ != nullptr, "this selected operation was moved from");
  const auto* core = detail::access::core(rx);
  auto& entry = owner_->take(*this, core, false);
  if (core == nullptr) {
    entry.give_back();
    return detail::recv_failed<typename Receiver::message_type>(errc::closed);
  }
  return static_cast<detail::selector_recv<Receiver>&>(entry).complete();
}

template <class Sender>
send_result<typename Sender::message_type> selected::send(const Sender& tx,
                                                          typename Sender::message_type message) {
  STRAIT_EXPECTS(owner_ != nullptr, "this selected operation was moved from");
  const auto* core = detail::access::core(tx);
  auto& entry = owner_->take(*this, core, true);
  if (core == nullptr) {
    entry.give_back();
    return detail::send_outcome(errc::closed, message);
  }
  return static_cast<detail::selector_send<Sender>&>(entry).complete(message);
}

}  // namespace strait::inline STRAIT_ABI

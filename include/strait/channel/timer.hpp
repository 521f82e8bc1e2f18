// SPDX-License-Identifier: BSL-1.0
//
// Timers as receivers: after, at, tick, never. A timer is a channel without a sender and without
// storage: one atomic word says when the next message is due; its message is that very instant. Whoever
// waits sleeps until then by itself, so there is no timer thread and no list of timers.
//
// Invariants
//   T1 A due instant is taken once: by the compare-exchange that replaces it (after, at: with never;
//      tick: with the next).
//   T2 At most one tick is outstanding. Who waited for it takes it on time, and the next is a period
//      after it; a late take moves the next to a period after the take.
//   T3 Nobody but close() wakes a sleeper early; close() notifies all.
//
// The due word carries no other data, so its orders do not matter beyond its own value (coherence);
// close() is ordered by the wait queue's lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <strait/base/sync.hpp>
#include <strait/channel/channel_base.hpp>
#include <strait/channel/party.hpp>
#include <strait/channel/patience.hpp>
#include <strait/error.hpp>
#include <strait/queue/status.hpp>
#include <strait/wait/deadline.hpp>
#include <strait/wait/wait_queue.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T>
class timer_core final : public channel_base {
 public:
  struct once {};

  /// Never.
  timer_core() noexcept : channel_base(channel_kind::timer, 1) {}
  /// Once, at `due`.
  timer_core(once, deadline due) noexcept
      : channel_base(channel_kind::timer, 1), ticks_(true), due_(ns(due)) {}
  /// Again and again; `period` is not negative.
  timer_core(deadline first, std::chrono::nanoseconds period) noexcept
      : channel_base(channel_kind::timer, 1), ticks_(true), period_(period), due_(ns(first)) {}

  errc recv(recv_result<T>& out, const patience& p) noexcept {
    std::int64_t waited_for = none;
    for (;;) {
      const queue_status s = take(out, waited_for);
      if (s == queue_status::ok) return success;
      if (s == queue_status::closed) return errc::closed;
      if (p.only_try) return errc::empty;
      if (const errc over = p.exhausted(); over != success) return over;
      waited_for = sleep(p);
    }
  }

  void close() noexcept {
    closed_.store(true, sync::release);  // release: pairs with is_closed's acquire
    sleepers_.notify_all();
  }
  bool is_closed() const noexcept {
    return closed_.load(sync::acquire);
  }  // acquire: pairs with close's release
  std::size_t size() const noexcept { return !is_closed() && due() <= ns(sync::now()) ? 1 : 0; }
  bool full() const noexcept { return size() == *capacity(); }
  std::optional<std::size_t> capacity() const noexcept { return ticks_ ? 1 : 0; }

  // ---- select: see channel/core.hpp for what each means ----

  attempt select_recv(party<T>& me, waiter&) noexcept {
    return as_attempt(take(*me.result, me.slept_for));
  }
  // A promise is the take itself; cancelling puts the instant back unless the timer has gone on.
  attempt reserve_recv(party<T>& me) noexcept {
    if (is_closed()) return attempt::closed;
    return claim_due(me.slept_for, me.taken, me.after) ? attempt::chosen : attempt::not_ready;
  }
  attempt commit_recv(party<T>& me, waiter&) noexcept {
    deliver(*me.result, me.taken);
    return attempt::chosen;
  }
  void cancel_recv(party<T>& me) noexcept {
    std::int64_t expected = me.after;
    // relaxed: see above; on failure a later tick took its place
    if (due_.compare_exchange_strong(expected, me.taken, sync::relaxed, sync::relaxed))
      sleepers_.notify_all();
  }
  attempt enlist_recv(party<T>& me, place where, waiter&, bool) noexcept {
    me.slept_for = due();
    sleepers_.add(me, where);
    return attempt::not_ready;
  }
  bool delist_recv(party<T>& me, bool) noexcept { return sleepers_.remove(me); }
  bool recv_ready(bool) const noexcept { return is_closed() || due() <= ns(sync::now()); }
  void pass_on_recv() noexcept {}
  // Nobody is ever bound here, nor handed a message while it waits.
  bool unbind(party<T>&) noexcept { return true; }
  void leave_behind(T&&) noexcept {}
  std::uint64_t recv_version() const noexcept { return static_cast<std::uint64_t>(due()); }
  deadline recv_due() const noexcept {
    return deadline::at(sync::time_point(std::chrono::nanoseconds(due())));
  }

 private:
  static constexpr std::int64_t never = sync::time_point::max().time_since_epoch().count();
  static constexpr std::int64_t none = sync::time_point::min().time_since_epoch().count();
  static_assert(std::is_same_v<sync::time_point::duration, std::chrono::nanoseconds>);

  ~timer_core() override = default;
  void last_sender_gone() noexcept override {}  // the clock never goes
  void last_receiver_gone() noexcept override {}

  static std::int64_t ns(sync::time_point t) noexcept { return t.time_since_epoch().count(); }
  static std::int64_t ns(deadline d) noexcept { return ns(d.when()); }
  std::int64_t due() const noexcept { return due_.load(sync::relaxed); }  // relaxed: see above

  queue_status take(recv_result<T>& out, std::int64_t waited_for) noexcept {
    if (is_closed()) return queue_status::closed;
    std::int64_t taken = 0, next = 0;
    if (!claim_due(waited_for, taken, next)) return queue_status::would_block;
    deliver(out, taken);
    return queue_status::ok;
  }

  bool claim_due(std::int64_t waited_for, std::int64_t& taken, std::int64_t& next) noexcept {
    for (std::int64_t d = due(); d != never;) {
      const sync::time_point now = sync::now();
      if (d > ns(now)) return false;
      next = following(d, now, waited_for == d);
      // relaxed: see above
      if (due_.compare_exchange_weak(d, next, sync::relaxed, sync::relaxed)) {
        taken = d;
        return true;
      }
    }
    return false;
  }

  static void deliver(recv_result<T>& out, std::int64_t taken) noexcept {
    if constexpr (std::is_same_v<T, sync::time_point>)
      detail::fill(out, sync::time_point(std::chrono::nanoseconds(taken)));
  }

  std::int64_t following(std::int64_t due, sync::time_point now, bool waited) const noexcept {
    if (!period_) return never;
    if (waited) {
      const sync::time_point on_time =
          deadline::add(sync::time_point(std::chrono::nanoseconds(due)), *period_);
      if (on_time > now) return ns(on_time);
    }
    return ns(deadline::add(now, *period_));
  }

  // Returns the instant that was slept for.
  std::int64_t sleep(const patience& p) noexcept {
    waiter w;
    wait_node node;
    node.owner = &w;
    sleepers_.add(node, place::back);
    sync::full_fence();
    const deadline next = recv_due();
    waiter::state how = waiter::left;
    if (is_closed()) {
      how = w.leave() ? waiter::left : w.current();
    } else {
      std::optional<stop_guard> on_stop;
      if (p.stop != nullptr) on_stop.emplace(*p.stop, cancel_waiter{&w});
      how = w.park(next < p.until ? next : p.until);
    }
    if (how != waiter::notified) sleepers_.remove(node);
    return ns(next);
  }

  const bool ticks_ = false;
  const std::optional<std::chrono::nanoseconds> period_;
  sync::atomic<bool> closed_{false};
  sync::atomic<std::int64_t> due_{never};
  // Nobody looks for them but close, under the lock.
  wait_queue sleepers_{wait_queue::mode::always_lively};
};

}  // namespace strait::inline STRAIT_ABI::detail

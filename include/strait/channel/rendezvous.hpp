// SPDX-License-Identifier: BSL-1.0
//
// The channel without a queue: a message goes from hand to hand, and a send returns when a receiver is
// bound to take this very message.
//
// Two lines, one lock. Whoever comes looks into the other line first; if somebody stands there, the two
// meet, else it lines up itself. Looking and lining up are one step under the lock, so there is no
// second look to take. The message moves straight from the sender's hands into the receiver's result,
// outside the lock.
//
// How two meet. The comer selects the waiter (once: see wait/waiter.hpp).
//   - The waiter has arrived, it brought its pointer: it is `bound` and sleeps on; the comer moves the
//     message and finishes it (done).
//   - The waiter is only promised, its owner must make the message first or was asked for by a selector:
//     it is `called`; the two are linked as peers and the comer waits, bound, until the owner arrives.
//   - The comer is only promised itself: they are linked, and it arrives or cancels later.
//   The second of two peers to arrive moves the message and finishes the first. A peer that cancels
//   releases the other, which starts again; nothing has moved until both are there, so nothing is lost.
//   Who waits for a promised partner is bound to it whatever its own deadline says: if it could go, a
//   maker's message, made for it, would have nobody to take it (semantics: "can no longer time out").
//
// A select lines up in several channels, so it can be selected here while it looks there. Before it
// binds somebody it therefore makes itself unselectable (claiming). Two that claim each other: the one
// at the higher address steps back. Only the lower one waits, so there is no cycle, and no helping.
//
// Awake. Two threads that come at about the same time need no line. As long as nobody stands in one, a sender puts
// its message up in a cell (exchange_cell.hpp) and a receiver looks whether somebody has, both for no longer than they
// look around anyway; then they go the way above. Coroutines, tries and selects that receive take what is offered, but
// offer nothing. With each look the sender also looks at the lines and at closed_, and withdraws: so nobody who lies
// down is missed, and nobody sleeps with an offer up. A receiver takes an offer only where it, too, sees the lines empty and
// the channel open. Both began before a close that one of them has not seen, and the two have met before it.
//
// Invariants
//   X1 Nobody stands in one line while an unselected stranger stands in the other.
//   X2 peer links are mutual, and change under the lock; a party in a link is not in a line.
//   X3 A bound party's owner does not leave before it is finished (done or released): its pointer and
//      its node stay valid for its peer.
//   X4 After close() nobody lines up but messages left behind; operations that began before it end as they would have.
//
// Left behind. A receiver can vanish after it met its sender: a coroutine that is destroyed between the
// hand-over and its next turn. The sender was told that its message was received, so the message goes to
// the next receiver: it stands in front of the senders as a party of its own, which stays there after
// the last sender went, and goes when it is taken or with the last receiver.
//
// Order: everything above is under the lock, but what goes on in the cell, and the message. The message moves before
// finish(), whose release pairs with the waiter's acquire (S1, P1 in wait/waiter.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/cache_line.hpp>
#include <strait/base/contract.hpp>
#include <strait/base/heap_object.hpp>
#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/channel_base.hpp>
#include <strait/channel/exchange_cell.hpp>
#include <strait/channel/party.hpp>
#include <strait/channel/patience.hpp>
#include <strait/error.hpp>
#include <strait/queue/status.hpp>
#include <strait/wait/wait_queue.hpp>
#include <strait/wait/waiter.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T>
class rendezvous_core final : public channel_base {
 public:
  rendezvous_core() noexcept : channel_base(channel_kind::rendezvous) {}

  // ---- the operations ----

  errc send(T& message, const patience& p) noexcept {
    backoff b;
    const learnt_wait lately(b, last_waits_of(senders_, receivers_, p));
    if (!p.only_try && meets_awake_receiver(message, b)) return success;
    return meet(senders_, receivers_, detail::address_of(message), nullptr, p, errc::full, b);
  }
  errc recv(recv_result<T>& out, const patience& p) noexcept {
    backoff b;
    const learnt_wait lately(b, last_waits_of(receivers_, senders_, p));
    if (!p.only_try && meets_awake_sender(out, b)) return success;
    return meet(receivers_, senders_, nullptr, detail::address_of(out), p, errc::empty, b);
  }

  void close() noexcept { close(false); }

 private:
  void close(bool no_receivers) noexcept {
    for (bool more = true; more;) {
      owed_wakeups owed;
      {
        sync::lock_guard lock(mutex_);
        closed_.store(true, sync::release);  // release: pairs with is_closed's acquire
        more = dismiss(senders_, owed, no_receivers) || dismiss(receivers_, owed, true);
      }
      owed.deliver();
    }
    senders_.watchers.notify_all();
    receivers_.watchers.notify_all();
  }

 public:
  bool is_closed() const noexcept {
    return closed_.load(sync::acquire);
  }  // acquire: pairs with close's release
  std::size_t size() const noexcept { return 0; }
  bool full() const noexcept { return true; }
  std::optional<std::size_t> capacity() const noexcept { return 0; }

  // ---- select: see channel/core.hpp for what each means ----

  attempt select_recv(party<T>& me, waiter& here) noexcept {
    return approach(receivers_, senders_, me, here, nullptr);
  }
  attempt reserve_recv(party<T>& me) noexcept { return reserve(senders_, me); }
  attempt commit_recv(party<T>& me, waiter& here) noexcept { return arrive(me, here); }
  void cancel_recv(party<T>& me) noexcept { cancel(me); }
  attempt enlist_recv(party<T>& me, place where, waiter& here, bool probe) noexcept {
    return enlist(receivers_, senders_, me, where, here, probe);
  }
  bool delist_recv(party<T>& me, bool probe) noexcept { return delist(receivers_, me, probe); }
  bool recv_ready(bool probe) const noexcept { return ready(senders_, probe); }
  void pass_on_recv() noexcept {}  // who is selected here is bound, and a watcher takes nothing
  // Offers do not count: they are gone before anybody sleeps.
  std::uint64_t recv_version() const noexcept {
    return senders_.arrivals.load(sync::acquire);  // acquire: pairs with line_up's release
  }
  deadline recv_due() const noexcept { return deadline::never(); }

  // Whom it met would have to know its party: standing in line is the attempt.
  attempt attempt_recv(recv_result<T>&, sight = sight::both) const noexcept {
    return attempt::not_ready;
  }
  attempt attempt_send(T&, sight = sight::both) const noexcept { return attempt::not_ready; }
  // For an owner that has suspended: as a blocking operation, it meets somebody or stands in line. Not ready,
  // bound: it may have been woken already.
  attempt stand_recv(party<T>& me, place where) noexcept {
    return approach(receivers_, senders_, me, *me.owner, &where);
  }
  attempt stand_send(party<T>& me, place where) noexcept {
    return approach(senders_, receivers_, me, *me.owner, &where);
  }
  void stood_send(party<T>&) noexcept {}  // nobody else comes to its place

  attempt select_send(party<T>& me, waiter& here) noexcept {
    return approach(senders_, receivers_, me, here, nullptr);
  }
  attempt reserve_send(party<T>& me) noexcept { return reserve(receivers_, me); }
  attempt commit_send(party<T>& me, waiter& here) noexcept { return arrive(me, here); }
  void cancel_send(party<T>& me) noexcept { cancel(me); }
  attempt enlist_send(party<T>& me, place where, waiter& here, bool probe) noexcept {
    return enlist(senders_, receivers_, me, where, here, probe);
  }
  bool delist_send(party<T>& me, bool probe) noexcept { return delist(senders_, me, probe); }
  bool send_ready(bool probe) const noexcept { return ready(receivers_, probe); }
  void pass_on_send() noexcept {}
  std::uint64_t send_version() const noexcept {
    return receivers_.arrivals.load(sync::acquire);  // acquire: pairs with line_up's release
  }

  // A bound party whose owner goes for good (a coroutine that is destroyed) leaves its promised partner,
  // which learns of it when it arrives. False: the partner is finishing it just now.
  STRAIT_COLD bool unbind(party<T>& me) noexcept {
    sync::lock_guard lock(mutex_);
    if (me.peer == nullptr) return false;
    std::exchange(me.peer, nullptr)->peer = nullptr;
    return true;
  }

  /// A message whose receiver goes without it; that receiver still holds its handle.
  STRAIT_COLD void leave_behind(T&& message) noexcept {
    (new left_message(*this, std::move(message)))->stand();
  }

 private:
  struct line {
    wait_list list;                        // of party<T>
    sync::atomic<std::uint32_t> count{0};  // how many; written under the lock
    last_waits last;
    sync::atomic<std::uint64_t> arrivals{0};
    wait_queue
        watchers;  // who only wants to know that the other line is not empty (selector::ready)
  };

  class owed_wakeups {
   public:
    bool full() const noexcept { return n_ == most; }
    wakeup& next() noexcept { return owed_[n_]; }
    void add() noexcept { ++n_; }
    void deliver() const noexcept {
      for (std::size_t i = 0; i < n_; ++i) owed_[i].deliver();
    }

   private:
    static constexpr std::size_t most = 16;
    std::array<wakeup, most> owed_;
    std::size_t n_ = 0;
  };

  /// In the line of the senders with a message and nobody to wake: whoever takes it deletes it.
  class left_message final : public heap_object, private sleeper {
   public:
    left_message(rendezvous_core& core, T&& message) noexcept
        : core_(&core), message_(std::move(message)), waiter_(waiter::waiting, this) {
      me_.message = detail::address_of(message_);
      me_.arrived = me_.left_behind = true;
    }

    void stand() noexcept {
      do {
        constexpr place front = place::front;
        waiter_.renew();
        me_.owner = &waiter_;
        if (core_->approach(core_->senders_, core_->receivers_, me_, waiter_, &front) ==
            attempt::chosen) {
          break;
        }
        if (waiter_.suspend()) return;
      } while (waiter_.current() == waiter::released);
      delete this;
    }

   private:
    void wake() noexcept override {
      if (waiter_.current() == waiter::released) return stand();
      delete this;
    }

    rendezvous_core* core_;
    T message_;
    waiter waiter_;
    party<T> me_;
  };

  ~rendezvous_core() override = default;
  void last_sender_gone() noexcept override { close(false); }
  void last_receiver_gone() noexcept override { close(true); }

  // ---- under the lock ----

  static void line_up(line& where, party<T>& me, place turn) noexcept {
    turn == place::back ? where.list.push_back(me) : where.list.push_front(me);
    // relaxed: whoever sees it goes on to take the lock; relaxed reads: under the lock
    where.count.store(where.count.load(sync::relaxed) + 1, sync::relaxed);
    where.arrivals.store(where.arrivals.load(sync::relaxed) + 1,
                         sync::release);  // release: who sees the version finds the line so
  }
  static void step_out(line& where, wait_node& node) noexcept {
    where.list.remove(node);
    where.count.store(where.count.load(sync::relaxed) - 1,
                      sync::release);  // release: nobody is left, perhaps since a close (is_closed)
  }

  // Whether nothing can be met in `theirs` any more.
  bool is_over(const line& theirs) const noexcept {
    if (!is_closed()) return false;
    const wait_node* first = theirs.list.front();
    return first == nullptr || !is_left_behind(*first);
  }
  static bool is_left_behind(const wait_node& node) noexcept {
    return static_cast<const party<T>&>(node).left_behind;
  }

  static void link(party<T>& a, party<T>& b) noexcept {
    a.peer = &b;
    b.peer = &a;
  }

  static bool is_lower(const waiter* a, const waiter* b) noexcept {
    return reinterpret_cast<std::uintptr_t>(a) < reinterpret_cast<std::uintptr_t>(b);
  }

  enum class found : std::uint8_t { partner, nobody, step_back };

  // Selects the first in `where` that is not `self`. `self` (a select that is claiming) steps back from
  // a claiming waiter at a lower address; everybody else waits for it: it decides without our lock.
  found select_first(line& where, const waiter* self, party<T>*& partner, wakeup& owed) noexcept {
    for (wait_node* node = where.list.front(); node != nullptr;) {
      wait_node* const next = node->next;
      if (node->owner != self) {
        auto& p = static_cast<party<T>&>(*node);
        const waiter::state how = p.arrived ? waiter::bound : waiter::called;
        auto claim = p.owner->try_select(how, p.arm, owed);
        for (backoff b; claim == waiter::claim::busy;
             claim = p.owner->try_select(how, p.arm, owed)) {
          if (self != nullptr && is_lower(p.owner, self)) return found::step_back;
          b.wait();
        }
        step_out(where, p);
        if (claim == waiter::claim::won) {
          partner = &p;
          return found::partner;
        }
      }
      node = next;
    }
    return found::nobody;
  }

  // Sends everybody home until `owed` is full; true if somebody is left. Messages left behind stay, unless
  // `all` must go.
  static bool dismiss(line& where, owed_wakeups& owed, bool all) noexcept {
    for (wait_node *node = where.list.front(), *next; node != nullptr; node = next) {
      next = node->next;
      if (!all && is_left_behind(*node)) continue;
      if (owed.full()) return true;
      step_out(where, *node);
      auto claim = node->owner->try_select(waiter::notified, node->arm, owed.next());
      for (backoff b; claim == waiter::claim::busy;
           claim = node->owner->try_select(waiter::notified, node->arm, owed.next())) {
        b.wait();
      }
      if (claim == waiter::claim::won) owed.add();
    }
    return false;
  }

  // ---- outside the lock ----

  // Both have arrived and are linked to nobody else: the message changes hands.
  static void transfer(party<T>& a, party<T>& b) noexcept {
    detail::fill(a.result != nullptr ? *a.result : *b.result,
                 std::move(a.message != nullptr ? *a.message : *b.message));
  }

  // An arrived party looks for its partner. Chosen: the message has moved. Bound: the partner must come
  // first, and finishes `here`. Not ready: nobody is there; then it stands in line if it said where, and its
  // owner may be woken, and the channel be gone, when the lock is free.
  STRAIT_NOINLINE attempt approach(line& mine, line& theirs, party<T>& me, waiter& here,
                                   const place* turn) noexcept {
    if (me.result != nullptr && is_quiet() && takes_offer(*me.result)) return attempt::chosen;
    if (turn == nullptr &&
        theirs.count.load(sync::acquire) == 0) {  // acquire: pairs with step_out's release
      return is_closed() ? attempt::closed : attempt::not_ready;
    }
    party<T>* partner = nullptr;
    wakeup owed;
    bool at_once = false, watched = false;
    {
      sync::lock_guard lock(mutex_);
      if (!me.left_behind && is_over(theirs)) return attempt::closed;
      if (select_first(theirs, nullptr, partner, owed) == found::partner) {
        at_once = partner->arrived;
        if (!at_once) {
          me.owner = &here;
          here.hold();
          link(me, *partner);
        }
      } else if (turn != nullptr) {
        line_up(mine, me, *turn);
        watched = theirs.watchers.awaited();
        if (watched) add_weak();
      }
    }
    if (at_once) {
      transfer(me, *partner);
      partner->owner->finish(waiter::done).deliver();
      return attempt::chosen;
    }
    if (partner != nullptr) {
      owed.deliver();
      return attempt::bound;
    }
    if (watched) {
      theirs.watchers.notify_all();
      drop_owner();
    }
    return attempt::not_ready;
  }

  STRAIT_NOINLINE errc meet(line& mine, line& theirs, T* message, recv_result<T>* result,
                            const patience& p, errc nothing, backoff& b) noexcept {
    for (place turn = place::back;;) {
      waiter w;
      party<T> me;
      me.owner = &w;
      me.message = message;
      me.result = result;
      me.arrived = true;
      switch (approach(mine, theirs, me, w, p.only_try ? nullptr : &turn)) {
        case attempt::chosen: return success;
        case attempt::closed: return errc::closed;
        case attempt::bound:
          if (w.park(deadline::never(), b) == waiter::done) return success;
          continue;  // it cancelled
        default: break;
      }
      if (p.only_try) return nothing;
      waiter::state how;
      {
        std::optional<stop_guard> on_stop;
        if (p.stop != nullptr) on_stop.emplace(*p.stop, cancel_waiter{&w});
        how = w.park(p.until, b);
      }
      switch (how) {
        case waiter::done: return success;
        case waiter::notified: return errc::closed;
        case waiter::released: turn = place::front; break;  // called in vain: it keeps its turn
        default:
          delist(mine, me, false);
          if (is_closed()) return errc::closed;
          return how == waiter::cancelled ? errc::cancelled : errc::timeout;
      }
      // Released, perhaps after the deadline or the stop: one more try, then out.
      if (const errc over = p.exhausted(); over != success) {
        const errc last = meet(mine, theirs, message, result, patience::none(), nothing, b);
        return last == nothing ? over : last;
      }
    }
  }

  // ---- two threads that are awake (exchange_cell.hpp) ----

  // Both for the pauses of `b`, while the channel is open and nobody stands in a line, who would come first.
  bool meets_awake_receiver(T& message, backoff& b) noexcept {
    if (sync::processors() == 1) return false;
    auto offer = awake_.none;
    while (is_quiet()) {
      if (offer == awake_.none) offer = awake_.put_up(message);
      if (offer != awake_.none && awake_.is_taken(offer)) return true;
      if (!b.pause()) break;
    }
    return offer != awake_.none && !awake_.withdraw(offer);
  }
  bool meets_awake_sender(recv_result<T>& out, backoff& b) noexcept {
    if (sync::processors() == 1) return false;
    while (is_quiet()) {
      if (takes_offer(out)) return true;
      if (!b.pause()) break;
    }
    return false;
  }
  bool takes_offer(recv_result<T>& out) noexcept {
    return awake_.take([&](T&& m) noexcept { detail::fill(out, std::move(m)); });
  }
  // Who finds a partner in line does not wait, and so learns nothing. (Where threads share a processor that is each
  // other operation. Counted, it would take the probes away from those that wait.)
  static last_waits* last_waits_of(line& mine, const line& theirs, const patience& p) noexcept {
    const bool waits = !p.only_try && theirs.count.load(sync::relaxed) == 0;  // relaxed: a hint
    return waits ? &mine.last : nullptr;
  }
  // relaxed: who is not seen in a line now is seen a look later, or under the lock
  bool is_quiet() const noexcept {
    return senders_.count.load(sync::relaxed) == 0 && receivers_.count.load(sync::relaxed) == 0 &&
           !is_closed();
  }

  // ---- promises ----

  STRAIT_NOINLINE attempt reserve(line& theirs, party<T>& me) noexcept {
    if (theirs.count.load(sync::acquire) == 0) {  // acquire: pairs with step_out's release
      return is_closed() ? attempt::closed : attempt::not_ready;
    }
    wakeup owed;
    {
      sync::lock_guard lock(mutex_);
      if (is_over(theirs)) return attempt::closed;
      party<T>* partner = nullptr;
      if (select_first(theirs, nullptr, partner, owed) != found::partner) return attempt::not_ready;
      me.arrived = false;
      link(me, *partner);
    }
    owed.deliver();
    return attempt::chosen;
  }

  // A promised party brings its pointer. Not ready: the partner has cancelled. Bound: the partner is only
  // promised itself, and finishes `here`.
  STRAIT_NOINLINE attempt arrive(party<T>& me, waiter& here) noexcept {
    party<T>* peer;
    {
      sync::lock_guard lock(mutex_);
      peer = me.peer;
      if (peer == nullptr) return attempt::not_ready;
      if (!peer->arrived) {
        me.owner = &here;
        here.hold();
        me.arrived = true;
        return attempt::bound;
      }
      me.peer = peer->peer = nullptr;
    }
    transfer(me, *peer);
    peer->owner->finish(waiter::done).deliver();
    return attempt::chosen;
  }

  STRAIT_NOINLINE void cancel(party<T>& me) noexcept {
    party<T>* peer;
    {
      sync::lock_guard lock(mutex_);
      peer = std::exchange(me.peer, nullptr);
      if (peer == nullptr) return;
      peer->peer = nullptr;
      if (!peer->arrived) return;  // it learns of it when it arrives
    }
    peer->owner->finish(waiter::released).deliver();
  }

  // ---- a select lines up ----

  // Chosen: done already (arrived parties) or promised (the others). Bound: as in approach.
  STRAIT_NOINLINE attempt enlist(line& mine, line& theirs, party<T>& me, place where, waiter& here,
                                 bool probe) noexcept {
    if (probe) {
      mine.watchers.add(me, place::back);
      return attempt::not_ready;
    }
    waiter& w = *me.owner;
    for (backoff b;; b.wait()) {
      party<T>* partner = nullptr;
      wakeup owed;
      bool must_wait = false;
      {
        sync::lock_guard lock(mutex_);
        if (is_closed() || !w.begin_claim())
          return attempt::not_ready;  // ready() tells, or somebody was faster
        const found f = select_first(theirs, &w, partner, owed);
        if (f == found::nobody) line_up(mine, me, where);
        w.end_claim(f == found::partner);
        if (f == found::step_back) continue;
        if (f == found::partner && !(me.arrived && partner->arrived)) {
          if (me.arrived) {
            me.owner = &here;
            here.hold();
            must_wait = true;
          }
          link(me, *partner);
        }
      }
      if (partner == nullptr) {
        if (theirs.watchers.awaited()) theirs.watchers.notify_all();
        return attempt::not_ready;
      }
      if (must_wait) {
        owed.deliver();
        return attempt::bound;
      }
      if (me.arrived) {
        transfer(me, *partner);
        partner->owner->finish(waiter::done).deliver();
      } else {
        owed.deliver();
      }
      return attempt::chosen;
    }
  }

  // Whether it stood there.
  bool delist(line& mine, party<T>& me, bool probe) noexcept {
    if (probe) return mine.watchers.remove(me);
    sync::lock_guard lock(mutex_);
    if (!me.linked) return false;
    step_out(mine, me);
    return true;
  }

  bool ready(const line& theirs, bool probe) const noexcept {
    // relaxed: a look, for who will attempt or sleep; the fence pair orders it
    return is_closed() || (probe && theirs.count.load(sync::relaxed) != 0);
  }

  sync::mutex mutex_;
  sync::atomic<bool> closed_{false};
  alignas(cache_line) line senders_;
  line receivers_;
  exchange_cell<T> awake_;
};

}  // namespace strait::inline STRAIT_ABI::detail

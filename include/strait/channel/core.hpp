// SPDX-License-Identifier: BSL-1.0
//
// A channel with a queue: one queue, two wait queues, and the operations written once for every queue.
//
//   try, blocking, timed and cancellable operations are one loop (`wait_for`): try, spin a little, line
//   up, look again, sleep, try again. The rule that no wake-up is lost is wait/wait_queue.hpp's.
//
// A send moves the message only when it succeeds. A receive makes a message appear in the caller's
// result, in place. A thread that is woken has not been given anything: it tries again, so that a
// message never waits for a thread to be scheduled. It keeps its turn in the line. Where there is one place
// only, whoever makes the sleeper's turn possible also does what it waits to do: the sleeper wakes to find it done.
//
// Select uses the same pieces: an attempt (select_*), a promise that is spent later (reserve, commit,
// cancel: a select that must make its message first, a selected operation of a selector), a place in
// the line (enlist, delist), the second look (ready). A coroutine that waits for one operation alone attempts
// it (attempt_*), and stands in line with the look taken (stand_*). None of them sleeps: where an operation
// has to wait for a partner (only at a rendezvous) it says so (attempt::bound), and the caller parks or
// suspends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/cache_line.hpp>
#include <strait/base/object.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/channel_base.hpp>
#include <strait/channel/party.hpp>
#include <strait/channel/patience.hpp>
#include <strait/error.hpp>
#include <strait/queue/status.hpp>
#include <strait/wait/wait_queue.hpp>
#include <strait/wait/waiter.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T, class Queue>
class core final : public channel_base {
 public:
  template <class... Args>
  explicit core(Args... args)
      : channel_base(Queue::is_bounded ? channel_kind::bounded : channel_kind::unbounded),
        queue_(args...) {}

  // ---- the operations ----

  /// success, closed, full, timeout, cancelled. The message is moved from on success only.
  errc send(T& message, const patience& p) {
    const queue_status s = push(message, first_sight(p));
    if (s == queue_status::ok) [[likely]]
      return success;
    return wait_for(sending{*this, message}, s, p);
  }

  /// success (then `out`, which held an error, holds the message), closed, empty, timeout, cancelled.
  errc recv(recv_result<T>& out, const patience& p) noexcept {
    const queue_status s = pop(out, first_sight(p));
    if (s == queue_status::ok) [[likely]]
      return success;
    return wait_for(receiving{*this, out}, s, p);
  }

  void close() noexcept {
    if (!queue_.close()) return;
    closing_.store(true, sync::relaxed);  // relaxed: see is_closing
    receivers_.notify_all();  // takes the lock: a waiter is in the list, or will see the close
    senders_.notify_all();
  }

  bool is_closed() const noexcept { return queue_.is_closed(); }
  std::size_t size() const noexcept { return queue_.size(); }
  bool full() const noexcept {
    if constexpr (Queue::is_bounded) {
      return queue_.size() >= queue_.capacity();
    } else {
      return false;
    }
  }
  std::optional<std::size_t> capacity() const noexcept {
    if constexpr (Queue::is_bounded) {
      return queue_.capacity();
    } else {
      return std::nullopt;
    }
  }

  // ---- select: the receiving half ----

  attempt attempt_recv(recv_result<T>& out, sight reach = sight::both) noexcept {
    return as_attempt(pop(out, reach));
  }
  attempt select_recv(party<T>& me, waiter&) noexcept { return attempt_recv(*me.result); }
  attempt reserve_recv(party<T>&) noexcept { return as_attempt(queue_.reserve_pop()); }
  attempt commit_recv(party<T>& me, waiter&) noexcept {
    const queue_status s = settled([&] {
      return queue_.commit_pop([&](T&& m) noexcept { detail::fill(*me.result, std::move(m)); });
    });
    if (s == queue_status::ok) popped();
    sync::full_fence();  // the claim, then the look at closed: close() looks the other way round
    if (queue_.is_closed())
      receivers_.notify_all();  // they waited to learn what becomes of the promise
    return as_attempt(s);
  }
  void cancel_recv(party<T>&) noexcept {
    queue_.cancel_pop();
    given_back_.fetch_add(
        1, sync::release);  // release: the promise is given back before the version shows it
    sync::full_fence();     // as in cancel_send
    if (receiver_count() == 0) return drain();  // the handle is gone: nobody else will
    if (queue_.is_closed()) return receivers_.notify_all();
    pass_on_recv();
  }
  attempt enlist_recv(party<T>& me, place where, waiter&, bool) noexcept {
    receivers_.add(me, where);
    return attempt::not_ready;
  }
  bool delist_recv(party<T>& me, bool) noexcept { return receivers_.remove(me); }
  // For an owner that has suspended: lines up with the second look taken. Not ready: it stands there, and may
  // have been woken already. Busy: it does not; worth another attempt.
  attempt stand_recv(party<T>& me, place where) noexcept {
    return receivers_.add_unless(me, where, [this] { return queue_.can_pop(); })
               ? attempt::not_ready
               : attempt::busy;
  }
  bool recv_ready(bool) const noexcept { return queue_.can_pop(); }
  void pass_on_recv() noexcept {
    if (receivers_.awaited() && queue_.can_pop()) receivers_.notify_one();
  }
  // Nobody is ever bound here: whoever is in no line is served, and finished at once.
  bool unbind(party<T>&) noexcept { return false; }
  void leave_behind(T&&) noexcept {}
  std::uint64_t recv_version() const noexcept {
    return queue_.pushes() +
           given_back_.load(sync::acquire);  // acquire: pairs with cancel's release
  }
  deadline recv_due() const noexcept { return deadline::never(); }

  // ---- select: the sending half ----

  attempt attempt_send(T& message, sight reach = sight::both) {
    return as_attempt(push(message, reach));
  }
  attempt select_send(party<T>& me, waiter&) { return attempt_send(*me.message); }
  attempt reserve_send(party<T>&) noexcept {
    keep_for_ourselves();
    return as_attempt(queue_.reserve_push());
  }
  attempt commit_send(party<T>& me, waiter&) {
    keep_for_ourselves();
    const queue_status s = settled([&] { return queue_.commit_push(*me.message); });
    if (s == queue_status::ok) pushed();
    if (s == queue_status::closed) refused();
    return as_attempt(s);
  }
  void cancel_send(party<T>&) noexcept {
    keep_for_ourselves();
    queue_.cancel_push();
    given_back_.fetch_add(
        1, sync::release);  // release: the promise is given back before the version shows it
    sync::full_fence();     // before the looks: whether anybody waits, and whether there is room
    pass_on_send();
  }
  attempt enlist_send(party<T>& me, place where, waiter&, bool) noexcept {
    senders_.add(me, where);
    return attempt::not_ready;
  }
  bool delist_send(party<T>& me, bool) noexcept { return senders_.remove(me); }
  attempt stand_send(party<T>& me, place where) noexcept {
    me.offers = !Queue::one_sender ||
                ours_.standing++ == 0;  // a second one's message stays behind the first's
    if (Queue::one_sender && me.offers) ours_.offer = &me;
    if (senders_.add_unless(me, where, [this] { return queue_.can_push(); }))
      return attempt::not_ready;
    stood_send(me);
    return attempt::busy;
  }
  // In its owner's next turn; or nobody will find it any more.
  void stood_send(party<T>& me) noexcept {
    if constexpr (Queue::one_sender) {
      --ours_.standing;
      if (ours_.offer == &me) ours_.offer = nullptr;
    }
  }
  bool send_ready(bool) const noexcept { return queue_.can_push(); }
  void pass_on_send() noexcept {
    if (senders_.awaited() && queue_.can_push()) senders_.notify_one();
  }
  std::uint64_t send_version() const noexcept {
    return queue_.pops() + given_back_.load(sync::acquire);  // acquire: pairs with cancel's release
  }

 private:
  ~core() override = default;

  void last_sender_gone() noexcept override { close(); }

  // Closed first, so that nothing comes in any more; then what is there, and what is still being pushed.
  // A promised message stays for its promise, which outlived its handle.
  void last_receiver_gone() noexcept override {
    close();
    sync::
        full_fence();  // our end is gone, then what is promised: cancel_recv looks the other way round
    drain();
  }

  void drain() noexcept {
    for (backoff b;;) {
      switch (queue_.try_pop([](T&&) noexcept {})) {
        case queue_status::ok: break;
        case queue_status::busy: b.wait(); break;
        default: return;
      }
    }
  }

  // Who will wait, if need be, can learn later why there is nothing to be had.
  static sight first_sight(const patience& p) noexcept {
    return p.only_try ? sight::both : sight::own;
  }

  queue_status push(T& message, sight reach = sight::both) {
    keep_for_ourselves();
    return settle_push(queue_.try_push(message, reach));
  }

  // What an attempt to push leaves to be done.
  queue_status settle_push(queue_status s) noexcept {
    if (s == queue_status::ok) [[likely]] {
      pushed();
    } else if (s == queue_status::closed) {
      refused();
    }
    return s;
  }

  queue_status pop(recv_result<T>& out, sight reach = sight::both) noexcept {
    const queue_status s =
        queue_.try_pop([&](T&& m) noexcept { detail::fill(out, std::move(m)); }, reach);
    if (s == queue_status::ok) [[likely]] {
      popped();
    } else if (reach == sight::own && s == queue_status::busy && is_closing()) {
      // A closed channel is as ready as one with a message, and only the senders' word says which it is.
      return pop(out, sight::both);
    }
    return s;
  }

  // relaxed: who learnt of the close sees it (coherence); the look that follows has the edges
  bool is_closing() const noexcept { return closing_.load(sync::relaxed); }

  void pushed() noexcept {
    if (receivers_.awaited()) [[unlikely]]
      serve_receivers();
  }
  // A receiver may sleep on our attempt, which it had to take for a push in the middle.
  void refused() noexcept {
    if (receivers_.awaited()) receivers_.notify_all();
  }
  void popped() noexcept {
    if constexpr (Queue::is_bounded) {
      if (senders_.awaited()) [[unlikely]]
        serve_senders();
    }
  }
  // Somebody took a message, so there is room: the first sender in line is woken to send its message, or has it
  // sent for it, if it offers: it then goes on when its turn comes, and the next receive need not wait for that.
  // Only the one who sends its message, or who wakes it to try again, goes on with it: it is in no line meanwhile.
  STRAIT_NOINLINE void serve_senders() noexcept {
    const wait_queue::taken first = senders_.take_or_notify_one();
    if (first.node == nullptr) return;
    auto& sender = static_cast<party<T>&>(*first.node);
    const queue_status s = queue_.try_push(*sender.message);
    const bool sent = s == queue_status::ok;
    // At once: an owner that gave up meanwhile waits for it (W6).
    const wakeup owed = sender.owner->finish(sent ? waiter::done : waiter::notified);
    settle_push(s);
    owed.deliver();
    // N2, once: others that make room meanwhile must not keep us here.
    if (sent && first.more && !full()) senders_.notify_one();
  }

  // The same at the other end: somebody sent a message, and the first receiver in line is woken or has it handed
  // over. A sender in line is only woken for the room that this makes, or the two ends could go on for each other for
  // long.
  STRAIT_NOINLINE void serve_receivers() noexcept {
    const wait_queue::taken first = receivers_.take_or_notify_one();
    if (first.node == nullptr) return;
    auto& receiver = static_cast<party<T>&>(*first.node);
    const auto fill = [&](T&& m) noexcept { detail::fill(*receiver.result, std::move(m)); };
    const bool received = queue_.try_pop(fill) == queue_status::ok;
    receiver.owner->finish(received ? waiter::done : waiter::notified).deliver();
    // No N2: there is one place, so what can be received now came behind ours, and whoever sent it looks for itself
    // (N1).
    if constexpr (Queue::is_bounded) {
      if (received && senders_.awaited()) senders_.notify_one();
    }
  }

  // A sole sender's side of the queue is its thread's. A coroutine that offers lets the receiver in; others may
  // send through the same handle meanwhile, in the same thread. So whoever comes to the sender's side first sees
  // to it that the receiver is out and stays out: the offer is taken back, or has been used to the end.
  //   Order edges: what we did to the queue comes before the receiver by the line's lock, under which it found
  //   the offer; what it did comes before us by the last change of the waiter's word (S1, P1 in wait/waiter.hpp).
  void keep_for_ourselves() noexcept {
    if constexpr (Queue::one_sender) {
      if (ours_.offer != nullptr) [[unlikely]]
        take_back_offer();
    }
  }
  STRAIT_COLD void take_back_offer() noexcept {
    party<T>& offer = *std::exchange(ours_.offer, nullptr);
    if (senders_.take_back(offer)) return;
    for (backoff b; !offer.owner->decided();) b.wait();
    (void)offer.owner->current();  // P1 acquire
  }

  // Waits out a thread that is in the middle of its own push or pop.
  template <class Attempt>
  static queue_status settled(Attempt attempt) {
    queue_status s = attempt();
    for (backoff b; s == queue_status::busy; s = attempt()) b.wait();
    return s;
  }

  // Whether a thread that waits lets others do what it waits to do (W6 in wait/waiter.hpp): where there is one place,
  // and one handle at the other end or no use in looking around. Then those who wait can only go on one after the
  // other, each message wants a turn of both ends, and somebody else's hands save some of these turns. Where partners
  // enough run at the same time it costs more to wake them than they lose by looking around. That a side of the queue
  // may belong to one thread does not matter: the thread waits until it is served. (Measured: docs/benchmarks/waiting.md.)
  bool serves_in_line(std::size_t partners, bool looks_around) const noexcept {
    if constexpr (Queue::is_bounded) {
      return queue_.capacity() == 1 && (partners == 1 || !looks_around);
    } else {
      return false;
    }
  }

  // What a thread waits to do, and what it needs to wait.
  struct sending {
    static constexpr errc nothing = errc::full;
    core& channel;
    T& message;

    wait_queue& line() const noexcept { return channel.senders_; }
    pace& tempo() const noexcept { return channel.senders_pace_; }
    std::uint64_t through() const noexcept { return channel.queue_.pushes(); }
    queue_status attempt(sight reach) const { return channel.push(message, reach); }
    bool ready() const noexcept { return channel.queue_.can_push(); }
    bool is_served_in_line(bool looks_around) const noexcept {
      return channel.serves_in_line(channel.receiver_count(), looks_around);
    }
    void bring(party<T>& me) const noexcept { me.message = detail::address_of(message); }
  };
  struct receiving {
    static constexpr errc nothing = errc::empty;
    core& channel;
    recv_result<T>& out;

    wait_queue& line() const noexcept { return channel.receivers_; }
    pace& tempo() const noexcept { return channel.receivers_pace_; }
    std::uint64_t through() const noexcept { return channel.queue_.pops(); }
    queue_status attempt(sight reach) const noexcept { return channel.pop(out, reach); }
    bool ready() const noexcept { return channel.queue_.can_pop(); }
    bool is_served_in_line(bool looks_around) const noexcept {
      return channel.serves_in_line(channel.sender_count(), looks_around);
    }
    void bring(party<T>& me) const noexcept { me.result = detail::address_of(out); }
  };

  // Whether to join the line at once, and to give the processor away there: without a look around nobody else does
  // anything before that, and where others stand there, it would mostly give the processor to the next one of them.
  template <class Operation>
  static bool queues_up(const Operation& op, bool looks_around) noexcept {
    return op.is_served_in_line(looks_around) && (!looks_around || op.line().has_waiters());
  }

  template <class Operation>
  STRAIT_NOINLINE errc wait_for(Operation op, queue_status s, const patience& p) {
    backoff b;
    const learnt_wait lately(b, p.only_try ? nullptr : &op.tempo().last());
    if (p.has_no_end()) b.may_yield_longer();
    const auto through = [&] { return op.through(); };
    bool looks_around = false;
    if (!p.only_try) {
      if (s == queue_status::closed) return errc::closed;
      looks_around = op.tempo().pause(b, through, [&] {
        s = op.attempt(sight::own);
        return s == queue_status::ok || s == queue_status::closed;
      });
      if (s == queue_status::busy) s = op.attempt(sight::both);  // the pauses are over
    }
    for (;; s = op.attempt(sight::both)) {
      if (s == queue_status::ok) return success;
      if (s == queue_status::closed) return errc::closed;
      if (p.only_try) {
        if (s != queue_status::busy) return op.nothing;
        b.wait();
      } else if (queues_up(op, looks_around) || !b.spin(through)) {
        break;
      }
    }
    for (place where = place::back;;) {
      const waiter::state how = sleep(op, looks_around, where, p, b);
      if (how == waiter::done) return success;
      s = op.attempt(sight::both);
      errc over = success;
      if (s == queue_status::would_block || s == queue_status::busy) {
        over = p.exhausted();
        if (over != success)
          s = settled([&] { return s == queue_status::busy ? op.attempt(sight::both) : s; });
      }
      if (s == queue_status::ok && how == waiter::notified && op.line().awaited() && op.ready())
        op.line().notify_one();  // N2
      if (s == queue_status::ok) return success;
      if (s == queue_status::closed) return errc::closed;
      if (over != success) return over;
      if (how == waiter::notified) where = place::front;  // called in vain: it keeps its turn
    }
  }

  // How the wait ended: done, or notified, left or cancelled, and then the caller tries again.
  template <class Operation>
  static waiter::state sleep(const Operation& op, bool looks_around, place where, const patience& p,
                             backoff& b) noexcept {
    waiter w;
    party<T> me;
    me.owner = &w;
    op.bring(me);
    const bool offers = me.offers = op.is_served_in_line(looks_around);
    // Looked at before others can find it: our side of the queue may be theirs then.
    if (!op.line().add_unless(me, where, [&] { return op.ready(); })) return waiter::left;
    waiter::state how;
    {
      std::optional<stop_guard> on_stop;
      if (p.stop != nullptr) on_stop.emplace(*p.stop, cancel_waiter{&w});
      how = offers ? w.park(p.until, b) : w.park(p.until);
    }
    if ((how == waiter::left || how == waiter::cancelled) && !op.line().remove(me) && me.offers) {
      // W6: somebody took it out, and is about to serve us, or to say that it cannot.
      for (backoff soon; w.current() == how;) soon.wait();
      how = w.current();
    }
    return how;
  }

  static constexpr wait_queue::mode lines = requires {
    Queue::one_message;
  } ? wait_queue::mode::always_lively : wait_queue::mode::changing;

  Queue queue_;
  // Each side looks at the other's line with every message, and so keeps what it writes when it waits in the one
  // that the other does not look at.
  alignas(cache_line) wait_queue receivers_{lines};
  pace senders_pace_;
  struct {
    std::uint32_t standing =
        0;  // coroutines that stand in line, or stood there and had no turn since
    party<T>* offer = nullptr;  // the one among them that offers
  } ours_;                      // of a sole sender, and its thread's
  // A line of its own: receivers look here for each message, and senders write the one above while it is lively.
  alignas(cache_line) wait_queue senders_{lines};
  pace receivers_pace_;
  sync::atomic<bool> closing_{
      false};  // closed: for a receiver that does not look at the senders' word
  sync::atomic<std::uint64_t> given_back_{0};
};

}  // namespace strait::inline STRAIT_ABI::detail

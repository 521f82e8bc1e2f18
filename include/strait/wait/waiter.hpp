// SPDX-License-Identifier: BSL-1.0
//
// One party that waits: a blocked thread, a suspended coroutine, a select of either. It can be selected
// exactly once, then resumed. All of it is one 32-bit word, on the waiting party's stack or in its frame.
//
//   bits 0-3  state   waiting    nobody has selected it
//                     claiming   its owner is about to bind a partner and must not be bound meanwhile
//                     bound      a partner holds it and will finish it (rendezvous, partner moves the message)
//                     called     selected; the owner itself must come and finish (it makes the message)
//                     notified   selected; the channel may be ready: the owner tries again
//                     done       the partner finished: the message has changed hands
//                     released   the partner gave up: the owner tries again
//                     cancelled  a stop token ended the wait
//                     left       the owner ended the wait (deadline, or it need not wait any more)
//   bit  4    asleep  the owner sleeps: whoever changes the state to a final one wakes it
//   bit  5    alone   it stands in one line only (W5)
//   bits 8-31 arm     which of the owner's arms was selected
//
// Transitions
//   waiting  -> bound | called | notified   by others (once)      waiting -> cancelled  by a stop callback
//   waiting  -> left | claiming             by the owner          claiming -> waiting | left  by the owner
//   bound    -> done | released             by the partner that bound it
//   waiting  -> done | notified             by who took it out of its line to serve it (W5, W6)
//   left | cancelled -> done | notified     likewise, where its owner is a thread (W6)
// All states but waiting, claiming and bound are final: the owner leaves with them (but see W6).
//
// Invariants
//   W1 At most one party moves the word out of `waiting`: one compare-exchange decides (but see W5, W6).
//   W2 A party that selected a waiter touches it no more after its last state change (the owner may be
//      gone at once); the wake-up of a thread needs the word's address only. See futex_wake. An owner
//      that sleeps elsewhere (suspend) stays until its wake-up has come, also if it is being destroyed.
//   W3 Who selected with `notified` has passed on a wake-up. Its receiver tries the channel again
//      before it reports a timeout or a stop, and passes the wake-up on if it did not use it.
//   W4 The word of a waiter that is bound and asleep is changed only by the partner that bound it: its owner
//      sleeps, and others leave a bound waiter alone. (Of one that was taken out: W6.)
//   W5 A waiter that is alone stands in one line, and only the lock of that line guards it: who finds it there
//      selects it by taking it out, and its owner leaves by taking it out. So no exchange is needed.
//   W6 A thread that lets others do what it waits to do stands in one line, too, but leaves or is cancelled by its
//      word. Who takes its node out to serve it has the waiter until finish(), its last touch, whatever the word says
//      by then: waiting, asleep or not, or left or cancelled, and the outcome stands in place of each. Nobody else can
//      have selected it, for who selects takes the node out first. So an owner that left or was cancelled, does not
//      find its node in the line, and finds that it still offers (who takes it out to select it ends that first, under
//      the lock), waits until the word changes once more: only then is its stack its own, and known what became of it.
//      It waits for a message to be moved, no longer.
//
// Order edges
//   S1 release, in every transition made by others: what they did for the waiter (the message moved,
//      the peer linked) comes before its leaving; pairs with P1.
//   P1 acquire, where the owner reads the word.
//   S2 release, where an owner goes to sleep elsewhere: what it left in its frame comes before its next
//      turn, in whatever thread; pairs with R2.
//   R2 acquire, where others see `asleep` in the transition that makes them wake the owner; the way from
//      there to the owner's next turn is the scheduler's.
//
// What may be changed safely: the spin counts; the numbering. A wake-up is an object that is delivered
// after the locks are gone.
#pragma once

#include <cstdint>

#include <strait/base/backoff.hpp>
#include <strait/base/contract.hpp>
#include <strait/base/sync.hpp>
#include <strait/wait/deadline.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// An owner that does not sleep on the word, but is suspended.
class sleeper {
 public:
  /// Called once for each sleep, by whoever selected the waiter, with no lock held. Makes the owner go on
  /// somewhere else: never in this call.
  virtual void wake() noexcept = 0;

 protected:
  ~sleeper() = default;
};

/// A wake-up that is owed. Collected under a lock, delivered after it: waking is a system call.
class wakeup {
 public:
  wakeup() noexcept = default;
  wakeup(sync::futex_word* word, sleeper* elsewhere) noexcept
      : word_(word), elsewhere_(elsewhere) {}
  void deliver() const noexcept {
    if (word_ == nullptr) return;
    if (elsewhere_ != nullptr) return elsewhere_->wake();
    sync::futex_wake_all(word_);
  }

 private:
  sync::futex_word* word_ = nullptr;  // null: the party was not asleep
  sleeper* elsewhere_ = nullptr;      // null: a thread, asleep on the word
};

class waiter {
 public:
  enum state : std::uint32_t {
    waiting,
    claiming,
    bound,
    called,
    notified,
    done,
    released,
    cancelled,
    left
  };

  /// `elsewhere`: who is woken if the owner suspends instead of parking.
  explicit waiter(state initial = waiting, sleeper* elsewhere = nullptr) noexcept
      : word_(initial), elsewhere_(elsewhere) {}
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  // ---- for others ----

  enum class claim : std::uint8_t { won, lost, busy };

  /// Selects the waiter with `next` for `arm`. `busy`: its owner is claiming a partner just now.
  claim try_select(state next, std::uint32_t arm, wakeup& owed) noexcept {
    sleeper* const elsewhere = elsewhere_;  // now: after the exchange a thread may be gone (W2)
    std::uint32_t seen = word_.load(sync::relaxed);  // relaxed: the exchange below decides
    if ((seen & alone) != 0) {
      // W5: it waits, since it stands there. S1 release: as below; what it left in its frame came with the lock.
      const std::uint32_t stay = next == bound ? asleep : 0;
      word_.store(next | stay | arm << arm_shift, sync::release);
      if (next != bound) owed = wakeup(&word_, elsewhere);
      return claim::won;
    }
    for (;;) {
      if ((seen & state_mask) == claiming) return claim::busy;
      if ((seen & state_mask) != waiting) return claim::lost;
      // A bound waiter sleeps on (its partner will finish it), so the bit stays; others are woken.
      const std::uint32_t stay = next == bound ? seen & asleep : 0;
      // S1 release: what was linked for the waiter; pairs with P1. R2 acquire: what it left in its frame.
      if (word_.compare_exchange_weak(seen, next | stay | arm << arm_shift, sync::acq_rel,
                                      sync::relaxed)) {
        if (next != bound && (seen & asleep) != 0) owed = wakeup(&word_, elsewhere);
        return claim::won;
      }
    }
  }

  /// Ends the wait of who is bound, or was taken out to be served. The last touch of the waiter (W2).
  wakeup finish(state outcome) noexcept {
    sync::futex_word* word = &word_;
    sleeper* const elsewhere = elsewhere_;
    std::uint32_t seen = word->load(sync::acquire);  // R2 acquire: what the owner left in its frame
    const std::uint32_t arm = seen & ~low_mask;      // fixed when it was bound
    if ((seen & asleep) != 0) {
      // W4: nobody else changes the word now. Or it was taken out (W6): it may leave or be cancelled just now, by an
      // exchange that either comes before this store, which takes its place, or fails. S1 release: the message has
      // moved; pairs with P1.
      word->store(outcome | arm, sync::release);
      return wakeup(word, elsewhere);
    }
    // S1 release: as above. R2 acquire: as above.
    seen = word->exchange(outcome | arm, sync::acq_rel);
    return (seen & asleep) != 0 ? wakeup(word, elsewhere) : wakeup();
  }

  // ---- for the owner ----

  /// Ends the wait from our side; false if somebody selected us first (and `current` says how).
  bool leave(state how = left) noexcept {
    std::uint32_t seen = word_.load(sync::relaxed);  // relaxed: the exchange below decides
    while ((seen & state_mask) == waiting) {
      // relaxed: we hand nothing over, and take it over where we read the state
      if (word_.compare_exchange_weak(seen, how, sync::relaxed, sync::relaxed)) return true;
    }
    return false;
  }

  /// From a stop callback or a timer, in any thread; their own synchronization keeps us alive.
  void cancel(wakeup& owed) noexcept {
    if (try_select(cancelled, 0, owed) == claim::busy) {
      backoff b;
      while (try_select(cancelled, 0, owed) == claim::busy) b.wait();
    }
  }
  void cancel() noexcept {
    wakeup owed;
    cancel(owed);
    owed.deliver();
  }

  /// From now on nobody can bind us, until end_claim. False if somebody already did.
  bool begin_claim() noexcept {
    std::uint32_t expected = waiting;
    // relaxed: as in leave()
    return word_.compare_exchange_strong(expected, claiming, sync::relaxed, sync::relaxed);
  }
  void end_claim(bool claimed) noexcept {
    // relaxed: whoever waits for us to decide finds what we linked under the lock we linked it under
    word_.store(claimed ? left : waiting, sync::relaxed);
  }

  /// As new, for another wait; nobody else knows the waiter.
  void renew() noexcept {
    word_.store(waiting, sync::relaxed);
  }  // relaxed: published by the caller's lock

  /// The same for an owner that has suspended already and stands in one line alone (W5).
  void renew_alone() noexcept {
    word_.store(waiting | asleep | alone, sync::relaxed);
  }  // relaxed: as above

  /// Starts as bound; before anybody else knows the waiter.
  void hold() noexcept {
    const std::uint32_t stay = word_.load(sync::relaxed) & asleep;  // relaxed: only we know it
    word_.store(bound | stay, sync::relaxed);
  }  // relaxed: published by the caller's lock

  // relaxed: who acts on it reads the state (current)
  bool decided() const noexcept { return is_final(word_.load(sync::relaxed)); }

  /// Sleeps until a final state; at the deadline it leaves, unless a partner holds us.
  state park(deadline until) noexcept {
    for (;;) {
      std::uint32_t seen = word_.load(sync::acquire);  // P1 acquire
      if (is_final(seen)) return state(seen & state_mask);
      const bool held = (seen & state_mask) == bound;
      if (!held && until.passed()) {
        if (leave()) return left;
        continue;
      }
      if ((seen & asleep) == 0) {
        // relaxed: it only announces that we sleep; who changes the word sees it or we see the change
        if (!word_.compare_exchange_weak(seen, seen | asleep, sync::relaxed, sync::relaxed))
          continue;
        seen |= asleep;
      }
      sync::futex_wait(word_, seen, held ? sync::time_point::max() : until.when());
    }
  }
  /// The same after `b`, with looks in between: a partner may be about to come.
  state park(deadline until, backoff& b) noexcept {
    do {
      if (decided()) return current();
    } while (b.spin());
    return park(until);
  }

  /// For an owner that sleeps elsewhere. True: it sleeps, and only who is woken may touch the waiter; its
  /// sleeper is woken once. False: the wait is over.
  bool suspend() noexcept {
    std::uint32_t seen = word_.load(sync::acquire);  // P1 acquire
    do {
      if (is_final(seen)) return false;
      // S2 release: the frame is as it will be found; pairs with R2. P1 acquire on failure.
    } while (!word_.compare_exchange_weak(seen, seen | asleep, sync::acq_rel, sync::acquire));
    return true;
  }

  state current() const noexcept {
    return state(word_.load(sync::acquire) & state_mask);
  }  // P1 acquire
  /// The selected arm; meaningful in the states others set.
  std::uint32_t arm() const noexcept {
    return word_.load(sync::relaxed) >> arm_shift;
  }  // relaxed: fixed with the state, which was read

 private:
  static constexpr std::uint32_t state_mask = 0xF;
  static constexpr std::uint32_t asleep = 0x10;
  static constexpr std::uint32_t alone = 0x20;
  static constexpr std::uint32_t low_mask = 0xFF;
  static constexpr unsigned arm_shift = 8;

  static constexpr bool is_final(std::uint32_t word) noexcept {
    const std::uint32_t s = word & state_mask;
    return s != waiting && s != claiming && s != bound;
  }

  sync::futex_word word_;
  sleeper* const elsewhere_;
};

/// Ends a wait when its stop token is asked to stop.
struct cancel_waiter {
  waiter* target;
  void operator()() const noexcept { target->cancel(); }
};
using stop_guard = stop_callback<cancel_waiter>;

}  // namespace strait::inline STRAIT_ABI::detail

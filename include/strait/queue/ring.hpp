// SPDX-License-Identifier: BSL-1.0
//
// The bounded queue for many senders and many receivers: a ring of places with a turn each.
//
// Source: D. Vyukov's bounded MPMC queue (sequence per cell), with folly MPMCQueue's turns, crossbeam's
// exact capacity (lap and position instead of a modulo), and reservations added here.
//
// Layout
//   tail_  [ lap | position | reserved:8 | closed:1 ]   where the next message goes       (senders)
//   head_  [ lap | position | reserved:8 | 0       ]   where the next message comes from (receivers)
//   place  { turn, message }   turn == 2*lap: free for the sender of that lap
//                              turn == 2*lap + 1: holds that lap's message
//   Turns are kept modulo 256 (Q5); how places lie in memory: queue/place_line.hpp.
//   All-zero memory is an empty ring, so a large one is not touched before it is used.
//
// A push claims its place by moving tail_ with one compare-exchange, writes the message, and publishes
// it with the turn. A pop claims by moving head_, takes the message out, and frees the place with the
// turn of the next lap. Nobody waits for anybody: a place claimed by another thread that is not done
// with it is `busy`, and the caller decides.
//
// Reservations are promises for operations that finish later (a select that still has to make its
// message, a selected operation): reserved pushes count as full, reserved pops as empty. They live in
// the words that pushes and pops claim with, so a claim and a reservation cannot pass each other; the
// price is one bit test on the way. At most 255 a side: the 256th is refused, and tries again
// until one of the others is spent.
//
// Invariants
//   Q1 tail - head + reserved pushes <= capacity, always.
//   Q2 A place is written only by the claimer of its tail, read only by the claimer of its head.
//   Q3 closed is in tail_: after it no claim succeeds, so "head == tail, closed" is the end for good.
//   Q4 Claims move strictly forward, so a compare-exchange on an old value fails (laps wrap after
//      2^54 messages or more; all comparisons are for equality).
//   Q5 Who has read tail_ == t by acquire reads of t's place one of three turns, as long as tail_ stays t: 2*lap - 2
//      (the last lap's sender is not done), 2*lap - 1 (the message has not been taken), 2*lap; older ones are behind
//      it, for the last lap's sender read the place's turn before it moved tail_. Likewise of head_. Once tail_ has
//      moved the turn says nothing, and the exchange fails, or the look at tail_ after it shows that. So a byte will do.
//
// Order edges
//   R1 release: a push publishes its message by the turn; pairs with A1
//   A1 acquire: a pop reads the turn before the message; pairs with R1
//   R2 release: a pop frees its place by the turn; pairs with A2
//   A2 acquire: a push reads the turn before it overwrites the place; pairs with R2
//   R3 release: tail_ and head_ move; pairs with A3
//   A3 acquire: size and the tests for full and empty read them; whoever learnt of a finished push
//      or pop reads at least the value it left; pairs with R3. Of the own word as well: who counts the
//      claims of others must see what these had seen, or "full" and "empty" would be about the past.
//
// Linearization: push at its claim of tail_, pop at its claim of head_; full and empty at the load of
// the other word while the own one did not move.
//
// What may be changed safely: the layout of the words, padding. Not: publishing before writing, testing
// full by the turn alone (a place being read is not full), claiming without the closed bit in view.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <strait/base/backoff.hpp>
#include <strait/base/cache_line.hpp>
#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/place_line.hpp>
#include <strait/queue/ring_words.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// Shape: how the places lie in lines. (A parameter for the models.)
template <class T, class Shape = shape_of<T>>
class ring {
  friend struct queue_start;  // models begin near the end of the counters
  using place = ring_place<T>;

 public:
  static constexpr bool is_bounded = true;
  static constexpr bool one_sender = false;

  /// Throws std::bad_alloc before anything is built.
  explicit ring(std::size_t capacity) : places_(capacity, own_line_), words_(capacity) {}

  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;
  // relaxed: whoever destroys it has seen all that others did
  ~ring() { places_.destroy_from(words_, head_.load(sync::relaxed)); }

  // ---- push ----

  /// Moves the message in, or leaves it untouched.
  queue_status try_push(T& message, sight reach = sight::both) noexcept {
    std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire: "full" must not be about the past
    for (contention race;;) {
      if ((t & ring_words::flags) != 0) [[unlikely]] {
        if ((t & ring_words::closed) != 0) return queue_status::closed;
        // relaxed: pops that finished before us are seen in any case (coherence); the turn has the edge
        if (words_.count(t, head_.load(sync::relaxed)) + words_.reserved(t) >= words_.capacity()) {
          if (!moved(tail_, t)) return queue_status::would_block;
          continue;
        }
      }
      const place p = places_[words_.position(t)];
      if (p.turn.load(sync::acquire) == words_.turn(t)) {  // A2 acquire
        // R3 release: pairs with A3; A3 acquire on failure
        if (tail_.compare_exchange_weak(t, words_.next(t), sync::release, sync::acquire)) {
          publish(p, t, message);
          return queue_status::ok;
        }
        race.lost(tail_, t);
        continue;
      }
      if (reach == sight::own) {
        if (moved(tail_, t)) continue;
        return queue_status::busy;
      }
      const std::uint64_t h = head_.load(sync::acquire);  // A3 acquire
      if (moved(tail_, t)) continue;
      return words_.count(t, h) >= words_.capacity() ? queue_status::would_block
                                                     : queue_status::busy;
    }
  }

  /// Promises room for one commit_push: ok, closed, would_block.
  queue_status reserve_push() noexcept {
    for (;;) {
      std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire: as in try_push
      if ((t & ring_words::closed) != 0) return queue_status::closed;
      const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: as above; commit has the edge
      if (words_.reserved(t) == ring_words::most_reserved ||
          words_.count(t, h) + words_.reserved(t) >= words_.capacity()) {
        if (!moved(tail_, t)) return queue_status::would_block;
        continue;
      }
      // R3 release: who counts the promise must see the pops that we did before; pairs with A3
      if (tail_.compare_exchange_weak(t, t + ring_words::one_reserved, sync::release,
                                      sync::relaxed)) {
        return queue_status::ok;
      }
    }
  }

  /// Spends the promise: ok, or closed (then the promise is gone and the message untouched). Waits for
  /// a receiver that is in the middle of taking the message that was in this place.
  queue_status commit_push(T& message) noexcept {
    std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire: for the turn (Q5)
    for (backoff b;;) {
      if ((t & ring_words::closed) != 0) return queue_status::closed;  // no promise counts any more
      const place p = places_[words_.position(t)];
      if (p.turn.load(sync::acquire) != words_.turn(t)) {  // A2 acquire
        if (!moved(tail_, t)) b.wait();
        continue;
      }
      // R3 release: pairs with A3; A3 acquire on failure
      if (tail_.compare_exchange_weak(t, words_.next(t) - ring_words::one_reserved, sync::release,
                                      sync::acquire)) {
        publish(p, t, message);
        return queue_status::ok;
      }
    }
  }

  void cancel_push() noexcept {
    tail_.fetch_sub(ring_words::one_reserved, sync::relaxed);  // relaxed: as when it was promised
  }

  /// A look, for who will attempt or sleep: the attempt has the edges; the sleep is ordered against a pop by
  /// the fences around both (wait/wait_queue.hpp). Hence relaxed, but for the turn: another sender may have
  /// changed it, who wakes nobody of this side, and then `moved` must see that sender's claim.
  bool can_push() const noexcept {
    std::uint64_t t = tail_.load(sync::relaxed);  // relaxed: see above
    do {
      if ((t & ring_words::closed) != 0) return true;
      // relaxed: see above
      if (words_.count(t, head_.load(sync::relaxed)) + words_.reserved(t) < words_.capacity() &&
          places_[words_.position(t)].turn.load(sync::acquire) == words_.turn(t)) {  // A1 acquire
        return true;
      }
    } while (moved(tail_, t));  // "no" must be true of one instant: a waiter sleeps on it
    return false;
  }

  // ---- pop ----

  /// Hands the first message to `sink(T&&)`.
  template <class Sink>
  queue_status try_pop(Sink&& sink, sight reach = sight::both) noexcept {
    std::uint64_t h = head_.load(sync::acquire);  // A3 acquire: "empty" must not be about the past
    for (contention race;;) {
      if ((h & ring_words::flags) != 0) [[unlikely]] {
        // relaxed: as in try_push
        if (words_.count(tail_.load(sync::relaxed), h) <= words_.reserved(h)) {
          if (!moved(head_, h)) return queue_status::would_block;
          continue;
        }
      }
      const place p = places_[words_.position(h)];
      if (p.turn.load(sync::acquire) == words_.turn_of_message(h)) {  // A1 acquire
        // R3 release: pairs with A3; A3 acquire on failure
        if (head_.compare_exchange_weak(h, words_.next(h), sync::release, sync::acquire)) {
          vacate(p, h, sink);
          return queue_status::ok;
        }
        race.lost(head_, h);
        continue;
      }
      if (reach == sight::own) {
        if (moved(head_, h)) continue;
        return queue_status::busy;
      }
      const std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire
      if (moved(head_, h)) continue;
      if (!words_.same_place(t, h)) return queue_status::busy;
      return (t & ring_words::closed) != 0 ? queue_status::closed : queue_status::would_block;
    }
  }

  /// Promises one message to commit_pop: ok, closed (none is left), would_block.
  queue_status reserve_pop() noexcept {
    for (;;) {
      std::uint64_t h = head_.load(sync::acquire);        // A3 acquire: as in try_pop
      const std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire
      const std::size_t there = words_.count(t, h);       // not too few: head_ was read first
      if (there <= words_.reserved(h) || words_.reserved(h) == ring_words::most_reserved) {
        return there == 0 && (t & ring_words::closed) != 0 ? queue_status::closed
                                                           : queue_status::would_block;
      }
      // R3 release: who counts the promise must see the pushes that we did before; pairs with A3
      if (head_.compare_exchange_weak(h, h + ring_words::one_reserved, sync::release,
                                      sync::relaxed)) {
        return queue_status::ok;
      }
    }
  }

  /// Spends the promise. Waits for a sender that is in the middle of its push of this message.
  template <class Sink>
  queue_status commit_pop(Sink&& sink) noexcept {
    std::uint64_t h = head_.load(sync::acquire);  // A3 acquire: for the turn (Q5)
    for (backoff b;;) {
      const place p = places_[words_.position(h)];
      if (p.turn.load(sync::acquire) != words_.turn_of_message(h)) {  // A1 acquire
        if (!moved(head_, h)) b.wait();
        continue;
      }
      // R3 release: pairs with A3; A3 acquire on failure
      if (head_.compare_exchange_weak(h, words_.next(h) - ring_words::one_reserved, sync::release,
                                      sync::acquire)) {
        vacate(p, h, sink);
        return queue_status::ok;
      }
    }
  }

  void cancel_pop() noexcept {
    head_.fetch_sub(ring_words::one_reserved, sync::relaxed);  // relaxed: as when it was promised
  }

  /// A look, as can_push().
  bool can_pop() const noexcept {
    std::uint64_t h = head_.load(sync::relaxed);  // relaxed: see can_push
    do {
      const std::uint64_t t = tail_.load(sync::relaxed);  // relaxed: see can_push
      const std::size_t there = words_.count(t, h);
      if (there == 0 && (t & ring_words::closed) != 0) return true;
      if (there > words_.reserved(h) &&
          places_[words_.position(h)].turn.load(sync::acquire) ==
              words_.turn_of_message(h)) {  // A2 acquire: see can_push
        return true;
      }
    } while (moved(head_, h));  // "no" must be true of one instant: a waiter sleeps on it
    return false;
  }

  // ---- both ----

  /// True for the one call that closed it.
  bool close() noexcept {
    return (tail_.fetch_or(ring_words::closed, sync::release) & ring_words::closed) ==
           0;  // R3 release
  }
  bool is_closed() const noexcept {
    return (tail_.load(sync::acquire) & ring_words::closed) != 0;  // A3 acquire
  }

  std::size_t size() const noexcept {
    std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire
    for (;;) {
      const std::uint64_t h = head_.load(sync::acquire);  // A3 acquire
      if (!moved(tail_, t)) return words_.count(t, h);  // tail stood still around the look at head
    }
  }
  std::size_t capacity() const noexcept { return words_.capacity(); }

  /// Grows with every push (every pop): the same twice means none in between.
  std::uint64_t pushes() const noexcept {
    return ring_words::index(tail_.load(sync::acquire));
  }  // A3 acquire
  std::uint64_t pops() const noexcept {
    return ring_words::index(head_.load(sync::acquire));
  }  // A3 acquire

 private:
  /// Whether `word` is not what it was; `seen` is what it is now.
  static bool moved(const sync::atomic<std::uint64_t>& word, std::uint64_t& seen) noexcept {
    const std::uint64_t now = word.load(sync::acquire);  // A3 acquire
    if (now == seen) return false;
    seen = now;
    return true;
  }

  void publish(place p, std::uint64_t t, T& message) noexcept {
    p.message.construct(std::move(message));
    p.turn.store(words_.turn_of_message(t), sync::release);  // R1 release: pairs with A1
  }

  template <class Sink>
  void vacate(place p, std::uint64_t h, Sink&& sink) noexcept {
    p.message.take(sink);
    p.turn.store(words_.turn_after(h), sync::release);  // R2 release: pairs with A2
  }

  alignas(cache_line) ring_places<T, Shape> places_;
  ring_laps<Shape> words_;
  [[no_unique_address]] typename ring_places<T, Shape>::own_line own_line_;
  alignas(cache_line) sync::atomic<std::uint64_t> tail_{0};
  alignas(cache_line) sync::atomic<std::uint64_t> head_{0};
};

}  // namespace strait::inline STRAIT_ABI::detail

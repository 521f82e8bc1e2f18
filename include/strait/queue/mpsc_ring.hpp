// SPDX-License-Identifier: BSL-1.0
//
// The bounded queue for many senders and one receiver. The senders' half is queue/ring.hpp's; the
// receiver owns its position, so a pop is a look at the turn, a move and one plain store: no
// read-modify-write, and the place is never claimed before the message is there.
//
// Layout
//   tail_  [ lap | position | reserved:8 | closed:1 ]   senders
//   head_  [ lap | position | 0 ]                       written by the receiver alone
//   place  { turn, message }                            as in queue/ring.hpp
//
// Invariants: Q1, Q3, Q4, Q5 of queue/ring.hpp, and
//   M1 Only the receiver writes head_; it stores the freed place's turn first, then head_, so a
//      sender that finds room by head_ finds the place free, and never waits for a receiver.
//   M2 Whoever makes tail_ + reserved grow has acquired that the place there is free, by its turn or by a head_
//      behind it, and releases that with tail_. So who acquires tail_ knows it of all places up to
//      tail_ + reserved: commit_push need not look at the turn, and Q5 holds for it too.
//
// Order edges
//   R1 release: a push publishes its message by the turn; pairs with A1
//   A1 acquire: the pop reads the turn before the message; pairs with R1
//   R2 release: the pop frees the place by the turn, then moves head_; pairs with A2
//   A2 acquire: a push reads the turn (or head_) before it overwrites the place; pairs with R2
//   R3 release: tail_ moves; pairs with A3
//   A3 acquire: size, the tests for empty and full, and closed read it; pairs with R3
//
// Linearization: push at its claim of tail_; pop at its store of the turn; full where the place's turn
// is found to be of the last lap (the pop of that message has not happened yet).
#pragma once

#include <cstddef>
#include <cstdint>

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
class mpsc_ring {
  friend struct queue_start;  // models begin near the end of the counters
  using place = ring_place<T>;

 public:
  static constexpr bool is_bounded = true;
  static constexpr bool one_sender = false;

  /// Throws std::bad_alloc before anything is built.
  explicit mpsc_ring(std::size_t capacity) : places_(capacity, own_line_), words_(capacity) {}

  mpsc_ring(const mpsc_ring&) = delete;
  mpsc_ring& operator=(const mpsc_ring&) = delete;
  // relaxed: whoever destroys it has seen all that others did
  ~mpsc_ring() { places_.destroy_from(words_, head_.load(sync::relaxed)); }

  // ---- push: many threads ----

  // The place alone tells whether there is room.
  queue_status try_push(T& message, sight = sight::both) noexcept {
    std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire: "full" must not be about the past
    for (contention race;;) {
      if ((t & ring_words::flags) != 0) [[unlikely]] {
        if ((t & ring_words::closed) != 0) return queue_status::closed;
        // A2 acquire: the last of the promised places is free (M2)
        if (words_.count(t, head_.load(sync::acquire)) + words_.reserved(t) >= words_.capacity()) {
          if (!moved(t)) return queue_status::would_block;
          continue;
        }
      }
      const place p = places_[words_.position(t)];
      if (p.turn.load(sync::acquire) != words_.turn(t)) {  // A2 acquire
        if (!moved(t)) return queue_status::would_block;   // the last lap's message is still there
        continue;
      }
      // R3 release: pairs with A3; A3 acquire on failure
      if (tail_.compare_exchange_weak(t, words_.next(t), sync::release, sync::acquire)) {
        publish(p, t, message);
        return queue_status::ok;
      }
      race.lost(tail_, t);
    }
  }

  queue_status reserve_push() noexcept {
    for (;;) {
      std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire: as in try_push
      if ((t & ring_words::closed) != 0) return queue_status::closed;
      const std::uint64_t h = head_.load(sync::acquire);  // A2 acquire (M2)
      if (words_.reserved(t) == ring_words::most_reserved ||
          words_.count(t, h) + words_.reserved(t) >= words_.capacity()) {
        if (!moved(t)) return queue_status::would_block;
        continue;
      }
      // R3 release: who counts the promise must see the pops that we did before; pairs with A3
      if (tail_.compare_exchange_weak(t, t + ring_words::one_reserved, sync::release,
                                      sync::relaxed)) {
        return queue_status::ok;
      }
    }
  }

  /// ok, or closed (then the promise is gone and the message untouched).
  queue_status commit_push(T& message) noexcept {
    std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire: the place is free (M2)
    for (;;) {
      if ((t & ring_words::closed) != 0) return queue_status::closed;  // no promise counts any more
      // R3 release: pairs with A3; A3 acquire on failure
      if (tail_.compare_exchange_weak(t, words_.next(t) - ring_words::one_reserved, sync::release,
                                      sync::acquire)) {
        publish(places_[words_.position(t)], t, message);  // free (M2)
        return queue_status::ok;
      }
    }
  }

  void cancel_push() noexcept {
    tail_.fetch_sub(ring_words::one_reserved, sync::relaxed);  // relaxed: as when it was promised
  }

  /// A look, for who will attempt or sleep: the attempt has the edges; the sleep is ordered against a pop by
  /// the fences around both (wait/wait_queue.hpp). Hence relaxed.
  bool can_push() const noexcept {
    const std::uint64_t t = tail_.load(sync::relaxed);  // relaxed: see above
    if ((t & ring_words::closed) != 0) return true;
    return words_.count(t, head_.load(sync::relaxed)) + words_.reserved(t) <
           words_.capacity();  // relaxed: see above
  }

  // ---- pop: one thread ----

  template <class Sink>
  queue_status try_pop(Sink&& sink, sight reach = sight::both) noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: ours
    const place p = places_[words_.position(h)];
    if (p.turn.load(sync::acquire) != words_.turn_of_message(h)) {  // A1 acquire
      if (reach == sight::own) return queue_status::busy;
      const std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire
      if (!words_.same_place(t, h)) return queue_status::busy;
      return (t & ring_words::closed) != 0 ? queue_status::closed : queue_status::would_block;
    }
    p.message.take(sink);
    p.turn.store(words_.turn_after(h), sync::release);  // R2 release: pairs with A2
    head_.store(words_.next(h), sync::release);         // R2 release: pairs with A2
    return queue_status::ok;
  }

  // One receiver: nobody can take a message that it was promised.
  queue_status reserve_pop() const noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: ours
    const std::uint64_t t = tail_.load(sync::acquire);  // A3 acquire
    if (!words_.same_place(t, h)) return queue_status::ok;
    return (t & ring_words::closed) != 0 ? queue_status::closed : queue_status::would_block;
  }
  template <class Sink>
  queue_status commit_pop(Sink&& sink) noexcept {
    return try_pop(sink);
  }
  void cancel_pop() noexcept {}

  /// A look, as can_push().
  bool can_pop() const noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: ours
    const std::uint64_t t = tail_.load(sync::relaxed);  // relaxed: see can_push
    if (words_.same_place(t, h)) return (t & ring_words::closed) != 0;
    return places_[words_.position(h)].turn.load(sync::relaxed) ==
           words_.turn_of_message(h);  // relaxed: see can_push
  }

  // ---- both ----

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
      const std::uint64_t h = head_.load(sync::acquire);  // A2 acquire
      if (moved(t)) continue;  // tail must stand still around the look at head
      // The receiver frees the place before it moves head_: one more may be in than head_ admits.
      return words_.count(t, h) < words_.capacity() ? words_.count(t, h) : words_.capacity();
    }
  }
  std::size_t capacity() const noexcept { return words_.capacity(); }
  std::uint64_t pushes() const noexcept {
    return ring_words::index(tail_.load(sync::relaxed));
  }  // relaxed: one receiver: a message that is there stays there
  std::uint64_t pops() const noexcept {
    return ring_words::index(head_.load(sync::acquire));
  }  // A2 acquire

 private:
  bool moved(std::uint64_t& seen) const noexcept {
    const std::uint64_t now = tail_.load(sync::acquire);  // A3 acquire
    if (now == seen) return false;
    seen = now;
    return true;
  }

  void publish(place p, std::uint64_t t, T& message) noexcept {
    p.message.construct(std::move(message));
    p.turn.store(words_.turn_of_message(t), sync::release);  // R1 release: pairs with A1
  }

  alignas(cache_line) ring_places<T, Shape> places_;
  ring_laps<Shape> words_;
  [[no_unique_address]] typename ring_places<T, Shape>::own_line own_line_;
  alignas(cache_line) sync::atomic<std::uint64_t> tail_{0};
  alignas(cache_line) sync::atomic<std::uint64_t> head_{0};
};

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// The unbounded queue for one sender and one receiver: a chain of segments. No read-modify-write per
// message; one exchange per segment, to recycle it.
//
// Layout
//   segment { next, slots }      the sender fills the last, the receiver empties the first
//   tail_     messages published, ever                  written by the sender
//   intent_   messages published or in the making       written by the sender
//   head_     messages taken, ever                      written by the receiver
//   spare_    one empty segment on its way back to the sender, or null
//   The first segment comes with the first message: an idle channel owns none.
//
// The receiver moves to the next segment when it takes the first message of it, not when it empties
// the one before: the link is written before that message is published, so it needs no order of its own.
//
// Invariants: P1 (without the capacity) and P2 of queue/spsc_ring.hpp, and
//   G1 A segment between the sender's and the receiver's is touched by nobody; the receiver's first
//      is touched by the sender only if it is the sender's last.
//
// Order edges: as queue/spsc_ring.hpp, and
//   R1 release: tail_ publishes the message and the link to its segment; pairs with A1
//   A1 acquire: the receiver reads tail_ first; pairs with R1
//   R2 release: head_ moves; pairs with A2
//   A2 acquire: size reads it; pairs with R2
//   R3 release: closed_; pairs with A3
//   A3 acquire: closed_ is read before tail_ is looked at again; pairs with R3
//   R4 release: a spare segment, emptied; pairs with A4
//   A4 acquire: it is taken before it is filled again; pairs with R4
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include <strait/base/cache_line.hpp>
#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/segment_size.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T>
class spsc_segments {
  friend struct queue_start;  // models begin near the end of the counters

 public:
  static constexpr bool is_bounded = false;
  static constexpr bool one_sender = true;

  spsc_segments() noexcept = default;
  spsc_segments(const spsc_segments&) = delete;
  spsc_segments& operator=(const spsc_segments&) = delete;
  ~spsc_segments() {
    while (try_pop([](T&&) noexcept {}) == queue_status::ok) {
    }
    // relaxed, both: whoever destroys it has seen all that others did
    destroy(first_ != nullptr ? first_ : root_.load(sync::relaxed));
    destroy(spare_.load(sync::relaxed));
  }

  // ---- push: one thread ----

  /// Throws std::bad_alloc with nothing changed.
  STRAIT_INLINE queue_status try_push(T& message) {
    segment* next = nullptr;
    if (push_at_ == segment_size) [[unlikely]] {
      if (is_closed()) return queue_status::closed;
      next = fresh();
    }
    const std::uint64_t t = tail_.load(sync::relaxed);  // relaxed: ours
    intent_.store(t + 1, sync::relaxed);                // relaxed: ordered by the fence
    sync::light_fence();
    if (closed_.load(sync::acquire)) [[unlikely]] {  // A3 acquire
      intent_.store(t, sync::relaxed);               // relaxed: nothing came of it
      recycle(next);
      return queue_status::closed;
    }
    if (next != nullptr) [[unlikely]] {
      if (last_ == nullptr) {
        root_.store(next, sync::relaxed);  // relaxed: tail_ publishes it (R1)
      } else {
        last_->next = next;
      }
      last_ = next;
      push_at_ = 0;
    }
    last_->slots[push_at_++].construct(std::move(message));
    tail_.store(t + 1, sync::release);  // R1 release: pairs with A1
    return queue_status::ok;
  }

  queue_status reserve_push() const noexcept {
    return is_closed() ? queue_status::closed : queue_status::ok;
  }
  queue_status commit_push(T& message) { return try_push(message); }
  void cancel_push() noexcept {}
  bool can_push() const noexcept { return true; }

  // ---- pop: one thread ----

  template <class Sink>
  STRAIT_INLINE queue_status try_pop(Sink&& sink) noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: ours
    if (h == tail_seen_) {
      tail_seen_ = tail_.load(sync::acquire);  // A1 acquire
      if (h == tail_seen_) return at_the_end(h);
    }
    if (pop_at_ == segment_size) [[unlikely]] {
      segment* emptied = first_;
      // relaxed: tail_ published the root (A1)
      first_ = emptied == nullptr ? root_.load(sync::relaxed) : emptied->next;
      pop_at_ = 0;
      recycle(emptied);
    }
    first_->slots[pop_at_++].take(sink);
    head_.store(h + 1, sync::release);  // R2 release: pairs with A2
    return queue_status::ok;
  }

  queue_status reserve_pop() noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);            // relaxed: ours
    if (h != tail_.load(sync::relaxed)) return queue_status::ok;  // relaxed: the pop reads it again
    const queue_status s = at_the_end(h);
    return s == queue_status::busy ? queue_status::would_block : s;
  }
  template <class Sink>
  queue_status commit_pop(Sink&& sink) noexcept {
    return try_pop(sink);
  }
  void cancel_pop() noexcept {}

  /// A look, for who will attempt or sleep: see queue/ring.hpp.
  bool can_pop() const noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: ours
    if (h != tail_.load(sync::relaxed)) return true;    // relaxed: see above
    return at_the_end(h) == queue_status::closed;
  }

  // ---- both ----

  bool close() noexcept {
    return !closed_.exchange(true, sync::release);
  }  // R3 release: pairs with A3
  bool is_closed() const noexcept { return closed_.load(sync::acquire); }  // A3 acquire

  std::size_t size() const noexcept {
    std::uint64_t t = tail_.load(sync::acquire);  // A1 acquire
    for (;;) {
      const std::uint64_t h = head_.load(sync::acquire);    // A2 acquire
      const std::uint64_t now = tail_.load(sync::acquire);  // A1 acquire
      if (now == t) return static_cast<std::size_t>(t - h);
      t = now;
    }
  }
  // relaxed, both: one sender, one receiver: a message or room that is there stays there
  std::uint64_t pushes() const noexcept { return tail_.load(sync::relaxed); }
  std::uint64_t pops() const noexcept { return head_.load(sync::relaxed); }  // relaxed: as above

 private:
  static constexpr std::size_t segment_size = messages_per_segment(sizeof(slot<T>));

  struct segment {
    segment* next = nullptr;
    slot<T> slots[segment_size];
  };

  STRAIT_COLD segment* fresh() {
    // A4 acquire. Its `next` is old; the receiver reads it after it was set again.
    if (segment* spare = spare_.exchange(nullptr, sync::acquire)) return spare;
    return ::new (sync::allocate(sizeof(segment), alignof(segment))) segment;
  }
  void recycle(segment* emptied) noexcept {
    if (emptied != nullptr)
      destroy(spare_.exchange(emptied, sync::acq_rel));  // R4 release, A4 acquire
  }
  static void destroy(segment* s) noexcept {
    if (s == nullptr) return;
    s->~segment();
    sync::deallocate(s, alignof(segment));
  }

  // Nothing published: is that the end, a pause, or a send in the middle?
  STRAIT_NOINLINE queue_status at_the_end(std::uint64_t h) const noexcept {
    if (ended_) return queue_status::closed;
    if (!closed_.load(sync::acquire)) return queue_status::would_block;  // A3 acquire
    sync::heavy_fence();
    // relaxed: ordered by the fence; what is published is announced as well (P1)
    if (intent_.load(sync::relaxed) != h) return queue_status::busy;
    ended_ = true;  // P2: the heavy fence need not be paid again
    return queue_status::closed;
  }

  sync::atomic<bool> closed_{false};
  sync::atomic<segment*> root_{nullptr};  // the very first segment, on its way to the receiver

  // the sender's
  alignas(cache_line) sync::atomic<std::uint64_t> tail_{0};
  sync::atomic<std::uint64_t> intent_{0};
  segment* last_ = nullptr;
  std::size_t push_at_ = segment_size;

  // the receiver's
  alignas(cache_line) sync::atomic<std::uint64_t> head_{0};
  std::uint64_t tail_seen_ = 0;
  segment* first_ = nullptr;
  std::size_t pop_at_ = segment_size;
  mutable bool ended_ = false;  // closed, and nothing will come

  alignas(cache_line) sync::atomic<segment*> spare_{nullptr};
};

}  // namespace strait::inline STRAIT_ABI::detail

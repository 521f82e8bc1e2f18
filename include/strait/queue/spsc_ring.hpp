// SPDX-License-Identifier: BSL-1.0
//
// The bounded queue for one sender and one receiver: a ring with two indices, each written by one
// thread. No read-modify-write anywhere.
//
// Source: Lamport's ring; each side keeps a copy of the other's index and looks again only when the
// copy says full or empty (M. Herlihy, N. Shavit, section 3.4; J. Giacomoni et al., FastForward, 2008).
//
// Layout
//   tail_      messages published, ever                written by the sender
//   intent_    messages published or in the making     written by the sender
//   head_      messages taken, ever                    written by the receiver
//   closed_    set once, by anybody
//   Where the places are so few that all of this but closed_ fits into one cache line, it is in one: sender and
//   receiver of so small a ring wait for each other with nearly every message, and it then takes one line there
//   and back, not three. Otherwise head_ has a line of its own, and so have the places.
//
// Closing against a send in the middle. The sender has no compare-exchange that close() could defeat,
// so it announces itself first and looks at closed_ afterwards; the receiver that sees closed_ looks at
// the announcement before it believes that nothing more will come (store, fence, load on both sides: at
// least one sees the other; the heavy half of the fence pair is paid once, at the end).
//       sender:   intent_ = t + 1;  light_fence();  closed_?  ->  intent_ = t, give up
//       closer:   closed_ = true;   receiver: closed_?  heavy_fence();  intent_ != head_?  ->  busy
//
// Invariants
//   P1 head_ <= tail_ <= intent_ <= tail_ + 1, tail_ - head_ <= capacity.
//   P2 After closed_ is seen and intent_ == tail_ == head_ is read behind a fence, all stay so.
//
// Order edges
//   R1 release: tail_ publishes the message; pairs with A1
//   A1 acquire: the receiver reads tail_ before the message; pairs with R1
//   R2 release: head_ frees the place; pairs with A2
//   A2 acquire: the sender reads head_ before it overwrites the place; pairs with R2
//   R3 release: closed_; pairs with A3
//   A3 acquire: closed_ is read before tail_ is looked at again; pairs with R3
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <strait/base/cache_line.hpp>
#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T>
class spsc_ring {
  friend struct queue_start;  // models begin near the end of the counters

 public:
  static constexpr bool is_bounded = true;
  static constexpr bool one_sender = true;

  /// Throws std::bad_alloc before anything is built.
  explicit spsc_ring(std::size_t capacity) : capacity_(capacity) {
    if (capacity <= near_places) {
      places_ = near_.places.data();
      head_ = &near_.head;
      return;
    }
    constexpr std::size_t most =
        static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(slot<T>);
    if (capacity > most) sync::no_memory();
    places_ = static_cast<slot<T>*>(sync::allocate(capacity * sizeof(slot<T>), alignof(slot<T>)));
  }
  spsc_ring(const spsc_ring&) = delete;
  spsc_ring& operator=(const spsc_ring&) = delete;
  ~spsc_ring() {
    while (try_pop([](T&&) noexcept {}) == queue_status::ok) {
    }
    if (places_ != near_.places.data()) sync::deallocate(places_, alignof(slot<T>));
  }

  // ---- push: one thread ----

  STRAIT_INLINE queue_status try_push(T& message, sight = sight::both) noexcept {
    const std::uint64_t t = tail_.load(sync::relaxed);  // relaxed: ours
    if (t - head_seen_ + reserved_ >= capacity_) {
      head_seen_ = head_->load(sync::acquire);  // A2 acquire
      if (t - head_seen_ + reserved_ >= capacity_) {
        return is_closed() ? queue_status::closed : queue_status::would_block;
      }
    }
    intent_.store(t + 1, sync::relaxed);  // relaxed: ordered by the fence
    sync::light_fence();
    if (closed_.load(sync::acquire)) [[unlikely]] {  // A3 acquire
      intent_.store(t, sync::relaxed);               // relaxed: nothing came of it
      return queue_status::closed;
    }
    places_[push_at_].construct(std::move(message));
    push_at_ = push_at_ + 1 == capacity_ ? 0 : push_at_ + 1;
    tail_.store(t + 1, sync::release);  // R1 release: pairs with A1
    return queue_status::ok;
  }

  // One sender: nobody can take the room that it was promised, except itself.
  queue_status reserve_push() noexcept {
    if (is_closed()) return queue_status::closed;
    head_seen_ = head_->load(sync::acquire);            // A2 acquire
    const std::uint64_t t = tail_.load(sync::relaxed);  // relaxed: ours
    if (t - head_seen_ + reserved_ >= capacity_) return queue_status::would_block;
    ++reserved_;
    return queue_status::ok;
  }
  queue_status commit_push(T& message) noexcept {
    --reserved_;
    return try_push(message);
  }
  void cancel_push() noexcept { --reserved_; }

  /// A look, for who will attempt or sleep: see queue/ring.hpp.
  bool can_push() const noexcept {
    // relaxed: ours; relaxed: see above
    return is_closed() ||
           tail_.load(sync::relaxed) - head_->load(sync::relaxed) + reserved_ < capacity_;
  }

  // ---- pop: one thread ----

  template <class Sink>
  STRAIT_INLINE queue_status try_pop(Sink&& sink, sight = sight::both) noexcept {
    const std::uint64_t h = head_->load(sync::relaxed);  // relaxed: ours
    if (h == tail_seen_) {
      tail_seen_ = tail_.load(sync::acquire);  // A1 acquire
      if (h == tail_seen_) return at_the_end(h);
    }
    places_[pop_at_].take(sink);
    pop_at_ = pop_at_ + 1 == capacity_ ? 0 : pop_at_ + 1;
    head_->store(h + 1, sync::release);  // R2 release: pairs with A2
    return queue_status::ok;
  }

  queue_status reserve_pop() noexcept {
    const std::uint64_t h = head_->load(sync::relaxed);           // relaxed: ours
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
    const std::uint64_t h = head_->load(sync::relaxed);  // relaxed: ours
    if (h != tail_.load(sync::relaxed)) return true;     // relaxed: see above
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
      const std::uint64_t h = head_->load(sync::acquire);   // A2 acquire
      const std::uint64_t now = tail_.load(sync::acquire);  // A1 acquire
      if (now == t) return static_cast<std::size_t>(t - h);
      t = now;
    }
  }
  std::size_t capacity() const noexcept { return capacity_; }
  // relaxed, both: one sender, one receiver: a message or room that is there stays there
  std::uint64_t pushes() const noexcept { return tail_.load(sync::relaxed); }
  std::uint64_t pops() const noexcept { return head_->load(sync::relaxed); }  // relaxed: as above

 private:
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

  using index = sync::atomic<std::uint64_t>;
  static constexpr std::size_t near_bytes = cache_line - 3 * sizeof(index);
  static constexpr std::size_t near_places =
      alignof(slot<T>) <= alignof(index) ? near_bytes / sizeof(slot<T>) : 0;

  struct no_places {  // an array of none may be as large as one of one
    static slot<T>* data() noexcept { return nullptr; }
  };

  slot<T>* places_;
  std::size_t capacity_;
  index* head_ = &far_head_;
  sync::atomic<bool> closed_{false};

  // the sender's to write, and the receiver's to look at
  alignas(cache_line) index tail_{0};
  index intent_{0};
  struct {
    index head{0};
    std::conditional_t<near_places == 0, no_places, std::array<slot<T>, near_places>> places;
  } near_;  // for a small ring: see above

  // the sender's
  alignas(cache_line) std::uint64_t head_seen_ = 0;
  std::size_t push_at_ = 0;
  std::size_t reserved_ = 0;

  // the receiver's
  alignas(cache_line) index far_head_{0};
  std::uint64_t tail_seen_ = 0;
  std::size_t pop_at_ = 0;
  mutable bool ended_ = false;  // closed, and nothing will come
};

}  // namespace strait::inline STRAIT_ABI::detail

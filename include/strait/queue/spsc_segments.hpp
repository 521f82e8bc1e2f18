// SPDX-License-Identifier: BSL-1.0
//
// The unbounded queue for one sender and one receiver: a chain of segments. No read-modify-write per
// message; one exchange per segment, to recycle it.
//
// Layout
//   segment { next, groups }     the sender fills the last, the receiver empties the first
//   group   { published, places }  a cache line, as far as messages fit into one. `published` counts the messages
//             published, ever, as of the last one in this group. So it comes with the messages: who waits for
//             the next one looks at the line that it will be in, and at nothing else of the sender's.
//   tail_     messages sent, ever; the last one may not be published yet       written by the sender
//   intent_   the same and one that may yet be refused                         written by the sender
//   head_     messages taken, ever                                             written by the receiver
//   spare_    one empty segment on its way back to the sender, or null
//   The first segment comes with the first message: an idle channel owns none. A recycled segment needs no
//   cleaning: what its groups say has all been taken.
//
// A message counts from when tail_ says so. Until it is published, the next step, its receiver is told busy. (The
// other way round a size could show a message fewer than have been taken.)
//
// Invariants
//   P1 head_ <= published <= tail_ <= intent_ <= tail_ + 1.
//   P2 as in queue/spsc_ring.hpp.
//   G1 A segment between the sender's and the receiver's is touched by nobody; the receiver's first
//      is touched by the sender only if it is the sender's last.
//   G2 `published` of the group in which message n will be is not beyond n before it is there: what it says is of
//      its own messages, or older.
//
// Order edges: as queue/spsc_ring.hpp, and
//   R1 release: `published` publishes the message; pairs with A1
//   A1 acquire: the receiver reads `published` before the message; pairs with R1
//   R1' release: tail_ moves; pairs with A1'
//   A1' acquire: size and the test for empty read it: who learnt of a send finds it counted; pairs with R1'
//   R2 release: head_ moves; pairs with A2
//   A2 acquire: size reads it; pairs with R2
//   R3 release: closed_; pairs with A3
//   A3 acquire: closed_ is read before the message is looked for again; pairs with R3
//   R4 release: a spare segment, emptied; pairs with A4
//   A4 acquire: it is taken before it is filled again; pairs with R4
//   R5 release: the link to a segment, which is ready then; pairs with A5
//   A5 acquire: the receiver follows it; pairs with R5
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <utility>

#include <strait/base/cache_line.hpp>
#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/segment_size.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// InGroup: at most so many messages in a group. (A parameter for the models.)
template <class T, std::size_t InGroup = (cache_line - sizeof(std::uint64_t)) / sizeof(slot<T>)>
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
    destroy(first_);
    destroy(next_);
    destroy(
        spare_.load(sync::relaxed));  // relaxed: whoever destroys it has seen all that others did
  }

  // ---- push: one thread ----

  /// Throws std::bad_alloc with nothing changed.
  STRAIT_INLINE queue_status try_push(T& message, sight = sight::both) {
    const std::uint64_t t = tail_.load(sync::relaxed);  // relaxed: ours
    if (push_at_ == group_size && !provides_group(t)) [[unlikely]]
      return queue_status::closed;
    intent_.store(t + 1, sync::relaxed);  // relaxed: ordered by the fence
    sync::light_fence();
    if (closed_.load(sync::acquire)) [[unlikely]] {  // A3 acquire
      intent_.store(t, sync::relaxed);               // relaxed: nothing came of it
      return queue_status::closed;
    }
    if (push_at_ == group_size) [[unlikely]]
      begin_group();
    push_group_->places[push_at_++].construct(std::move(message));
    tail_.store(t + 1, sync::release);                   // R1' release: pairs with A1'
    push_group_->published.store(t + 1, sync::release);  // R1 release: pairs with A1
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
  STRAIT_INLINE queue_status try_pop(Sink&& sink, sight reach = sight::both) noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: ours
    if (h == tail_seen_ && !sees_more(h)) return nothing(h, reach);
    pop_group_->places[pop_at_++].take(sink);
    head_.store(h + 1, sync::release);  // R2 release: pairs with A2
    return queue_status::ok;
  }

  queue_status reserve_pop() noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);            // relaxed: ours
    if (h != tail_.load(sync::acquire)) return queue_status::ok;  // A1' acquire
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
    const group* const g = pop_at_ < group_size ? pop_group_ : next_group();
    // relaxed: see above
    return (g != nullptr && is_beyond(g->published.load(sync::relaxed), h)) ||
           at_the_end(h) == queue_status::closed;
  }

  // ---- both ----

  bool close() noexcept {
    return !closed_.exchange(true, sync::release);
  }  // R3 release: pairs with A3
  bool is_closed() const noexcept { return closed_.load(sync::acquire); }  // A3 acquire

  std::size_t size() const noexcept {
    std::uint64_t t = tail_.load(sync::acquire);  // A1' acquire
    for (;;) {
      const std::uint64_t h = head_.load(sync::acquire);    // A2 acquire
      const std::uint64_t now = tail_.load(sync::acquire);  // A1' acquire
      if (now == t) return static_cast<std::size_t>(t - h);
      t = now;
    }
  }
  // relaxed, both: one sender, one receiver: a message or room that is there stays there
  std::uint64_t pushes() const noexcept { return tail_.load(sync::relaxed); }
  std::uint64_t pops() const noexcept { return head_.load(sync::relaxed); }  // relaxed: as above

 private:
  using index = sync::atomic<std::uint64_t>;

  static constexpr std::size_t segment_size = messages_per_segment(sizeof(slot<T>));
  static constexpr std::size_t grows_from =
      4 * segment_size;  // so many messages wait in a chain that grows
  static constexpr std::size_t group_size = std::clamp<std::size_t>(InGroup, 1, segment_size);

  struct alignas(std::max(group_size > 1 ? cache_line : alignof(index), alignof(slot<T>))) group {
    index published;
    slot<T> places[group_size];
  };
  struct segment {
    explicit segment(std::uint64_t published) noexcept {
      for (group& g : groups) g.published.store(published, sync::relaxed);  // relaxed: R5
    }
    sync::atomic<segment*> next{nullptr};
    group groups[segment_size / group_size];
  };

  // Whether the segment ends with the group; and of no group at all.
  static bool is_last(const group* g, const segment* s) noexcept {
    return s == nullptr || g == std::end(s->groups) - 1;
  }

  // The next message begins a group: sees to it that there is one, unless the channel is closed.
  STRAIT_NOINLINE bool provides_group(std::uint64_t published) {
    if (!is_last(push_group_, last_) || next_ != nullptr) return true;
    if (is_closed()) return false;
    next_ = spare_.exchange(nullptr, sync::acquire);  // A4 acquire
    if (next_ == nullptr)
      next_ = ::new (sync::allocate_another(sizeof(segment), alignof(segment), [this] {
        return size() > grows_from;
      })) segment(published);
    return true;
  }
  STRAIT_NOINLINE void begin_group() noexcept {
    push_at_ = 0;
    if (!is_last(push_group_, last_)) {
      ++push_group_;
      return;
    }
    segment* const next = std::exchange(next_, nullptr);
    // R5 release: pairs with A5
    (last_ == nullptr ? root_ : last_->next).store(next, sync::release);
    last_ = next;
    push_group_ = next->groups;
  }

  static bool is_beyond(std::uint64_t published, std::uint64_t h) noexcept {
    return static_cast<std::int64_t>(published - h) > 0;  // counters wrap around
  }
  // Whether the receiver, who has taken what it knew of, sees another message.
  bool sees_more(std::uint64_t h) noexcept {
    if (pop_at_ == group_size) {
      group* const next = next_group();
      if (next == nullptr) return false;
      enter(next);
    }
    const std::uint64_t published = pop_group_->published.load(sync::acquire);  // A1 acquire
    if (!is_beyond(published, h)) return false;
    tail_seen_ = published;
    return true;
  }
  segment* next_segment() const noexcept {
    return (first_ == nullptr ? root_ : first_->next).load(sync::acquire);  // A5 acquire
  }
  group* next_group() const noexcept {
    if (!is_last(pop_group_, first_)) [[likely]]
      return pop_group_ + 1;
    segment* const next = next_segment();
    return next == nullptr ? nullptr : next->groups;
  }
  void enter(group* next) noexcept {
    if (is_last(pop_group_, first_)) [[unlikely]]
      recycle(std::exchange(first_, next_segment()));
    pop_group_ = next;
    pop_at_ = 0;
  }

  void recycle(segment* emptied) noexcept {
    if (emptied == nullptr) return;
    emptied->next.store(nullptr, sync::relaxed);       // relaxed: R4
    destroy(spare_.exchange(emptied, sync::acq_rel));  // R4 release, A4 acquire
  }
  static void destroy(segment* s) noexcept {
    if (s == nullptr) return;
    s->~segment();
    sync::deallocate(s, alignof(segment));
  }

  // Nothing published: is that the end, a pause, or a send in the middle?
  queue_status nothing(std::uint64_t h, sight reach) const noexcept {
    if (reach == sight::own) return queue_status::busy;
    if (tail_.load(sync::acquire) != h) return queue_status::busy;  // A1' acquire
    return at_the_end(h);
  }
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
  alignas(cache_line) index tail_{0};
  index intent_{0};
  segment* last_ = nullptr;
  group* push_group_ = nullptr;
  std::size_t push_at_ = group_size;
  segment* next_ = nullptr;  // brought along, not linked yet

  // the receiver's
  alignas(cache_line) index head_{0};
  std::uint64_t tail_seen_ = 0;  // messages published as far as it has seen, in its group
  segment* first_ = nullptr;
  group* pop_group_ = nullptr;
  std::size_t pop_at_ = group_size;
  mutable bool ended_ = false;  // closed, and nothing will come

  alignas(cache_line) sync::atomic<segment*> spare_{nullptr};
};

}  // namespace strait::inline STRAIT_ABI::detail

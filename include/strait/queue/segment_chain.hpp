// SPDX-License-Identifier: BSL-1.0
//
// What the unbounded queues with many senders share: a chain of segments, and the senders' half.
//
// Source: the list flavour of crossbeam-channel (after D. Vyukov), with the segments recycled, the first
// one installed by the chain itself, and the receivers' halves written apart: mpsc_segments.hpp and
// segments.hpp.
//
// Layout
//   tail_       [ index:55 | 0:8 | closed:1 ]     where the next message goes
//   tail_block_ the segment of tail_
//   root_       the first segment ever; written once. An idle channel owns none.
//   spare_      one empty segment on its way back to the senders, or null
//   An index counts the positions of places in lines (queue/place_line.hpp); a lap of them is a segment. Behind the
//   last place, at `end`, there is none: while tail_ stands there, the sender that took the last place is
//   putting in the next segment.
//
// A sender claims its place by moving tail_ with one compare-exchange. It looks into the segment only
// when it owns a place there, and a segment is given up only when all its places have been emptied, so
// nobody ever looks into a segment that is gone: no hazard pointers, no epochs. The sender that is
// about to take the last place brings the next segment along, so memory runs out before a place is
// claimed, with nothing changed.
//
// Invariants
//   C1 tail_ moves strictly forward. tail_block_ changes only while tail_ stands at a lap's end:
//      a compare-exchange on a value read before tail_block_ proves that the segment is the right one.
//   C2 closed is in tail_: after it no claim succeeds, and "head == tail, closed" is the end for good.
//   C3 The sender of a last place touches its segment last when it publishes that place's message.
//
// Order edges
//   C-R1 release: tail_ moves, after tail_block_ (and root_) were written; pairs with C-A1
//   C-A1 acquire: tail_ is read before tail_block_, root_ and the tests for empty; pairs with C-R1
//   C-R2 release: the link to the next segment; pairs with C-A2
//   C-A2 acquire: the receiver follows it; pairs with C-R2
//   C-R3 release: a spare segment, emptied; pairs with C-A3
//   C-A3 acquire: it is taken before it is filled again; pairs with C-R3
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/cache_line.hpp>
#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/place_line.hpp>
#include <strait/queue/segment_size.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// The words of a chain: [ index:55 | reserved:8 | closed:1 ].
namespace chain_words {
inline constexpr std::uint64_t closed = 1;
inline constexpr std::uint64_t one_reserved = 2;
inline constexpr std::uint64_t most_reserved = 255;
inline constexpr unsigned index_shift = 9;
inline constexpr std::uint64_t one = std::uint64_t{1} << index_shift;
inline constexpr std::uint64_t flags = one - 1;
inline constexpr std::uint64_t index_mask = ~std::uint64_t{0} >> index_shift;

constexpr std::uint64_t index(std::uint64_t word) noexcept { return word >> index_shift; }
constexpr std::uint64_t reserved(std::uint64_t word) noexcept {
  return (word >> 1) & most_reserved;
}
}  // namespace chain_words

/// Mark says how far a place is: a default-constructed one, or one that was reset, means "not written".
template <class T, class Mark, class Shape>
class segment_chain {
  friend struct queue_start;  // models begin near the end of the counters

  static constexpr bool is_alone = Shape::step == 1;

 public:
  using line = place_line<T, Mark, Shape>;
  struct place {
    Mark* mark;  // null: none
    slot<T>* message;
  };

  static constexpr std::uint64_t lap = positions_per_segment(sizeof(line), Shape::step);
  static constexpr std::uint64_t end = lap - (is_alone ? 1 : Shape::gap);
  static constexpr std::uint64_t grows_from = 4 * lap;  // messages in a chain that grows

  struct segment {
    sync::atomic<segment*> next{nullptr};
    line lines[is_alone ? end : lap / Shape::step];

    place at(std::uint64_t position) noexcept {
      line& l = lines[position / Shape::step];
      return {&l.states[position % Shape::step], &l.messages[position % Shape::step]};
    }
  };

  /// From a place's position in its segment to that of the next one, or to the end.
  static constexpr std::uint64_t step(std::uint64_t position) noexcept {
    const std::uint64_t next = Shape::next(position);
    return (next < end ? next : end) - position;
  }

  segment_chain() noexcept = default;
  segment_chain(const segment_chain&) = delete;
  segment_chain& operator=(const segment_chain&) = delete;
  // relaxed: whoever destroys it has seen all that others did
  ~segment_chain() { destroy(spare_.load(sync::relaxed)); }

  /// A place that is the caller's now, or none: closed. Throws std::bad_alloc with nothing changed. Waits for a sender
  /// that is putting in a segment. `backlog()` says how many messages wait in the chain; it is asked when a segment is
  /// needed, and need not be exact.
  template <class Backlog>
  place claim_place(Backlog&& backlog) {
    spare_holder next{*this};
    std::uint64_t t = tail_.load(sync::acquire);  // C-A1 acquire
    contention race;
    for (backoff b;;) {
      if ((t & chain_words::closed) != 0) return {nullptr, nullptr};
      segment* block =
          tail_block_.load(sync::acquire);  // acquire: the first segment, as its installer left it
      const std::uint64_t offset = chain_words::index(t) % lap;
      if (offset == end) {
        b.wait();
        t = tail_.load(sync::acquire);  // C-A1 acquire
        continue;
      }
      if (block == nullptr) [[unlikely]] {
        install_first(backlog);
        continue;
      }
      const std::uint64_t after = offset + step(offset);
      const bool last = after == end;
      if (last && next.held == nullptr) next.held = fresh(backlog);
      // C-R1 release: pairs with C-A1; acquire on failure, for the next look at tail_block_ (C-A1)
      if (!tail_.compare_exchange_weak(t, t + (after - offset) * chain_words::one, sync::release,
                                       sync::acquire)) {
        race.lost(tail_, t);
        continue;
      }
      if (last) {
        segment* const fresh_one = std::exchange(next.held, nullptr);
        // relaxed: used only by who has read the tail_ that follows
        tail_block_.store(fresh_one, sync::relaxed);
        // C-R1 release: pairs with C-A1
        tail_.fetch_add((lap - end) * chain_words::one, sync::release);
        block->next.store(fresh_one, sync::release);  // C-R2 release: pairs with C-A2
      }
      return block->at(offset);
    }
  }

  bool close() noexcept {
    return (tail_.fetch_or(chain_words::closed, sync::release) & chain_words::closed) ==
           0;  // C-R1 release
  }
  std::uint64_t tail() const noexcept { return tail_.load(sync::acquire); }  // C-A1 acquire
  segment* root() const noexcept { return root_.load(sync::acquire); }       // C-A1 acquire

  /// Messages from `head` to `tail` (words); head is not ahead.
  static std::uint64_t count(std::uint64_t tail, std::uint64_t head) noexcept {
    const std::uint64_t t = chain_words::index(tail), h = chain_words::index(head);
    const std::uint64_t positions = (t - h) & chain_words::index_mask;
    constexpr std::uint64_t unit = is_alone ? lap : Shape::step, gap = is_alone ? 1 : Shape::gap;
    const std::uint64_t gaps = (t / unit - h / unit) & (chain_words::index_mask / unit);
    return positions - gaps * gap;
  }

  /// An emptied segment comes back; the second one in a row is freed.
  void recycle(segment* emptied) noexcept {
    emptied->next.store(nullptr, sync::relaxed);  // relaxed: C-R3 below
    for (line& l : emptied->lines) {
      for (Mark& mark : l.states) mark.reset();
    }
    destroy(spare_.exchange(emptied, sync::acq_rel));  // C-R3 release: pairs with C-A3
  }
  static void destroy(segment* s) noexcept {
    if (s == nullptr) return;
    s->~segment();
    sync::deallocate(s, alignof(segment));
  }

 private:
  struct spare_holder {  // a segment brought along in vain goes back
    segment_chain& chain;
    segment* held = nullptr;
    ~spare_holder() {
      if (held != nullptr) chain.recycle(held);
    }
  };

  template <class Backlog>
  segment* fresh(Backlog&& backlog) {
    if (segment* spare = spare_.exchange(nullptr, sync::acquire)) return spare;  // C-A3 acquire
    return ::new (sync::allocate_another(sizeof(segment), alignof(segment),
                                         [&backlog] { return backlog() > grows_from; })) segment;
  }

  // Two steps that any sender can finish: whoever's segment becomes the root, it becomes the tail's.
  template <class Backlog>
  STRAIT_COLD void install_first(Backlog&& backlog) {
    segment* root = root_.load(sync::acquire);  // acquire: the segment's construction
    if (root == nullptr) {
      segment* mine = fresh(backlog);
      // release: the segment's construction; acquire: the winner's
      if (root_.compare_exchange_strong(root, mine, sync::release, sync::acquire)) {
        root = mine;
      } else {
        recycle(mine);
      }
    }
    segment* none = nullptr;
    // release: the segment's construction; relaxed: the caller looks again. Null only before the first
    // installation, so this cannot undo a later one.
    tail_block_.compare_exchange_strong(none, root, sync::release, sync::relaxed);
  }

  alignas(cache_line) sync::atomic<std::uint64_t> tail_{0};
  sync::atomic<segment*> tail_block_{nullptr};
  alignas(cache_line) sync::atomic<segment*> root_{nullptr};
  sync::atomic<segment*> spare_{nullptr};
};

}  // namespace strait::inline STRAIT_ABI::detail

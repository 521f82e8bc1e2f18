// SPDX-License-Identifier: BSL-1.0
//
// The unbounded queue for many senders and many receivers. The senders' half is segment_chain.hpp.
//
// Layout
//   head_       [ index:55 | reserved:8 | 0:1 ]   where the next message comes from
//   head_block_ the segment of head_ (null: the chain's root)
//   place       { mark, message }, mark a set of bits:
//     written   the message is there                       set by its sender
//     awaited   its receiver sleeps until it is written    set by its receiver
//     taken     the message is gone                        set by its receiver
//     doomed    the last to leave gives the segment up     set by whoever could not
//
// A receiver claims a message by moving head_, and only then looks into the segment: its unread place
// keeps the segment alive. Should the sender of just this message be in the middle of its push, the
// receiver waits for it: it spins, then sleeps on the mark itself. Giving a segment up needs all its
// places taken; the receiver of the last place walks over the others, and where one is not taken yet
// leaves `doomed` there, so that its receiver walks on.
//
// Reserved pops (see queue/ring.hpp) live in head_: they count as taken until they are spent.
//
// Invariants: C1 to C3 of segment_chain.hpp, and
//   M1 head_ moves strictly forward; head_block_ changes only while head_ stands on a lap's last value.
//   M2 A segment is recycled once: by the one receiver that saw every place of it taken.
//   M3 reserved <= tail - head, so a commit always finds a message.
//
// Order edges
//   R1 release: written publishes the message; pairs with A1
//   A1 acquire: the receiver reads the mark before the message; pairs with R1
//   R2 release: taken ends the reading of a place; pairs with A2
//   A2 acquire: who gives the segment up has seen every taken; pairs with R2
//   R3 release: head_ moves, after head_block_; pairs with A3
//   A3 acquire: head_ is read before head_block_, and by size; pairs with R3
#pragma once

#include <cstddef>
#include <cstdint>

#include <strait/base/backoff.hpp>
#include <strait/base/cache_line.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/segment_chain.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// The bits of a place: see above.
class place_mark {
 public:
  void publish() noexcept {
    sync::futex_word* word = &bits_;
    // R1 release: pairs with A1. Afterwards the segment may be gone: the wake-up needs the address only.
    if ((word->fetch_or(written, sync::release) & awaited) != 0) sync::futex_wake_all(word);
  }

  void wait_written() noexcept {
    for (backoff b;;) {
      if ((bits_.load(sync::acquire) & written) != 0) return;  // A1 acquire
      if (!b.spin()) break;
    }
    std::uint32_t seen = bits_.fetch_or(awaited, sync::acquire) | awaited;  // A1 acquire
    while ((seen & written) == 0) {
      sync::futex_wait(bits_, seen, sync::time_point::max());
      seen = bits_.load(sync::acquire);  // A1 acquire
    }
  }

  /// Ends the reading; true if the segment is ours to give up from here on.
  bool leave() noexcept {
    return (bits_.fetch_or(taken, sync::acq_rel) & doomed) != 0;  // R2 release, A2 acquire
  }
  /// True if its receiver is done; else that receiver will go on.
  bool is_left() noexcept {
    // A2 acquire, both
    return (bits_.load(sync::acquire) & taken) != 0 ||
           (bits_.fetch_or(doomed, sync::acq_rel) & taken) != 0;
  }

  void reset() noexcept {
    bits_.store(0, sync::relaxed);
  }  // relaxed: the segment is handed on by C-R3

 private:
  static constexpr std::uint32_t written = 1, awaited = 2, taken = 4, doomed = 8;
  sync::futex_word bits_{0};
};

template <class T>
class segments {
  friend struct queue_start;  // models begin near the end of the counters

 public:
  static constexpr bool is_bounded = false;
  static constexpr bool one_sender = false;

  segments() noexcept = default;
  segments(const segments&) = delete;
  segments& operator=(const segments&) = delete;
  ~segments() {
    while (try_pop([](T&&) noexcept {}) == queue_status::ok) {
    }
    segment* block = head_block_.load(sync::relaxed);  // relaxed: by the last owner
    chain::destroy(block != nullptr ? block : chain_.root());
  }

  // ---- push ----

  /// Throws std::bad_alloc with nothing changed.
  queue_status try_push(T& message) {
    place* const where = chain_.claim_place().where;
    if (where == nullptr) return queue_status::closed;
    where->message.construct(std::move(message));
    where->mark.publish();
    return queue_status::ok;
  }
  queue_status reserve_push() const noexcept {
    return is_closed() ? queue_status::closed : queue_status::ok;
  }
  queue_status commit_push(T& message) { return try_push(message); }
  void cancel_push() noexcept {}
  bool can_push() const noexcept { return true; }

  // ---- pop ----

  /// Never busy: waits for the sender of the message it claimed.
  template <class Sink>
  queue_status try_pop(Sink&& sink) noexcept {
    return pop(sink, 0);
  }

  queue_status reserve_pop() noexcept {
    for (;;) {
      std::uint64_t h =
          head_.load(sync::acquire);  // A3 acquire: before tail_, which must not be older
      const std::uint64_t t = chain_.tail();
      const std::uint64_t there = chain::count(t, h);  // not too few: head_ was read first
      if (there <= chain_words::reserved(h) ||
          chain_words::reserved(h) == chain_words::most_reserved) {
        return verdict(t, there);
      }
      // R3 release: who counts the promise must see the pushes that we did before; pairs with A3
      if (head_.compare_exchange_weak(h, h + chain_words::one_reserved, sync::release,
                                      sync::relaxed)) {
        return queue_status::ok;
      }
    }
  }
  template <class Sink>
  queue_status commit_pop(Sink&& sink) noexcept {
    return pop(sink, chain_words::one_reserved);
  }
  void cancel_pop() noexcept {
    head_.fetch_sub(chain_words::one_reserved,
                    sync::relaxed);  // relaxed: as when it was promised
  }

  /// A look, for who will attempt or sleep: see queue/ring.hpp.
  bool can_pop() const noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: see above
    const std::uint64_t t = chain_.tail();
    const std::uint64_t there = chain::count(t, h);
    if (there == 0) return (t & chain_words::closed) != 0;
    return there > chain_words::reserved(h);
  }

  // ---- both ----

  bool close() noexcept { return chain_.close(); }
  bool is_closed() const noexcept { return (chain_.tail() & chain_words::closed) != 0; }

  std::size_t size() const noexcept {
    std::uint64_t t = chain_.tail();
    for (;;) {
      const std::uint64_t h = head_.load(sync::acquire);  // A3 acquire
      const std::uint64_t now = chain_.tail();
      if (now == t) return static_cast<std::size_t>(chain::count(t, h));
      t = now;
    }
  }
  std::uint64_t pushes() const noexcept { return chain_words::index(chain_.tail()); }
  std::uint64_t pops() const noexcept {
    return chain_words::index(head_.load(sync::relaxed));
  }  // relaxed: nobody waits for room

 private:
  using chain = segment_chain<T, place_mark>;
  using segment = typename chain::segment;
  using place = typename chain::place;

  static queue_status verdict(std::uint64_t tail, std::uint64_t there) noexcept {
    return there == 0 && (tail & chain_words::closed) != 0 ? queue_status::closed
                                                           : queue_status::would_block;
  }

  // `promise` is what our own reservation adds to head_, or 0.
  template <class Sink>
  queue_status pop(Sink&& sink, std::uint64_t promise) noexcept {
    std::uint64_t h = head_.load(sync::acquire);  // A3 acquire
    contention race;
    for (backoff b;;) {
      const std::uint64_t offset = chain_words::index(h) % chain::lap;
      if (offset == chain::size) {  // another receiver is moving to the next segment
        b.wait();
        h = head_.load(sync::acquire);  // A3 acquire
        continue;
      }
      const std::uint64_t t = chain_.tail();
      const std::uint64_t there = chain::count(t, h);
      if (promise == 0 && there <= chain_words::reserved(h)) {
        const std::uint64_t now = head_.load(sync::acquire);  // A3 acquire
        if (now == h) return verdict(t, there);
        h = now;
        continue;
      }
      segment* block =
          head_block_.load(sync::relaxed);  // relaxed: written before the head_ that we read (A3)
      if (block == nullptr) block = chain_.root();
      // R3 release: pairs with A3; acquire on failure (A3)
      if (!head_.compare_exchange_weak(h, h + chain_words::one - promise, sync::release,
                                       sync::acquire)) {
        race.lost(head_, h);
        continue;
      }
      const bool last = offset + 1 == chain::size;
      if (last) move_on(block);
      place& p = block->places[offset];
      p.mark.wait_written();
      p.message.take(sink);
      if (last) {
        give_up(block, 0);
      } else if (p.mark.leave()) {
        give_up(block, offset + 1);
      }
      return queue_status::ok;
    }
  }

  // We took the last place: head_ stands on the lap's last value until we move it.
  void move_on(segment* block) noexcept {
    // acquire: pairs with C-R2 in segment_chain.hpp, which follows the tail_ of the next lap: who reads the
    // head_ that we store must not see an older tail_
    segment* next = block->next.load(sync::acquire);
    for (backoff b; next == nullptr; next = block->next.load(sync::acquire))
      b.wait();                                        // C-R2's pair again
    head_block_.store(next, sync::relaxed);            // relaxed: R3 below
    head_.fetch_add(chain_words::one, sync::release);  // R3 release: pairs with A3
  }

  // The last place needs no mark: its receiver is who starts this walk.
  void give_up(segment* block, std::uint64_t from) noexcept {
    for (std::uint64_t i = from; i + 1 < chain::size; ++i) {
      if (!block->places[i].mark.is_left()) return;
    }
    chain_.recycle(block);
  }

  chain chain_;
  alignas(cache_line) sync::atomic<std::uint64_t> head_{0};
  sync::atomic<segment*> head_block_{nullptr};
};

}  // namespace strait::inline STRAIT_ABI::detail

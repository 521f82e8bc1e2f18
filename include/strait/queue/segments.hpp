// SPDX-License-Identifier: BSL-1.0
//
// The unbounded queue for many senders and many receivers. The senders' half is segment_chain.hpp.
//
// Layout
//   head_       [ index:55 | reserved:8 | 0:1 ]   where the next message comes from
//   head_block_ the segment of head_ (null: the chain's root)
//   tail_seen_  a tail_ that a receiver has seen: up to there it need not be looked at again
//   place       { mark, message }, mark one of
//     empty     its sender has not finished, or not begun
//     written   the message is there                       set by its sender
//     taken     the message is gone                        set by its receiver
//   sleepers_   how many receivers sleep until a mark is written, or are about to: eight counts, by its address
//   wakes_      what they sleep on; grows each time they are woken
//   late_       whose receivers are awaited in the middle of a pop: a set of segments (late_ones_), by address
//
// A message costs two compare-exchanges, one on tail_ and one on head_: who claims has to win against its like.
// What sender and receiver tell each other by the mark are plain stores: each of them also looks at a word that
// nobody writes as long as nobody was stopped in the middle of an operation, with an asymmetric fence in between.
//
// A receiver claims a message by moving head_, and only then looks into the segment: its unread place
// keeps the segment alive. Should the sender of just this message be in the middle of its push, the
// receiver waits for it: it spins, then counts itself among the sleepers and sleeps.
//   sender:    mark = written; light fence; sleepers_?      receiver:  sleepers_ + 1; heavy fence; mark?
// A sender that sees a count moves wakes_ and wakes them all: who read wakes_ before finds it moved and does not
// sleep, or is woken; who reads it afterwards sees the mark (R5).
//
// Giving a segment up needs all its places taken. The receiver of the last place looks at the others; where
// one is not taken yet it waits for a few microseconds, and then puts the segment among the late ones.
//   receiver:  mark = taken; light fence; late_?            the last:  late_ + segment; heavy fence; marks?
// Either the receiver sees that its segment may be late and looks after the late ones, or its mark is seen. Both
// look under late_lock_, so the later of the two sees all that the earlier one left; and late_ has the segment's bit
// from before the fence until the segment is recycled. (Segments and marks may share a bit or a count with others:
// that costs a look, or a wake-up, in vain.)
//
// Whoever looks at tail_ takes its cache line from the senders. So receivers look only where tail_seen_ does not
// show a message at head_ already; and "empty" is never concluded from it. (It must not be 2^54 places old.)
//
// Reserved pops (see queue/ring.hpp) live in head_: they count as taken until they are spent.
//
// Invariants: C1 to C3 of segment_chain.hpp, and
//   M1 head_ moves strictly forward; head_block_ changes only while head_ stands at a lap's end.
//   M2 A segment is recycled once: by its last place's receiver, or by who took it from the late ones, having
//      seen every place of it taken. Others touch no segment after their own place is written, or taken.
//   M3 reserved <= tail - head, so a commit always finds a message.
//   M4 When no receiver is in the middle of a pop, no segment is late.
//
// Order edges
//   R1 release: written publishes the message; pairs with A1
//   A1 acquire: the receiver reads the mark before the message; pairs with R1
//   R2 release: taken ends the reading of a place; pairs with A2
//   A2 acquire: who gives the segment up has seen every taken; pairs with R2
//   R3 release: head_ moves, after head_block_; pairs with A3
//   A3 acquire: head_ is read before head_block_, and by size; pairs with R3
//   R4 release: tail_seen_, after the tail_ that it shows was read (C-A1); pairs with A4
//   A4 acquire: who claims by it has seen that tail_ as well, and so has who reads the head_ it leaves; pairs
//      with R4
//   R5 release: wakes_ moves, after a mark was written; pairs with A5
//   A5 acquire: wakes_ is read before the mark; pairs with R5
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/cache_line.hpp>
#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/segment_chain.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// How far a place is: see above.
class place_mark {
 public:
  void publish() noexcept { state_.store(written, sync::release); }  // R1 release: pairs with A1
  bool is_written() const noexcept { return state_.load(sync::acquire) == written; }  // A1 acquire

  void leave() noexcept { state_.store(taken, sync::release); }  // R2 release: pairs with A2
  bool is_left() const noexcept { return state_.load(sync::acquire) == taken; }  // A2 acquire

  void reset() noexcept {
    state_.store(empty, sync::relaxed);
  }  // relaxed: the segment is handed on by C-R3

 private:
  static constexpr std::uint8_t empty = 0, written = 1, taken = 2;
  sync::atomic<std::uint8_t> state_{empty};
};

/// Shape: how the places lie in lines. (A parameter for the models.)
template <class T, class Shape = shape_of<T>>
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
  queue_status try_push(T& message, sight = sight::both) {
    const place p = chain_.claim_place([this] { return size(); });
    if (p.mark == nullptr) return queue_status::closed;
    p.message->construct(std::move(message));
    p.mark->publish();
    sync::light_fence();
    // relaxed: the fences order it (above). The segment may be gone: only the mark's address counts
    const std::uint64_t sleepers = sleepers_.load(sync::relaxed);
    if (sleepers != 0 && (sleepers & count_of(p.mark, most_asleep)) != 0) [[unlikely]]
      wake_sleepers();
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
  queue_status try_pop(Sink&& sink, sight = sight::both) noexcept {
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
  using chain = segment_chain<T, place_mark, Shape>;
  using segment = typename chain::segment;
  using place = typename chain::place;

  // `n` in the mark's count of sleepers_.
  static std::uint64_t count_of(const place_mark* mark, std::uint64_t n) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(mark);
    return n << ((address + address / sizeof(typename chain::line)) % 8 * 8);
  }
  static constexpr std::uint64_t most_asleep = 255;
  // The segment's bit of late_.
  static std::uint64_t bit_of(const segment* block) noexcept {
    return std::uint64_t{1} << (reinterpret_cast<std::uintptr_t>(block) / 4096 % 64);
  }

  // Whether there is a message at `head`, as far as `tail` shows. Indices wrap around.
  static bool is_behind(std::uint64_t head, std::uint64_t tail) noexcept {
    return static_cast<std::int64_t>((tail & ~chain_words::flags) - (head & ~chain_words::flags)) >
           0;
  }

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
      if (offset == chain::end) {  // another receiver is moving to the next segment
        b.wait();
        h = head_.load(sync::acquire);  // A3 acquire
        continue;
      }
      // A4 acquire
      if (promise == 0 &&
          (chain_words::reserved(h) != 0 || !is_behind(h, tail_seen_.load(sync::acquire)))) {
        const std::uint64_t t = chain_.tail();
        const std::uint64_t there = chain::count(t, h);
        if (there <= chain_words::reserved(h)) {
          const std::uint64_t now = head_.load(sync::acquire);  // A3 acquire
          if (now == h) return verdict(t, there);
          h = now;
          continue;
        }
        tail_seen_.store(t, sync::release);  // R4 release: pairs with A4
      }
      segment* block =
          head_block_.load(sync::relaxed);  // relaxed: written before the head_ that we read (A3)
      if (block == nullptr) block = chain_.root();
      const std::uint64_t step = chain::step(offset);
      // R3 release: pairs with A3; acquire on failure (A3)
      if (!head_.compare_exchange_weak(h, h + step * chain_words::one - promise, sync::release,
                                       sync::acquire)) {
        race.lost(head_, h);
        continue;
      }
      const bool last = offset + step == chain::end;
      if (last) move_on(block);
      const place p = block->at(offset);
      if (!p.mark->is_written()) [[unlikely]]
        wait_for_sender(*p.mark);
      p.message->take(sink);
      if (last) {
        give_up(block);
      } else {
        p.mark->leave();
        sync::light_fence();
        // relaxed: the fences order it (above)
        const std::uint64_t late = late_.load(sync::relaxed);
        if (late != 0 && (late & bit_of(block)) != 0) [[unlikely]]
          look_after_late_ones();
      }
      return queue_status::ok;
    }
  }

  // We took the last place: head_ stands at the lap's end until we move it.
  void move_on(segment* block) noexcept {
    // acquire: pairs with C-R2 in segment_chain.hpp, which follows the tail_ of the next lap: who reads the
    // head_ that we store must not see an older tail_
    segment* next = block->next.load(sync::acquire);
    for (backoff b; next == nullptr; next = block->next.load(sync::acquire))
      b.wait();                              // C-R2's pair again
    head_block_.store(next, sync::relaxed);  // relaxed: R3 below
    // R3 release: pairs with A3
    head_.fetch_add((chain::lap - chain::end) * chain_words::one, sync::release);
  }

  STRAIT_NOINLINE void wait_for_sender(place_mark& mark) noexcept {
    for (backoff b; b.spin();) {
      if (mark.is_written()) return;
    }
    count_sleeper(mark);
    sync::heavy_fence();
    for (;;) {
      const std::uint32_t before = wakes_.load(sync::acquire);  // A5 acquire
      if (mark.is_written()) break;
      sync::futex_wait(wakes_, before, sync::time_point::max());
    }
    sleepers_.fetch_sub(count_of(&mark, 1),
                        sync::relaxed);  // relaxed: an older value costs a useless wake-up
  }
  STRAIT_COLD void wake_sleepers() noexcept {
    wakes_.fetch_add(1, sync::release);  // R5 release: pairs with A5
    sync::futex_wake_all(&wakes_);
  }
  // Waits for room in the count: it must not run over into the next one.
  void count_sleeper(const place_mark& mark) noexcept {
    std::uint64_t n = sleepers_.load(sync::relaxed);  // relaxed: the exchange decides
    for (backoff b;;) {
      if ((n & count_of(&mark, most_asleep)) == count_of(&mark, most_asleep)) {
        b.wait();
        n = sleepers_.load(sync::relaxed);  // relaxed: as above
        // relaxed: the fence follows
      } else if (sleepers_.compare_exchange_weak(n, n + count_of(&mark, 1), sync::relaxed,
                                                 sync::relaxed)) {
        return;
      }
    }
  }

  void give_up(segment* block) noexcept {
    for (backoff b; !is_left(*block);) {
      if (!b.pause()) return give_up_late(block);
    }
    chain_.recycle(block);
  }
  // The last place needs no mark: its receiver is who begins to give the segment up.
  static bool is_left(segment& block) noexcept {
    for (std::uint64_t i = 0, after = chain::step(0); after != chain::end;
         i = after, after += chain::step(i)) {
      if (!block.at(i).mark->is_left()) return false;
    }
    return true;
  }

  STRAIT_COLD void give_up_late(segment* block) noexcept {
    {
      sync::lock_guard lock(late_lock_);
      put(block, late_ones_);
      // relaxed: the fence follows
      late_.store(late_.load(sync::relaxed) | bit_of(block), sync::relaxed);
    }
    sync::heavy_fence();
    look_after_late_ones();
  }
  STRAIT_COLD void look_after_late_ones() noexcept {
    segment* done = nullptr;
    {
      sync::lock_guard lock(late_lock_);
      std::uint64_t late = 0;
      for (segment* list = std::exchange(late_ones_, nullptr); list != nullptr;) {
        segment* const block = list;
        list = block->next.load(sync::relaxed);  // relaxed: under the lock
        if (is_left(*block)) {
          put(block, done);
        } else {
          put(block, late_ones_);
          late |= bit_of(block);
        }
      }
      // relaxed: an older value costs a useless look
      late_.store(late, sync::relaxed);
    }
    while (done != nullptr) {
      segment* const next = done->next.load(sync::relaxed);  // relaxed: ours
      chain_.recycle(std::exchange(done, next));
    }
  }
  // The chain's link has been followed; from then on it links one of these lists.
  static void put(segment* block, segment*& list) noexcept {
    block->next.store(list, sync::relaxed);  // relaxed: under the lock
    list = block;
  }

  chain chain_;
  alignas(cache_line) sync::atomic<std::uint64_t> head_{0};
  sync::atomic<segment*> head_block_{nullptr};
  sync::atomic<std::uint64_t> tail_seen_{0};
  // Read with each message, written when somebody was stopped in the middle.
  alignas(cache_line) sync::atomic<std::uint64_t> sleepers_{0};
  sync::atomic<std::uint64_t> late_{0};
  sync::futex_word wakes_{0};                  // grows when sleepers are woken
  alignas(cache_line) sync::mutex late_lock_;  // of late_ones_, and of writing late_
  segment* late_ones_ = nullptr;
};

}  // namespace strait::inline STRAIT_ABI::detail

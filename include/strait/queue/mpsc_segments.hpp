// SPDX-License-Identifier: BSL-1.0
//
// The unbounded queue for many senders and one receiver. The senders' half is segment_chain.hpp; the
// receiver owns its position, so a pop is a look at the place's mark, a move and plain stores.
//
// Layout
//   place  { mark, message }   mark: whether the message was written; it stays when the message is taken, and all marks
//                              of a segment are reset when that is recycled
//   head_  index of the next message, written by the receiver
//   first_ its segment, the receiver's own (null before the first message)
//
// Invariants: C1 to C3 of segment_chain.hpp, and
//   M1 When the last place of a segment is emptied, every other has been, and every sender of it is
//      done with it (C3; the others touched it last when they published): the receiver may recycle it.
//   M2 The link to the next segment is there then: it was written before that message was published.
//
// Order edges
//   R1 release: a push publishes its message by the mark; pairs with A1
//   A1 acquire: the pop reads the mark before the message; pairs with R1
//   R2 release: head_ moves; pairs with A2
//   A2 acquire: size reads it; pairs with R2
#pragma once

#include <cstddef>
#include <cstdint>

#include <strait/base/cache_line.hpp>
#include <strait/base/contract.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/segment_chain.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// Whether the message of a place was written.
class written_mark {
 public:
  void publish() noexcept { is_written_.store(true, sync::release); }  // R1 release: pairs with A1
  bool is_written() const noexcept { return is_written_.load(sync::acquire); }  // A1 acquire
  void reset() noexcept {
    is_written_.store(false, sync::relaxed);
  }  // relaxed: the segment is handed on by C-R3

 private:
  sync::atomic<bool> is_written_{false};
};

/// Shape: how the places lie in lines. (A parameter for the models.)
template <class T, class Shape = shape_of<T>>
class mpsc_segments {
  friend struct queue_start;  // models begin near the end of the counters

 public:
  static constexpr bool is_bounded = false;
  static constexpr bool one_sender = false;

  mpsc_segments() noexcept = default;
  mpsc_segments(const mpsc_segments&) = delete;
  mpsc_segments& operator=(const mpsc_segments&) = delete;
  ~mpsc_segments() {
    while (try_pop([](T&&) noexcept {}) == queue_status::ok) {
    }
    chain::destroy(first_ != nullptr ? first_ : chain_.root());
  }

  // ---- push: many threads ----

  /// Throws std::bad_alloc with nothing changed.
  queue_status try_push(T& message, sight = sight::both) {
    const place p = chain_.claim_place([this] { return size(); });
    if (p.mark == nullptr) return queue_status::closed;
    p.message->construct(std::move(message));
    p.mark->publish();
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
  queue_status try_pop(Sink&& sink, sight reach = sight::both) noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: ours
    if (first_ == nullptr) [[unlikely]] {
      first_ = chain_.root();
      if (first_ == nullptr) return nothing(h);
    }
    const std::uint64_t offset = h % chain::lap;
    const place p = first_->at(offset);
    if (!p.mark->is_written()) return reach == sight::own ? queue_status::busy : nothing(h);
    p.message->take(sink);
    std::uint64_t after = h + chain::step(offset);
    if (after % chain::lap == chain::end) {
      segment* emptied = first_;
      first_ = emptied->next.load(sync::relaxed);  // relaxed: written before the message (M2, A1)
      STRAIT_ASSERT(first_ != nullptr);
      chain_.recycle(emptied);
      after = (after + chain::lap - chain::end) & chain_words::index_mask;
    }
    head_.store(after, sync::release);  // R2 release: pairs with A2
    return queue_status::ok;
  }

  // One receiver: nobody can take a message that it was promised.
  queue_status reserve_pop() const noexcept {
    const queue_status s = nothing(head_.load(sync::relaxed));  // relaxed: ours
    return s == queue_status::busy ? queue_status::ok : s;
  }
  template <class Sink>
  queue_status commit_pop(Sink&& sink) noexcept {
    return try_pop(sink);
  }
  void cancel_pop() noexcept {}

  /// A look, for who will attempt or sleep: see queue/ring.hpp.
  bool can_pop() const noexcept {
    const std::uint64_t h = head_.load(sync::relaxed);  // relaxed: ours
    const queue_status s = nothing(h);
    if (s != queue_status::busy) return s == queue_status::closed;
    segment* block = first_ != nullptr ? first_ : chain_.root();
    return block->at(h % chain::lap).mark->is_written();
  }

  // ---- both ----

  bool close() noexcept { return chain_.close(); }
  bool is_closed() const noexcept { return (chain_.tail() & chain_words::closed) != 0; }

  std::size_t size() const noexcept {
    std::uint64_t t = chain_.tail();
    for (;;) {
      const std::uint64_t h = head_.load(sync::acquire);  // A2 acquire
      const std::uint64_t now = chain_.tail();
      if (now == t) return static_cast<std::size_t>(chain::count(t, h << chain_words::index_shift));
      t = now;
    }
  }
  std::uint64_t pushes() const noexcept { return chain_words::index(chain_.tail()); }
  std::uint64_t pops() const noexcept {
    return head_.load(sync::relaxed);
  }  // relaxed: nobody waits for room

 private:
  using chain = segment_chain<T, written_mark, Shape>;
  using segment = typename chain::segment;
  using place = typename chain::place;

  // The message of index h is not published: is it claimed, or is nothing there?
  queue_status nothing(std::uint64_t h) const noexcept {
    const std::uint64_t t = chain_.tail();
    if (chain_words::index(t) != h) return queue_status::busy;
    return (t & chain_words::closed) != 0 ? queue_status::closed : queue_status::would_block;
  }

  chain chain_;
  alignas(cache_line) sync::atomic<std::uint64_t> head_{0};
  segment* first_ = nullptr;
};

}  // namespace strait::inline STRAIT_ABI::detail

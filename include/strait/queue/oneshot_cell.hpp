// SPDX-License-Identifier: BSL-1.0
//
// The queue of a oneshot channel: room for one message, ever.
//
// Layout: state_ { empty -> writing -> full -> taken } and a closed bit beside it.
//
// Invariants
//   O1 The sender alone leaves `empty`, and only while the bit is clear: one compare-exchange, so that a
//      send and a close cannot pass each other. The receiver alone leaves `full`.
//   O2 The slot holds a message exactly in state `full`.
//
// Order edges
//   R1 release: full publishes the message; pairs with A1
//   A1 acquire: the receiver reads the state before the message; pairs with R1
#pragma once

#include <cstddef>
#include <cstdint>

#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/status.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T>
class oneshot_cell {
 public:
  static constexpr bool is_bounded = true;
  static constexpr bool one_sender = true;
  static constexpr bool one_message = true;

  explicit oneshot_cell(std::size_t) noexcept {}
  oneshot_cell(const oneshot_cell&) = delete;
  oneshot_cell& operator=(const oneshot_cell&) = delete;
  ~oneshot_cell() {
    if (state() == full) message_.take([](T&&) noexcept {});
  }

  queue_status try_push(T& message, sight = sight::both) noexcept {
    std::uint32_t expected = empty;
    // relaxed: only the close bit matters, and it is in the same word
    if (!state_.compare_exchange_strong(expected, writing, sync::relaxed, sync::relaxed)) {
      return (expected & closed) != 0 ? queue_status::closed : queue_status::would_block;
    }
    message_.construct(std::move(message));
    state_.fetch_add(full - writing,
                     sync::release);  // R1 release: pairs with A1; keeps the closed bit
    return queue_status::ok;
  }
  queue_status reserve_push() const noexcept {
    return is_closed() ? queue_status::closed
                       : (state() == empty ? queue_status::ok : queue_status::would_block);
  }
  queue_status commit_push(T& message) noexcept { return try_push(message); }
  void cancel_push() noexcept {}
  bool can_push() const noexcept { return is_closed() || state() == empty; }

  template <class Sink>
  queue_status try_pop(Sink&& sink, sight = sight::both) noexcept {
    const std::uint32_t seen = state_.load(sync::acquire);  // A1 acquire
    switch (seen & ~closed) {
      case full:
        message_.take(sink);
        state_.fetch_add(taken - full,
                         sync::relaxed);  // relaxed: nobody looks at the message any more
        return queue_status::ok;
      case writing: return queue_status::busy;
      default: return (seen & closed) != 0 ? queue_status::closed : queue_status::would_block;
    }
  }
  queue_status reserve_pop() const noexcept {
    const std::uint32_t seen = state_.load(sync::acquire);  // A1 acquire
    if ((seen & ~closed) == full) return queue_status::ok;
    return (seen & closed) != 0 && (seen & ~closed) != writing ? queue_status::closed
                                                               : queue_status::would_block;
  }
  template <class Sink>
  queue_status commit_pop(Sink&& sink) noexcept {
    return try_pop(sink);
  }
  void cancel_pop() noexcept {}
  bool can_pop() const noexcept { return reserve_pop() != queue_status::would_block; }

  bool close() noexcept {
    return (state_.fetch_or(closed, sync::release) & closed) == 0;  // R1 release: pairs with A1
  }
  bool is_closed() const noexcept {
    return (state_.load(sync::acquire) & closed) != 0;
  }  // A1 acquire

  std::size_t size() const noexcept { return state() == full ? 1 : 0; }
  std::size_t capacity() const noexcept { return 1; }
  std::uint64_t pushes() const noexcept { return state(); }
  std::uint64_t pops() const noexcept { return state(); }

 private:
  static constexpr std::uint32_t closed = 1, empty = 0, writing = 2, full = 4, taken = 6;

  std::uint32_t state() const noexcept {
    return state_.load(sync::relaxed) & ~closed;
  }  // relaxed: who acts on it attempts, or is the last owner

  sync::atomic<std::uint32_t> state_{empty};
  slot<T> message_;
};

}  // namespace strait::inline STRAIT_ABI::detail

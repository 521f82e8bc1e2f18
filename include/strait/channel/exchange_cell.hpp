// SPDX-License-Identifier: BSL-1.0
//
// Where two threads meet that are both awake: the sender puts its message up for a moment, a receiver takes it
// from there. One word and the message beside it, in one cache line, which goes there and back once.
//
// Source: the exchange channel of W. Scherer, D. Lea, M. Scott, "A scalable elimination-based exchange channel",
// 2005; here with one cell, and with two sides that know who they are.
//
// Layout
//   word_  [ offers:62 | state:2 ]   free      nobody is there
//                                    writing   a sender is about to put its message up
//                                    offered   the message is there
//                                    taking    a receiver is about to have it
//   Each step adds one, so a message that was taken leaves the word free for the next offer. A sender that
//   withdraws adds two: as if it had been taken by nobody.
//
// Invariants
//   E1 One thread moves the word on: out of free and out of offered one compare-exchange decides, out of the other
//      states only who is there. (2^62 offers do not wrap around.)
//   E2 The message belongs to the sender until the word is `taking`, to the receiver until it is free again.
//   E3 Nobody sleeps here. A sender that withdraws in vain waits for its receiver to finish a move.
//
// Order edges
//   R1 release: offered publishes the message; pairs with A1
//   A1 acquire: the receiver moves the word on before it reads the message; pairs with R1
//   R2 release: the word is free again, after the message has moved (or was withdrawn); pairs with A2
//   A2 acquire: the sender that learns of it goes on with the emptied message; the next one writes the cell;
//      pairs with R2
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/cache_line.hpp>
#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T>
class alignas(cache_line) exchange_cell {
 public:
  /// What a sender has put up.
  using offer = std::uint64_t;
  static constexpr offer none = 0;

  // ---- a sender ----

  /// Puts the message up, which stays where it is; none: another one is there.
  offer put_up(T& message) noexcept {
    std::uint64_t seen = word_.load(sync::relaxed);  // relaxed: the exchange decides
    // A2 acquire
    if (state(seen) != free ||
        !word_.compare_exchange_strong(seen, seen + 1, sync::acquire, sync::relaxed))
      return none;
    if constexpr (copied) {
      held_.construct(std::move(message));
    } else {
      held_ = detail::address_of(message);
    }
    word_.store(seen + offered, sync::release);  // R1 release: pairs with A1
    return seen + offered;
  }
  bool is_taken(offer mine) const noexcept {
    return word_.load(sync::acquire) - mine >= 2;  // A2 acquire
  }
  /// Takes the message back. False: a receiver was faster, and has it now.
  bool withdraw(offer mine) noexcept {
    std::uint64_t seen = mine;
    // R2 release: pairs with A2
    if (word_.compare_exchange_strong(seen, mine + 2, sync::release, sync::relaxed)) return true;
    for (backoff b; !is_taken(mine);) b.wait();
    return false;
  }

  // ---- a receiver ----

  /// Hands the message to `sink(T&&)`, if one has been put up.
  template <class Sink>
  bool take(Sink&& sink) noexcept {
    std::uint64_t seen = word_.load(sync::relaxed);  // relaxed: the exchange decides
    // A1 acquire
    if (state(seen) != offered ||
        !word_.compare_exchange_strong(seen, seen + 1, sync::acquire, sync::relaxed))
      return false;
    if constexpr (copied) {
      held_.take(sink);
    } else {
      sink(std::move(*held_));
    }
    word_.store(seen + 2, sync::release);  // R2 release: pairs with A2
    return true;
  }

 private:
  enum : std::uint64_t { free, writing, offered, taking };
  static constexpr std::uint64_t state(std::uint64_t word) noexcept { return word % 4; }

  // A copy saves a look at the sender's own line. It must not be noticed if it is withdrawn.
  static constexpr bool copied =
      std::is_trivially_copyable_v<T> && std::is_trivially_move_constructible_v<T> &&
      sizeof(T) <= cache_line - sizeof(std::uint64_t) && alignof(T) <= alignof(std::uint64_t);

  sync::atomic<std::uint64_t> word_{free};
  std::conditional_t<copied, slot<T>, T*> held_{};
};

}  // namespace strait::inline STRAIT_ABI::detail

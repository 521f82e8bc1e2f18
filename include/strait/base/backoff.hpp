// SPDX-License-Identifier: BSL-1.0
//
// How to wait a little.
//   backoff::spin      for a partner that may be about to come: gives up after some microseconds, at
//                      most fifty and what others do on this processor meanwhile, and the caller sleeps
//   backoff::wait      for a thread in the middle of a few instructions: never gives up, but soon gives
//                      the processor away, so that the other can finish on a single core
//   contention::lost   for a compare-exchange that somebody else won
//
// Between the pauses and the sleep, `spin` gives the processor away a few times. Whoever is alone on its
// processor gets it back at once and has waited a little longer; where partners share one, which is where a
// kernel often puts a thread next to the one that woke it, each such step is a hand-over to the partner for
// a fraction of what a sleep and a wake-up cost. (Measured: docs/benchmarks/waiting.md.)
#pragma once

#include <chrono>
#include <cstdint>

#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

class backoff {
 public:
  /// Waits a little; false when it is time to sleep. On one processor it only yields.
  bool spin() noexcept {
    if (pause()) return true;
    if (yields_ == sync::yields_before_sleep) return false;
    const sync::time_point now = sync::now();
    if (yields_++ == 0) {
      yields_until_ = now + longest_yielding;
    } else if (now >= yields_until_) {
      yields_ =
          sync::yields_before_sleep;  // others have much to do here, and a deadline may be near
      return false;
    }
    sync::yield();
    return true;
  }

  /// Only the pauses: a microsecond or a few, and not at all on one processor.
  bool pause() noexcept {
    if (looks_ == looks || sync::processors() == 1) return false;
    for (unsigned i = 0; i < between_looks; ++i) sync::pause();
    ++looks_;
    return true;
  }

  /// Waits for another thread that is about to finish; yields after the spinning phase.
  void wait() noexcept {
    if (!spin()) sync::yield();
  }

 private:
  // In pauses. A look takes the cache line from the partner that is about to write it, so the first one is not at
  // once: by then a partner that is not waiting itself has written several messages, which then cost one transfer
  // together. And they are not farther and farther apart: a partner that answers is not seen late.
  static constexpr unsigned between_looks = 12;
  static constexpr unsigned looks = 10;
  static constexpr std::chrono::microseconds longest_yielding{50};
  unsigned looks_ = 0;
  unsigned yields_ = 0;
  sync::time_point yields_until_;
};

/// After a lost race for a word: stays away from it, half a microsecond, then one, then two. Two who run for one word
/// hand its cache line to and fro with every message; so one of them gets a run of messages through meanwhile, at the
/// price of one: twice as fast on a large ring. (Measured: docs/benchmarks/waiting.md.)
class contention {
 public:
  /// `seen` is what a compare-exchange with acquire found in `word`. Who has lost often finds it anew behind the
  /// wait, and so is likely to win: others may run on for some microseconds, not for ever. On one processor (and in
  /// a model) nobody waits, and the next attempt is at once.
  void lost(const sync::atomic<std::uint64_t>& word, std::uint64_t& seen) noexcept {
    if (sync::processors() == 1) return;
    for (unsigned i = 0; i < (1U << step_); ++i) sync::pause();
    if (step_ < longest) {
      ++step_;
    } else {
      seen = word.load(sync::acquire);  // acquire: as the compare-exchange
    }
  }

 private:
  static constexpr unsigned shortest = 5, longest = 7;  // 32 and 128 pauses
  unsigned step_ = shortest;
};

}  // namespace strait::inline STRAIT_ABI::detail

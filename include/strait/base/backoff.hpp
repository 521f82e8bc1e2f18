// SPDX-License-Identifier: BSL-1.0
//
// How to wait a little.
//   backoff::spin      for a partner that may be about to come: gives up after some microseconds, at most eighty (two
//                      milliseconds where only partners end the wait) and what others do on this processor meanwhile,
//                      and the caller sleeps
//   backoff::wait      for a thread in the middle of a few instructions: never gives up, but soon gives
//                      the processor away, so that the other can finish on a single core
//   pace::pause        the pauses of `spin`, for a side of a channel that has learnt from its last waits
//   learnt_wait        leaves them out of a wait where they came to nothing lately, and may let it sleep at once
//   contention::lost   for a compare-exchange that somebody else won
//
// Between the pauses and the sleep, `spin` gives the processor away a few times. Whoever is alone on its
// processor gets it back at once and has waited a little longer; where partners share one, which is where a
// kernel often puts a thread next to the one that woke it, each such step is a hand-over to the partner for
// a fraction of what a sleep and a wake-up cost. (Measured: docs/benchmarks/waiting.md.)
//
// Pauses are for partners that run at the same time. Where more threads than processors wait for each other, or others
// keep the processors busy, the partner mostly waits for the very processor that pauses. Nobody can ask for that, so
// it is learnt: after some waits in a row whose pauses all came to nothing there are none, but for a probe now and then.
// Yields are for partners that share a processor. But where another one is idle they may hand theirs over for tens of
// milliseconds before the kernel parts them; for a thread that is woken it looks for one. So where many waits in a row are
// over after a few yields, one of them sleeps at once now and then. And where somebody else computes on the processor, a
// yield hands it to him for a millisecond or more; where that has happened, `spin` does without for a while (sync::slices).
#pragma once

#include <chrono>
#include <cstdint>

#include <strait/base/hints.hpp>
#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

class backoff {
 public:
  /// Waits a little; false when it is time to sleep. On one processor it only yields. `through` counts the messages
  /// for which others may need the processor meanwhile.
  template <class Through>
  bool spin(Through through) noexcept {
    if (pause()) return true;
    const unsigned processor = sync::this_processor();
    sync::slices& slices = sync::slices::of(processor);
    const std::uint32_t turn = slices.end_turn();
    if (yields_ == sync::yields_before_sleep) return false;
    const sync::time_point now = sync::now();
    if (yields_ == 0) yields_until_ = now + longest_yielding_;
    // Others have much to do here, or somebody else computes here.
    if (now >= yields_until_ || slices.are_at_stake(now)) {
      skip_yields();
      return false;
    }
    ++yields_;
    const std::uint64_t before = through();
    sync::yield();
    if (sync::this_processor() == processor)
      slices.yielded(turn, through() - before, now, sync::now());
    return true;
  }
  bool spin() noexcept {
    return spin([] { return std::uint64_t{}; });
  }

  /// Only the pauses: a few microseconds, thirty where there are many processors, and none on one.
  bool pause() noexcept {
    if (!has_pauses()) return false;
    sync::pause(between_looks);
    ++looks_;
    return true;
  }

  bool has_paused() const noexcept { return looks_ != 0; }
  bool has_pauses() const noexcept {
    return sync::processors() > 1 && looks_ != sync::looks_before_yields();
  }
  /// From now on there are none: spin only yields.
  void skip_pauses() noexcept { looks_ = sync::looks_before_yields(); }
  unsigned yields() const noexcept { return yields_; }
  /// From now on it is time to sleep once there are no pauses.
  void skip_yields() noexcept { yields_ = sync::yields_before_sleep; }
  /// Before a wait that only partners end: no deadline is near, so the turns of many others are worth waiting for.
  void may_yield_longer() noexcept { longest_yielding_ = without_end; }

  /// Waits for another thread that is about to finish; yields after the spinning phase.
  void wait() noexcept {
    if (!spin()) sync::yield();
  }

 private:
  // In pauses. Often, and not less and less often: a partner that answers is not seen late.
  static constexpr unsigned between_looks = 3;
  static constexpr std::chrono::microseconds with_a_deadline{50},
      without_end{2000};  // it yields at most
  unsigned looks_ = 0;
  unsigned yields_ = 0;
  std::chrono::microseconds longest_yielding_ = with_a_deadline;
  sync::time_point yields_until_;
};

/// What the last waits of somebody came to.
struct last_waits {
  sync::odds pauses;
  sync::hand_overs hand_overs;
};

/// For the length of a wait with `b`: it leaves out what came to nothing lately, and in the end says what it came to. With
/// nothing (null) it learns nothing.
class learnt_wait {
 public:
  learnt_wait(backoff& b, last_waits* last) noexcept
      : b_(b), last_(sync::processors() > 1 ? last : nullptr) {
    if (last_ == nullptr) return;  // no pauses on one processor, and no idle one to part for
    if (last_->hand_overs.are_many()) {
      b_.skip_pauses();
      b_.skip_yields();
    } else if (!last_->pauses.are_good()) {
      b_.skip_pauses();
    }
  }
  learnt_wait(const learnt_wait&) = delete;
  learnt_wait& operator=(const learnt_wait&) = delete;
  ~learnt_wait() {
    if (last_ == nullptr) return;
    if (b_.has_paused()) last_->pauses.came_to(b_.has_pauses());
    last_->hand_overs.waited(b_.yields());
  }

 private:
  backoff& b_;
  last_waits* const last_;
};

/// What one side of a channel has learnt about its partners by waiting. A look takes the cache line from a partner
/// that is about to write it. Where messages always come before the waiter has looked a few times, it follows its
/// partner from message to message, and each of them costs a line there and back. So it stays away for longer once
/// in a while, and again as long as it then has many messages through before it must wait. Partners that wait for
/// each other are hardly ever kept waiting so. (Measured: docs/benchmarks/waiting.md.)
/// Threads of a side may use it at the same time; what they spoil for each other is some time at worst.
class pace {
 public:
  /// The pauses of `b`, with a look after each until one says that it has found something. `through` counts the
  /// messages that the side has had through. False: there are none, on one processor or these days.
  template <class Through, class Look>
  bool pause(backoff& b, Through through, Look look) {
    if (!b.has_pauses()) return false;
    if (stays_away(through())) sync::pause(pauses_away);
    unsigned looks = 0;
    for (bool found = false; !found && b.pause(); ++looks) found = look();
    waited(looks);
    return true;
  }

  /// What its last waits came to.
  last_waits& last() noexcept { return last_; }

  /// At the beginning of a wait: whether to stay away first. (These two are what it has learnt; public for its test.)
  bool stays_away(std::uint64_t through) noexcept {
    const auto now = static_cast<std::uint32_t>(through);
    const std::uint32_t messages = now - through_;
    through_ = now;
    if (away_ != 0) {
      if (messages >= many_messages) {
        doublings_ = 0;
        return true;
      }
      away_ = 0;
      quick_ = 0;
      if (doublings_ < most_doublings) doublings_ = static_cast<std::uint8_t>(doublings_ + 1);
      return false;
    }
    if (quick_ < least_doubt << doublings_) return false;
    away_ = 1;
    return true;
  }
  /// At its end.
  void waited(unsigned looks) noexcept {
    quick_ = static_cast<std::uint16_t>(looks <= few_looks ? quick_ + 1 : 0);
  }

 private:
  template <class N>
  class hint {
   public:
    explicit hint(N n) noexcept : n_(n) {}
    operator N() const noexcept { return n_.load(sync::relaxed); }  // relaxed: a hint
    void operator=(N n) noexcept { n_.store(n, sync::relaxed); }    // relaxed: a hint

   private:
    sync::atomic<N> n_;
  };

  static constexpr unsigned few_looks = 4, many_messages = 8, least_doubt = 8, most_doublings = 7;
  static constexpr unsigned pauses_away = 128;
  hint<std::uint32_t> through_{0};  // at the beginning of the last wait
  last_waits last_;
  hint<std::uint16_t> quick_{0};     // waits in a row that took few looks,
  hint<std::uint8_t> doublings_{0};  // and least_doubt of them are needed, doubled so often
  hint<std::uint8_t> away_{0};       // the last wait stayed away
};

static_assert(STRAIT_CHECK != 0 || sizeof(pace) <= 16);  // a core keeps it in its line's cache line

/// After a lost race for a word: stays away from it, half a microsecond, then one, then two. Two who run for one word
/// hand its cache line to and fro with every message; so one of them gets a run of messages through meanwhile, at the
/// price of one: twice as fast on a large ring. (Measured: docs/benchmarks/waiting.md.)
class contention {
 public:
  /// `seen` is what a compare-exchange with acquire found in `word`. Who has lost often finds it anew behind the
  /// wait, and so is likely to win: others may run on for some microseconds, not for ever. On one
  /// processor nobody waits, and the next attempt is at once.
  void lost(const sync::atomic<std::uint64_t>& word, std::uint64_t& seen) noexcept {
    if (sync::processors() == 1) return;
    sync::pause(1U << step_);
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

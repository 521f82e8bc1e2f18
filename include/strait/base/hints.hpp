// SPDX-License-Identifier: BSL-1.0
//
// What was learnt from the last times, for decisions that cost some time when they are wrong and nothing else.
//   streak       something has happened often in a row
//   odds         something mostly came to nothing lately, and is tried now and then
//   hand_overs   threads that wait for each other share a processor
//   slices       a thread that gives this processor away loses a slice of time to somebody else
// Any thread may ask and tell; no order is needed, and what they spoil for each other is some time at worst.
//
// In a model build check/hints.hpp has these names: both answers are explored, or there is only one.
#pragma once

#include <strait/base/sync.hpp>

#if STRAIT_CHECK
#include <strait/check/hints.hpp>
#else

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include <strait/base/cache_line.hpp>

namespace strait::inline STRAIT_ABI::sync {

/// Tells when something has happened often in a row: every 2,048 times or so. By then full fences have cost
/// what a heavy one costs at worst, some ten microseconds (other threads run, on virtual processors).
class streak {
 public:
  /// It happened again; true if that was often.
  bool is_long() noexcept {
    // relaxed, and not one step: some times may go uncounted
    const std::uint32_t n = times_.load(relaxed) + 1;
    times_.store(n, relaxed);
    return n % often == 0;
  }
  /// It did not happen.
  void end() noexcept { times_.store(0, relaxed); }  // relaxed: as above

 private:
  static constexpr std::uint32_t often = 2048;
  atomic<std::uint32_t> times_{0};
};

/// Whether something that may come to nothing is worth its cost, after what it came to lately: no more after so many
/// times in vain in a row, but for every 32nd time, so that better days are noticed.
/// Any thread may ask and tell; what they spoil for each other is some time at worst.
class odds {
 public:
  /// Before it is done.
  bool are_good() noexcept {
    const unsigned n = in_vain_.load(relaxed);  // relaxed: a hint
    if (n < enough) return true;
    in_vain_.store(static_cast<std::uint16_t>(n + 1), relaxed);  // relaxed: as above
    return n % probe == 0;
  }
  /// After it was.
  void came_to(bool something) noexcept {
    const unsigned n = in_vain_.load(relaxed);  // relaxed: as above
    if (something) {
      if (n != 0) in_vain_.store(0, relaxed);  // relaxed: as above
    } else if (n < enough) {
      in_vain_.store(static_cast<std::uint16_t>(n + 1), relaxed);  // relaxed: as above
    }
  }

 private:
  static constexpr unsigned enough = 16, probe = 32;
  atomic<std::uint16_t> in_vain_{0};
};

/// Whether threads that wait for each other share a processor, while perhaps another one is idle: each wait is over as
/// soon as this one has given it away a few times. Any thread may ask and tell, as with odds.
class hand_overs {
 public:
  /// Before a wait: whether there were many in a row. Then the count begins anew.
  bool are_many() noexcept {
    if (in_a_row_.load(relaxed) < many) return false;  // relaxed: a hint
    in_a_row_.store(0, relaxed);                       // relaxed: as above
    return true;
  }
  /// After a wait that yielded so often.
  void waited(unsigned yields) noexcept {
    const unsigned n = in_a_row_.load(relaxed);  // relaxed: as above
    if (yields != 0 && yields <= few) {
      in_a_row_.store(static_cast<std::uint8_t>(n + 1), relaxed);  // relaxed: as above
    } else if (n != 0) {
      in_a_row_.store(0, relaxed);  // relaxed: as above
    }
  }

 private:
  static constexpr unsigned many = 32, few = 3;
  atomic<std::uint8_t> in_a_row_{0};
};

/// Whether who gives a processor away may lose a slice of time: somebody who waits for none of us runs on it for as
/// long as the kernel lets him, a millisecond and more, and who yielded stands behind him for a while. A thread that is
/// woken mostly goes before him. So after a lost slice nobody yields there for some milliseconds, and for four times as
/// long after the next one, unless as much time has passed without. Where many of us take turns, or many messages go
/// through meanwhile, nothing is lost. (Measured: docs/benchmarks/waiting.md.)
class slices {
 public:
  /// Those of a processor, by its number.
  static slices& of(unsigned processor) noexcept;

  /// Before a yield.
  bool are_at_stake(time_point now) noexcept {
    const unsigned n = losses_.load(relaxed);  // relaxed: a hint
    if (n == 0) return false;
    const clock::duration until(until_.load(relaxed));  // relaxed: as above
    const clock::duration left = until - now.time_since_epoch();
    if (left <= -without_yields(n)) losses_.store(0, relaxed);  // relaxed: as above
    return left > clock::duration::zero();
  }
  /// When one of us is about to yield or to sleep there; for `yielded`.
  std::uint32_t end_turn() noexcept {
    const std::uint32_t n = turns_.load(relaxed) + 1;  // relaxed: as above
    turns_.store(n, relaxed);                          // relaxed: as above
    return n;
  }
  /// After a yield, from `begin`, when the turn was ended, to `end`; so many messages went through meanwhile.
  void yielded(std::uint32_t turn, std::uint64_t messages, time_point begin,
               time_point end) noexcept {
    const std::uint32_t others = turns_.load(relaxed) - turn;  // relaxed: as above
    if (end - begin < shortest + others * longest_turn() + messages * a_message) return;
    const unsigned n = std::min(losses_.load(relaxed) + 1, most);  // relaxed: as above
    losses_.store(n, relaxed);                                     // relaxed: as above
    until_.store((end + without_yields(n)).time_since_epoch().count(),
                 relaxed);  // relaxed: as above
  }

 private:
  static constexpr std::chrono::microseconds shortest{500};
  static constexpr std::chrono::nanoseconds a_message{250};
  static constexpr unsigned most = 4;

  // Alone on a processor, a thread soon has to wait for the next; beside others that run it may go on with them.
  static std::chrono::microseconds longest_turn() noexcept {
    return std::chrono::microseconds(processors() == 1 ? 60 : 250);
  }
  static clock::duration without_yields(unsigned losses) noexcept {
    return std::chrono::milliseconds(1U << 2 * losses);  // 4, 16, 64, 256
  }

  atomic<std::uint32_t> turns_{0}, losses_{0};  // losses one soon after the other
  atomic<clock::rep> until_{0};
};

namespace detail {
struct alignas(strait::detail::cache_line) slices_of_one {
  slices of_one;
};
// By the processor's number; what is beyond shares.
inline constinit std::array<slices_of_one, 256> slices_of_all{};
}  // namespace detail

inline slices& slices::of(unsigned processor) noexcept {
  return detail::slices_of_all[processor % detail::slices_of_all.size()].of_one;
}

}  // namespace strait::inline STRAIT_ABI::sync

#endif

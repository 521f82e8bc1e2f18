// SPDX-License-Identifier: BSL-1.0
//
// The lock: it guards the lists of waiters, and of segments that wait; no user code and no wake-up runs under it.
//
// One word, 0 free, 1 held. A short spin, then the kernel; no system call without a sleeper. Locking and unlocking
// cost one read-modify-write together, for who gives the lock up stores, and whoever sleeps pays:
//   unlock:  word = 0; light fence; asleep?      who will sleep:  asleep + 1; heavy fence; word?
// Of a holder whose light fence comes first the sleeper sees the 0; any other one sees the sleeper, and wakes one.
// Who is woken and finds the lock taken again sleeps again: that holder wakes one in turn.
//
// The sleepers are counted outside of the lock, by its address: who gives it up must not touch it afterwards, for
// the next one may end its life. Locks may share a count: that costs a system call in vain.
//
// Order edges
//   U1 release: unlock hands over what was written under the lock; pairs with L1
//   L1 acquire: what the last holder wrote is ours; pairs with U1
#pragma once

#include <cstdint>

#include <strait/base/config.hpp>
#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::sync {

namespace detail {
/// Threads that sleep on locks, or are about to.
inline atomic<std::uint32_t> asleep_on_locks[64];
inline atomic<std::uint32_t>& asleep_on(const futex_word* lock) noexcept {
  return asleep_on_locks[reinterpret_cast<std::uintptr_t>(lock) / 64 % 64];
}
}  // namespace detail

class futex_mutex {
 public:
  futex_mutex() noexcept = default;
  futex_mutex(const futex_mutex&) = delete;
  futex_mutex& operator=(const futex_mutex&) = delete;

  void lock() noexcept {
    detail::count_lock();
    if (!try_lock()) lock_slow();
  }

  void unlock() noexcept {
    futex_word* const word = &word_;
    word->store(0, release);  // U1 release: pairs with L1
    light_fence();
    // relaxed: the fences order it (above)
    if (detail::asleep_on(word).load(relaxed) != 0) [[unlikely]]
      futex_wake_one(word);
  }

 private:
  bool try_lock() noexcept {
    std::uint32_t seen = 0;
    // L1 acquire: pairs with U1; relaxed: nothing was taken over
    return word_.compare_exchange_strong(seen, 1, acquire, relaxed);
  }

  STRAIT_COLD void lock_slow() noexcept {
    if (processors() > 1) {
      for (int i = 0; i < 64; ++i) {
        if (word_.load(relaxed) == 0 && try_lock()) return;  // relaxed: only a hint
        pause();
      }
    }
    atomic<std::uint32_t>& asleep = detail::asleep_on(&word_);
    asleep.fetch_add(1, relaxed);  // relaxed: the fence follows
    heavy_fence();
    while (!try_lock()) futex_wait(word_, 1, time_point::max());
    asleep.fetch_sub(1, relaxed);  // relaxed: an older value costs a useless wake-up
  }

  futex_word word_{0};
};

using mutex = lock_for<futex_mutex>;

class lock_guard {
 public:
  explicit lock_guard(mutex& m) noexcept : mutex_(m) { mutex_.lock(); }
  lock_guard(const lock_guard&) = delete;
  lock_guard& operator=(const lock_guard&) = delete;
  ~lock_guard() { mutex_.unlock(); }

 private:
  mutex& mutex_;
};

}  // namespace strait::inline STRAIT_ABI::sync

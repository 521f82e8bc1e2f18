// SPDX-License-Identifier: BSL-1.0
//
// The seam. This is the only header that names atomics, fences, locks, futexes, clocks, the scheduler,
// allocation and randomness; everything above it is written with these names. A model checker can
// therefore stand in for this one file and run the shipped code under schedules of its choosing.
//
// What it offers
//   atomic<T>, relaxed ... seq_cst     std's own
//   full_fence()                       sequentially consistent
//   light_fence(), heavy_fence()       a pair of which only the heavy half costs something (below)
//   own                                a thread's own
//   lock_for                           base/mutex.hpp's lock, or a model's
//   futex_wait, futex_wake_*           sleep on a 32-bit word; absolute deadline on the steady clock
//   now, pause, processors, this_processor   time and the scheduler
//   yield                              in a loop that waits for another thread
//   looks_before_yields, yields_before_sleep   so often, in turn
//   random                             a fast generator for fairness, one per thread
//   allocate, allocate_zeroed          memory for channels
//   allocate_another                   for segments, of which a growing channel takes one after another
//
// The fence pair. Two threads each write something, then read what the other writes; at least one must see
// the other:
//       often:   write a;  light_fence();  read b
//       seldom:  write b;  heavy_fence();  read a
// The heavy half interrupts every running thread of the process with a full fence (Linux: membarrier,
// private expedited), at a place that is before the light one, so that b is seen, or behind it, so that a is;
// so the light one need only keep the compiler in order. It is no fence among light ones. Where the kernel has
// no such call both are full fences. (D. Dice, H. Huang, M. Yang, Asymmetric Dekker Synchronization, 2001;
// D. Goldblatt, Asymmetric fences, P1202, 2018.) A heavy one costs a microsecond or two:
// wait/wait_queue.hpp keeps it from those who wait often; who sleeps on a lock, or on a place of a queue, pays it.
//
// In a model build (STRAIT_CHECK=1) check/seam.hpp has these names, and this file is only the way to it.
#pragma once

#include <strait/base/config.hpp>

#if STRAIT_CHECK
#include <strait/check/seam.hpp>
#else

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <stop_token>
#include <type_traits>

#if STRAIT_FUTEX
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <climits>
#include <ctime>
#else
#include <condition_variable>
#include <mutex>
#include <thread>
#endif
#include <sched.h>
#if STRAIT_LINUX
#include <sys/mman.h>
#endif

namespace strait::inline STRAIT_ABI {

using std::stop_callback;
using std::stop_source;
using std::stop_token;

namespace sync {

template <class T>
using atomic = std::atomic<T>;

inline constexpr std::memory_order relaxed = std::memory_order_relaxed;
inline constexpr std::memory_order acquire = std::memory_order_acquire;
inline constexpr std::memory_order release = std::memory_order_release;
inline constexpr std::memory_order acq_rel = std::memory_order_acq_rel;
inline constexpr std::memory_order seq_cst = std::memory_order_seq_cst;

// ---- counting (tests only) ----------------------------------------------------------------------

/// What the seam did so far in this process; all zero unless built with STRAIT_COUNT_SEAM=1.
struct seam_counts {
  std::uint64_t locks = 0;
  std::uint64_t syscalls = 0;  // yields among them
  std::uint64_t yields = 0;
  std::uint64_t allocations = 0;
};

namespace detail {
struct seam_counters {
  std::atomic<std::uint64_t> locks{0}, syscalls{0}, yields{0}, allocations{0};
};
inline seam_counters counters;
inline void count(std::atomic<std::uint64_t>& counter) noexcept {
  if constexpr (STRAIT_COUNT_SEAM != 0) counter.fetch_add(1, relaxed);  // a statistic: no order
}
inline void count_lock() noexcept { count(counters.locks); }
}  // namespace detail

/// A snapshot of the counters. Thread-safe, never blocks.
inline seam_counts counts() noexcept {
  // statistics: relaxed is enough, the reader compares them when all is quiet
  return {detail::counters.locks.load(relaxed), detail::counters.syscalls.load(relaxed),
          detail::counters.yields.load(relaxed), detail::counters.allocations.load(relaxed)};
}

// ---- fences -------------------------------------------------------------------------------------

namespace detail {
inline std::atomic<unsigned> fence_word{0};
}

inline void full_fence() noexcept {
#if STRAIT_TSAN
  detail::fence_word.fetch_add(1, seq_cst);
#elif STRAIT_X86
  // A locked no-op on the stack is a full fence and less than half the price of mfence.
  __asm__ __volatile__("lock orl $0, (%%rsp)" ::: "memory", "cc");
#else
  std::atomic_thread_fence(seq_cst);
#endif
}

inline void yield() noexcept;

namespace detail {
inline std::atomic<bool> light_is_free{false};

#if STRAIT_MEMBARRIER
inline bool membarrier(int command) noexcept {
  count(counters.syscalls);
  return ::syscall(SYS_membarrier, command, 0, 0) == 0;
}
// By number, for headers older than the kernel: MEMBARRIER_CMD_(REGISTER_)PRIVATE_EXPEDITED.
inline bool can_interrupt() noexcept { return membarrier(1 << 4); }
inline bool interrupt() noexcept { return membarrier(1 << 3); }
#else
inline bool can_interrupt() noexcept { return false; }
#endif
}  // namespace detail

/// Whether light_fence() costs nothing; decided at the first call, and for good.
inline bool asymmetric() noexcept {
  static const bool yes = [] {
    const bool can = detail::can_interrupt();
    detail::light_is_free.store(can, relaxed);  // relaxed: until it is seen, light fences are full
    return can;
  }();
  return yes;
}

namespace detail {
// Decided before main: the kernel takes its time about it once there are several threads.
inline const bool asymmetric_from_the_start = asymmetric();
}  // namespace detail

/// The half of the pair that is run often: see the head of this file.
STRAIT_INLINE void light_fence() noexcept {
  if (detail::light_is_free.load(relaxed)) [[likely]] {  // relaxed: once true it stays so
    std::atomic_signal_fence(seq_cst);
  } else {
    full_fence();
  }
}

/// The half that is run seldom. As full_fence(), too.
inline void heavy_fence() noexcept {
  full_fence();
#if STRAIT_MEMBARRIER
  if (!asymmetric())
    return;  // asked here: whoever sees a free light fence meets a heavy one that is
  for (int failures = 0; !detail::interrupt(); ++failures) {
    if (failures == 1000) std::abort();  // forbidden since: no channel could be trusted any more
    if (!detail::can_interrupt())
      yield();  // a child process registers anew; or there was no memory
  }
#endif
}

/// The calling thread's own `What` for what a type stands for.
template <class What, class For>
What& own() noexcept {
  static constinit thread_local What mine;
  return mine;
}

// ---- time and the scheduler ---------------------------------------------------------------------

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

inline time_point now() noexcept { return clock::now(); }

/// n of the processor's own pauses, 10 to 50 ns each.
inline void pause([[maybe_unused]] unsigned n = 1) noexcept {
#if STRAIT_X86
  for (; n > 0; --n) __builtin_ia32_pause();
#elif STRAIT_ARM64
  for (; n > 0; --n) __asm__ __volatile__("isb" ::: "memory");
#endif
}

inline void yield() noexcept {
  detail::count(detail::counters.syscalls);
  detail::count(detail::counters.yields);
  ::sched_yield();
}

/// So often who waits yields before it sleeps. (Not in a model: the sleep is a scheduling point.)
inline constexpr unsigned yields_before_sleep = 30;

/// How many processors this process may run on, read once. 1 means: no use in pausing.
inline unsigned processors() noexcept {
  static const unsigned n = [] {
#if STRAIT_LINUX
    detail::count(detail::counters.syscalls);
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
      return static_cast<unsigned>(CPU_COUNT(&set));
#endif
    return 2U;
  }();
  return n;
}

/// The processor that the calling thread runs on, by the kernel's number; it may be another one at once. 0 where nobody knows.
inline unsigned this_processor() noexcept {
#if STRAIT_LINUX
  return static_cast<unsigned>(::sched_getcpu());  // no system call
#else
  return 0;
#endif
}

/// So often who waits looks around, with some pauses before each look, before it yields. (In a model once.) The more
/// processors, the more partners that run at the same time may come first, and the less somebody else misses ours.
inline unsigned looks_before_yields() noexcept {
  constexpr unsigned for_each_processor = 20, most_processors = 16;
  return for_each_processor * std::min(processors(), most_processors);
}

/// A number that differs between calls and threads; for fairness, not for secrets. (xorshift64*,
/// Marsaglia 2003, Vigna 2016; seeded from the thread's own storage and the clock.)
inline std::uint64_t random() noexcept {
  static constinit thread_local std::uint64_t state = 0;
  if (state == 0) [[unlikely]] {
    static std::atomic<std::uint64_t> threads{0};
    std::uint64_t seed = threads.fetch_add(0x9E3779B97F4A7C15U, relaxed);  // relaxed: only distinct
    seed ^= static_cast<std::uint64_t>(now().time_since_epoch().count());
    seed ^= reinterpret_cast<std::uintptr_t>(&state);
    seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9U;  // splitmix64: neighbouring seeds part
    seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EBU;
    state = (seed ^ (seed >> 31)) | 1U;
  }
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545F4914F6CDD1DU;
}

// ---- sleeping on a word -------------------------------------------------------------------------
//
// futex_wait sleeps while the word still holds `expected`; it returns on a wake, on the deadline, on
// a signal or for no reason: the caller looks at the word again. futex_wake only needs the address:
// the word's owner may be gone by then, which costs a spurious wake-up of somebody else at worst.

using futex_word = atomic<std::uint32_t>;

#if STRAIT_FUTEX

/// `until` == time_point::max() sleeps without a deadline.
inline void futex_wait(futex_word& word, std::uint32_t expected, time_point until) noexcept {
  detail::count(detail::counters.syscalls);
  timespec at{};
  timespec* deadline = nullptr;
  if (until != time_point::max()) {
    const auto since = until.time_since_epoch();
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(since);
    if (whole.count() < 0) return;  // before the clock began: long past
    at.tv_sec = static_cast<decltype(at.tv_sec)>(whole.count());
    at.tv_nsec = static_cast<decltype(at.tv_nsec)>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole).count());
    deadline = &at;
  }
  // FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC, which is steady_clock: no drift.
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_BITSET_PRIVATE, expected,
            deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
}

inline void futex_wake_one(futex_word* word) noexcept {
  detail::count(detail::counters.syscalls);
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(word), FUTEX_WAKE_PRIVATE, 1);
}

inline void futex_wake_all(futex_word* word) noexcept {
  detail::count(detail::counters.syscalls);
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(word), FUTEX_WAKE_PRIVATE, INT_MAX);
}

static_assert(sizeof(futex_word) == sizeof(std::uint32_t), "strait: a futex word is 32 plain bits");

#else

namespace detail {
// The portable parking lot: sleepers share a few buckets by address. A wake names an address only,
// so it may wake strangers in the same bucket; they look at their own word and sleep again.
struct bucket {
  std::mutex mutex;
  std::condition_variable changed;
};
inline bucket& bucket_of(const void* address) noexcept {
  static bucket buckets[64];
  return buckets[(reinterpret_cast<std::uintptr_t>(address) >> 6) % 64];
}
}  // namespace detail

inline void futex_wait(futex_word& word, std::uint32_t expected, time_point until) noexcept {
  detail::count(detail::counters.syscalls);
  auto& bucket = detail::bucket_of(&word);
  std::unique_lock lock(bucket.mutex);
  if (word.load(seq_cst) != expected) return;
  if (until == time_point::max()) {
    bucket.changed.wait(lock);
  } else {
    bucket.changed.wait_until(lock, until);
  }
}

inline void futex_wake_all(futex_word* word) noexcept {
  detail::count(detail::counters.syscalls);
  auto& bucket = detail::bucket_of(word);
  {
    std::lock_guard lock(bucket.mutex);
  }  // a sleeper is past its look at the word, or before it
  bucket.changed.notify_all();
}

inline void futex_wake_one(futex_word* word) noexcept { futex_wake_all(word); }

#endif

// ---- memory -------------------------------------------------------------------------------------

[[noreturn]] STRAIT_COLD inline void no_memory() {
#if STRAIT_EXCEPTIONS
  throw std::bad_alloc();
#else
  std::terminate();
#endif
}

/// Throws std::bad_alloc (without exceptions: terminates).
inline void* allocate(std::size_t bytes, std::size_t align) {
  detail::count(detail::counters.allocations);
  if (align > __STDCPP_DEFAULT_NEW_ALIGNMENT__)
    return ::operator new(bytes, std::align_val_t(align));
  return ::operator new(bytes);
}

inline void deallocate(void* p, std::size_t align) noexcept {
  if (align > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
    ::operator delete(p, std::align_val_t(align));
  } else {
    ::operator delete(p);
  }
}

namespace detail {
// What allocate_another asks the kernel for at once: below what malloc takes from the kernel, and gives back, alone.
inline constexpr std::size_t at_once = std::size_t{1} << 16;

// Takes as much, has the kernel put pages there, and gives it back to malloc, which then has it for what follows.
STRAIT_COLD inline void provide_memory() noexcept {
  void* const p = std::malloc(at_once);
  if (p == nullptr) return;
#if STRAIT_LINUX && defined(MADV_POPULATE_WRITE)
  count(counters.syscalls);
  constexpr std::uintptr_t page = 4096;
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(p) + page - 1) / page * page;
  // Only to save the page faults, so the answer does not matter (Linux before 5.14 does not know it).
  (void)::madvise(reinterpret_cast<void*>(begin), at_once - page, MADV_POPULATE_WRITE);
#endif
  std::free(p);
}

struct blocks_taken;  // of whose bytes each thread keeps the sum
}  // namespace detail

/// As allocate, for a block that others follow while `grows()`. glibc lets the heaps of all threads but the first grow
/// by no more than what is asked for, with a system call that all threads of the process wait for, and each page costs
/// a fault besides: for one block of 4 KiB after another that takes longer than what the blocks are for. So memory
/// for the next ones is got at once now and then; none of it is kept. (Measured: docs/benchmarks/waiting.md.)
template <class Grows>
void* allocate_another(std::size_t bytes, std::size_t align, Grows&& grows) {
  std::size_t& taken = own<std::size_t, detail::blocks_taken>();
  taken += bytes;
  if (taken >= detail::at_once && bytes <= detail::at_once / 8 && grows()) {
    taken = 0;
    detail::provide_memory();
  }
  return allocate(bytes, align);
}

namespace detail {
// Large zeroed blocks come from calloc, whose pages the kernel zeroes when they are first touched: a
// channel of a million places costs its pages as they are used, not at construction. The largest lie in huge
// pages: a place is looked at before it is written, and where the look maps the page of zeroes the write interrupts all
// other processors to take it away; once in 2 MiB instead of once in 4 KiB. They begin and end with a huge page:
// what is over at the ends would be in small ones. (Measured: docs/benchmarks/waiting.md.)
inline bool is_lazy(std::size_t bytes) noexcept { return bytes >= (std::size_t{1} << 17); }
inline bool is_huge(std::size_t bytes) noexcept {
  constexpr std::size_t four_mib = std::size_t{1} << 22;
  return STRAIT_LINUX != 0 && bytes >= four_mib;
}

// Before what it gives out there is the address of the block around it.
inline void* allocate_lazy(std::size_t bytes, std::size_t align) noexcept {
  constexpr std::size_t page = std::size_t{1} << 21;
  const std::size_t unit = std::max(is_huge(bytes) ? page : alignof(std::max_align_t), align);
  if (bytes > SIZE_MAX - 3 * page) return nullptr;
  const std::size_t whole = (bytes + unit - 1) / unit * unit;
  void* const block = std::calloc(1, unit + whole);
  if (block == nullptr) return nullptr;
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(block) + sizeof(void*);
  void** const p = reinterpret_cast<void**>((begin + unit - 1) / unit * unit);
  p[-1] = block;
#if STRAIT_LINUX && defined(MADV_HUGEPAGE)
  if (is_huge(bytes)) {
    count(counters.syscalls);
    // Only advice, so the answer does not matter (where pages are larger, it is refused).
    (void)::madvise(p, whole, MADV_HUGEPAGE);
  }
#endif
  return p;
}
}  // namespace detail

/// Memory full of zero bytes. Throws std::bad_alloc (without exceptions: terminates).
inline void* allocate_zeroed(std::size_t bytes, std::size_t align) {
  if (detail::is_lazy(bytes)) {
    detail::count(detail::counters.allocations);
    void* p = detail::allocate_lazy(bytes, align);
    if (p == nullptr) no_memory();
    return p;
  }
  return std::memset(allocate(bytes, align), 0, bytes);
}

inline void deallocate_zeroed(void* p, std::size_t bytes, std::size_t align) noexcept {
  if (detail::is_lazy(bytes)) {
    std::free(static_cast<void**>(p)[-1]);
  } else {
    deallocate(p, align);
  }
}

/// Which lock guards what is short: the real one; in a model one that is a single step.
template <class Real>
using lock_for = Real;

/// Stands at the beginning of each operation on a channel; a model checker may switch threads there only.
class operation {
 public:
  constexpr operation() noexcept {}
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() {}
};

}  // namespace sync
}  // namespace strait::inline STRAIT_ABI

#endif

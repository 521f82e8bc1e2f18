// SPDX-License-Identifier: BSL-1.0
//
// What the stand-in for base/sync.hpp asks of the explorer (src/check/). Everything is a plain function
// over addresses and 64-bit words, so the explorer is compiled once and knows no template.
//
// Outside an exploration each function does the obvious single-threaded thing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strait::check::rt {

using word = std::uint64_t;

enum class order : std::uint8_t { relaxed, acquire, release, acq_rel, seq_cst };
enum class rmw : std::uint8_t { exchange, add, sub, bit_or, bit_and, bit_xor };

/// Where in the code under test; a default argument of every operation.
struct where {
  const char* file;
  int line;
  // NOLINTNEXTLINE: the builtins are evaluated at the caller
  static constexpr where here(const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

// ---- atomics: `object` is the address of the value, which always holds the newest one -----------

void construct(void* object, unsigned size, where at) noexcept;
word load(const void* object, unsigned size, order o, where at) noexcept;
void store(void* object, unsigned size, word value, order o, where at) noexcept;
word modify(void* object, unsigned size, rmw how, word operand, order o, where at) noexcept;
bool compare_exchange(void* object, unsigned size, word& expected, word desired, order success,
                      order failure, bool weak, where at) noexcept;
void fence(order o, where at) noexcept;
void light_fence(where at) noexcept;
void heavy_fence(where at) noexcept;
bool asymmetric() noexcept;

// ---- an ideal lock: the shipped one has models of its own ----------------------------------------

void lock(void* mutex, where at) noexcept;
void unlock(void* mutex, where at) noexcept;

// ---- sleeping, time, the scheduler ----------------------------------------------------------------

inline constexpr std::int64_t no_deadline = INT64_MAX;

void futex_wait(void* object, std::uint32_t expected, std::int64_t until, where at) noexcept;
void futex_wake(void* object, bool all, where at) noexcept;
std::int64_t now() noexcept;
void advance(std::int64_t nanoseconds) noexcept;
void yield(where at) noexcept;
unsigned processors() noexcept;
word random() noexcept;

// ---- memory -----------------------------------------------------------------------------------------

/// Null when the explorer lets the allocation fail.
void* allocate(std::size_t bytes, std::size_t align, bool zeroed, where at);
void deallocate(void* p, where at) noexcept;

// ---- plain data: reported to the race detector -------------------------------------------------------

void plain_read(const void* object, std::size_t size, where at) noexcept;
void plain_write(void* object, std::size_t size, where at) noexcept;

// ---- operations: the granularity of a user's check ----------------------------------------------------

void operation_begin(where at) noexcept;
void operation_end() noexcept;

// ---- threads ---------------------------------------------------------------------------------------------

using entry = void (*)(void*);
/// Runs f(argument) in a new thread; its number, or -1 when the explorer lets the creation fail.
int spawn(entry f, void* argument, where at);
void join(int thread, where at) noexcept;
int self() noexcept;
/// A pointer of the calling thread's own; null at first.
void*& local() noexcept;
/// Whether the thread sleeps on a futex; if so, what it did before is seen.
bool asleep(int thread) noexcept;

/// One of n, all of which are explored.
unsigned choose(unsigned n, where at) noexcept;
/// Whether what has just happened has happened often (sync::streak): both are explored.
bool often(where at) noexcept;
/// Whether something has come to nothing lately (sync::odds): likewise.
bool bad_odds(where at) noexcept;
void require(bool condition, const char* sentence, where at) noexcept;
/// Whether an exploration is running.
bool exploring() noexcept;

}  // namespace strait::check::rt

// SPDX-License-Identifier: BSL-1.0
//
// Every switch in one table. This is the only header that asks the compiler, the standard library or
// the platform a question; all others ask this one.
//
//   STRAIT_STD_EXPECTED   1: std::expected is used, 0: tl::expected (chosen by the language level)
//   STRAIT_EXCEPTIONS     1: exceptions are enabled in this translation unit
//   STRAIT_FUTEX          1: Linux futex, 0: the portable parking lot (define it to 0 to force that)
//   STRAIT_X86            1: x86-64, where `pause` and a locked no-op are the best hint and fence
//   STRAIT_TSAN           1: built for ThreadSanitizer, which cannot see fences: they become RMWs
//   STRAIT_COUNT_SEAM     1: base/sync.hpp counts locks, system calls and allocations (tests only)
//   STRAIT_CHECK          1: base/sync.hpp is replaced by the model checker's stand-in (check/seam.hpp)
//   STRAIT_SEGMENT_PLACES at most so many places in a segment of an unbounded queue; a power of two.
//                         Models make it small; anything but 4096 needs STRAIT_CHECK
//   STRAIT_GCC_DESTROYS_TWICE  1: a compiler that destroys temporaries of a co_await expression twice
//   STRAIT_ABI            the inline namespace; translation units that disagree on a switch that
//                         changes a type or a protocol do not link with each other
#pragma once

#include <version>

#ifndef STRAIT_STD_EXPECTED
#if defined(__cpp_lib_expected) && __cpp_lib_expected >= 202211L
#define STRAIT_STD_EXPECTED 1
#else
#define STRAIT_STD_EXPECTED 0
#endif
#endif

#if defined(__cpp_exceptions) && __cpp_exceptions
#define STRAIT_EXCEPTIONS 1
#else
#define STRAIT_EXCEPTIONS 0
#endif

#ifndef STRAIT_FUTEX
#if defined(__linux__)
#define STRAIT_FUTEX 1
#else
#define STRAIT_FUTEX 0
#endif
#endif

#if defined(__linux__)
#define STRAIT_LINUX 1
#else
#define STRAIT_LINUX 0
#endif

#if defined(__x86_64__)
#define STRAIT_X86 1
#else
#define STRAIT_X86 0
#endif

#if defined(__aarch64__)
#define STRAIT_ARM64 1
#else
#define STRAIT_ARM64 0
#endif

#if defined(__SANITIZE_THREAD__)
#define STRAIT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRAIT_TSAN 1
#endif
#endif
#ifndef STRAIT_TSAN
#define STRAIT_TSAN 0
#endif

// Whether the heavy half of a fence pair can interrupt the process's other threads (membarrier).
// ThreadSanitizer does not know that.
#if STRAIT_FUTEX && !STRAIT_TSAN && defined(__has_include)
#if __has_include(<linux/membarrier.h>)  // so that SYS_membarrier is known
#define STRAIT_MEMBARRIER 1
#endif
#endif
#ifndef STRAIT_MEMBARRIER
#define STRAIT_MEMBARRIER 0
#endif

#ifndef STRAIT_COUNT_SEAM
#define STRAIT_COUNT_SEAM 0
#endif

#ifndef STRAIT_CHECK
#define STRAIT_CHECK 0
#endif

#ifndef STRAIT_SEGMENT_PLACES
#define STRAIT_SEGMENT_PLACES 4096
#elif STRAIT_SEGMENT_PLACES != 4096 && !STRAIT_CHECK
#error "strait: STRAIT_SEGMENT_PLACES is for models (STRAIT_CHECK=1)"
#endif

// GCC before 13 destroys some temporaries of a co_await expression twice (aggregates, lambdas with
// captures): see coro/frame.hpp.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#define STRAIT_GCC_DESTROYS_TWICE 1
#else
#define STRAIT_GCC_DESTROYS_TWICE 0
#endif

#define STRAIT_CAT_(a, b, c, d) a##b##_##c##d
#define STRAIT_CAT(a, b, c, d) STRAIT_CAT_(a, b, c, d)
#define STRAIT_ABI STRAIT_CAT(e, STRAIT_STD_EXPECTED, f, STRAIT_ABI_SEAM)
#define STRAIT_ABI_SEAM STRAIT_CAT(STRAIT_FUTEX, STRAIT_TSAN, STRAIT_COUNT_SEAM, STRAIT_CHECK)

// Whether <iterator> alone brings the range concepts (libstdc++), or the whole of <ranges> is needed.
#if defined(__GLIBCXX__)
#define STRAIT_ITERATOR_HAS_RANGES 1
#else
#define STRAIT_ITERATOR_HAS_RANGES 0
#endif

#if defined(__GNUC__)
#define STRAIT_NOINLINE __attribute__((noinline))
#define STRAIT_COLD __attribute__((noinline, cold))
#define STRAIT_INLINE __attribute__((always_inline)) inline
#else
#define STRAIT_INLINE inline
#define STRAIT_NOINLINE
#define STRAIT_COLD
#endif

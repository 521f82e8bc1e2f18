// SPDX-License-Identifier: BSL-1.0
//
// The rest of the seam, for what runs threads of its own: base/sync.hpp without <thread> is what a
// channel needs.
//
//   thread      starts in its constructor, is joined by hand
//   this_slot() one pointer for each thread, null at first
#pragma once

#include <strait/base/sync.hpp>

#if STRAIT_CHECK
#include <strait/check/check.hpp>
#else
#include <thread>
#endif

namespace strait::inline STRAIT_ABI::sync {

#if STRAIT_CHECK

using thread = strait::check::thread;
inline void*& this_slot() noexcept { return rt::local(); }

#else

/// Throws std::system_error where the system has no thread to give.
using thread = std::thread;

/// Not inlined: a coroutine may change threads at any suspension, and a compiler that sees the address of
/// a thread's variable keeps it across.
STRAIT_NOINLINE inline void*& this_slot() noexcept {
  static constinit thread_local void* slot = nullptr;
  __asm__ __volatile__("" ::: "memory");  // nor are two calls the same
  return slot;
}

#endif

}  // namespace strait::inline STRAIT_ABI::sync

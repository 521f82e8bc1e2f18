// SPDX-License-Identifier: BSL-1.0
//
// Where a coroutine goes on that was not started on any scheduler.
#pragma once

#include <strait/coro/thread_pool.hpp>

namespace strait::inline STRAIT_ABI {

/// A pool with a worker for each processor, made at first use and never destroyed. A coroutine that waits
/// outside any scheduler goes on here: it must go on somewhere, and not inside the sender's call.
inline thread_pool& default_pool() {
  static thread_pool* const pool = new thread_pool();
  return *pool;
}

namespace detail {

/// The scheduler that runs the calling coroutine, or the default pool.
inline scheduler& home_of_this_coroutine() {
  const loop_context* loop = this_loop();
  if (loop != nullptr && loop->home != nullptr) return *loop->home;
  return default_pool();
}

}  // namespace detail
}  // namespace strait::inline STRAIT_ABI

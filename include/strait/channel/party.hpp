// SPDX-License-Identifier: BSL-1.0
//
// One side of an operation that may meet another: what stands in a channel's line.
#pragma once

#include <cstdint>
#include <limits>

#include <strait/error.hpp>
#include <strait/queue/status.hpp>
#include <strait/wait/wait_queue.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// What an attempt of an operation came to.
enum class attempt : std::uint8_t {
  not_ready,
  busy,    ///< neither: another thread is in the middle of its own operation there
  chosen,  ///< it happened, or is promised
  closed,  ///< the channel is closed (and nothing is left)
  dropped,  ///< it takes no part any more (its channel is closed and its handler wants messages only)
  bound  ///< it met a partner that must come first: a waiter tells when it has (done) or gave up (released)
};

constexpr attempt as_attempt(queue_status s) noexcept {
  switch (s) {
    case queue_status::ok: return attempt::chosen;
    case queue_status::closed: return attempt::closed;
    case queue_status::busy: return attempt::busy;
    default: return attempt::not_ready;
  }
}

/// A node in a line, and at a rendezvous also what it brings: where the message is (sender) or where
/// it goes (receiver). A party has arrived when it brings its pointer; until then it is only promised,
/// and its partner waits for it. `peer` and `arrived` are guarded by the rendezvous' lock.
template <class T>
struct party : wait_node {
  T* message = nullptr;
  recv_result<T>* result = nullptr;
  party* peer = nullptr;
  bool arrived = false;
  bool left_behind = false;  // a message without its sender (rendezvous.hpp)
  std::int64_t taken = 0;    // timers: the instant that a promise took,
  std::int64_t after = 0;    // the due instant that it left,
  std::int64_t slept_for =
      std::numeric_limits<std::int64_t>::min();  // and the one its owner lined up for
};

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// One side of an operation that may meet another: what stands in a channel's line.
#pragma once

#include <cstdint>
#include <limits>

#include <strait/error.hpp>
#include <strait/wait/wait_queue.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// A node in a line, and at a rendezvous also what it brings: where the message is (sender) or where
/// it goes (receiver). A party has arrived when it brings its pointer; until then it is only promised,
/// and its partner waits for it. `peer` and `arrived` are guarded by the rendezvous' lock.
template <class T>
struct party : wait_node {
  T* message = nullptr;
  recv_result<T>* result = nullptr;
  party* peer = nullptr;
  bool arrived = false;
  std::int64_t taken = 0;  // timers: the instant that a promise took,
  std::int64_t after = 0;  // the due instant that it left,
  std::int64_t slept_for =
      std::numeric_limits<std::int64_t>::min();  // and the one its owner lined up for
};

}  // namespace strait::inline STRAIT_ABI::detail

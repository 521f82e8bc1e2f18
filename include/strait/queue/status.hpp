// SPDX-License-Identifier: BSL-1.0
//
// What a queue says. A queue knows messages and never sleeps.
#pragma once

#include <cstdint>

#include <strait/base/config.hpp>

namespace strait::inline STRAIT_ABI::detail {

enum class queue_status : std::uint8_t {
  ok,
  closed,       ///< push: no message goes in any more. pop: and none is left
  would_block,  ///< push: full. pop: empty
  busy  ///< neither: another thread is in the middle of its own push or pop of that place; or (sight::own)
  ///< there is nothing to be had, and why would take a longer look
};

/// How far an attempt looks before it says why it came to nothing. The other side writes its word with each message, so
/// a look takes that word's cache line from who is about to make what we wait for: between two threads that wait for
/// each other a message takes three times as long then (docs/benchmarks/waiting.md).
enum class sight : std::uint8_t {
  own,  ///< at its own side's word and at the place: where these do not tell, busy
  both  ///< at the other side's word as well: full, empty and the end are true of one instant
};

}  // namespace strait::inline STRAIT_ABI::detail

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
  busy          ///< neither: another thread is in the middle of its own push or pop of that place
};

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// How long an operation may wait: not at all, for ever, until an instant, or until it is told to stop.
#pragma once

#include <strait/base/sync.hpp>
#include <strait/error.hpp>
#include <strait/wait/deadline.hpp>

namespace strait::inline STRAIT_ABI::detail {

struct patience {
  bool only_try = false;
  deadline until = deadline::never();
  const stop_token* stop = nullptr;

  // What needs no time and no token is there already: an operation that need not wait builds nothing.
  static const patience& none() noexcept;
  static const patience& forever() noexcept;
  static patience till(deadline d) noexcept { return {false, d, nullptr}; }
  static patience unless(const stop_token& t) noexcept {
    return {false, deadline::never(), t.stop_possible() ? &t : nullptr};
  }

  /// Whether it waits, and only partners end the wait.
  bool has_no_end() const noexcept { return !only_try && stop == nullptr && until.is_never(); }

  /// Why the wait is over, or success if it is not.
  errc exhausted() const noexcept {
    if (stop != nullptr && stop->stop_requested()) return errc::cancelled;
    if (until.passed()) return errc::timeout;
    return success;
  }
};

inline constexpr patience only_one_try{true, deadline::never(), nullptr};
inline constexpr patience endless;
inline const patience& patience::none() noexcept { return only_one_try; }
inline const patience& patience::forever() noexcept { return endless; }

}  // namespace strait::inline STRAIT_ABI::detail

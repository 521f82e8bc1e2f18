// SPDX-License-Identifier: BSL-1.0
//
// How to wait a little. `spin` gives up after about one to two microseconds: the caller then sleeps.
// `wait` never gives up and is for the rare wait on a thread that is in the middle of a few
// instructions: it soon gives the processor away, so that the other can finish on a single core.
#pragma once

#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

class backoff {
 public:
  /// Waits a little longer each time; false when it is time to sleep. Never waits on one processor.
  bool spin() noexcept {
    if (step_ >= spin_steps || sync::processors() == 1) return false;
    for (unsigned i = 0; i < (1U << step_); ++i) sync::pause();
    ++step_;
    return true;
  }

  /// Waits for another thread that is about to finish; yields after the spinning phase.
  void wait() noexcept {
    if (!spin()) sync::yield();
  }

 private:
  static constexpr unsigned spin_steps = 7;  // 1 + 2 + ... + 64 pauses
  unsigned step_ = 0;
};

}  // namespace strait::inline STRAIT_ABI::detail

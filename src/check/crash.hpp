// SPDX-License-Identifier: BSL-1.0
//
// A wild pointer in the code under check ends the exploration with a report, not the process.
#pragma once

#include <csignal>

namespace strait::check::detail {

/// While it lives, a fault in explored code is a failure of the schedule that runs. Handled on a stack of its
/// own, so that an exhausted stack is reported too. Elsewhere a fault does what it did before.
class crash_trap {
 public:
  crash_trap() noexcept;
  ~crash_trap();
  crash_trap(const crash_trap&) = delete;
  crash_trap& operator=(const crash_trap&) = delete;

 private:
  static constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  struct sigaction before_[4];
  stack_t stack_before_;
};

}  // namespace strait::check::detail

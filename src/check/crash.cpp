// SPDX-License-Identifier: BSL-1.0
#include "crash.hpp"

#include <ucontext.h>

#include <cstddef>

#include "machine.hpp"

namespace strait::check::detail {

namespace {

const void* code_of(const void* context) noexcept {
  const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return reinterpret_cast<const void*>(registers.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<const void*>(registers.pc);
#else
  (void)registers;
  return nullptr;
#endif
}

// The handler leaves for the host's fiber and never returns; SA_NODEFER keeps the signal deliverable.
void on_fault(int signal, siginfo_t* info, void* context) {
  if (machine* m = running(); m != nullptr) m->crashed(signal, info->si_addr, code_of(context));
  std::signal(signal,
              SIG_DFL);  // not ours: it happens again, and ends the process as it would have
}

}  // namespace

crash_trap::crash_trap() noexcept {
  static char stack[std::size_t{128} << 10U];
  stack_t ours = {};
  ours.ss_sp = stack;
  ours.ss_size = sizeof stack;
  ::sigaltstack(&ours, &stack_before_);
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_ONSTACK | SA_SIGINFO | SA_NODEFER;
  for (int i = 0; i < 4; ++i) ::sigaction(signals[i], &action, &before_[i]);
}

crash_trap::~crash_trap() {
  for (int i = 0; i < 4; ++i) ::sigaction(signals[i], &before_[i], nullptr);
  ::sigaltstack(&stack_before_, nullptr);
}

}  // namespace strait::check::detail

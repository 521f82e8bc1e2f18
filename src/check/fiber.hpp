// SPDX-License-Identifier: BSL-1.0
//
// A thread of the program under check: a stack and a place to go on. Switching is a _setjmp and a
// _longjmp (no system call); only the first entry needs a context of its own (makecontext). Finished
// fibers keep their stack and their first frame, so an execution costs no system call at all.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstring>

#include <cxxabi.h>
#include <sys/mman.h>
#include <ucontext.h>

namespace strait::check::detail {

class fiber {
 public:
  using entry = void (*)();

  /// `stack` is the lowest address. `loop` never returns: it runs one job after the other.
  void prepare(void* stack, std::size_t bytes, entry loop) noexcept {
    stack_ = stack;
    bytes_ = bytes;
    loop_ = loop;
    started_ = false;
  }

  /// The running fiber (or the host) waits here while `next` goes on.
  __attribute__((noinline)) void switch_to(fiber& next) noexcept {
    save_exceptions();
    if (_setjmp(context_) == 0) next.resume();
    load_exceptions();
  }

  /// Whatever was on its stack is forgotten.
  void abandon() noexcept { started_ = false; }

 private:
  // What the C++ runtime keeps for each thread: caught exceptions, and how many are on their way.
  struct exceptions {
    void* caught;
    unsigned uncaught;
  };

  void save_exceptions() noexcept {
    std::memcpy(&exceptions_, abi::__cxa_get_globals(), sizeof exceptions_);
  }
  void load_exceptions() noexcept {
    std::memcpy(static_cast<void*>(abi::__cxa_get_globals()), &exceptions_, sizeof exceptions_);
  }

  [[noreturn]] void resume() noexcept {
    if (started_) _longjmp(context_, 1);
    started_ = true;
    exceptions none{nullptr, 0};
    std::memcpy(static_cast<void*>(abi::__cxa_get_globals()), &none, sizeof none);
    ucontext_t fresh;
    ::getcontext(&fresh);
    fresh.uc_stack.ss_sp = stack_;
    fresh.uc_stack.ss_size = bytes_;
    fresh.uc_link = nullptr;
    ::makecontext(&fresh, loop_, 0);
    ::setcontext(&fresh);
    __builtin_trap();
  }

  void* stack_ = nullptr;
  std::size_t bytes_ = 0;
  entry loop_ = nullptr;
  bool started_ = true;  // the host is
  std::jmp_buf context_;
  exceptions exceptions_{nullptr, 0};
};

}  // namespace strait::check::detail

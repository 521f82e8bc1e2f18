// SPDX-License-Identifier: BSL-1.0
//
// The addresses of the explored program: its heap (the arena), then a stack for each thread. They are the same in
// each execution, so a run can be repeated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "memory.hpp"
#include "pages.hpp"

namespace strait::check::detail {

class region {
 public:
  static constexpr std::size_t arena_bytes = std::size_t{8} << 20;
  static constexpr std::size_t stack_bytes = std::size_t{256} << 10;
  static constexpr std::size_t bytes = arena_bytes + max_threads * stack_bytes;

  region() {
    for (int i = 0; i < max_threads; ++i) ::mprotect(stack_of(i), guard_bytes, PROT_NONE);
  }

  bool contains(const void* p) const noexcept { return offset_of(p) < bytes; }
  bool in_arena(const void* p) const noexcept { return offset_of(p) < arena_bytes; }
  /// From the first byte; of an address outside, more than there are.
  std::size_t offset_of(const void* p) const noexcept {
    return reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(pages_.data());
  }

  char* arena() const noexcept { return pages_.data(); }
  char* stack_of(int thread) const noexcept {
    return arena() + arena_bytes + static_cast<std::size_t>(thread) * stack_bytes;
  }
  std::uintptr_t end_of_stack(int thread) const noexcept {
    return reinterpret_cast<std::uintptr_t>(stack_of(thread)) + stack_bytes;
  }
  /// The thread that has this on its stack: of an address behind the arena.
  int owner_of(const void* p) const noexcept {
    return static_cast<int>((offset_of(p) - arena_bytes) / stack_bytes);
  }

  std::string name_of(const void* p) const {
    char text[32];
    if (!contains(p)) {
      std::snprintf(text, sizeof text, "%p", p);
    } else if (in_arena(p)) {
      std::snprintf(text, sizeof text, "heap+%zx", offset_of(p));
    } else {
      const std::size_t offset = offset_of(p) - arena_bytes;
      std::snprintf(text, sizeof text, "stack%zu+%zx", offset / stack_bytes,
                    stack_bytes - offset % stack_bytes);
    }
    return text;
  }

 private:
  static constexpr std::size_t guard_bytes = 4096;  // at the end of each stack

  pages<char> pages_{bytes};
};

}  // namespace strait::check::detail

// SPDX-License-Identifier: BSL-1.0
//
// What a compiler emits for -fsanitize=thread, answered by the explorer instead of ThreadSanitizer's
// runtime: every access to plain memory in code that was compiled so is checked for races and for
// memory that is gone. Such code is linked without -fsanitize=thread.
//
// Source of the names: the interface between compilers and the ThreadSanitizer runtime in LLVM's
// compiler-rt. This file itself is compiled without instrumentation.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "machine.hpp"

using strait::check::detail::plain_access;

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
// A destructor stores its own class's table pointer again: that is no change anybody can see.
void __tsan_vptr_update(void** p, void* v) {
  plain_access(p, sizeof *p, *p != v, __builtin_return_address(0));
}
void __tsan_vptr_read(void** p) { plain_access(p, sizeof *p, false, __builtin_return_address(0)); }

#define STRAIT_ACCESS(n)                                                                        \
  void __tsan_read##n(void* p) { plain_access(p, n, false, __builtin_return_address(0)); }      \
  void __tsan_write##n(void* p) { plain_access(p, n, true, __builtin_return_address(0)); }      \
  void __tsan_read_write##n(void* p) { plain_access(p, n, true, __builtin_return_address(0)); } \
  void __tsan_unaligned_read##n(void* p) {                                                      \
    plain_access(p, n, false, __builtin_return_address(0));                                     \
  }                                                                                             \
  void __tsan_unaligned_write##n(void* p) {                                                     \
    plain_access(p, n, true, __builtin_return_address(0));                                      \
  }                                                                                             \
  void __tsan_unaligned_read_write##n(void* p) {                                                \
    plain_access(p, n, true, __builtin_return_address(0));                                      \
  }                                                                                             \
  void __tsan_volatile_read##n(void* p) {                                                       \
    plain_access(p, n, false, __builtin_return_address(0));                                     \
  }                                                                                             \
  void __tsan_volatile_write##n(void* p) { plain_access(p, n, true, __builtin_return_address(0)); }
STRAIT_ACCESS(1)
STRAIT_ACCESS(2)
STRAIT_ACCESS(4)
STRAIT_ACCESS(8)
STRAIT_ACCESS(16)

void __tsan_read_range(void* p, std::size_t n) {
  plain_access(p, n, false, __builtin_return_address(0));
}
void __tsan_write_range(void* p, std::size_t n) {
  plain_access(p, n, true, __builtin_return_address(0));
}
void* __tsan_memcpy(void* to, const void* from, std::size_t n) {
  plain_access(from, n, false, __builtin_return_address(0));
  plain_access(to, n, true, __builtin_return_address(0));
  return std::memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, std::size_t n) {
  plain_access(from, n, false, __builtin_return_address(0));
  plain_access(to, n, true, __builtin_return_address(0));
  return std::memmove(to, from, n);
}
void* __tsan_memset(void* to, int c, std::size_t n) {
  plain_access(to, n, true, __builtin_return_address(0));
  return std::memset(to, c, n);
}

// std::atomic in instrumented code (GoogleTest, shared_ptr): the program's own business, done as asked.
#define STRAIT_ATOMIC(bits, type)                                                                  \
  type __tsan_atomic##bits##_load(const volatile type* p, int) {                                   \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                   \
  }                                                                                                \
  void __tsan_atomic##bits##_store(volatile type* p, type v, int) {                                \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                \
  type __tsan_atomic##bits##_exchange(volatile type* p, type v, int) {                             \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                            \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_add(volatile type* p, type v, int) {                            \
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_sub(volatile type* p, type v, int) {                            \
    return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_and(volatile type* p, type v, int) {                            \
    return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_or(volatile type* p, type v, int) {                             \
    return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                              \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_xor(volatile type* p, type v, int) {                            \
    return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* p, type* e, type v, int, int) { \
    return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* p, type* e, type v, int, int) {   \
    return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }                                                                                                \
  type __tsan_atomic##bits##_compare_exchange_val(volatile type* p, type e, type v, int, int) {    \
    __atomic_compare_exchange_n(p, &e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);              \
    return e;                                                                                      \
  }
STRAIT_ATOMIC(8, std::uint8_t)
STRAIT_ATOMIC(16, std::uint16_t)
STRAIT_ATOMIC(32, std::uint32_t)
STRAIT_ATOMIC(64, std::uint64_t)

void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"

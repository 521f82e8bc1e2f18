// SPDX-License-Identifier: BSL-1.0
//
// A base for what lives on the heap by itself: its memory comes from the seam (sync.hpp), so that the
// explorer sees when it is leaked, used after its end, or read without an order.
#pragma once

#include <cstddef>
#include <new>

#include <strait/base/config.hpp>
#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

class heap_object {
 public:
  static void* operator new(std::size_t bytes) { return sync::allocate(bytes, 1); }
  static void* operator new(std::size_t bytes, std::align_val_t align) {
    return sync::allocate(bytes, static_cast<std::size_t>(align));
  }
  static void operator delete(void* p) noexcept { sync::deallocate(p, 1); }
  static void operator delete(void* p, std::align_val_t align) noexcept {
    sync::deallocate(p, static_cast<std::size_t>(align));
  }

 protected:
  heap_object() = default;
  ~heap_object() = default;
};

}  // namespace strait::inline STRAIT_ABI::detail

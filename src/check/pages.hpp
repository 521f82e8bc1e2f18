// SPDX-License-Identifier: BSL-1.0
//
// Memory from the kernel: zeroes, and none is taken before it is written.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include <sys/mman.h>

namespace strait::check::detail {

/// An array of `count` objects whose bytes are zero.
template <class T>
class pages {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  explicit pages(std::size_t count) : bytes_(count * sizeof(T)) {
    void* p = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
      std::fprintf(stderr, "strait::check: no address space for %zu bytes\n", bytes_);
      std::abort();
    }
    first_ = static_cast<T*>(p);
  }
  ~pages() { ::munmap(first_, bytes_); }
  pages(const pages&) = delete;
  pages& operator=(const pages&) = delete;

  T* data() const noexcept { return first_; }
  T& operator[](std::size_t i) const noexcept { return first_[i]; }
  void zero() noexcept { std::memset(static_cast<void*>(first_), 0, bytes_); }

 private:
  std::size_t bytes_;
  T* first_;
};

}  // namespace strait::check::detail

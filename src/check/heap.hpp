// SPDX-License-Identifier: BSL-1.0
//
// The heap of the explored program: each block at addresses that no other block of the execution has, so that what
// was freed is known for good.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "memory.hpp"
#include "pages.hpp"
#include "region.hpp"

namespace strait::check::detail {

class heap {
 public:
  struct block {
    char* first;
    std::size_t bytes;
    bool live;
    where at;
    where freed;
  };

  explicit heap(const region& in) noexcept : arena_(in.arena()) {}

  void begin_execution() noexcept {
    used_ = 0;
    blocks_.clear();
  }

  /// Null: no room.
  block* allocate(std::size_t bytes, std::size_t align, bool zeroed, where at) {
    align = std::max(align, alignment);
    const std::size_t first =
        (used_ + alignment + align - 1) / align * align;  // some bytes between blocks
    if (first > region::arena_bytes || bytes > region::arena_bytes - first) return nullptr;
    used_ = first + bytes;
    std::memset(arena_ + first, zeroed ? 0 : 0xA5, bytes);
    std::fill_n(&number_at_[first / alignment], bytes / alignment + 1,
                static_cast<std::uint32_t>(blocks_.size()));
    return &blocks_.emplace_back(block{arena_ + first, bytes, true, at, {nullptr, 0}});
  }

  /// The block, live or freed, that holds all of these bytes of the arena; or null.
  block* holding(const void* p, std::size_t bytes) noexcept {
    const auto* from = static_cast<const char*>(p);
    const std::uint32_t number = number_at_[static_cast<std::size_t>(from - arena_) / alignment];
    if (number >= blocks_.size()) return nullptr;
    block& b = blocks_[number];
    return from >= b.first && from + bytes <= b.first + b.bytes ? &b : nullptr;
  }

  /// The block that begins there; or null.
  block* beginning(const void* p) noexcept {
    const auto b = std::lower_bound(blocks_.begin(), blocks_.end(), static_cast<const char*>(p),
                                    [](const block& k, const char* x) { return k.first < x; });
    return b != blocks_.end() && b->first == p ? &*b : nullptr;
  }

  /// The first that was not freed; or null.
  const block* leaked() const noexcept {
    const auto b =
        std::find_if(blocks_.begin(), blocks_.end(), [](const block& k) { return k.live; });
    return b != blocks_.end() ? &*b : nullptr;
  }

 private:
  static constexpr std::size_t alignment = 16;

  char* arena_;
  std::size_t used_ = 0;
  std::vector<block> blocks_;  // in the order of their addresses
  // For each 16 bytes of the arena its number among them, or one from an earlier execution.
  pages<std::uint32_t> number_at_{region::arena_bytes / alignment + 1};
};

}  // namespace strait::check::detail

// SPDX-License-Identifier: BSL-1.0
//
// Small random numbers for fairness, several from one draw.
#pragma once

#include <cstddef>
#include <cstdint>

#include <strait/base/config.hpp>
#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

class dice {
 public:
  /// One of 0 ... n - 1; the bias is below n / 2^32 (multiply and shift, Lemire 2019).
  std::size_t below(std::size_t n) noexcept {
    if (rolls_++ % 8 == 0) [[unlikely]]
      state_ = sync::random();
    state_ = state_ * 0xD1342543DE82EF95U +
             0x9E3779B97F4A7C15U;  // a generator of its own (Steele, Vigna 2021)
    return static_cast<std::size_t>(((state_ >> 32) * n) >> 32);
  }

 private:
  std::uint64_t state_ = 0;
  std::uint32_t rolls_ = 0;
};

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// How much: STRAIT_STRESS multiplies every count (1 is the everyday run, seconds a binary); under a
// sanitizer, where each step costs five to fifteen times more, the everyday run shrinks by itself.
#pragma once

#include <cstdint>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRAIT_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define STRAIT_TEST_SANITIZED 1
#endif
#endif
#ifndef STRAIT_TEST_SANITIZED
#define STRAIT_TEST_SANITIZED 0
#endif

namespace strait_test {

inline constexpr bool sanitized = STRAIT_TEST_SANITIZED != 0;

inline double scale() {
  static const double value = [] {
    double base = sanitized ? 0.1 : 0.3;
#ifndef NDEBUG
    base *= 0.5;
#endif
    if (const char* text = std::getenv("STRAIT_STRESS"); text != nullptr && *text != '\0') {
      const double factor = std::strtod(text, nullptr);
      if (factor > 0) base *= factor;
    }
    return base;
  }();
  return value;
}

/// `n` of the everyday run, at least `least`.
inline std::uint64_t scaled(std::uint64_t n, std::uint64_t least = 1) {
  const double want = static_cast<double>(n) * scale();
  return want < static_cast<double>(least) ? least : static_cast<std::uint64_t>(want);
}

}  // namespace strait_test

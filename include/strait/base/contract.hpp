// SPDX-License-Identifier: BSL-1.0
//
// STRAIT_EXPECTS(condition, "sentence")  the caller's mistake: always checked, says the sentence, aborts
// STRAIT_ASSERT(condition)               ours: checked unless NDEBUG
//
// A contract is broken by a bug in the program, not by bad luck at run time; bad luck is an errc.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <strait/base/config.hpp>

namespace strait::inline STRAIT_ABI::detail {

[[noreturn]] STRAIT_COLD inline void contract_broken(const char* what, const char* file,
                                                     int line) noexcept {
  std::fprintf(stderr, "%s:%d: strait: %s\n", file, line, what);
  std::abort();
}

}  // namespace strait::inline STRAIT_ABI::detail

#define STRAIT_EXPECTS(condition, sentence) \
  ((condition) ? void() : ::strait::detail::contract_broken(sentence, __FILE__, __LINE__))

#ifdef NDEBUG
#define STRAIT_ASSERT(condition) void()
#else
#define STRAIT_ASSERT(condition) \
  ((condition)                   \
       ? void()                  \
       : ::strait::detail::contract_broken("internal error: " #condition, __FILE__, __LINE__))
#endif

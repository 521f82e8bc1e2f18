// SPDX-License-Identifier: BSL-1.0
//
// tools/mutate writes these calls into a copy of the headers: all mutants are in one build, and the
// environment chooses which one lives (STRAIT_MUTANT=number; none: the headers as they are).
#pragma once

#include <type_traits>
#include <utility>

namespace strait_mutant {

/// Whether mutant n lives. Notes that its place was reached.
bool lives(int n) noexcept;

constexpr bool at(int n) noexcept { return !std::is_constant_evaluated() && lives(n); }

template <class T>
[[gnu::always_inline]] constexpr T pick(T original, int n, T other) noexcept {
  return at(n) ? other : original;
}
template <class T>
[[gnu::always_inline]] constexpr T pick(T original, int n, T other, int n2, T other2) noexcept {
  return at(n) ? other : at(n2) ? other2 : original;
}

// a OP b, or with another operator; with the sides exchanged where there is no other (a time less a time).
#define STRAIT_MUTANT_OPERATOR(name, op, op1)                                                  \
  template <class A, class B>                                                                  \
  [[gnu::always_inline]] constexpr auto name(A&& a, B&& b, int n) noexcept(noexcept(a op b)) { \
    if (at(n)) {                                                                               \
      if constexpr (requires { static_cast<decltype(a op b)>(a op1 b); }) {                    \
        return static_cast<decltype(a op b)>(a op1 b);                                         \
      } else {                                                                                 \
        return b op a;                                                                         \
      }                                                                                        \
    }                                                                                          \
    return a op b;                                                                             \
  }
STRAIT_MUTANT_OPERATOR(equal, ==, !=)
STRAIT_MUTANT_OPERATOR(unequal, !=, ==)
STRAIT_MUTANT_OPERATOR(plus, +, -)
STRAIT_MUTANT_OPERATOR(minus, -, +)
#undef STRAIT_MUTANT_OPERATOR

// a OP b; or with the bound shifted by one (`b back a` is what a type with nothing but < has); or negated.
#define STRAIT_MUTANT_ORDER(name, op, shifted, back)                              \
  template <class A, class B>                                                     \
  [[gnu::always_inline]] constexpr bool name(A&& a, B&& b, int n,                 \
                                             int n2) noexcept(noexcept(a op b)) { \
    if (at(n)) {                                                                  \
      if constexpr (requires { a shifted b; }) {                                  \
        return a shifted b;                                                       \
      } else {                                                                    \
        return !(b back a);                                                       \
      }                                                                           \
    }                                                                             \
    return at(n2) ? !(a op b) : a op b;                                           \
  }
STRAIT_MUTANT_ORDER(less, <, <=, <)
STRAIT_MUTANT_ORDER(less_equal, <=, <, <=)
STRAIT_MUTANT_ORDER(greater, >, >=, >)
STRAIT_MUTANT_ORDER(greater_equal, >=, >, >=)
#undef STRAIT_MUTANT_ORDER

/// a + 1 or a - 1 without the 1.
template <class A, class B>
[[gnu::always_inline]] constexpr auto plus_one(A&& a, B&& b, int n) noexcept {
  return at(n) ? static_cast<decltype(a + b)>(a) : a + b;
}
template <class A, class B>
[[gnu::always_inline]] constexpr auto minus_one(A&& a, B&& b, int n) noexcept {
  return at(n) ? static_cast<decltype(a - b)>(a) : a - b;
}

}  // namespace strait_mutant

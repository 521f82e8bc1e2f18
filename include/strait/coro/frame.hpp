// SPDX-License-Identifier: BSL-1.0
//
// What may live in a coroutine's frame, and what in a co_await expression.
#pragma once

#include <new>
#include <type_traits>

#include <strait/base/config.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// Whether a temporary T in a co_await expression is safe with this compiler.
template <class T>
inline constexpr bool safe_aggregate =
    !STRAIT_GCC_DESTROYS_TWICE || std::is_trivially_destructible_v<T> || !std::is_aggregate_v<T>;
template <class F>
inline constexpr bool safe_callable =
    !STRAIT_GCC_DESTROYS_TWICE || std::is_trivially_destructible_v<F>;

/// Compilers place a coroutine's frame as `new` does and no stricter, so such a message cannot live in it.
template <class... T>
inline constexpr bool fits_a_frame = ((alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) && ...);

}  // namespace strait::inline STRAIT_ABI::detail

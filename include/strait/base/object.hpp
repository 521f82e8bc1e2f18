// SPDX-License-Identifier: BSL-1.0
//
// Beginning and ending an object's life in place. The standard's words for it are in <memory>, whose
// smart pointers would cost every user of a channel a tenth of a second of compile time.
#pragma once

#include <new>
#include <utility>

#include <strait/base/config.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T>
constexpr T* address_of(T& object) noexcept {
  return __builtin_addressof(object);
}

template <class T, class... Args>
void construct(T& where, Args&&... args) noexcept(noexcept(T(std::forward<Args>(args)...))) {
  ::new (static_cast<void*>(detail::address_of(where))) T(std::forward<Args>(args)...);
}

template <class T>
void destroy(T& object) noexcept {
  object.~T();
}

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// What a select arm's handler takes: the message, the result, or nothing. Decided at compile time, in this
// order: a handler whose one declared parameter is a T takes the message; one that can be called with the
// result (a generic lambda always can) takes that; one that can be called with a T takes the message.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <strait/error.hpp>

namespace strait::inline STRAIT_ABI::detail {

struct no_handler {
  void operator()() const noexcept {}
};

// ---- what a handler takes ----

/// The one declared parameter of a handler, if it has exactly one and is not overloaded or generic.
template <class F>
struct declared_parameter {};
template <class R, class A>
struct declared_parameter<R (*)(A)> {
  using type = A;
};
template <class R, class A>
struct declared_parameter<R (*)(A) noexcept> {
  using type = A;
};
template <class R, class C, class A>
struct declared_parameter<R (C::*)(A)> {
  using type = A;
};
template <class R, class C, class A>
struct declared_parameter<R (C::*)(A) const> {
  using type = A;
};
template <class R, class C, class A>
struct declared_parameter<R (C::*)(A) noexcept> {
  using type = A;
};
template <class R, class C, class A>
struct declared_parameter<R (C::*)(A) const noexcept> {
  using type = A;
};
template <class F>
  requires requires { &F::operator(); }
struct declared_parameter<F> : declared_parameter<decltype(&F::operator())> {};

template <class F, class T>
concept declares_message = requires {
  typename declared_parameter<F>::type;
} && std::is_same_v<std::remove_cvref_t<typename declared_parameter<F>::type>, T>;

template <class F, class Arg>
concept takes = std::invocable<F&, Arg> || std::invocable<F&, Arg&>;

enum class handler_takes { message, result, nothing };

template <class F, class T>
constexpr handler_takes what_recv_handler_takes() {
  if constexpr (declares_message<F, T>) {
    return handler_takes::message;
  } else if constexpr (takes<F, recv_result<T>>) {
    return handler_takes::result;
  } else if constexpr (takes<F, T>) {
    return handler_takes::message;
  } else {
    return handler_takes::nothing;
  }
}

template <class F, class Arg>
void call_handler(F& handler, Arg& argument) {
  if constexpr (std::invocable<F&, Arg>) {
    (void)std::invoke(handler, std::move(argument));
  } else {
    (void)std::invoke(handler, argument);
  }
}

}  // namespace strait::inline STRAIT_ABI::detail

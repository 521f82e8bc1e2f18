// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace strait_test {

/// A coroutine that runs until its first suspension, and whose frame belongs to this object.
class owned_coroutine {
 public:
  struct promise_type {
    owned_coroutine get_return_object() noexcept {
      return owned_coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };

  explicit owned_coroutine(std::coroutine_handle<promise_type> h) noexcept : coroutine_(h) {}
  owned_coroutine(owned_coroutine&& other) noexcept
      : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  owned_coroutine& operator=(owned_coroutine&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~owned_coroutine() {
    if (coroutine_) coroutine_.destroy();
  }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

}  // namespace strait_test

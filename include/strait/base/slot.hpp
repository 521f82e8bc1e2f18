// SPDX-License-Identifier: BSL-1.0
//
// Room for one T whose lifetime the owner of the slot runs by hand. A slot never knows whether it is
// full: the algorithm around it does (by a turn, a flag, an index), and that word's order edges are
// what makes the plain accesses here race-free.
#pragma once

#include <utility>

#include <strait/base/object.hpp>

namespace strait::inline STRAIT_ABI::detail {

template <class T>
class slot {
 public:
  slot() noexcept {}
  slot(const slot&) = delete;
  slot& operator=(const slot&) = delete;
  ~slot() {}

  void construct(T&& message) noexcept { detail::construct(value_, std::move(message)); }

  /// Hands the message to `sink` and ends its life here. `sink` must not throw.
  template <class Sink>
  void take(Sink&& sink) noexcept {
    sink(std::move(value_));
    detail::destroy(value_);
  }

 private:
  union {
    T value_;
  };
};

}  // namespace strait::inline STRAIT_ABI::detail

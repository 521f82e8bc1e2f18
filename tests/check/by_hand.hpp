// SPDX-License-Identifier: BSL-1.0
//
// Coroutines in models, a turn at a time.
#pragma once

#include <strait/strait.hpp>

namespace strait_test {

/// A scheduler that runs nothing by itself: what is posted to it waits until turn() is called.
class by_hand final : public strait::scheduler {
 public:
  void post(strait::detail::runnable& r) noexcept override { queue_.push_back(r); }
  void withdraw(strait::detail::runnable& r) noexcept override {
    strait::detail::run_queue::withdraw(r);
  }
  void add(strait::detail::timer_entry&) noexcept override {}
  void remove(strait::detail::timer_entry&) noexcept override {}

  template <class T>
  void start(strait::task<T>& t, strait::detail::task_end& end) {
    strait::detail::enter_loop loop(this);
    strait::detail::task_access::run(t, end);
    loop.drain();
  }
  /// Runs what was posted; whether there was anything.
  bool turn() {
    strait::detail::enter_loop loop(this);
    strait::detail::runnable* r = queue_.pop();
    if (r == nullptr) return false;
    r->run();
    loop.drain();
    return true;
  }

 private:
  strait::detail::run_queue queue_;
};

struct told final : strait::detail::task_end {
  void ended() noexcept override { done = true; }
  bool done = false;
};

}  // namespace strait_test

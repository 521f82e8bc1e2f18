// SPDX-License-Identifier: BSL-1.0
// expect: compiles
#include <atomic>
#include <deque>
#include <memory>
#include <string>

#include <strait/strait.hpp>

// What the message_* cases are refused for, done right.
struct alignas(256) over_aligned {
  char bytes[256];
};
struct empty {};
struct not_default {
  explicit not_default(int) {}
};

auto text = strait::unbounded<std::string>();
auto pointer = strait::bounded<std::unique_ptr<std::deque<int>>>(4);
auto boxed_atomic = strait::spsc::unbounded<std::unique_ptr<std::atomic<int>>>();
auto wide = strait::mpsc::bounded<over_aligned>(2);
auto nothing = strait::rendezvous<empty>();
auto made = strait::oneshot<not_default>();

static_assert(strait::message<std::string>);
static_assert(!strait::message<std::string&> && !strait::message<const int> &&
              !strait::message<void> && !strait::message<int[2]>);

// SPDX-License-Identifier: BSL-1.0
//
// Histories of real threads: random programs of three threads, four calls and a close each.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "judge.hpp"
#include "programs.hpp"

using namespace strait_test;

namespace {

constexpr std::size_t no_bound = static_cast<std::size_t>(-1);

int rounds() {
  const char* text = std::getenv("STRAIT_HISTORIES");
  return text == nullptr ? 1500 : std::atoi(text);
}

using calls = std::vector<call>;

calls some(std::mt19937& random, const calls& menu) {
  calls c(4);
  for (call& one : c) one = menu[random() % menu.size()];
  return c;
}

template <class Make>
void try_many(std::size_t capacity, bool second_sender, bool second_receiver, Make make) {
  static const calls sending = {call::send, call::send, call::try_send, call::send_for, call::size};
  static const calls receiving = {call::recv, call::recv, call::try_recv, call::recv_for,
                                  call::size};
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  const int n = rounds();
  for (int i = 0; i < n; ++i) {
    const calls s1 = some(random, sending), r1 = some(random, receiving);
    const calls s2 = second_sender ? some(random, sending) : calls();
    const calls r2 = second_receiver ? some(random, receiving) : calls();
    const auto ends = make();
    const history h = run<std::thread>({{s1, s2}, {r1, r2}}, ends);
    ASSERT_TRUE(linearizable(h, capacity)) << "seed " << seed << ", round " << i << "\n"
                                           << to_text(h);
  }
  std::printf("  %d histories\n", n);
}

template <class Make>
void every_capacity(bool second_sender, bool second_receiver, Make make) {
  for (std::size_t capacity : {no_bound, std::size_t{1}, std::size_t{2}, std::size_t{0}}) {
    SCOPED_TRACE(capacity == no_bound ? "unbounded" : "capacity " + std::to_string(capacity));
    try_many(capacity, second_sender, second_receiver, [&] { return make(capacity); });
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace

TEST(Histories, Mpmc) {
  const auto make = [](std::size_t n) {
    return n == no_bound ? strait::unbounded<int>() : strait::bounded<int>(n);
  };
  every_capacity(true, false, make);
  every_capacity(false, true, make);
}

TEST(Histories, Mpsc) {
  every_capacity(true, false, [](std::size_t n) {
    return n == no_bound ? strait::mpsc::unbounded<int>() : strait::mpsc::bounded<int>(n);
  });
}

TEST(Histories, Spsc) {
  every_capacity(false, false, [](std::size_t n) {
    return n == no_bound ? strait::spsc::unbounded<int>() : strait::spsc::bounded<int>(n);
  });
}

// SPDX-License-Identifier: BSL-1.0
//
// The checker itself: histories that are runs of a channel, and histories that are not.
#include <gtest/gtest.h>

#include "checker.hpp"

using namespace strait_test;

namespace {

history of(std::initializer_list<operation> calls) {
  history h;
  for (const operation& o : calls) h.add(o);
  return h;
}
operation op(int begin, int end, call what, answer how, int value = 0,
             int asleep = operation::never) {
  return {what, how, value, begin, end, asleep};
}
bool fits(std::size_t capacity, std::initializer_list<operation> calls) {
  return checker(capacity).linearizable(of(calls));
}

constexpr std::size_t no_bound = checker::unbounded;

}  // namespace

TEST(Checker, AMessageGoesThrough) {
  EXPECT_TRUE(
      fits(no_bound, {op(0, 1, call::send, answer::ok, 7), op(2, 3, call::recv, answer::ok, 7)}));
  EXPECT_TRUE(
      fits(no_bound, {op(1, 2, call::send, answer::ok, 7), op(0, 3, call::recv, answer::ok, 7)}));
}

TEST(Checker, NothingIsInventedOrTakenTwiceOrTooEarly) {
  EXPECT_FALSE(fits(no_bound, {op(0, 1, call::recv, answer::ok, 7)}));
  EXPECT_FALSE(
      fits(no_bound, {op(0, 1, call::send, answer::ok, 7), op(2, 3, call::recv, answer::ok, 8)}));
  EXPECT_FALSE(
      fits(no_bound, {op(0, 1, call::send, answer::ok, 7), op(2, 5, call::recv, answer::ok, 7),
                      op(3, 4, call::recv, answer::ok, 7)}));
  EXPECT_FALSE(
      fits(no_bound, {op(2, 3, call::send, answer::ok, 7), op(0, 1, call::recv, answer::ok, 7)}));
}

TEST(Checker, Order) {
  const auto two = [](int first, int second) {
    return fits(no_bound, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::send, answer::ok, 2),
                           op(4, 5, call::recv, answer::ok, first),
                           op(6, 7, call::recv, answer::ok, second)});
  };
  EXPECT_TRUE(two(1, 2));
  EXPECT_FALSE(two(2, 1));
  // Sends at the same time have either order.
  EXPECT_TRUE(
      fits(no_bound, {op(0, 3, call::send, answer::ok, 1), op(1, 2, call::send, answer::ok, 2),
                      op(4, 5, call::recv, answer::ok, 2), op(6, 7, call::recv, answer::ok, 1)}));
}

TEST(Checker, FalseEmptyAndFalseFull) {
  EXPECT_FALSE(fits(no_bound,
                    {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::try_recv, answer::nothing),
                     op(4, 5, call::recv, answer::ok, 1)}));
  EXPECT_TRUE(fits(no_bound,
                   {op(0, 3, call::send, answer::ok, 1), op(1, 2, call::try_recv, answer::nothing),
                    op(4, 5, call::recv, answer::ok, 1)}));
  EXPECT_FALSE(
      fits(2, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::try_send, answer::nothing, 2)}));
  EXPECT_TRUE(
      fits(1, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::try_send, answer::nothing, 2)}));
  EXPECT_FALSE(fits(1, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::send, answer::ok, 2)}));
  EXPECT_FALSE(fits(
      no_bound, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::recv_for, answer::timeout)}));
}

TEST(Checker, SizeAndClose) {
  EXPECT_TRUE(fits(2, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::size, answer::ok, 1)}));
  EXPECT_FALSE(fits(2, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::size, answer::ok, 0)}));
  EXPECT_FALSE(
      fits(no_bound, {op(0, 1, call::close, answer::ok), op(2, 3, call::send, answer::ok, 1)}));
  EXPECT_FALSE(
      fits(no_bound, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::close, answer::ok),
                      op(4, 5, call::recv, answer::closed)}));
  EXPECT_TRUE(
      fits(no_bound, {op(0, 1, call::close, answer::ok), op(2, 3, call::recv, answer::closed)}));
  EXPECT_FALSE(
      fits(no_bound, {op(0, 1, call::recv, answer::closed), op(2, 3, call::close, answer::ok)}));
}

TEST(Checker, AtARendezvousTheyMeet) {
  EXPECT_TRUE(fits(0, {op(0, 3, call::send, answer::ok, 1), op(1, 2, call::recv, answer::ok, 1)}));
  EXPECT_FALSE(fits(0, {op(0, 1, call::send, answer::ok, 1), op(2, 3, call::recv, answer::ok, 1)}));
  EXPECT_TRUE(
      fits(0, {op(0, 3, call::recv, answer::ok, 1), op(1, 2, call::try_send, answer::ok, 1)}));
  // Two that only try never meet.
  EXPECT_FALSE(
      fits(0, {op(0, 3, call::try_recv, answer::ok, 1), op(1, 2, call::try_send, answer::ok, 1)}));
  EXPECT_TRUE(fits(0, {op(0, 3, call::send_for, answer::timeout, 1),
                       op(1, 2, call::try_recv, answer::nothing)}));
  EXPECT_FALSE(fits(
      0, {op(0, 3, call::send, answer::closed, 1), op(1, 2, call::recv_for, answer::timeout)}));
  EXPECT_TRUE(
      fits(0, {op(0, 3, call::send, answer::closed, 1), op(1, 2, call::close, answer::ok)}));
}

TEST(Checker, AtARendezvousWhoStandsInLineIsSeen) {
  // Known to stand in line from 1 on: a try at [2, 3] must meet it.
  EXPECT_FALSE(
      fits(0, {op(0, 5, call::send, answer::ok, 1, 1), op(2, 3, call::try_recv, answer::nothing),
               op(4, 6, call::recv, answer::ok, 1)}));
  EXPECT_TRUE(
      fits(0, {op(0, 5, call::send, answer::ok, 1), op(2, 3, call::try_recv, answer::nothing),
               op(4, 6, call::recv, answer::ok, 1)}));
  // And in order.
  const auto served = [](int first, int second) {
    return fits(
        0, {op(0, 9, call::send, answer::ok, 1, 1), op(2, 9, call::send, answer::ok, 2, 3),
            op(4, 5, call::recv, answer::ok, first), op(6, 7, call::recv, answer::ok, second)});
  };
  EXPECT_TRUE(served(1, 2));
  EXPECT_FALSE(served(2, 1));
}

// Any order in which the calls are written down gives the same answer.
TEST(Checker, TheOrderOfWritingDoesNotMatter) {
  std::vector<operation> calls = {
      op(0, 3, call::send, answer::ok, 1), op(1, 5, call::send, answer::ok, 2),
      op(2, 6, call::recv, answer::ok, 2), op(4, 8, call::try_recv, answer::ok, 1),
      op(7, 9, call::close, answer::ok)};
  std::vector<std::size_t> order = {0, 1, 2, 3, 4};
  do {
    history h;
    for (std::size_t i : order) h.add(calls[i]);
    EXPECT_TRUE(checker(no_bound).linearizable(h));
    h.calls[0].begin = h.calls[0].end =
        100;  // one of them much later: it cannot have been taken before
    if (sends(h.calls[0].what)) {
      EXPECT_FALSE(checker(no_bound).linearizable(h));
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

// SPDX-License-Identifier: BSL-1.0
//
// What a side of a channel learns by waiting (base/backoff.hpp). Its decisions alone: what they are worth is measured
// in docs/benchmarks/waiting.md.
#include <gtest/gtest.h>

#include <strait/base/backoff.hpp>

namespace {

using strait::detail::pace;

constexpr unsigned quick = 1, slow = 30;  // looks of a wait

class Pace : public ::testing::Test {
 protected:
  // A wait, after so many messages since the last one; whether it stays away.
  bool waits(unsigned messages, unsigned looks) {
    through_ += messages;
    const bool away = side_.stays_away(through_);
    side_.waited(looks);
    return away;
  }
  // How many quick waits for a message each come before one that stays away; at most `most`.
  unsigned follows(unsigned most) {
    for (unsigned n = 0; n < most; ++n) {
      if (waits(1, quick)) return n;
    }
    return most;
  }

 private:
  pace side_;
  std::uint64_t through_ = 0xFFFF'FFF0;  // counts may wrap around
};

TEST_F(Pace, FollowsForAWhileBeforeItStaysAway) {
  const unsigned n = follows(1000);
  EXPECT_GT(n, 1U);
  EXPECT_LT(n, 100U);
}

TEST_F(Pace, SlowWaitsNeverMakeItStayAway) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(waits(1, slow));
}

TEST_F(Pace, ASlowWaitBeginsTheCountAnew) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(waits(1, i % 4 == 0 ? slow : quick));
}

TEST_F(Pace, GoesOnAsLongAsManyMessagesCome) {
  follows(1000);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(waits(100, i % 2 == 0 ? slow : quick));
  EXPECT_FALSE(waits(1, quick)) << "one message was not worth it";
}

TEST_F(Pace, DoubtsMoreEachTimeItWasNotWorthIt) {
  unsigned last = follows(100'000);
  for (int i = 0; i < 5; ++i) {
    const unsigned n = follows(100'000);
    EXPECT_GT(n, last);
    last = n;
  }
  for (int i = 0; i < 20; ++i) last = follows(100'000);
  EXPECT_LT(last, 10'000U) << "but never for good";
}

TEST_F(Pace, DoubtsNoMoreOnceItWasWorthIt) {
  const unsigned first = follows(1000);
  for (int i = 0; i < 4; ++i) follows(1000);
  EXPECT_TRUE(waits(100, quick));
  EXPECT_FALSE(waits(1, quick));
  EXPECT_LE(follows(1000), 2 * first + 2);
}

}  // namespace

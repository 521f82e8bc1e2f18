// SPDX-License-Identifier: BSL-1.0
//
// What a side of a channel learns by waiting (base/backoff.hpp; odds and slices in base/sync.hpp). Its decisions alone: what
// they are worth is measured in docs/benchmarks/waiting.md.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include <strait/base/backoff.hpp>
#include <strait/base/sync.hpp>

namespace {

using strait::detail::backoff;
using strait::detail::last_waits;
using strait::detail::learnt_wait;
using strait::detail::pace;
using strait::sync::hand_overs;
using strait::sync::odds;
using strait::sync::slices;
using namespace std::chrono_literals;

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

// How many of so many times they were good, where those came to nothing.
int good_in_vain(odds& o, int times) {
  int good = 0;
  for (int i = 0; i < times; ++i) {
    if (!o.are_good()) continue;
    ++good;
    o.came_to(false);
  }
  return good;
}

TEST(Odds, AreGoodAtFirstAndAgainAfterASuccess) {
  odds o;
  EXPECT_TRUE(o.are_good());
  good_in_vain(o, 1000);
  EXPECT_FALSE(o.are_good() && o.are_good()) << "not twice in a row";
  o.came_to(true);
  EXPECT_GE(good_in_vain(o, 5), 5) << "a few failures say nothing";
}

TEST(Odds, AreBadAfterManyTimesInVainButTriedNowAndThen) {
  odds o;
  good_in_vain(o, 100);
  const int probes = good_in_vain(o, 10'000);
  EXPECT_GE(probes, 100);
  EXPECT_LE(probes, 1000);
}

TEST(Odds, StayGoodWhereSomeTimesComeToSomething) {
  odds o;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(o.are_good());
    o.came_to(i % 8 == 0);
  }
}

// How many of so many waits, each of which yields so often, are to sleep at once.
int sleeps_at_once(hand_overs& h, int waits, unsigned yields) {
  int n = 0;
  for (int i = 0; i < waits; ++i) {
    const bool sleeps = h.are_many();
    n += sleeps ? 1 : 0;
    h.waited(sleeps ? 0 : yields);
  }
  return n;
}

TEST(HandOvers, AreManyNowAndThenWhereEachWaitYieldsOnceOrTwice) {
  for (const unsigned yields : {1U, 2U}) {
    hand_overs h;
    EXPECT_EQ(sleeps_at_once(h, 10, yields), 0) << "a few say nothing";
    const int n = sleeps_at_once(h, 10'000, yields);
    EXPECT_GE(n, 100);
    EXPECT_LE(n, 1000);
  }
}

TEST(HandOvers, AreNotManyWherePausesSufficeOrYieldsDoNot) {
  for (const unsigned yields : {0U, 10U, strait::sync::yields_before_sleep}) {
    hand_overs h;
    EXPECT_EQ(sleeps_at_once(h, 10'000, yields), 0);
  }
}

TEST(HandOvers, AreCountedOnlyInARow) {
  hand_overs h;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(h.are_many());
    h.waited(i % 8 == 0 ? 10 : 1);
  }
}

// All pauses of a wait, and nothing came.
void pause_in_vain(backoff& b) {
  while (b.pause()) {
  }
}

// How many waits do without yields, at most `most`.
int waits_without_yields(slices& s, int most) {
  int n = 0;
  while (n < most && s.are_at_stake()) ++n;
  return n;
}

constexpr auto a_slice = 3ms;  // a kernel's
constexpr int too_many = 10'000;

TEST(Slices, AreNotAtStakeUntilOneIsLost) {
  slices s;
  EXPECT_FALSE(s.are_at_stake());
  s.yielded(s.end_turn(), 0, 2us);
  EXPECT_FALSE(s.are_at_stake());
  s.yielded(s.end_turn(), 0, a_slice);
  EXPECT_TRUE(s.are_at_stake());
}

TEST(Slices, AreAtStakeForLongerAfterEachLossButNeverForGood) {
  slices s;
  int last = 0;
  for (int i = 0; i < 4; ++i) {
    s.yielded(s.end_turn(), 0, a_slice);
    const int n = waits_without_yields(s, too_many);
    EXPECT_GT(n, last);
    last = n;
  }
  for (int i = 0; i < 20; ++i) s.yielded(s.end_turn(), 0, a_slice);
  EXPECT_LT(waits_without_yields(s, too_many), 1000);
}

TEST(Slices, AreAtStakeForShorterAfterEachYieldThatCostNoneAndSoonNotAtAll) {
  slices s;
  for (int i = 0; i < 20; ++i) s.yielded(s.end_turn(), 0, a_slice);
  int last = waits_without_yields(s, too_many);
  for (int i = 0; last > 0 && i < 10; ++i) {
    s.yielded(s.end_turn(), 0, 2us);
    const int n = waits_without_yields(s, too_many);
    EXPECT_LT(n, last);
    last = n;
  }
  EXPECT_EQ(last, 0);
}

TEST(Slices, AreNotLostWhereManyTakeTurnsOrManyMessagesGoThrough) {
  slices s;
  auto mine = s.end_turn();
  for (int i = 0; i < 100; ++i) s.end_turn();
  s.yielded(mine, 0, a_slice);
  EXPECT_FALSE(s.are_at_stake()) << "others took them";
  s.yielded(s.end_turn(), 100'000, a_slice);
  EXPECT_FALSE(s.are_at_stake()) << "they were for our messages";
  mine = s.end_turn();
  s.end_turn();
  s.yielded(mine, 1000, a_slice);
  EXPECT_TRUE(s.are_at_stake()) << "one other and a ring of messages do not take so long";
}

TEST(Slices, CountTurnsThatWrapAround) {
  slices s;
  for (int i = 0; i < 0xFFFF; ++i) s.end_turn();
  const auto mine = s.end_turn();
  for (int i = 0; i < 100; ++i) s.end_turn();
  s.yielded(mine, 0, a_slice);
  EXPECT_FALSE(s.are_at_stake());
}

// What a spin behind the pauses says of `s`, where the yield takes long and so many messages go through.
void spins_for_long(slices& s, std::uint64_t messages) {
  backoff b;
  b.heed(s);
  pause_in_vain(b);
  std::uint64_t through = 0xFFFF'FFFF'FFFF'FFF0;  // counts may wrap around
  EXPECT_TRUE(b.spin([&] {
    std::this_thread::sleep_for(a_slice);
    return through += messages;
  }));
}

TEST(Slices, AreLearntOfByASpinAndHeededByTheNext) {
  slices s;
  spins_for_long(s, std::uint64_t{1} << 40);
  EXPECT_FALSE(s.are_at_stake()) << "they were for our messages";
  spins_for_long(s, 1);
  backoff b;
  b.heed(s);
  pause_in_vain(b);
  EXPECT_FALSE(b.spin()) << "it is time to sleep at once";
}

TEST(Slices, OfASideAreHeededByItsWaitsOnAnyNumberOfProcessors) {
  last_waits last;
  {
    backoff b;
    const learnt_wait lately(b, &last);
    pause_in_vain(b);
    EXPECT_TRUE(b.spin());
  }
  last.slices.yielded(last.slices.end_turn(), 0, a_slice);
  backoff b;
  const learnt_wait lately(b, &last);
  pause_in_vain(b);
  EXPECT_FALSE(b.spin());
}

// Waits so often, with all pauses in vain or with one that was not; how many waits had pauses.
int waits_with_pauses(last_waits* last, int waits, bool in_vain) {
  int with = 0;
  for (int i = 0; i < waits; ++i) {
    backoff b;
    const learnt_wait lately(b, last);
    with += b.has_pauses() ? 1 : 0;
    while (b.pause() && in_vain) {
    }
  }
  return with;
}

// For the spins of a test that may be kept off its processor for long: it has lost no slice.
std::uint64_t many_messages() {
  static std::uint64_t n = 0;
  return n += std::uint64_t{1} << 40;
}

class LearntWait : public ::testing::Test {
 protected:
  void SetUp() override {
    if (strait::sync::processors() == 1) GTEST_SKIP() << "one processor: there is nothing to learn";
  }
  last_waits last_;
};

TEST_F(LearntWait, LeavesPausesOutAfterManyInVainAndTriesThemAgain) {
  EXPECT_EQ(waits_with_pauses(&last_, 5, true), 5);
  waits_with_pauses(&last_, 100, true);
  EXPECT_LE(waits_with_pauses(&last_, 100, true), 10);
  EXPECT_GE(waits_with_pauses(&last_, 200, false), 100) << "a probe came to something";
}

TEST_F(LearntWait, WithNothingToLearnFromPausesEachTime) {
  EXPECT_EQ(waits_with_pauses(nullptr, 200, true), 200);
}

TEST_F(LearntWait, WithoutPausesSaysNothingOfThem) {
  good_in_vain(last_.pauses, 100);
  for (int i = 0; i < 3; ++i) {
    backoff b;
    const learnt_wait lately(b, &last_);
  }
  EXPECT_FALSE(last_.pauses.are_good() && last_.pauses.are_good()) << "no better than before";
}

TEST_F(LearntWait, SleepsAtOnceNowAndThenWhereEachIsOverAfterAYield) {
  int sleeps = 0;
  for (int i = 0; i < 1000; ++i) {
    backoff b;
    const learnt_wait lately(b, &last_);
    pause_in_vain(b);
    sleeps += b.spin(many_messages) ? 0 : 1;
  }
  EXPECT_GE(sleeps, 10);
  EXPECT_LE(sleeps, 100);
}

TEST_F(LearntWait, NeverSleepsAtOnceWhereEachTakesManyYields) {
  for (int i = 0; i < 1000; ++i) {
    backoff b;
    const learnt_wait lately(b, &last_);
    pause_in_vain(b);
    unsigned yields = 0;
    while (yields < 6 && b.spin(many_messages)) ++yields;
    EXPECT_GT(yields, 0U);
  }
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
//
// What is learnt by waiting (base/hints.hpp, base/backoff.hpp). The decisions alone: what they are worth is measured in
// docs/benchmarks/waiting.md.
#include <gtest/gtest.h>

#include <sched.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/hints.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/patience.hpp>

#include "../stress/one_processor.hpp"

namespace {

using strait::detail::backoff;
using strait::detail::last_waits;
using strait::detail::learnt_wait;
using strait::detail::pace;
using strait::sync::hand_overs;
using strait::sync::odds;
using strait::sync::slices;
using strait_test::one_processor;
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

// For the spins of a test that may be kept off its processor for long: it has lost no slice.
std::uint64_t many_messages() {
  static std::uint64_t n = 0;
  return n += std::uint64_t{1} << 40;
}

// Runs f on one processor after the other, of those that have slices of their own.
template <class F>
void on_each_processor(F f) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  for (unsigned p = 0; p < 256; ++p) {
    if (!CPU_ISSET(p, &all)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(p, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    f();
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

slices& own_slices() { return slices::of(strait::sync::this_processor()); }

// What other tests have lost is forgotten soon, on whichever processor this one goes on.
void await_no_stake() {
  on_each_processor([] {
    while (own_slices().are_at_stake(strait::sync::now())) std::this_thread::sleep_for(10ms);
  });
}

constexpr auto a_slice = 3ms;  // a kernel's

// A processor's slices, at times that the test makes up.
class Slices : public ::testing::Test {
 protected:
  using duration = strait::sync::clock::duration;

  void yield_for(duration time, std::uint64_t messages = 0, unsigned turns_of_others = 0) {
    const std::uint32_t turn = slices_.end_turn();
    for (unsigned i = 0; i < turns_of_others; ++i) slices_.end_turn();
    slices_.yielded(turn, messages, now_, now_ + time);
    now_ += time;
  }
  void pass(duration time) { now_ += time; }
  bool at_stake() { return slices_.are_at_stake(now_); }
  // For how long they are at stake; an hour at most.
  duration stake() {
    constexpr duration step = 1ms;
    duration time{};
    while (time < 1h && at_stake()) {
      pass(step);
      time += step;
    }
    return time;
  }

  slices slices_;

 private:
  strait::sync::time_point now_{24h};
};

TEST_F(Slices, AreNotAtStakeUntilOneIsLost) {
  EXPECT_FALSE(at_stake());
  yield_for(2us);
  EXPECT_FALSE(at_stake());
  yield_for(a_slice);
  EXPECT_TRUE(at_stake());
  EXPECT_GE(stake(), a_slice / 2);
  EXPECT_FALSE(at_stake());
}

TEST_F(Slices, AreAtStakeForLongerAfterEachLossButNeverForGood) {
  duration last{};
  for (int i = 0; i < 4; ++i) {
    yield_for(2us);  // the first one behind a sleep often costs nothing, whoever else is there
    yield_for(a_slice);
    const duration time = stake();
    EXPECT_GT(time, last);
    last = time;
  }
  for (int i = 0; i < 20; ++i) {
    yield_for(a_slice);
    last = stake();
  }
  EXPECT_GE(last, 30 * a_slice) << "what is lost is a small part";
  EXPECT_LT(last, 1s);
}

TEST_F(Slices, AreAtStakeForAShortTimeWhereAllWasWellForAsLong) {
  yield_for(a_slice);
  const duration shortest = stake();
  for (int i = 0; i < 3; ++i) {
    yield_for(a_slice);
    stake();
  }
  for (int i = 0; i < 1000; ++i) {
    yield_for(2us);
    pass(1ms);
    EXPECT_FALSE(at_stake());
  }
  yield_for(a_slice);
  EXPECT_EQ(stake(), shortest);
}

TEST_F(Slices, AreNotLostWhereManyTakeTurnsOrManyMessagesGoThrough) {
  yield_for(a_slice, 0, 100);
  EXPECT_FALSE(at_stake()) << "others took them";
  yield_for(a_slice, 100'000);
  EXPECT_FALSE(at_stake()) << "they were for our messages";
  yield_for(a_slice, 1000, 1);
  EXPECT_TRUE(at_stake()) << "one other and a ring of messages do not take so long";
}

// Whether a wait still yields after so much time, which is made to pass behind its first yield; void if it took longer
// than `at_most`.
std::optional<bool> still_yields_after(std::chrono::microseconds time,
                                       std::chrono::microseconds at_most, bool longer) {
  backoff b;
  if (longer) b.may_yield_longer();
  pause_in_vain(b);
  const auto begin = strait::sync::now();
  EXPECT_TRUE(b.spin(many_messages));
  std::this_thread::sleep_for(time);
  const bool still = b.spin(many_messages);
  if (strait::sync::now() - begin > at_most) return std::nullopt;
  return still;
}

TEST(Backoff, YieldsForLongerWhereOnlyPartnersEndTheWait) {
  await_no_stake();
  EXPECT_EQ(still_yields_after(10ms, 1h, true), false) << "but not for ever";
  EXPECT_EQ(still_yields_after(100us, 1h, false), false);
  std::optional<bool> still;
  for (int i = 0; i < 1000 && !still; ++i) still = still_yields_after(100us, 1500us, true);
  if (!still) GTEST_SKIP() << "a sleep of 100 us takes a millisecond and a half";
  EXPECT_TRUE(*still);
}

// What a spin behind the pauses says of a yield that takes long while so many messages go through.
void spin_for_long(std::uint64_t messages) {
  backoff b;
  pause_in_vain(b);
  std::uint64_t through = 0xFFFF'FFFF'FFFF'FFF0;  // counts may wrap around
  (void)b.spin([&] {
    std::this_thread::sleep_for(a_slice);
    return through += messages;
  });
}

// Whether a wait gives no slice away.
bool sleeps_at_once() {
  backoff b;
  pause_in_vain(b);
  return !b.spin(many_messages);
}

TEST(SlicesHere, AreLearntOfByASpinAndKeptByTheNextWait) {
  await_no_stake();
  spin_for_long(std::uint64_t{1} << 40);
  EXPECT_FALSE(own_slices().are_at_stake(strait::sync::now())) << "they were for our messages";
  // In vain if the thread is moved to another processor, or kept from going on for milliseconds, each time.
  bool kept = false;
  for (int i = 0; i < 200 && !kept; ++i) {
    spin_for_long(1);
    kept = sleeps_at_once();
  }
  EXPECT_TRUE(kept) << "it is time to sleep at once";
}

TEST(SlicesHere, AreTheProcessorsOwn) {
  std::set<const slices*> found;
  on_each_processor([&] {
    EXPECT_TRUE(found.insert(&own_slices()).second) << "another one's";
    EXPECT_TRUE(found.count(&own_slices())) << "the same again";
  });
}

// A wait that may yield for longer does not lose two.
TEST(SlicesHere, AreNotGivenAwayAfterALossInTheSameWait) {
  (void)strait::sync::processors();  // read once: before it looks like one
  const one_processor pinned;
  for (int attempt = 0; attempt < 100; ++attempt) {
    while (own_slices().are_at_stake(strait::sync::now())) std::this_thread::sleep_for(10ms);
    backoff b;
    b.may_yield_longer();
    pause_in_vain(b);
    bool asked = false;
    const auto begin = strait::sync::now();
    EXPECT_TRUE(b.spin([&] {  // asked before the yield and behind it
      if (!std::exchange(asked, true)) std::this_thread::sleep_for(1ms);
      return std::uint64_t{};
    }));
    const bool again = b.spin(many_messages);
    if (strait::sync::now() - begin >= 2ms) continue;  // over in any case
    EXPECT_FALSE(again);
    return;
  }
  GTEST_SKIP() << "a sleep of a millisecond takes two";
}

TEST(Patience, HasNoEndWithoutADeadlineAndAStop) {
  using strait::detail::deadline;
  using strait::detail::patience;
  std::stop_source stop;
  EXPECT_TRUE(patience::forever().has_no_end());
  EXPECT_FALSE(patience::none().has_no_end()) << "it does not wait";
  EXPECT_TRUE(patience::unless(strait::stop_token()).has_no_end());
  EXPECT_FALSE(patience::unless(stop.get_token()).has_no_end());
  EXPECT_FALSE(patience::till(deadline::after(1h)).has_no_end());
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

class LearntWait : public ::testing::Test {
 protected:
  void SetUp() override {
    if (strait::sync::processors() == 1) GTEST_SKIP() << "one processor: there is nothing to learn";
    await_no_stake();
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

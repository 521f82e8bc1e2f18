// SPDX-License-Identifier: BSL-1.0
//
// The laws of select: fair among the ready (chi-square at p > 10^-6), ordered when asked to be, atomic
// against otherwise, and never with itself.
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;
using strait::on_recv;
using strait::on_send;
using strait::on_timeout;
using strait::otherwise;
using strait::recv_result;
using strait::select;
using strait::select_biased;
using strait::send_result;

namespace {
constexpr int fair_rounds = rounds(400'000);

// Counts single choices and pairs of consecutive ones: uniform pairs rule out taking turns.
class tally {
 public:
  explicit tally(std::size_t arms) : single_(arms), pair_(arms * arms), last_(arms) {}
  void note(std::size_t arm) {
    ++single_.at(arm);
    if (last_ < single_.size()) {
      ++pair_[last_ * single_.size() + arm];
      last_ = single_.size();
    } else {
      last_ = arm;
    }
  }
  ::testing::AssertionResult fair() const {
    if (auto verdict = uniform(single_); !verdict) return verdict;
    return uniform(pair_);
  }

 private:
  std::vector<std::int64_t> single_, pair_;
  std::size_t last_;
};

template <class Family>
void check_fair_receives(flavour_of<Family> flavour) {
  auto a = flavour.template make<int>();
  auto b = flavour.template make<int>();
  auto c = flavour.template make<int>();
  auto d = flavour.template make<int>();
  for (auto* ch : {&a, &b, &c, &d}) ASSERT_TRUE(ch->tx.send(0));
  tally counts(4);
  for (int i = 0; i < fair_rounds; ++i) {
    counts.note(*choose(on_recv(a.rx, [&](int) { (void)a.tx.try_send(0); }),
                        on_recv(b.rx, [&](int) { (void)b.tx.try_send(0); }),
                        on_recv(c.rx, [&](int) { (void)c.tx.try_send(0); }),
                        on_recv(d.rx, [&](int) { (void)d.tx.try_send(0); })));
  }
  EXPECT_TRUE(counts.fair());
}
}  // namespace

// semantics 23: all arms ready: the choices are uniform, and independent of the one before
TEST(SelectFairness, BufferedReceives) {
  check_fair_receives(flavour_of<mpmc>{1});
  check_fair_receives(flavour_of<mpmc>{no_bound});
}
TEST(SelectFairness, SingleEndedReceives) {
  check_fair_receives(flavour_of<mpsc>{no_bound});
  check_fair_receives(flavour_of<spsc>{3});
}

// semantics 23: send arms
TEST(SelectFairness, Sends) {
  std::vector<decltype(strait::unbounded<int>())> chs;
  for (int i = 0; i < 3; ++i) chs.push_back(strait::unbounded<int>());
  tally counts(3);
  for (int i = 0; i < fair_rounds; ++i) {
    counts.note(*choose(on_send(chs[0].tx, i), on_send(chs[1].tx, i), on_send(chs[2].tx, i)));
    if (i % 256 == 0) {
      for (auto& ch : chs) {
        while (ch.rx.try_recv()) {
        }
      }
    }
  }
  EXPECT_TRUE(counts.fair());
}

// semantics 22, 23: closed channels are ready arms like any other
TEST(SelectFairness, ClosedArms) {
  auto a = strait::unbounded<int>();
  auto b = strait::bounded<int>(1);
  auto c = strait::rendezvous<int>();
  auto d = strait::spsc::unbounded<int>();
  auto e = strait::unbounded<int>();
  a.tx.close();
  b.tx.close();
  c.rx.close();
  d.tx.close();
  const auto closed = [](auto&& r) { ASSERT_FALSE(r); };
  tally counts(5);
  for (int i = 0; i < fair_rounds; ++i) {
    counts.note(*choose(on_recv(a.rx, closed), on_send(b.tx, 1, closed), on_recv(c.rx, closed),
                        on_send(d.tx, 1, closed), on_send(e.tx, 2)));
    (void)e.rx.try_recv();
  }
  EXPECT_TRUE(counts.fair());
}

class SelectOfQueues : public ::testing::Test {
 public:
  using flavours = buffered_flavours;
};

// semantics 22, 23: a closed receiver is as ready as one that always has a message, and comes first where it stands first
FLAVOUR_TEST(SelectOfQueues, ClosedBesideReady) {
  auto a = flavour.template make<int>();
  auto b = strait::bounded<int>(1);
  ASSERT_TRUE(a.tx.send(0));
  ASSERT_TRUE(a.rx.recv());
  a.tx.close();
  ASSERT_TRUE(b.tx.send(0));
  const auto closed = [](recv_result<int> m) { EXPECT_FALSE(m); };
  const auto goes_on = [&](int) { ASSERT_TRUE(b.tx.try_send(0)); };
  tally counts(2);
  for (int i = 0; i < rounds(20'000); ++i) {
    counts.note(*choose(on_recv(a.rx, closed), on_recv(b.rx, goes_on)));
  }
  EXPECT_TRUE(counts.fair());
  EXPECT_TRUE(got(choose_biased(on_recv(a.rx, closed), on_recv(b.rx, goes_on)), 0U));
}

// semantics 25: the same channel in any number of arms, send and receive mixed: all are chosen fairly
TEST(SelectFairness, TheSameChannelManyTimes) {
  auto [tx, rx] = strait::bounded<int>(100'000);
  for (int i = 0; i < 50'000; ++i) ASSERT_TRUE(tx.send(i));
  tally counts(4);
  for (int i = 0; i < fair_rounds; ++i) {
    counts.note(*choose(on_recv(rx, [](int) {}), on_send(tx, i),
                        on_recv(rx, [](recv_result<int> m) { EXPECT_TRUE(m); }),
                        on_send(tx, [&] { return i; })));
  }
  EXPECT_TRUE(counts.fair());
}

// semantics 25: an absent arm takes nothing from the others' chances
TEST(SelectFairness, AbsentArmsDoNotCount) {
  auto [tx, rx] = strait::unbounded<int>();
  tally counts(3);
  for (int i = 0; i < fair_rounds; ++i) {
    const auto fired = *choose(on_recv(rx, [](int) {}).when(false), on_send(tx, 1), on_send(tx, 2),
                               on_send(tx, 3).when(false), on_send(tx, 4));
    counts.note(fired == 4 ? 2 : fired - 1);
    (void)rx.try_recv();
  }
  EXPECT_TRUE(counts.fair());
}

// semantics 23: nor does an arm that is not ready, wherever it is looked at
TEST(SelectFairness, ArmsThatAreNotReadyDoNotCount) {
  auto [tx, rx] = strait::unbounded<int>();
  auto empty = strait::unbounded<int>();
  const auto never_here = [](int) { ADD_FAILURE(); };
  tally counts(2);
  for (int i = 0; i < fair_rounds / 4; ++i) {
    counts.note(*choose(on_recv(empty.rx, never_here), on_send(tx, 1), on_send(tx, 2)) - 1);
    (void)rx.try_recv();
  }
  EXPECT_TRUE(counts.fair());
}

// semantics 23, pitfalls 14: threads choose differently
TEST(SelectFairness, ThreadsChooseDifferently) {
  const auto choices = [] {
    auto [tx, rx] = strait::unbounded<int>();
    std::vector<std::size_t> all;
    for (int i = 0; i < 128; ++i) all.push_back(*choose(on_send(tx, 1), on_send(tx, 2)));
    return all;
  };
  std::array<std::vector<std::size_t>, 4> seen;
  {
    std::vector<worker> workers;
    for (auto& s : seen) workers.emplace_back([&] { s = choices(); });
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    for (std::size_t j = i + 1; j < seen.size(); ++j) EXPECT_NE(seen[i], seen[j]);
  }
  EXPECT_NE(choices(), choices());
}

// semantics 23: biased takes the first ready arm in order
TEST(SelectBiased, TakesTheFirst) {
  auto a = strait::unbounded<int>();
  auto b = strait::unbounded<int>();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(a.tx.send(i));
    ASSERT_TRUE(b.tx.send(i));
  }
  for (std::size_t i = 0; i < 400; ++i) {
    EXPECT_TRUE(got(choose_biased(on_recv(a.rx, [](int) {}), on_recv(b.rx, [](int) {})),
                    i < 200 ? 0U : 1U));
  }
  EXPECT_TRUE(
      got(choose_biased(on_recv(a.rx, [](int) {}), on_send(b.tx, 1), on_send(a.tx, 1)), 1U));
  EXPECT_TRUE(got(choose_biased(otherwise([] {}), on_recv(a.rx, [](int) {})), 0U));
  EXPECT_TRUE(got(choose_biased(otherwise([] { ADD_FAILURE(); }), on_recv(b.rx, [](int) {})), 1U));
  worker sender([&] {
    a_moment();
    EXPECT_TRUE(b.tx.send(3));
  });
  EXPECT_TRUE(got(
      choose_biased(on_recv(a.rx, [](int) {}), on_recv(b.rx, [](int m) { EXPECT_EQ(m, 3); })), 1U));
}

// ---- 26: never with itself ----------------------------------------------------------------------

class SelectPairing : public ::testing::Test {
 public:
  using flavours = rendezvous_flavours;
};

// semantics 26: send and receive of one rendezvous in one select do not meet each other
FLAVOUR_TEST(SelectPairing, NeverWithItself) {
  auto [tx, rx] = flavour.template make<int>();
  const auto bad = [](auto&&...) { ADD_FAILURE(); };
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(
        got(choose(on_send(tx, 1, bad), on_recv(rx, [](int) { ADD_FAILURE(); }), otherwise([] {})),
            2U));
    EXPECT_TRUE(got(choose(on_recv(rx, [](int) { ADD_FAILURE(); }), on_send(tx, 1, bad),
                           on_recv(rx, [](int) { ADD_FAILURE(); }),
                           on_timeout(i % 20 == 0 ? 100us : 0us, [] {})),
                    3U));
  }
}

// semantics 26: two threads doing so meet each other
TEST(SelectPairingMany, TwoThreadsDoingSoMeet) {
  auto [tx, rx] = strait::rendezvous<int>();
  const int n = rounds(2000);
  std::atomic<long long> sent{0}, taken{0};
  std::atomic<int> sends{0}, receives{0};
  const auto both = [&](int me) {
    for (int i = 0; i < n; ++i) {
      const int mine = 2 * i + me;
      EXPECT_TRUE(choose(on_send(tx, mine,
                                 [&](send_result<int> r) {
                                   EXPECT_TRUE(r);
                                   sent += mine;
                                   ++sends;
                                 }),
                         on_recv(rx, [&](int m) {
                           EXPECT_EQ(m % 2, 1 - me) << "met itself";
                           taken += m;
                           ++receives;
                         })));
    }
  };
  worker one([&] { both(0); });
  both(1);
  one.join();
  EXPECT_EQ(sends, n);
  EXPECT_EQ(receives, n);
  EXPECT_EQ(sent, taken);
}

// semantics 26: and it still meets plain receivers and senders
FLAVOUR_TEST(SelectPairing, ButWithOthers) {
  auto [tx, rx] = flavour.template make<int>();
  if constexpr (Family::many_senders && Family::many_receivers) {
    for (int i = 0; i < 100; ++i) {
      worker other([&] {
        if (i % 2 == 0) {
          EXPECT_TRUE(got(rx.recv(), 7));
        } else {
          EXPECT_TRUE(tx.send(8));
        }
      });
      EXPECT_TRUE(got(choose(on_send(tx, 7, [](send_result<int> r) { EXPECT_TRUE(r); }),
                             on_recv(rx, [](int m) { EXPECT_EQ(m, 8); })),
                      static_cast<std::size_t>(i % 2)));
    }
  } else {
    worker other([&tx] { EXPECT_TRUE(tx.send(8)); });
    EXPECT_TRUE(got(choose(on_recv(rx, [](int m) { EXPECT_EQ(m, 8); })), 0U));
  }
}

// ---- 28: atomic ---------------------------------------------------------------------------------

namespace {
template <class Make>
void check_linearizable_otherwise(Make make, bool biased) {
  auto start = strait::rendezvous<int>();
  auto end = strait::rendezvous<int>();
  auto a = make();
  auto b = make();
  const int n = rounds(5000);
  worker other([&] {
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(start.tx.send(0));
      ASSERT_TRUE(a.tx.send(1));
      // b gets its message before a's is taken: one of them has one at every instant.
      const auto none = [] { ADD_FAILURE() << "took otherwise while a message was there"; };
      if (biased) {
        choose_biased(on_recv(a.rx), on_recv(b.rx), otherwise(none));
      } else {
        choose(on_recv(a.rx), on_recv(b.rx), otherwise(none));
      }
      ASSERT_TRUE(end.tx.send(0));
      (void)b.rx.try_recv();
    }
  });
  for (int i = 0; i < n; ++i) {
    ASSERT_TRUE(start.rx.recv());
    ASSERT_TRUE(b.tx.send(1));
    (void)a.rx.try_recv();
    ASSERT_TRUE(end.rx.recv());
  }
}
}  // namespace

// semantics 28, pitfalls 10: a select over two channels, one of which holds a message at every instant
TEST(SelectAtomic, NeverOtherwiseWhileOneHolds) {
  for (bool biased : {false, true}) {
    check_linearizable_otherwise([] { return strait::bounded<int>(1); }, biased);
    check_linearizable_otherwise([] { return strait::unbounded<int>(); }, biased);
    check_linearizable_otherwise([] { return strait::bounded<int>(2); }, biased);
  }
}

namespace {
// A mover keeps one message (for an instant two) in a or b at every instant, for ever; the other thread
// selects. Only that thread's success ends a round, so a false "otherwise" cannot be excused.
template <class Make>
void check_perpetual_mover(Make make) {
  auto a = make();
  auto b = make();
  const int n = rounds(2500);
  std::atomic<int> taken{0};  // by the selecting thread: one a round
  meeting start(2);
  worker mover([&] {
    for (int round = 1; round <= n; ++round) {
      ASSERT_TRUE(a.tx.send(1));
      start.arrive();
      while (taken.load(std::memory_order_acquire) != round) {
        ASSERT_TRUE(b.tx.send(1));
        (void)a.rx.try_recv();
        if (taken.load(std::memory_order_acquire) == round) break;
        ASSERT_TRUE(a.tx.send(1));
        (void)b.rx.try_recv();
      }
      (void)a.rx.try_recv();
      (void)b.rx.try_recv();
      start.arrive();
    }
  });
  std::minstd_rand random(21);
  for (int round = 1; round <= n; ++round) {
    start.arrive();
    dither(random, 400);
    choose(on_recv(a.rx), on_recv(b.rx),
           otherwise([] { ADD_FAILURE() << "took otherwise while a message was there"; }));
    taken.store(round, std::memory_order_release);
    start.arrive();
  }
}
}  // namespace

// semantics 28: the same against a perpetual mover
TEST(SelectAtomic, NeverOtherwiseAgainstAPerpetualMover) {
  check_perpetual_mover([] { return strait::bounded<int>(2); });
  check_perpetual_mover([] { return strait::unbounded<int>(); });
  check_perpetual_mover([] { return strait::bounded<int>(64); });
}

namespace {
// The mirror image: one of two bounded channels has room at every instant.
template <class Make>
void check_room_mover(Make make) {
  auto a = make();
  auto b = make();
  const int n = rounds(2500);
  std::atomic<int> placed{0};
  meeting start(2);
  worker mover([&] {
    for (int round = 1; round <= n; ++round) {
      while (a.rx.try_recv()) {
      }
      while (b.rx.try_recv()) {
      }
      ASSERT_TRUE(b.tx.try_send(1));  // a has room, b is full
      start.arrive();
      while (placed.load(std::memory_order_acquire) != round) {
        ASSERT_TRUE(b.rx.recv());  // room in b, too ...
        (void)a.tx.try_send(1);    // ... before a is full
        if (placed.load(std::memory_order_acquire) == round) break;
        ASSERT_TRUE(a.rx.recv());
        (void)b.tx.try_send(1);
      }
      start.arrive();
    }
  });
  std::minstd_rand random(22);
  for (int round = 1; round <= n; ++round) {
    start.arrive();
    dither(random, 400);
    choose(on_send(a.tx, 1), on_send(b.tx, 1),
           otherwise([] { ADD_FAILURE() << "took otherwise while there was room"; }));
    placed.store(round, std::memory_order_release);
    start.arrive();
  }
}
}  // namespace

// semantics 28, 22: room is a readiness like a message
TEST(SelectAtomic, NeverOtherwiseWhileOneHasRoom) {
  check_room_mover([] { return strait::bounded<int>(1); });
  check_room_mover([] { return strait::mpsc::bounded<int>(1); });
}

// semantics 28, 10: one that waits in two rendezvous at once is met exactly once, by selects that do not wait
TEST(SelectAtomic, AWaitingSelectIsServedOnce) {
  auto a = strait::rendezvous<int>();
  auto b = strait::rendezvous<int>();
  for (int i = 0; i < rounds(500); ++i) {
    int seen = 0, served = 0;
    worker waiting([&] {
      const auto note = [&](int m) { seen += m; };
      choose(on_recv(a.rx, note), on_recv(b.rx, note));
    });
    while (served == 0) {  // until it waits, otherwise is right
      choose(on_send(a.tx, 1, [&] { ++served; }), on_send(b.tx, 1, [&] { ++served; }),
             otherwise([] {}));
    }
    waiting.join();
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(served, 1);
  }
}

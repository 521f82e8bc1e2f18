// SPDX-License-Identifier: BSL-1.0
//
// Run-time select: lists of arms, completion in two steps, abandoned selections, readiness.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Selector : public ::testing::Test {
 protected:
  void SetUp() override { counted::start_over(); }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

class SelectorTyped : public Selector {
 public:
  using flavours = every_flavour;
};

class SelectorBuffered : public Selector {
 public:
  using flavours = buffered_flavours;
};

namespace {
template <class Result>
::testing::AssertionResult chose(const Result& result, std::size_t index) {
  if (!result) return ::testing::AssertionFailure() << "failed: " << word(result.error());
  if (result->index() == index) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "chose " << result->index() << " instead of " << index;
}
}  // namespace

// semantics 22: receive and send arms, completed with their handles
FLAVOUR_TEST(SelectorBuffered, ChoosesAndCompletes) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  strait::selector s;
  const std::size_t ia = s.recv(a.rx);
  const std::size_t ib = s.recv(b.rx);
  EXPECT_NE(ia, ib);
  for (int i = 0; i < 30; ++i) {
    auto& ch = i % 3 == 0 ? a : b;
    ASSERT_TRUE(ch.tx.send(counted(i)));
    auto sel = i % 2 == 0 ? s.select() : s.try_select();
    ASSERT_TRUE(chose(sel, i % 3 == 0 ? ia : ib));
    EXPECT_TRUE(got(sel->recv(ch.rx), i));
  }
  strait::selector t;
  const std::size_t it = t.send(a.tx);
  auto sel = t.select();
  ASSERT_TRUE(chose(sel, it));
  EXPECT_TRUE(sel->send(a.tx, counted(77)));
  EXPECT_TRUE(got(a.rx.try_recv(), 77));
}

// A selection that is assigned to gives its own place back first.
TEST_F(Selector, AssigningASelectionDropsTheOld) {
  auto a = strait::bounded<counted>(1);
  auto b = strait::bounded<counted>(1);
  ASSERT_TRUE(a.tx.send(counted(1)));
  ASSERT_TRUE(b.tx.send(counted(2)));
  strait::selector s, t;
  const auto ia = s.recv(a.rx);
  const auto ib = t.recv(b.rx);
  auto first = s.select();
  auto second = t.select();
  ASSERT_TRUE(chose(first, ia));
  ASSERT_TRUE(chose(second, ib));
  *first = std::move(*second);
  EXPECT_TRUE(got(a.rx.try_recv(), 1));  // no longer promised
  EXPECT_EQ(first->index(), ib);
  strait::selected& itself = *first;
  *first = std::move(itself);
  EXPECT_TRUE(got(first->recv(b.rx), 2));
}

// The index and the turn go with a selection that is assigned.
TEST_F(Selector, AssigningASelectionTakesItsIndex) {
  auto a = strait::bounded<counted>(2);
  auto b = strait::bounded<counted>(2);
  strait::selector s, t;
  (void)s.recv(a.rx);
  ASSERT_TRUE(a.tx.send(counted(1)));
  (void)s.select()->recv(a.rx);  // s is a turn ahead
  const auto other = t.recv(a.rx);
  const auto ib = t.recv(b.rx);
  ASSERT_NE(other, ib);
  ASSERT_TRUE(a.tx.send(counted(2)));
  ASSERT_TRUE(b.tx.send(counted(3)));
  auto first = s.select();
  auto second = t.select();
  ASSERT_TRUE(first && chose(second, ib));  // what a holds is promised
  *first = std::move(*second);
  EXPECT_EQ(first->index(), ib);
  EXPECT_TRUE(got(first->recv(b.rx), 3));
  EXPECT_TRUE(got(a.rx.try_recv(), 2));
}

// Completing a selected operation of a oneshot channel consumes the handle.
TEST_F(Selector, ConsumesOneshots) {
  auto [tx, rx] = strait::oneshot<counted>();
  strait::selector s, r;
  (void)s.send(tx);
  (void)r.recv(rx);
  EXPECT_TRUE(s.select()->send(tx, counted(1)));
  EXPECT_FALSE(tx);
  EXPECT_TRUE(got(r.select()->recv(rx), 1));
  EXPECT_FALSE(rx);
  auto other = strait::oneshot<counted>();
  strait::selector closed;
  (void)closed.recv(other.rx);
  other.tx.reset();
  EXPECT_TRUE(failed(closed.select()->recv(other.rx), errc::closed));
  EXPECT_FALSE(other.rx);
}

// A promise of room that goes with its selector is given back.
TEST_F(Selector, GoesWithItsPromise) {
  auto [tx, rx] = strait::bounded<counted>(1);
  {
    strait::selector s;
    (void)s.send(tx);
    auto chosen = s.select();
    ASSERT_TRUE(chosen.has_value());
    EXPECT_FALSE(tx.try_send(counted(1)));
    s.remove(chosen->index());
  }
  EXPECT_TRUE(tx.try_send(counted(2)));
}

// semantics 8: a time point of a clock that is set back meanwhile, and one of a clock that is not
TEST_F(Selector, AClockThatIsSetBack) {
  struct wall {
    using duration = std::chrono::milliseconds;
    using time_point = std::chrono::time_point<wall>;
    static time_point now() noexcept {
      const auto real = std::chrono::duration_cast<duration>(steady::now().time_since_epoch());
      return time_point(real - (asked()++ >= 2 ? 15ms : 0ms));
    }
    static int& asked() {
      static int n = 0;
      return n;
    }
  };
  auto [tx, rx] = strait::unbounded<counted>();
  strait::selector s;
  (void)s.recv(rx);
  auto start = steady::now();
  auto chosen = s.select_until(wall::now() + 10ms);
  EXPECT_TRUE(!chosen && chosen.error() == errc::timeout);
  EXPECT_GE(steady::now() - start, 24ms);
  wall::asked() = 0;
  start = steady::now();
  auto which = s.ready_until(wall::now() + 10ms);
  EXPECT_TRUE(!which && which.error() == errc::timeout);
  EXPECT_GE(steady::now() - start, 24ms);
}

// An operation that is removed while it is chosen: the selection is void, its place is given back.
TEST_F(Selector, RemovingTheChosen) {
  auto a = strait::bounded<counted>(1);
  ASSERT_TRUE(a.tx.send(counted(1)));
  strait::selector s;
  const auto ia = s.recv(a.rx);
  {
    auto chosen = s.select();
    ASSERT_TRUE(chose(chosen, ia));
    s.remove(ia);
    EXPECT_TRUE(got(a.rx.try_recv(), 1));
  }
  EXPECT_FALSE(s.try_select());
}

// Two selectors chose each other at a rendezvous, and one drops its choice: the other is told so.
TEST_F(Selector, ADroppedPartnerAtARendezvous) {
  for (bool sender_drops : {true, false}) {
    auto ch = strait::rendezvous<counted>();
    std::thread other([&] {
      strait::selector s;
      (void)s.send(ch.tx);
      auto chosen = s.select();
      ASSERT_TRUE(chosen);
      if (sender_drops) return;
      auto r = chosen->send(ch.tx, counted(1));
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error().reason(), errc::full);
      EXPECT_EQ(r.error().value().value(), 1);
    });
    {
      strait::selector s;
      (void)s.recv(ch.rx);
      auto chosen = s.select();
      ASSERT_TRUE(chosen);
      if (sender_drops) {
        auto m = chosen->recv(ch.rx);
        ASSERT_FALSE(m);
        EXPECT_EQ(m.error(), errc::empty);
      }
    }
    other.join();
  }
}

// semantics 22: waiting, both ways
FLAVOUR_TEST(SelectorTyped, WaitsForTheOther) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  strait::selector s;
  const auto ia = s.recv(a.rx);
  const auto ib = s.recv(b.rx);
  worker sender([&] {
    for (int i = 0; i < 60; ++i) {
      if (i % 16 == 0) std::this_thread::sleep_for(1ms);
      ASSERT_TRUE((i % 2 == 0 ? a : b).tx.send(counted(i)));
    }
  });
  std::vector<bool> seen(60, false);
  for (int i = 0; i < 60; ++i) {
    auto sel = s.select();
    ASSERT_TRUE(sel);
    ASSERT_TRUE(sel->index() == ia || sel->index() == ib);
    auto m = sel->index() == ia ? sel->recv(a.rx) : sel->recv(b.rx);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->value() % 2 == 0, sel->index() == ia);
    seen[static_cast<std::size_t>(m->value())] = true;
  }
  EXPECT_EQ(seen, std::vector<bool>(60, true));
}

FLAVOUR_TEST(SelectorTyped, WaitsForRoom) {
  auto a = flavour.template make<counted>();
  while (flavour.capacity != no_bound && a.tx.try_send(counted(0))) {
  }
  strait::selector s;
  const auto ia = s.send(a.tx);
  worker receiver([&] {
    std::this_thread::sleep_for(1ms);
    for (auto& m : a.rx) {
      if (m.value() == 5) break;
    }
  });
  auto sel = s.select();
  ASSERT_TRUE(chose(sel, ia));
  EXPECT_TRUE(sel->send(a.tx, counted(5)));
}

// semantics 22, 4: closed is ready, and completing says so
FLAVOUR_TEST(SelectorTyped, ClosedIsReady) {
  auto a = flavour.template make<counted>();
  strait::selector s;
  const auto ia = s.recv(a.rx);
  const auto it = s.send(a.tx);
  a.rx.close();
  std::array<int, 2> counts{};
  for (int i = 0; i < 200; ++i) {
    auto sel = i % 2 == 0 ? s.try_select() : s.select_for(1h);
    ASSERT_TRUE(sel);
    if (sel->index() == ia) {
      EXPECT_TRUE(failed(sel->recv(a.rx), errc::closed));
      ++counts[0];
    } else {
      ASSERT_EQ(sel->index(), it);
      EXPECT_TRUE(returned(sel->send(a.tx, counted(4)), errc::closed, 4));
      ++counts[1];
    }
  }
  EXPECT_GT(counts[0], 0);
  EXPECT_GT(counts[1], 0);
}

// semantics 1, 6: closing wakes a waiting selector
FLAVOUR_TEST(SelectorTyped, ClosingWakes) {
  for (int way : {0, 1}) {
    auto a = flavour.template make<counted>();
    auto b = flavour.template make<counted>();
    strait::selector s;
    (void)s.recv(a.rx);
    const auto ib = s.recv(b.rx);
    worker closer([&] {
      a_moment();
      if (way == 0) {
        b.tx.close();
      } else {
        b.tx.reset();
      }
    });
    auto sel = s.select();
    ASSERT_TRUE(chose(sel, ib));
    EXPECT_TRUE(failed(sel->recv(b.rx), errc::closed));
  }
}

// semantics 22, 29: nothing ready: try does not wait, for/until wait their time
FLAVOUR_TEST(SelectorTyped, NothingReady) {
  auto a = flavour.template make<counted>();
  strait::selector s;
  const auto ia = s.recv(a.rx);
  auto tried = s.try_select();
  ASSERT_FALSE(tried);
  EXPECT_NE(tried.error(), errc::closed);
  const auto start = steady::now();
  EXPECT_TRUE(failed(s.select_for(10ms), errc::timeout));
  EXPECT_GE(steady::now() - start, 10ms);
  const auto until = steady::now() + 10ms;
  EXPECT_TRUE(failed(s.select_until(until), errc::timeout));
  EXPECT_GE(steady::now(), until);
  EXPECT_TRUE(failed(s.select_for(-1h), errc::timeout));
  EXPECT_TRUE(failed(s.select_until(steady::time_point::min()), errc::timeout));
  worker sender([&] { EXPECT_TRUE(a.tx.send(counted(3))); });
  auto sel = s.select_for(std::chrono::hours::max());
  ASSERT_TRUE(chose(sel, ia));
  EXPECT_TRUE(got(sel->recv(a.rx), 3));
}

// semantics 8, 29: a message that is there goes before a deadline that has passed
FLAVOUR_TEST(SelectorBuffered, APastDeadlineStillTries) {
  auto a = flavour.template make<counted>();
  strait::selector s;
  const auto ia = s.recv(a.rx);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(a.tx.send(counted(i)));
    auto sel = i % 2 == 0 ? s.select_for(-1h) : s.select_until(steady::time_point::min());
    ASSERT_TRUE(chose(sel, ia));
    EXPECT_TRUE(got(sel->recv(a.rx), i));
  }
}

// semantics 24: a selector without arms: closed at once, or sleeps its timeout
TEST_F(Selector, WithoutArms) {
  strait::selector s;
  EXPECT_TRUE(failed(s.select(), errc::closed));
  EXPECT_FALSE(s.try_select());
  const auto start = steady::now();
  EXPECT_TRUE(failed(s.select_for(10ms), errc::timeout));
  EXPECT_GE(steady::now() - start, 10ms);
  auto a = strait::unbounded<int>();
  const auto i = s.recv(a.rx);
  s.remove(i);
  EXPECT_TRUE(failed(s.select(), errc::closed));
  EXPECT_TRUE(failed(s.select_for(1ms), errc::timeout));
}

// api: a selected receive that is dropped takes nothing: the message stays, in its place
FLAVOUR_TEST(SelectorBuffered, ADroppedReceiveTakesNothing) {
  auto a = flavour.template make<counted>();
  const int n = flavour.room(3);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(a.tx.send(counted(i)));
  strait::selector s;
  const auto ia = s.recv(a.rx);
  for (int i = 0; i < 20; ++i) {
    auto sel = s.select();
    ASSERT_TRUE(chose(sel, ia));
  }
  EXPECT_EQ(a.rx.size(), static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) EXPECT_TRUE(got(a.rx.try_recv(), i));
  EXPECT_TRUE(failed(a.rx.try_recv(), errc::empty));
}

// api, pitfalls 5, 12: a selected send that is dropped gives its place back
TEST_F(Selector, ADroppedSendGivesItsPlaceBack) {
  const auto check = [](auto a) {
    strait::selector s;
    const auto ia = s.send(a.tx);
    for (int i = 0; i < 20; ++i) {
      {
        auto sel = s.select();
        ASSERT_TRUE(chose(sel, ia));
      }
      EXPECT_EQ(a.rx.size(), 0U);
      EXPECT_TRUE(failed(a.rx.try_recv(), errc::empty));
      ASSERT_TRUE(a.tx.try_send(counted(i)));
      EXPECT_TRUE(got(a.rx.try_recv(), i));
    }
    {
      auto sel = s.try_select();
    }
    ASSERT_TRUE(a.tx.try_send(counted(5)));
    a.tx.close();
    EXPECT_TRUE(got(a.rx.recv(), 5));
    EXPECT_TRUE(failed(a.rx.recv(), errc::closed));
  };
  check(strait::bounded<counted>(1));
  check(strait::bounded<counted>(2));
  check(strait::unbounded<counted>());
  check(strait::mpsc::bounded<counted>(1));
  check(strait::mpsc::unbounded<counted>());
  check(strait::spsc::bounded<counted>(1));
  check(strait::spsc::unbounded<counted>());
}

// api, pitfalls 12: dropped at a rendezvous: the other side goes on waiting and meets the next
TEST_F(Selector, ADroppedRendezvousHangsNobody) {
  const auto check = [](auto a) {
    for (int i = 0; i < 20; ++i) {
      {
        worker sender([&] { EXPECT_TRUE(a.tx.send(counted(i))); });
        strait::selector s;
        const auto ia = s.recv(a.rx);
        {
          auto sel = s.select();
          ASSERT_TRUE(chose(sel, ia));
        }
        EXPECT_TRUE(got(a.rx.recv(), i));
      }
      worker receiver([&] { EXPECT_TRUE(got(a.rx.recv(), i)); });
      strait::selector s;
      const auto ia = s.send(a.tx);
      {
        auto sel = s.select();
        ASSERT_TRUE(chose(sel, ia));
      }
      EXPECT_TRUE(a.tx.send(counted(i)));
    }
  };
  check(strait::rendezvous<counted>());
  check(strait::mpsc::bounded<counted>(0));
  check(strait::spsc::bounded<counted>(0));
}

// the same when the other side gives up meanwhile
TEST_F(Selector, ADroppedRendezvousAndATimedPeer) {
  auto a = strait::rendezvous<counted>();
  for (int i = 0; i < 30; ++i) {
    worker sender([&] {
      auto r = a.tx.send_for(counted(i), 2ms);
      if (!r) {
        EXPECT_TRUE(returned(r, errc::timeout, i));
      }
      EXPECT_FALSE(r);  // nobody takes it
    });
    strait::selector s;
    (void)s.recv(a.rx);
    {
      auto sel = s.select_for(1ms);
    }
  }
}

// semantics 15: a dropped selection passes its wake-up on: the next waiter gets the message or the place
TEST_F(Selector, ADroppedSelectionPassesItsWakeUpOn) {
  for (int i = 0; i < 50; ++i) {
    auto a = strait::bounded<counted>(1);
    auto patient = a.rx;
    strait::selector s;
    (void)s.recv(a.rx);
    worker selecting([&] {
      auto sel = s.select();
      EXPECT_TRUE(sel);
      std::this_thread::sleep_for(100us);
    });
    flag got_it;
    worker plain([&] {
      EXPECT_TRUE(got(patient.recv(), 1));
      got_it.set();
    });
    std::this_thread::sleep_for(200us);
    ASSERT_TRUE(a.tx.send(counted(1)));
    // The selection takes the message, or nothing; in the end the plain receiver must have it.
    plain.join();
    a.tx.close();
    selecting.join();
  }
}

// pitfalls 11: any handle of the same channel completes
TEST_F(Selector, ACloneCompletes) {
  auto a = strait::bounded<counted>(1);
  auto tx2 = a.tx;
  auto rx2 = a.rx;
  strait::selector s;
  const auto it = s.send(a.tx);
  {
    auto sel = s.select();
    ASSERT_TRUE(chose(sel, it));
    EXPECT_TRUE(sel->send(tx2, counted(1)));
  }
  strait::selector r;
  const auto ir = r.recv(a.rx);
  auto sel = r.select();
  ASSERT_TRUE(chose(sel, ir));
  EXPECT_TRUE(got(sel->recv(rx2), 1));
}

// api: a selection may be moved
TEST_F(Selector, ASelectionMayBeMoved) {
  auto a = strait::bounded<counted>(1);
  strait::selector s;
  (void)s.send(a.tx);
  auto sel = s.select();
  ASSERT_TRUE(sel);
  strait::selected mine = std::move(*sel);
  EXPECT_TRUE(mine.send(a.tx, counted(8)));
  EXPECT_TRUE(got(a.rx.try_recv(), 8));
  static_assert(!std::is_copy_constructible_v<strait::selected>);
}

// semantics 3, pitfalls 5: the channel's end while a selection is open: nobody hangs, nothing leaks
TEST_F(Selector, TheEndWhileASelectionIsOpen) {
  const auto check = [](auto make, bool complete) {
    {  // a claimed place, and the last receiver goes
      auto a = make();
      strait::selector s;
      (void)s.send(a.tx);
      worker dropper;
      {
        auto sel = s.select();
        ASSERT_TRUE(sel);
        dropper.start([rx = std::move(a.rx)]() mutable { rx.reset(); });
        std::this_thread::sleep_for(300us);
        if (complete) {
          auto r = sel->send(a.tx, counted(1));
          if (!r) {
            EXPECT_TRUE(returned(r, errc::closed, 1));
          }
        }
      }
      dropper.join();
      EXPECT_EQ(counted::live(), 0);
    }
    {  // a claimed message, and the last sender goes
      auto a = make();
      ASSERT_TRUE(a.tx.send(counted(2)));
      strait::selector s;
      (void)s.recv(a.rx);
      {
        auto sel = s.select();
        ASSERT_TRUE(sel);
        a.tx.reset();
        if (complete) {
          EXPECT_TRUE(got(sel->recv(a.rx), 2));
        }
      }
      if (!complete) {
        EXPECT_TRUE(got(a.rx.recv(), 2));
      }
      EXPECT_TRUE(failed(a.rx.recv(), errc::closed));
    }
  };
  for (bool complete : {true, false}) {
    check([] { return strait::bounded<counted>(1); }, complete);
    check([] { return strait::bounded<counted>(3); }, complete);
    check([] { return strait::unbounded<counted>(); }, complete);
    check([] { return strait::mpsc::bounded<counted>(1); }, complete);
    check([] { return strait::mpsc::unbounded<counted>(); }, complete);
    check([] { return strait::spsc::bounded<counted>(2); }, complete);
    check([] { return strait::spsc::unbounded<counted>(); }, complete);
  }
}

// api: indices are stable and never reused; remove keeps the others
TEST_F(Selector, IndicesAreStable) {
  auto a = strait::unbounded<int>();
  auto b = strait::unbounded<int>();
  auto c = strait::unbounded<int>();
  strait::selector s;
  const auto ia = s.recv(a.rx);
  const auto ib = s.recv(b.rx);
  const auto ic = s.recv(c.rx);
  EXPECT_TRUE(ia != ib && ib != ic && ia != ic);
  ASSERT_TRUE(a.tx.send(1));
  s.remove(ia);
  EXPECT_FALSE(s.try_select());
  ASSERT_TRUE(c.tx.send(2));
  {
    auto sel = s.select();
    ASSERT_TRUE(chose(sel, ic));
    EXPECT_TRUE(got(sel->recv(c.rx), 2));
  }
  const auto again = s.recv(a.rx);
  EXPECT_TRUE(again != ia && again != ib && again != ic);
  auto sel = s.select();
  ASSERT_TRUE(chose(sel, again));
  EXPECT_TRUE(got(sel->recv(a.rx), 1));
}

// semantics 23, pitfalls 14: biased keeps the order of adding, also after remove
TEST_F(Selector, BiasedKeepsTheOrderAfterRemove) {
  std::vector<decltype(strait::unbounded<int>())> chs;
  for (int i = 0; i < 5; ++i) chs.push_back(strait::unbounded<int>());
  for (auto& ch : chs) {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(ch.tx.send(i));
  }
  strait::selector s = strait::selector::biased();
  std::vector<std::size_t> index;
  for (auto& ch : chs) index.push_back(s.recv(ch.rx));
  const auto take_from = [&](std::size_t k) {
    auto sel = s.select();
    ASSERT_TRUE(chose(sel, index[k]));
    EXPECT_TRUE(sel->recv(chs[k].rx));
  };
  for (int i = 0; i < 10; ++i) take_from(0);
  s.remove(index[0]);
  for (int i = 0; i < 10; ++i) take_from(1);
  s.remove(index[2]);
  for (int i = 0; i < 40; ++i) take_from(1);  // until it is empty
  for (int i = 0; i < 10; ++i) take_from(3);
  s.remove(index[1]);
  for (int i = 0; i < 40; ++i) take_from(3);
  for (int i = 0; i < 50; ++i) take_from(4);
  EXPECT_FALSE(s.try_select());
}

// semantics 23: fair among the ready
TEST_F(Selector, IsFair) {
  std::vector<decltype(strait::bounded<int>(1))> chs;
  for (int i = 0; i < 3; ++i) {
    chs.push_back(strait::bounded<int>(1));
    ASSERT_TRUE(chs.back().tx.send(0));
  }
  auto open = strait::unbounded<int>();
  auto closed = strait::unbounded<int>();
  closed.rx.close();
  strait::selector s;
  for (auto& ch : chs) (void)s.recv(ch.rx);
  const auto iopen = s.send(open.tx);
  const auto iclosed = s.recv(closed.rx);
  std::vector<std::int64_t> counts(5);
  for (int i = 0; i < rounds(300'000); ++i) {
    auto sel = i % 2 == 0 ? s.select() : s.try_select();
    ASSERT_TRUE(sel);
    const auto k = sel->index();
    ++counts.at(k);
    if (k == iopen) {
      ASSERT_TRUE(sel->send(open.tx, 1));
      (void)open.rx.try_recv();
    } else if (k == iclosed) {
      ASSERT_TRUE(failed(sel->recv(closed.rx), errc::closed));
    } else {
      ASSERT_TRUE(sel->recv(chs[k].rx));
      ASSERT_TRUE(chs[k].tx.try_send(0));
    }
  }
  EXPECT_TRUE(uniform(counts));
}

// semantics 23: fair among what is left after remove
TEST_F(Selector, IsFairAfterRemove) {
  auto [tx, rx] = strait::unbounded<int>();
  strait::selector s;
  std::vector<std::size_t> index;
  for (int i = 0; i < 6; ++i) index.push_back(s.send(tx));
  s.remove(index[0]);
  s.remove(index[3]);
  std::vector<std::int64_t> counts(6);
  for (int i = 0; i < rounds(200'000); ++i) {
    auto sel = s.try_select();
    ASSERT_TRUE(sel);
    ++counts.at(sel->index());
    ASSERT_TRUE(sel->send(tx, 1));
    (void)rx.try_recv();
  }
  EXPECT_EQ(counts[0] + counts[3], 0);
  EXPECT_TRUE(uniform({counts[1], counts[2], counts[4], counts[5]}));
}

// semantics 26: a rendezvous twice in one selector does not meet itself; two selectors do
TEST_F(Selector, NeverWithItself) {
  auto [tx, rx] = strait::rendezvous<int>();
  strait::selector s;
  (void)s.send(tx);
  (void)s.recv(rx);
  EXPECT_FALSE(s.try_select());
  EXPECT_TRUE(failed(s.select_for(1ms), errc::timeout));
  const int n = rounds(500);
  std::atomic<int> sent{0}, taken{0};
  const auto both = [&] {
    strait::selector mine;
    const auto out = mine.send(tx);
    (void)mine.recv(rx);
    for (int i = 0; i < n; ++i) {
      auto sel = mine.select();
      ASSERT_TRUE(sel);
      if (sel->index() == out) {
        EXPECT_TRUE(sel->send(tx, i));
        sent += i + 1;
      } else {
        auto m = sel->recv(rx);
        ASSERT_TRUE(m);
        taken += *m + 1;
      }
    }
  };
  worker other(both);
  both();
  other.join();
  EXPECT_EQ(sent, taken);
}

// semantics 28: try_select over two channels one of which holds a message at every instant
TEST_F(Selector, TryIsAtomic) {
  const auto check = [](auto make) {
    auto a = make();
    auto b = make();
    const int n = rounds(1500);
    std::atomic<int> taken{0};
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
    strait::selector s;
    const auto ia = s.recv(a.rx);
    (void)s.recv(b.rx);
    for (int round = 1; round <= n; ++round) {
      start.arrive();
      auto sel = s.try_select();
      EXPECT_TRUE(sel) << "nothing, while a message was there";
      if (sel) {
        EXPECT_TRUE(sel->recv(sel->index() == ia ? a.rx : b.rx));
      }
      taken.store(round, std::memory_order_release);
      start.arrive();
    }
  };
  check([] { return strait::bounded<int>(2); });
  check([] { return strait::unbounded<int>(); });
}

// semantics 30: ready reports an index and takes nothing
TEST_F(Selector, ReadyTakesNothing) {
  auto a = strait::unbounded<counted>();
  auto b = strait::bounded<counted>(1);
  strait::selector s;
  const auto ia = s.recv(a.rx);
  const auto ib = s.recv(b.rx);
  EXPECT_FALSE(s.try_ready());
  EXPECT_TRUE(failed(s.ready_for(5ms), errc::timeout));
  EXPECT_TRUE(failed(s.ready_until(steady::now() - 1h), errc::timeout));
  ASSERT_TRUE(b.tx.send(counted(1)));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(got(s.ready(), ib));
    EXPECT_TRUE(got(s.try_ready(), ib));
    EXPECT_TRUE(got(s.ready_for(1h), ib));
    EXPECT_TRUE(got(s.ready_until(steady::now() + 1h), ib));
  }
  EXPECT_EQ(b.rx.size(), 1U);
  EXPECT_TRUE(got(b.rx.try_recv(), 1));
  worker sender([&] {
    a_moment();
    EXPECT_TRUE(a.tx.send(counted(2)));
  });
  bool taken = false;
  while (!taken) {  // it may be spurious
    auto r = s.ready();
    ASSERT_TRUE(r);
    if (*r == ia) taken = a.rx.try_recv().has_value();
  }
  sender.join();
  a.tx.reset();
  EXPECT_TRUE(got(s.ready(), ia));  // closed is ready
  strait::selector t;
  const auto it = t.send(b.tx);
  EXPECT_TRUE(got(t.ready(), it));
  ASSERT_TRUE(b.tx.send(counted(3)));
  EXPECT_FALSE(t.try_ready());
  worker receiver([&] {
    a_moment();
    EXPECT_TRUE(got(b.rx.recv(), 3));
  });
  EXPECT_TRUE(got(t.ready(), it));
}

// semantics 15, 30: a wake-up spent on ready() is not lost for the plain receiver beside it
TEST_F(Selector, ReadyStealsNoWakeUp) {
  auto a = strait::unbounded<counted>();
  for (int i = 0; i < rounds(100); ++i) {
    auto patient = a.rx;
    worker plain([&] { EXPECT_TRUE(got(patient.recv(), i)); });
    worker looking([&] {
      strait::selector s;
      (void)s.recv(a.rx);
      (void)s.ready_for(500us);
    });
    std::this_thread::sleep_for(100us);
    ASSERT_TRUE(a.tx.send(counted(i)));
    plain.join();
  }
}

// semantics 10: ready on a rendezvous: somebody waits
TEST_F(Selector, ReadyAtARendezvous) {
  auto a = strait::rendezvous<counted>();
  strait::selector s;
  const auto ia = s.recv(a.rx);
  EXPECT_FALSE(s.try_ready());
  worker sender([&] { EXPECT_TRUE(a.tx.send(counted(1))); });
  for (bool taken = false; !taken;) {
    EXPECT_TRUE(got(s.ready(), ia));
    auto m = a.rx.try_recv();
    taken = m.has_value();
  }
}

// api: many arms, a list that grows while it is used
TEST_F(Selector, ManyArms) {
  std::vector<decltype(strait::bounded<int>(1))> chs;
  chs.reserve(100);
  strait::selector s;
  std::vector<std::size_t> index;
  for (int i = 0; i < 100; ++i) {
    chs.push_back(strait::bounded<int>(1));
    index.push_back(s.recv(chs.back().rx));
    ASSERT_TRUE(chs.back().tx.send(i));
    auto sel = s.select();
    ASSERT_TRUE(chose(sel, index.back()));
    EXPECT_TRUE(got(sel->recv(chs.back().rx), i));
  }
  worker sender([&] {
    for (int i = 0; i < 300; ++i)
      ASSERT_TRUE(chs[static_cast<std::size_t>(i * 37 % 100)].tx.send(i));
  });
  for (int i = 0; i < 300; ++i) {
    auto sel = s.select();
    ASSERT_TRUE(sel);
    const auto k = static_cast<std::size_t>(std::find(index.begin(), index.end(), sel->index()) -
                                            index.begin());
    ASSERT_LT(k, 100U);
    EXPECT_TRUE(sel->recv(chs[k].rx));
  }
}

// pitfalls 24 (flume 0.10.2), 25: the same channel several times, receive and send
TEST_F(Selector, TheSameChannelManyTimes) {
  auto [tx, rx] = strait::bounded<int>(2);
  strait::selector s;
  const auto r1 = s.recv(rx);
  const auto w1 = s.send(tx);
  const auto r2 = s.recv(rx);
  const auto w2 = s.send(tx);
  int inside = 0;
  std::vector<int> counts(4);
  for (int i = 0; i < 4000; ++i) {
    auto sel = s.select();
    ASSERT_TRUE(sel);
    const auto k = sel->index();
    if (k == w1 || k == w2) {
      ASSERT_TRUE(sel->send(tx, i));
      ++inside;
    } else {
      ASSERT_TRUE(k == r1 || k == r2);
      ASSERT_TRUE(sel->recv(rx));
      --inside;
    }
    ASSERT_TRUE(inside >= 0 && inside <= 2);
    ++counts.at(k);
  }
  for (int c : counts) EXPECT_GT(c, 0);
}

// api: timers and oneshots are arms like others
TEST_F(Selector, TimersAndOneshots) {
  auto [tx, rx] = strait::oneshot<counted>();
  auto soon = strait::after(5ms);
  auto never = strait::never<int>();
  strait::selector s;
  const auto io = s.recv(rx);
  const auto it = s.recv(soon);
  (void)s.recv(never);
  {
    auto sel = s.select();
    ASSERT_TRUE(chose(sel, it));
    EXPECT_TRUE(sel->recv(soon));
  }
  EXPECT_TRUE(failed(s.select_for(1ms), errc::timeout));
  EXPECT_TRUE(tx.send(counted(4)));
  auto sel = s.select();
  ASSERT_TRUE(chose(sel, io));
  EXPECT_TRUE(got(sel->recv(rx), 4));
}

// api: a handle that was given up answers closed, and the operation it was chosen for gives its place back
TEST_F(Selector, AHandleGivenUpAfterTheChoice) {
  auto ch = strait::bounded<counted>(1);
  auto tx = ch.tx;
  auto rx = ch.rx;
  strait::selector sends, receives;
  (void)sends.send(tx);
  (void)receives.recv(rx);
  auto place = sends.select();
  ASSERT_TRUE(place);
  tx.reset();
  EXPECT_TRUE(returned(place->send(tx, counted(1)), errc::closed, 1));
  EXPECT_TRUE(ch.tx.try_send(counted(2)));
  auto message = receives.select();
  ASSERT_TRUE(message);
  rx.reset();
  EXPECT_TRUE(failed(message->recv(rx), errc::closed));
  EXPECT_TRUE(got(ch.rx.try_recv(), 2));
}

// semantics 19, 20, api: a dropped selection of a timer takes nothing: the instant is still due
TEST_F(Selector, ADroppedTimerStaysDue) {
  const auto then = steady::now() - 1h;
  auto once = strait::at(then);
  auto ticks = strait::tick(1h);
  strait::selector s;
  const auto io = s.recv(once);
  (void)s.recv(ticks);
  for (int i = 0; i < 5; ++i) {
    auto dropped = s.try_select();
    ASSERT_TRUE(chose(dropped, io));
  }
  EXPECT_EQ(once.size(), 1U);
  {
    auto sel = s.select();
    ASSERT_TRUE(chose(sel, io));
    EXPECT_TRUE(got(sel->recv(once), then));
  }
  EXPECT_FALSE(s.try_select());
  EXPECT_TRUE(failed(once.try_recv(), errc::empty));
}

// semantics 19, 15: dropped while another waits for the same timer: the other gets it
TEST_F(Selector, ADroppedTimerServesTheOther) {
  auto soon = strait::after(2ms);
  worker other([soon] { EXPECT_TRUE(soon.recv()); });
  strait::selector s;
  (void)s.recv(soon);
  for (int i = 0; i < 3; ++i) {
    auto dropped = s.select_for(3ms);
  }
}

// pitfalls 15, 25: a waiting selector sleeps
TEST_F(Selector, WaitingCostsNoProcessorTime) {
  auto a = strait::unbounded<int>();
  auto b = strait::rendezvous<int>();
  strait::selector s;
  (void)s.recv(a.rx);
  (void)s.send(b.tx);
  const auto start = steady::now();
  const processor_time used;
  EXPECT_TRUE(failed(s.select_for(150ms), errc::timeout));
  EXPECT_TRUE(failed(s.ready_for(150ms), errc::timeout));
  const auto cost = used.elapsed();
  EXPECT_TRUE(was_idle(cost, steady::now() - start));
}

// Misuse ends the program with a sentence.
TEST(SelectorDeathTest, MisuseIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto a = strait::bounded<int>(2);
  auto b = strait::bounded<int>(2);
  ASSERT_TRUE(a.tx.send(1) && a.tx.send(2));
  strait::selector s;
  const auto i = s.recv(a.rx);
  auto chosen = s.select();
  ASSERT_TRUE(chose(chosen, i));
  EXPECT_DEATH((void)chosen->recv(b.rx), "belongs to another channel");
  EXPECT_DEATH((void)chosen->send(a.tx, 1), "a selected receive with recv");
  EXPECT_DEATH(s.remove(i + 1), "no operation has this index");
  auto moved = std::move(*chosen);
  EXPECT_DEATH((void)chosen->recv(a.rx), "was moved from");
  EXPECT_TRUE(got(moved.recv(a.rx), 1));
  EXPECT_DEATH((void)moved.recv(a.rx), "was completed already");
}

// SPDX-License-Identifier: BSL-1.0
//
// Select over every flavour: what is ready, what waits, what wakes it, and what a select that loses
// leaves behind. Handlers are in select_handlers_test.cpp, the laws (fair, atomic, not with itself) in
// select_laws_test.cpp.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;
using strait::on_recv;
using strait::on_send;
using strait::on_stop;
using strait::on_timeout;
using strait::otherwise;
using strait::recv_result;
using strait::select;
using strait::send_result;

class Select : public ::testing::Test {
 public:
  using flavours = every_flavour;

 protected:
  void SetUp() override { counted::start_over(); }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

class SelectBuffered : public Select {
 public:
  using flavours = buffered_flavours;
};

class SelectBounded : public Select {
 public:
  using flavours = bounded_flavours;
};

namespace {
const auto never_here = [](auto&&...) { ADD_FAILURE() << "an arm fired that must not"; };
}

// semantics 22: an arm is ready when it would not block; the index is the arm's place in the list
FLAVOUR_TEST(SelectBuffered, TakesTheReadyArm) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(b.tx.send(counted(i)));
    int seen = -1;
    EXPECT_TRUE(
        got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }), on_timeout(1h, never_here),
                   on_recv(b.rx, [&](counted m) { seen = m.value(); }), otherwise(never_here)),
            2U));
    EXPECT_EQ(seen, i);
  }
  int sent = 0;
  EXPECT_TRUE(got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
                         on_send(b.tx, counted(9),
                                 [&](send_result<counted> r) {
                                   EXPECT_TRUE(r);
                                   ++sent;
                                 }),
                         otherwise(never_here)),
                  1U));
  EXPECT_EQ(sent, 1);
  EXPECT_TRUE(got(b.rx.try_recv(), 9));
}

// semantics 22: nothing ready: otherwise, and nothing is taken or sent
FLAVOUR_TEST(SelectBounded, OtherwiseWhenNothingIsReady) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  const int n = flavour.room(1 << 20);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(b.tx.try_send(counted(i)));
  int otherwises = 0;
  counted mine(5);
  EXPECT_TRUE(
      got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
                 on_send(b.tx, std::move(mine), never_here), otherwise([&] { ++otherwises; })),
          2U));
  EXPECT_EQ(otherwises, 1);
  EXPECT_EQ(mine.value(), 5);  // semantics 27: an arm that loses leaves its message untouched
  EXPECT_EQ(b.rx.size(), static_cast<std::size_t>(n));
}

// semantics 22: it waits until a message comes
FLAVOUR_TEST(Select, WaitsForAMessage) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  for (int i = 0; i < 40; ++i) {
    worker sender([&] {
      if (i % 4 == 0) std::this_thread::sleep_for(500us);
      EXPECT_TRUE((i % 2 == 0 ? a : b).tx.send(counted(i)));
    });
    int seen = -1;
    auto fired = choose(on_recv(a.rx, [&](counted m) { seen = m.value(); }),
                        on_recv(b.rx, [&](counted m) { seen = m.value(); }));
    EXPECT_TRUE(got(fired, static_cast<std::size_t>(i % 2)));
    EXPECT_EQ(seen, i);
  }
}

// semantics 22: it waits until there is room
FLAVOUR_TEST(SelectBounded, WaitsForRoom) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  for (auto* ch : {&a, &b}) {
    while (ch->tx.try_send(counted(0))) {
    }
  }
  worker receiver([&] {
    std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(b.rx.recv());
  });
  counted one(1), two(2);
  EXPECT_TRUE(
      got(choose(on_send(a.tx, std::move(one), never_here),
                 on_send(b.tx, std::move(two), [](send_result<counted> r) { EXPECT_TRUE(r); })),
          1U));
  EXPECT_EQ(one.value(), 1);
  EXPECT_EQ(two.value(), counted::nothing);
}

// semantics 22: an operation on a closed channel is ready; otherwise is not taken
FLAVOUR_TEST(Select, ClosedIsReady) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  a.tx.close();
  int seen = 0;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(got(choose(on_recv(a.rx,
                                   [&](recv_result<counted> m) {
                                     EXPECT_TRUE(failed(m, errc::closed));
                                     ++seen;
                                   }),
                           on_recv(b.rx, [](counted) { ADD_FAILURE(); }), otherwise(never_here)),
                    0U));
    EXPECT_TRUE(got(choose(on_recv(b.rx, [](counted) { ADD_FAILURE(); }),
                           on_send(a.tx, counted(i),
                                   [&](send_result<counted> r) {
                                     EXPECT_TRUE(returned(r, errc::closed, i));
                                     ++seen;
                                   }),
                           otherwise(never_here)),
                    1U));
    EXPECT_TRUE(got(choose(on_recv(a.rx, [&] { ++seen; }), otherwise(never_here)),
                    0U));  // no parameters: sees closed
    EXPECT_TRUE(got(choose(on_recv(a.rx), otherwise(never_here)), 0U));  // no handler: too
  }
  EXPECT_EQ(seen, 15);
}

// semantics 22, 24: an arm that takes a bare T drops out when its channel closes
FLAVOUR_TEST(Select, ABareHandlerDropsOut) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  a.tx.close();
  int otherwises = 0;
  EXPECT_TRUE(got(
      choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }), otherwise([&] { ++otherwises; })), 1U));
  EXPECT_EQ(otherwises, 1);
  const auto start = steady::now();
  EXPECT_TRUE(
      got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }), on_timeout(10ms, [] {})), 1U));
  EXPECT_GE(steady::now() - start, 10ms);
  EXPECT_TRUE(failed(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); })), errc::closed));
  worker sender([&] { EXPECT_TRUE(b.tx.send(counted(3))); });
  EXPECT_TRUE(got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
                         on_recv(b.rx, [](counted m) { EXPECT_EQ(m.value(), 3); })),
                  1U));
  sender.join();
  b.rx.close();
  EXPECT_TRUE(failed(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
                            on_recv(b.rx, [](counted) { ADD_FAILURE(); })),
                     errc::closed));
}

// semantics 24; pitfalls 36: closing wakes a waiting select: bare arms drop out one by one
FLAVOUR_TEST(Select, ClosingWakesAWaitingSelect) {
  for (int way : {0, 1}) {
    auto a = flavour.template make<counted>();
    auto b = flavour.template make<counted>();
    flag about;
    worker selecting([&] {
      about.set();
      EXPECT_TRUE(failed(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
                                on_recv(b.rx, [](counted) { ADD_FAILURE(); })),
                         errc::closed));
    });
    about.wait();
    a_moment();
    const auto end = [&](auto& ch) {
      if (way == 0) {
        ch.tx.close();
      } else {
        ch.tx.reset();
      }
    };
    end(a);
    a_moment();
    end(b);
  }
}

// semantics 22; pitfalls 36: and an arm that sees closed fires
FLAVOUR_TEST(Select, ClosingFiresAWaitingArm) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  flag about;
  worker selecting([&] {
    about.set();
    EXPECT_TRUE(got(
        choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
               on_recv(b.rx, [](recv_result<counted> m) { EXPECT_TRUE(failed(m, errc::closed)); })),
        1U));
  });
  about.wait();
  a_moment();
  b.tx.reset();
}

// semantics 2, 27: the receiver goes while a send arm waits: it fires with the message given back
FLAVOUR_TEST(SelectBounded, ClosingFiresAWaitingSendArm) {
  for (bool by_reset : {true, false}) {
    auto a = flavour.template make<counted>();
    while (a.tx.try_send(counted(0))) {
    }
    flag about;
    worker selecting([&] {
      about.set();
      EXPECT_TRUE(got(choose(on_send(a.tx, counted(6),
                                     [](send_result<counted> r) {
                                       EXPECT_TRUE(returned(r, errc::closed, 6));
                                     })),
                      0U));
    });
    about.wait();
    a_moment();
    if (by_reset) {
      a.rx.reset();
    } else {
      a.rx.close();
    }
    selecting.join();
  }
}

// semantics 24: the usual loop ends by itself
FLAVOUR_TEST(Select, TheLoopOverBareArmsEnds) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  worker first([&, tx = std::move(a.tx)] {
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(tx.send(counted(i)));
  });
  worker second([&, tx = std::move(b.tx)] {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(tx.send(counted(i)));
  });
  int from_a = 0, from_b = 0;
  while (choose(on_recv(a.rx, [&](counted m) { EXPECT_EQ(m.value(), from_a++); }),
                on_recv(b.rx, [&](counted m) { EXPECT_EQ(m.value(), from_b++); }))) {
  }
  EXPECT_EQ(from_a, 200);
  EXPECT_EQ(from_b, 100);
}

// select meets select, in every flavour
FLAVOUR_TEST(Select, SelectsMeet) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  constexpr int n = 300;
  worker sender([&] {
    for (int i = 0; i < n; ++i) {
      if (i % 2 == 0) {
        EXPECT_TRUE(
            choose(on_send(a.tx, counted(i), [](send_result<counted> r) { EXPECT_TRUE(r); }),
                   on_send(b.tx, counted(i), [](send_result<counted> r) { EXPECT_TRUE(r); })));
      } else {
        EXPECT_TRUE(a.tx.send(counted(i)));
      }
    }
    a.tx.close();
    b.tx.close();
  });
  std::vector<bool> seen(n, false);
  const auto take = [&](counted m) {
    EXPECT_FALSE(seen[static_cast<std::size_t>(m.value())]);
    seen[static_cast<std::size_t>(m.value())] = true;
  };
  while (choose(on_recv(a.rx, take), on_recv(b.rx, take))) {
  }
  EXPECT_EQ(seen, std::vector<bool>(n, true));
}

// semantics 29: what ends a wait: the earliest timeout, the stop token, whichever comes first
FLAVOUR_TEST(Select, TheEarliestEndOfTheWait) {
  auto a = flavour.template make<counted>();
  const auto start = steady::now();
  EXPECT_TRUE(got(choose(on_timeout(1h, never_here), on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
                         on_timeout(10ms, [] {}), on_timeout(steady::now() + 1h, never_here)),
                  2U));
  EXPECT_GE(steady::now() - start, 10ms);
  const auto until = steady::now() + 10ms;
  EXPECT_TRUE(
      got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }), on_timeout(until, [] {})), 1U));
  EXPECT_GE(steady::now(), until);
  EXPECT_TRUE(
      got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }), on_timeout(-1h, [] {})), 1U));
  EXPECT_TRUE(
      got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }), on_timeout(0s, [] {})), 1U));
  EXPECT_TRUE(got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
                         on_timeout(std::chrono::system_clock::now() + 2ms, [] {})),
                  1U));
  std::stop_source stop;
  worker stopper([&] {
    a_moment();
    stop.request_stop();
  });
  EXPECT_TRUE(
      got(choose(on_timeout(std::chrono::hours::max(), never_here),
                 on_recv(a.rx, [](counted) { ADD_FAILURE(); }), on_stop(stop.get_token(), [] {})),
          2U));
  EXPECT_TRUE(got(
      choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }), on_stop(stop.get_token(), [] {})), 1U));
}

// semantics 29: a message or room that is ready goes before a passed timeout and before a stop request
FLAVOUR_TEST(SelectBuffered, AReadyMessageGoesFirst) {
  auto a = flavour.template make<counted>();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(a.tx.send(counted(i)));
    EXPECT_TRUE(got(choose(on_timeout(-1h, never_here), on_stop(stopped_token(), never_here),
                           on_recv(a.rx, [&](counted m) { EXPECT_EQ(m.value(), i); })),
                    2U));
    EXPECT_TRUE(got(choose(on_timeout(steady::time_point::min(), never_here),
                           on_send(a.tx, counted(i)), on_stop(stopped_token(), never_here)),
                    1U));
    EXPECT_TRUE(a.rx.try_recv());
  }
}

// semantics 24: no arms left: otherwise runs, a timeout sleeps, else closed at once
TEST(SelectNoArms, WhatIsLeft) {
  auto [tx, rx] = strait::unbounded<int>();
  EXPECT_TRUE(tx.send(1));
  const auto absent = [&] { return on_recv(rx, [](int) { ADD_FAILURE(); }).when(false); };
  EXPECT_TRUE(failed(choose(absent()), errc::closed));
  EXPECT_TRUE(failed(choose(absent(), absent()), errc::closed));
  EXPECT_TRUE(got(choose(absent(), otherwise([] {})), 1U));
  EXPECT_TRUE(got(choose(otherwise([] {})), 0U));
  const auto start = steady::now();
  EXPECT_TRUE(got(choose(absent(), on_timeout(10ms, [] {})), 1U));
  EXPECT_GE(steady::now() - start, 10ms);
  EXPECT_TRUE(got(choose(on_timeout(5ms, [] {})), 0U));
  EXPECT_GE(steady::now() - start, 15ms);
  std::stop_source stop;
  worker stopper([&] {
    a_moment();
    stop.request_stop();
  });
  EXPECT_TRUE(got(choose(absent(), on_stop(stop.get_token(), [] {})), 1U));
  EXPECT_TRUE(got(choose(on_stop(std::stop_token{}, never_here), on_timeout(2ms, [] {})), 1U));
  EXPECT_EQ(rx.size(), 1U);
  EXPECT_TRUE(failed(choose(absent(), on_timeout(1ms, never_here).when(false)), errc::closed));
  EXPECT_TRUE(failed(choose(otherwise(never_here).when(false)), errc::closed));
  EXPECT_TRUE(failed(choose(on_stop(stop.get_token(), never_here).when(false)), errc::closed));
}

// api: guards take arms out and keep the numbering
TEST(SelectGuards, AbsentArmsKeepTheNumbering) {
  auto [tx, rx] = strait::bounded<int>(1);
  EXPECT_TRUE(tx.send(1));
  EXPECT_TRUE(got(choose(on_recv(rx, [](int) { ADD_FAILURE(); }).when(false),
                         on_send(tx, 2, never_here).when(false),
                         on_recv(rx, [](int m) { EXPECT_EQ(m, 1); }).when(true)),
                  2U));
  EXPECT_TRUE(
      got(choose(on_recv(rx, [](int) { ADD_FAILURE(); }).when(false), on_timeout(1ms, [] {}),
                 on_timeout(-1h, never_here).when(false), otherwise(never_here).when(false)),
          1U));
  EXPECT_TRUE(got(choose(on_send(tx, 3).when(true)), 0U));
  EXPECT_TRUE(got(rx.try_recv(), 3));
  for (int i = 0; i < 20; ++i) {  // there is room, whichever arm is looked at first
    EXPECT_TRUE(got(choose(on_send(tx, 4, never_here).when(false), on_send(tx, 5)), 1U));
    EXPECT_TRUE(got(rx.try_recv(), 5));
  }
}

// semantics 15, pitfalls 28: selects that lose leave nothing behind: the next send meets the next receive
FLAVOUR_TEST(Select, ALosingSelectLeavesNothingBehind) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  for (int i = 0; i < rounds(500); ++i) {
    EXPECT_TRUE(got(choose(on_recv(a.rx, [](counted) { ADD_FAILURE(); }),
                           on_recv(b.rx, [](counted) { ADD_FAILURE(); }),
                           on_timeout(i % 8 == 0 ? 20us : 0us, [] {})),
                    2U));
  }
  worker sender([&] {
    EXPECT_TRUE(a.tx.send(counted(1)));
    EXPECT_TRUE(b.tx.send(counted(2)));
  });
  EXPECT_TRUE(got(a.rx.recv(), 1));
  EXPECT_TRUE(got(b.rx.recv(), 2));
}

// pitfalls 15, 25: a waiting select sleeps; so does one whose bare arm has dropped out
TEST(SelectIdle, AWaitingSelectCostsNothing) {
  auto a = strait::unbounded<int>();
  auto b = strait::mpsc::bounded<int>(1);
  auto gone = strait::unbounded<int>();
  gone.tx.reset();
  const auto start = steady::now();
  const processor_time used;
  EXPECT_TRUE(got(choose(on_recv(a.rx, [](int) {}), on_recv(gone.rx, [](int) {}),
                         on_recv(b.rx, [](int) {}), on_timeout(300ms, [] {})),
                  3U));
  const auto cost = used.elapsed();
  EXPECT_TRUE(was_idle(cost, steady::now() - start));
}

// api: flavours and types mixed in one list, sixteen arms
TEST(SelectMixed, SixteenArms) {
  auto a = strait::unbounded<int>();
  auto b = strait::bounded<std::string>(2);
  auto c = strait::rendezvous<std::unique_ptr<int>>();
  auto d = strait::mpsc::unbounded<double>();
  auto e = strait::mpsc::bounded<char>(1);
  auto f = strait::spsc::unbounded<long>();
  auto g = strait::spsc::bounded<std::vector<int>>(3);
  auto h = strait::spsc::bounded<short>(0);
  auto o = strait::oneshot<bool>();
  auto never = strait::never<int>();
  auto later = strait::after(1h);
  std::stop_source stop;
  const auto wait = [&] {
    return choose(
        on_recv(a.rx, [](int m) { EXPECT_EQ(m, 1); }),
        on_recv(b.rx, [](std::string m) { EXPECT_EQ(m, "two"); }),
        on_recv(c.rx, [](std::unique_ptr<int> m) { EXPECT_EQ(*m, 3); }),
        on_recv(d.rx, [](double m) { EXPECT_EQ(m, 4.5); }),
        on_recv(e.rx, [](char m) { EXPECT_EQ(m, '5'); }),
        on_recv(f.rx, [](long m) { EXPECT_EQ(m, 6); }),
        on_recv(g.rx, [](std::vector<int> m) { EXPECT_EQ(m.size(), 7U); }),
        on_recv(h.rx, [](short m) { EXPECT_EQ(m, 8); }),
        on_recv(o.rx, [](bool m) { EXPECT_TRUE(m); }), on_recv(never, [](int) { ADD_FAILURE(); }),
        on_recv(later, [](auto&&) { ADD_FAILURE(); }),
        on_send(c.tx, std::make_unique<int>(0), never_here).when(false), on_timeout(1h, never_here),
        on_stop(stop.get_token(), never_here),
        on_recv(a.rx, [](int m) { EXPECT_EQ(m, 1); }).when(false), on_timeout(2h, never_here));
  };
  const auto through = [&](std::size_t index, auto send) {
    worker sender([&] {
      std::this_thread::sleep_for(200us);
      EXPECT_TRUE(send());
    });
    EXPECT_TRUE(got(wait(), index));
  };
  for (int lap = 0; lap < 3; ++lap) {
    through(0, [&] { return a.tx.send(1); });
    through(1, [&] { return b.tx.send("two"); });
    through(2, [&] { return c.tx.send(std::make_unique<int>(3)); });
    through(3, [&] { return d.tx.send(4.5); });
    through(4, [&] { return e.tx.send('5'); });
    through(5, [&] { return f.tx.send(6); });
    through(6, [&] { return g.tx.send(std::vector<int>(7)); });
    through(7, [&] { return h.tx.send(8); });
  }
  through(8, [&] { return o.tx.send(true); });
}

// semantics 15; pitfalls 35: many selects and plain receivers over the same two channels; nobody is stranded
TEST(SelectMany, WakeUpsAreConserved) {
  const auto run = [](auto a, auto b) {
    const int n = rounds(1500);
    std::atomic<int> taken{0};
    std::atomic<long long> sum{0};
    const auto take = [&](int m) {
      sum += m;
      ++taken;
    };
    std::vector<worker> workers;
    for (int i = 0; i < 2; ++i) {
      workers.emplace_back([&, arx = a.rx, brx = b.rx] {
        while (choose(on_recv(arx, take), on_recv(brx, take))) {
        }
      });
    }
    workers.emplace_back([&, rx = a.rx] {
      for (int m : rx) take(m);
    });
    workers.emplace_back([&, rx = b.rx] {
      for (int m : rx) take(m);
    });
    long long expected = 0;
    for (int i = 1; i <= n; ++i) {
      ASSERT_TRUE(a.tx.send(i));
      if (i % 3 == 0) {
        ASSERT_TRUE(b.tx.send(-i));
        expected -= i;
      }
      expected += i;
      if (i % 50 == 0)
        eventually([&] { return taken == i + i / 3; });  // no later send comes to the rescue
    }
    eventually([&] { return taken == n + n / 3; });
    a.tx.close();
    b.tx.close();
    workers.clear();
    EXPECT_EQ(sum, expected);
  };
  run(strait::unbounded<int>(), strait::bounded<int>(1));
  run(strait::rendezvous<int>(), strait::unbounded<int>());
  run(strait::rendezvous<int>(), strait::rendezvous<int>());
  run(strait::bounded<int>(2), strait::bounded<int>(3));
}

// semantics 10, 14, 15: at capacity 0 a send that succeeded was taken, though all sides select and give up
TEST(SelectMany, RendezvousSuccessMeansTaken) {
  auto a = strait::rendezvous<int>();
  auto b = strait::rendezvous<int>();
  std::atomic<long long> sent{0}, taken{0};
  std::atomic<bool> done{false};
  std::vector<worker> receivers;
  for (unsigned seed : {1U, 2U}) {
    receivers.emplace_back([&, seed] {
      std::minstd_rand random(seed);
      const auto take = [&](int m) { taken += m; };
      while (!done) {
        choose(on_recv(a.rx, take), on_recv(b.rx, take),
               on_timeout(std::chrono::microseconds(random() % 30), [] {}));
      }
    });
  }
  std::vector<worker> senders;
  for (unsigned seed : {3U, 4U}) {
    senders.emplace_back([&, seed] {
      std::minstd_rand random(seed);
      for (int i = 1; i <= rounds(2000); ++i) {
        const auto note = [&](send_result<int> r) { sent += r ? i : 0; };
        const std::chrono::microseconds wait(random() % 30);
        switch (random() % 3) {
          case 0:
            choose(on_send(a.tx, i, note), on_send(b.tx, i, note), on_timeout(wait, [] {}));
            break;
          case 1: choose(on_send(a.tx, [i] { return i; }, note), on_timeout(wait, [] {})); break;
          default: note(b.tx.send_for(i, wait));
        }
      }
    });
  }
  senders.clear();
  done = true;
  receivers.clear();
  EXPECT_EQ(sent, taken);
}

// semantics 8: a time point of a clock that is set back meanwhile is waited for until that clock says so
TEST(SelectTimeout, AClockThatIsSetBack) {
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
  auto [tx, rx] = strait::unbounded<int>();
  const auto start = steady::now();
  EXPECT_TRUE(got(choose(on_timeout(1h, [] { ADD_FAILURE(); }), on_recv(rx),
                         on_timeout(wall::now() + 10ms, [] {})),
                  2U));
  EXPECT_GE(steady::now() - start, 24ms);
  EXPECT_GE(wall::asked(), 3);
}

// pitfalls 31: two selects over the same two channels in opposite order, sending and receiving
TEST(SelectMany, OppositeOrdersDoNotLock) {
  const auto run = [](auto a, auto b) {
    const int n = rounds(2000);
    std::atomic<int> sent{0}, taken{0};
    const auto mover = [&](auto& first, auto& second) {
      for (int i = 0; i < n; ++i) {
        choose(on_send(first.tx, i, [&](send_result<int> r) { sent += r.has_value(); }),
               on_recv(second.rx, [&](int) { ++taken; }), on_timeout(100us, [] {}));
      }
    };
    worker one([&] { mover(a, b); });
    worker two([&] { mover(b, a); });
    one.join();
    two.join();
    while (a.rx.try_recv()) ++taken;
    while (b.rx.try_recv()) ++taken;
    EXPECT_EQ(sent, taken);
  };
  run(strait::bounded<int>(1), strait::bounded<int>(1));
  run(strait::rendezvous<int>(), strait::rendezvous<int>());
  run(strait::unbounded<int>(), strait::rendezvous<int>());
}

// pitfalls 33: the waking side may close and destroy the channel while the select is leaving
FLAVOUR_TEST(Select, TheWakingSideMayVanish) {
  for (int round = 0; round < rounds(150); ++round) {
    auto a = flavour.template make<counted>();
    auto b = flavour.template make<counted>();
    worker selecting([&, arx = std::move(a.rx), brx = std::move(b.rx)]() mutable {
      EXPECT_TRUE(choose(on_recv(arx), on_recv(brx, [](counted) {})));
      arx.reset();
      brx.reset();
    });
    if (round % 2 == 0) (void)b.tx.send(counted(1));
    a.tx.reset();
    b.tx.reset();
  }
}

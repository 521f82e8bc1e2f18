// SPDX-License-Identifier: BSL-1.0
//
// Waits that end by themselves: deadlines of every size and clock, stop tokens, and what happens when the
// end of a wait meets a message.
#include <atomic>
#include <chrono>
#include <ratio>
#include <stop_token>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Waiting : public ::testing::Test {
 public:
  using flavours = every_flavour;

 protected:
  void SetUp() override { counted::start_over(); }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

class WaitingBuffered : public Waiting {
 public:
  using flavours = buffered_flavours;
};

class WaitingBounded : public Waiting {
 public:
  using flavours = bounded_flavours;
};

class WaitingUnbounded : public Waiting {
 public:
  using flavours = unbounded_flavours;
};

class WaitingMany : public Waiting {
 public:
  using flavours = list<with<mpmc, no_bound>, with<mpmc, 1>, with<mpmc, 3>, with<mpmc, 0>>;
};

class WaitingManySenders : public Waiting {
 public:
  using flavours = list<with<mpmc, 1>, with<mpmc, 3>, with<mpmc, 0>, with<mpsc, 1>, with<mpsc, 3>,
                        with<mpsc, 0>>;
};

namespace {
// A clock of the user's: another epoch, another period, floating.
struct odd_clock {
  using rep = double;
  using period = std::ratio<3, 7>;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<odd_clock>;
  [[maybe_unused]] static constexpr bool is_steady = true;
  static time_point now() noexcept {
    return time_point(std::chrono::duration_cast<duration>(steady::now().time_since_epoch()) +
                      duration(1e5));
  }
};
}  // namespace

// semantics 8: a receive without a message ends with timeout, and not before
FLAVOUR_TEST(Waiting, TimedReceiveEndsNotBefore) {
  auto [tx, rx] = flavour.template make<counted>();
  const auto start = steady::now();
  EXPECT_TRUE(failed(rx.recv_for(15ms), errc::timeout));
  EXPECT_GE(steady::now() - start, 15ms);
  const auto until = steady::now() + 15ms;
  EXPECT_TRUE(failed(rx.recv_until(until), errc::timeout));
  EXPECT_GE(steady::now(), until);
  const auto third = steady::now();
  EXPECT_TRUE(failed(rx.recv_for(std::chrono::duration<double>(0.0105)), errc::timeout));
  EXPECT_GE(steady::now() - third, 10ms);
}

// semantics 8: the same for a send without room, and the message comes back
FLAVOUR_TEST(WaitingBounded, TimedSendEndsNotBefore) {
  auto [tx, rx] = flavour.template make<counted>();
  for (int i = 0; i < flavour.room(1 << 20); ++i) ASSERT_TRUE(tx.try_send(counted(i)));
  const auto start = steady::now();
  EXPECT_TRUE(returned(tx.send_for(counted(5), 15ms), errc::timeout, 5));
  EXPECT_GE(steady::now() - start, 15ms);
  const auto until = steady::now() + 15ms;
  EXPECT_TRUE(returned(tx.send_until(counted(6), until), errc::timeout, 6));
  EXPECT_GE(steady::now(), until);
}

// semantics 8: time points of other clocks
FLAVOUR_TEST(Waiting, OtherClocks) {
  auto [tx, rx] = flavour.template make<counted>();
  const auto start = steady::now();
  EXPECT_TRUE(failed(rx.recv_until(std::chrono::system_clock::now() + 20ms), errc::timeout));
  EXPECT_GE(steady::now() - start, 15ms);  // the system clock may be slewed meanwhile
  const auto odd = odd_clock::now() + std::chrono::duration<double>(0.010);
  EXPECT_TRUE(failed(rx.recv_until(odd), errc::timeout));
  EXPECT_GE((odd_clock::now() - odd).count(), -1e-4);
  EXPECT_TRUE(failed(rx.recv_until(odd_clock::now() - odd_clock::duration(1)), errc::timeout));
  EXPECT_TRUE(failed(rx.recv_until(std::chrono::system_clock::now() - 1h), errc::timeout));
}

// A far instant of another clock does not keep a call that has its answer.
FLAVOUR_TEST(Waiting, OtherClocksAndAClosedChannel) {
  auto [tx, rx] = flavour.template make<counted>();
  const auto far = std::chrono::system_clock::now() + 1h;
  tx.close();
  EXPECT_TRUE(failed(rx.recv_until(far), errc::closed));
  EXPECT_TRUE(failed(tx.send_until(counted(1), far), errc::closed));
}

// semantics 8: a deadline in the past still tries once
FLAVOUR_TEST(WaitingBuffered, APastDeadlineStillTriesOnce) {
  auto [tx, rx] = flavour.template make<counted>();
  ASSERT_TRUE(tx.send_for(counted(1), -1s));
  EXPECT_TRUE(got(rx.recv_for(-1s), 1));
  ASSERT_TRUE(tx.send_until(counted(2), steady::now() - 1h));
  EXPECT_TRUE(got(rx.recv_until(steady::now() - 1h), 2));
  ASSERT_TRUE(tx.send_until(counted(3), std::chrono::system_clock::time_point::min()));
  EXPECT_TRUE(got(rx.recv_until(std::chrono::system_clock::time_point::min()), 3));
  ASSERT_TRUE(tx.send_for(counted(4), std::chrono::hours::min()));
  EXPECT_TRUE(got(rx.recv_for(std::chrono::hours::min()), 4));
  ASSERT_TRUE(tx.send_for(counted(5), 0ns));
  EXPECT_TRUE(got(rx.recv_for(0ns), 5));
  EXPECT_TRUE(failed(rx.recv_for(-1s), errc::timeout));
}

// semantics 8: on an unbounded channel a send never times out
FLAVOUR_TEST(WaitingUnbounded, UnboundedSendsNeverTimeOut) {
  auto [tx, rx] = flavour.template make<counted>();
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(tx.send_for(counted(i), -1h));
    ASSERT_TRUE(tx.send_until(counted(i), steady::time_point::min()));
  }
  EXPECT_EQ(rx.size(), 4000U);
}

// semantics 8, pitfalls 7: durations and time points of any size; an overflowing one means for ever
FLAVOUR_TEST(Waiting, AnOverflowingDeadlineMeansForEver) {
  using float_seconds = std::chrono::duration<double>;
  auto [tx, rx] = flavour.template make<counted>();
  const auto each = [&](auto wait) {
    flag about, through;
    worker receiver([&] {
      about.set();
      EXPECT_TRUE(got(wait(), 1));
      through.set();
    });
    about.wait();
    std::this_thread::sleep_for(2ms);
    EXPECT_FALSE(through.is_set());
    EXPECT_TRUE(tx.send(counted(1)));
  };
  each([&rx] { return rx.recv_for(std::chrono::nanoseconds::max()); });
  each([&rx] { return rx.recv_for(std::chrono::milliseconds::max()); });
  each([&rx] { return rx.recv_for(std::chrono::seconds::max()); });
  each([&rx] { return rx.recv_for(std::chrono::hours::max()); });
  each([&rx] { return rx.recv_for(float_seconds(1e300)); });
  each([&rx] { return rx.recv_for(float_seconds(std::numeric_limits<double>::infinity())); });
  each([&rx] {
    return rx.recv_for(std::chrono::duration<long long, std::ratio<31556952>>(1'000'000));
  });
  each([&rx] { return rx.recv_until(steady::time_point::max()); });
  each([&rx] { return rx.recv_until(std::chrono::system_clock::time_point::max()); });
  each([&rx] {
    return rx.recv_until(
        std::chrono::time_point<std::chrono::system_clock, std::chrono::hours>::max());
  });
  each([&rx] { return rx.recv_until(odd_clock::time_point::max()); });
}

// semantics 8, pitfalls 7: and of any negative size is past
FLAVOUR_TEST(Waiting, AnUnderflowingDeadlineIsPast) {
  auto [tx, rx] = flavour.template make<counted>();
  EXPECT_TRUE(failed(rx.recv_for(std::chrono::nanoseconds::min()), errc::timeout));
  EXPECT_TRUE(failed(rx.recv_for(std::chrono::seconds::min()), errc::timeout));
  EXPECT_TRUE(failed(rx.recv_for(std::chrono::hours::min()), errc::timeout));
  EXPECT_TRUE(failed(rx.recv_for(std::chrono::duration<double>(-1e300)), errc::timeout));
  EXPECT_TRUE(
      failed(rx.recv_for(std::chrono::duration<double>(-std::numeric_limits<double>::infinity())),
             errc::timeout));
  EXPECT_TRUE(failed(rx.recv_until(steady::time_point::min()), errc::timeout));
  EXPECT_TRUE(failed(rx.recv_until(steady::time_point{}), errc::timeout));
  EXPECT_TRUE(failed(rx.recv_until(std::chrono::system_clock::time_point::min()), errc::timeout));
  EXPECT_TRUE(failed(
      rx.recv_until(std::chrono::time_point<std::chrono::system_clock, std::chrono::hours>::min()),
      errc::timeout));
  EXPECT_TRUE(failed(rx.recv_until(odd_clock::time_point::min()), errc::timeout));
}

// semantics 8: an overflowing deadline on a send
FLAVOUR_TEST(WaitingBounded, AnOverflowingSendDeadlineMeansForEver) {
  auto [tx, rx] = flavour.template make<counted>();
  const int n = flavour.room(1 << 20);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
  flag about, through;
  worker sender([&] {
    about.set();
    EXPECT_TRUE(tx.send_for(counted(n), std::chrono::hours::max()));
    EXPECT_TRUE(tx.send_until(counted(n + 1), steady::time_point::max()));
    through.set();
  });
  about.wait();
  a_moment();
  EXPECT_FALSE(through.is_set());
  for (int i = 0; i < n + 2; ++i) EXPECT_TRUE(got(rx.recv(), i));
}

// semantics 8: a wait that gets what it waits for before its deadline
FLAVOUR_TEST(Waiting, AMessageEndsATimedWait) {
  auto [tx, rx] = flavour.template make<counted>();
  worker receiver([&rx] {
    EXPECT_TRUE(got(rx.recv_for(1h), 1));
    EXPECT_TRUE(got(rx.recv_until(std::chrono::system_clock::now() + 1h), 2));
  });
  a_moment();
  EXPECT_TRUE(tx.send_for(counted(1), 1h));
  a_moment();
  EXPECT_TRUE(tx.send_until(counted(2), steady::now() + 1h));
}

// semantics 14: a token stopped beforehand still tries once
FLAVOUR_TEST(WaitingBuffered, AStoppedTokenStillTriesOnce) {
  auto [tx, rx] = flavour.template make<counted>();
  EXPECT_TRUE(failed(rx.recv(stopped_token()), errc::cancelled));
  const int n = flavour.room(3);
  for (int i = 0; i < n; ++i) EXPECT_TRUE(tx.send(counted(i), stopped_token()));
  if (flavour.capacity <= 3) {
    EXPECT_TRUE(returned(tx.send(counted(9), stopped_token()), errc::cancelled, 9));
  }
  for (int i = 0; i < n; ++i) EXPECT_TRUE(got(rx.recv(stopped_token()), i));
  EXPECT_TRUE(failed(rx.recv(stopped_token()), errc::cancelled));
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
}

// semantics 14: a stop request wakes every wait that has its token
FLAVOUR_TEST(Waiting, AStopRequestWakesReceivers) {
  auto [tx, rx] = flavour.template make<counted>();
  std::stop_source stop;
  auto rxs = clones(std::move(rx), 3);
  std::atomic<int> about{0};
  {
    std::vector<worker> workers;
    for (auto& r : rxs) {
      workers.emplace_back([&] {
        ++about;
        EXPECT_TRUE(failed(r.recv(stop.get_token()), errc::cancelled));
      });
    }
    eventually([&] { return about == static_cast<int>(rxs.size()); });
    a_moment();
    stop.request_stop();
  }
  worker again([&] {
    EXPECT_TRUE(got(rxs.front().recv(std::stop_token{}), 4));
  });  // a token nobody can stop
  EXPECT_TRUE(tx.send(counted(4)));
}

// semantics 14: the same for senders, which keep their message
FLAVOUR_TEST(WaitingBounded, AStopRequestWakesSenders) {
  auto [tx, rx] = flavour.template make<counted>();
  const int n = flavour.room(1 << 20);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
  std::stop_source stop;
  auto txs = clones(std::move(tx), 3);
  std::atomic<int> about{0};
  {
    std::vector<worker> workers;
    for (auto& t : txs) {
      workers.emplace_back([&] {
        ++about;
        EXPECT_TRUE(returned(t.send(counted(99), stop.get_token()), errc::cancelled, 99));
      });
    }
    eventually([&] { return about == static_cast<int>(txs.size()); });
    a_moment();
    stop.request_stop();
  }
  for (int i = 0; i < n; ++i) EXPECT_TRUE(got(rx.try_recv(), i));
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
}

// semantics 14: stop against delivery: the receive has the message, or it is still there (or never sent)
FLAVOUR_TEST(Waiting, StopRacingDelivery) {
  auto [tx, rx] = flavour.template make<counted>();
  const int n = rounds(400);
  std::vector<std::stop_source> stops(static_cast<std::size_t>(n));
  std::atomic<bool> sent{false};
  meeting start(3);
  worker sender([&] {
    std::minstd_rand random(1);
    for (int i = 0; i < n; ++i) {
      auto& stop = stops[static_cast<std::size_t>(i)];
      start.arrive();
      dither(random, 300);
      auto r = tx.send(counted(i), stop.get_token());
      if (!r) {
        EXPECT_TRUE(returned(r, errc::cancelled, i));
      }
      sent = r.has_value();
      start.arrive();
      start.arrive();
    }
  });
  worker stopper([&] {
    std::minstd_rand random(2);
    for (int i = 0; i < n; ++i) {
      start.arrive();
      dither(random, 3000);
      stops[static_cast<std::size_t>(i)].request_stop();
      start.arrive();
      start.arrive();
    }
  });
  for (int i = 0; i < n; ++i) {
    start.arrive();
    auto m = rx.recv(stops[static_cast<std::size_t>(i)].get_token());
    if (!m) {
      EXPECT_TRUE(failed(m, errc::cancelled));
    }
    start.arrive();
    const bool at_once = m.has_value();
    if (!m) m = rx.try_recv();
    EXPECT_EQ(m.has_value(), sent.load())
        << (at_once ? "taken" : "not taken") << " by the cancelled receive";
    if (m) {
      EXPECT_TRUE(got(m, i));
    }
    EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
    start.arrive();
  }
}

// semantics 10, 14: at capacity 0 a cancelled receive and a successful send exclude each other
FLAVOUR_TEST(Waiting, GivingUpOnBothSidesConserves) {
  auto [tx, rx] = flavour.template make<counted>();
  const int n = rounds(3000);
  int sent = 0, taken = 0;
  std::atomic<bool> done{false};
  worker sender([&] {
    std::minstd_rand random(5);
    for (int i = 0; i < n; ++i) {
      auto r = tx.send_for(counted(i), std::chrono::microseconds(random() % 60));
      if (r) {
        ++sent;
      } else {
        EXPECT_TRUE(returned(r, errc::timeout, i));
      }
    }
    done = true;
  });
  std::minstd_rand random(6);
  int last = -1;
  const auto take = [&](auto&& m) {
    if (!m) return;
    EXPECT_GT(m->value(), last);
    last = m->value();
    ++taken;
  };
  while (!done) take(rx.recv_for(std::chrono::microseconds(random() % 60)));
  sender.join();
  for (;;) {
    auto m = rx.try_recv();
    if (!m) break;
    take(m);
  }
  EXPECT_EQ(sent, taken);
}

// semantics 15: a wake-up given to a receiver that gives up is passed on to the next
FLAVOUR_TEST(WaitingMany, AReceiverThatGivesUpPassesItsWakeUpOn) {
  auto [tx, rx] = flavour.template make<counted>();
  auto patient_rx = rx;
  const int n = rounds(1000);
  std::atomic<int> taken{0};
  meeting start(2);
  worker impatient([&] {
    std::minstd_rand random(8);
    for (int i = 1; i <= n; ++i) {
      start.arrive();
      std::stop_source stop;
      const auto wait = std::chrono::microseconds(random() % 40);
      strait::recv_result<counted> m = strait::unexpected<errc>(errc::empty);
      switch (random() % 3) {
        case 0: m = rx.recv_for(wait); break;
        case 1: {
          worker stopper([&] {
            std::this_thread::sleep_for(wait);
            stop.request_stop();
          });
          m = rx.recv(stop.get_token());
          break;
        }
        default:
          choose(strait::on_recv(rx, [&](counted c) { m = std::move(c); }),
                 strait::on_timeout(wait, [] {}));
      }
      if (m) ++taken;
      start.arrive();
    }
  });
  worker patient([&] {
    while (patient_rx.recv()) ++taken;
  });
  std::minstd_rand random(9);
  for (int i = 1; i <= n; ++i) {
    start.arrive();
    dither(random, 6000);
    ASSERT_TRUE(tx.send(counted(i)));
    // It must be taken by the one or the other; no other send comes to the rescue.
    eventually([&] { return taken == i; });
    start.arrive();
  }
  tx.close();
}

// semantics 15: the same among senders
FLAVOUR_TEST(WaitingManySenders, ASenderThatGivesUpPassesItsWakeUpOn) {
  auto [tx, rx] = flavour.template make<counted>();
  auto patient_tx = tx;
  const int prefilled = flavour.room(1 << 20);
  for (int i = 0; i < prefilled; ++i) ASSERT_TRUE(tx.try_send(counted(0)));
  const int n = rounds(1000);
  std::atomic<int> sent{0};
  meeting start(2);
  worker impatient([&] {
    std::minstd_rand random(8);
    for (int i = 1; i <= n; ++i) {
      start.arrive();
      if (tx.send_for(counted(1), std::chrono::microseconds(random() % 40))) ++sent;
      start.arrive();
    }
  });
  worker patient([&] {
    while (patient_tx.send(counted(2))) ++sent;
  });
  std::minstd_rand random(9);
  for (int i = 1; i <= n; ++i) {
    start.arrive();
    dither(random, 6000);
    ASSERT_TRUE(rx.recv());
    // The place this made must be used by the one or the other.
    eventually([&] { return sent == i; });
    start.arrive();
  }
  impatient.join();
  rx.close();
  patient.join();
  int left = 0;
  while (rx.try_recv()) ++left;
  EXPECT_EQ(left, prefilled);
}

// pitfalls 29: a stop request runs its callbacks in the requesting thread; what it wakes may ask again
FLAVOUR_TEST(Waiting, StopMayBeRequestedByTheOneThatUsesTheChannel) {
  auto [tx, rx] = flavour.template make<counted>();
  std::stop_source stop;
  worker receiver([&] {
    EXPECT_TRUE(failed(rx.recv(stop.get_token()), errc::cancelled));
    EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
  });
  a_moment();
  std::stop_callback first(stop.get_token(), [&] { (void)rx.size(); });
  stop.request_stop();
  receiver.join();
}

// pitfalls 16: a sender that appears while a receiver is in a timed wait, then the wait ends, then another
FLAVOUR_TEST(Waiting, ANewSenderDuringATimedWait) {
  auto [tx, rx] = flavour.template make<counted>();
  for (int round = 0; round < 20; ++round) {
    flag about, ended;
    worker receiver([&] {
      about.set();
      EXPECT_TRUE(failed(rx.recv_for(1ms), errc::timeout));
      ended.set();
      EXPECT_TRUE(got(rx.recv_for(1h), round));
    });
    about.wait();
    auto txs = clones(std::move(tx), 2);
    ended.wait();
    EXPECT_TRUE(txs.front().send(counted(round)));
    tx = std::move(txs.back());
  }
}

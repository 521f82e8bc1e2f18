// SPDX-License-Identifier: BSL-1.0
//
// Pitfalls 24, 25, 30, 34, 35: waits that are given up, by stop, by timeout or for another arm, while a
// message is on its way: it is taken, or it is still there, and whoever waits beside gets the wake-up.
#include <atomic>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;
using strait::on_recv;
using strait::on_send;
using strait::on_stop;
using strait::on_timeout;
using strait::otherwise;
using strait::select;
using strait::select_biased;

class Cancel : public ::testing::Test {
 public:
  using flavours = every_flavour;

 protected:
  void SetUp() override { counted::start_over(); }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

// pitfalls 30, 25: conservation with readers cancelled at random times, two of them where the type allows
FLAVOUR_TEST(Cancel, ReadersCancelledAtRandomLoseNothing) {
  auto [tx, rx] = flavour.template make<counted>();
  auto rxs = clones(std::move(rx), 2);
  const int n = rounds(1500);
  std::atomic<long long> sum{0};
  std::atomic<int> taken{0};
  std::vector<worker> readers;
  for (auto& r : rxs) {
    readers.emplace_back([&, mine = std::move(r)] {
      std::minstd_rand random(17);
      for (bool open = true; open;) {
        std::stop_source stop;
        worker canceller;
        if (random() % 8 == 0) {
          canceller.start([&stop, wait = std::chrono::microseconds(random() % 20)] {
            std::this_thread::sleep_for(wait);
            stop.request_stop();
          });
        } else {
          stop.request_stop();
        }
        for (;;) {  // until this token stops it: the stop may fall into any receive
          auto m = mine.recv(stop.get_token());
          if (m) {
            sum += m->value();
            ++taken;
            continue;
          }
          if (m.error() == errc::closed) {
            open = false;
          } else {
            EXPECT_TRUE(failed(m, errc::cancelled));
          }
          break;
        }
      }
    });
  }
  for (int i = 1; i <= n; ++i) ASSERT_TRUE(tx.send(counted(i)));
  tx.reset();
  readers.clear();
  EXPECT_EQ(taken, n);
  EXPECT_EQ(sum, static_cast<long long>(n) * (n + 1) / 2);
}

// pitfalls 34: a select with a stop arm, stopped while the message is handed over
FLAVOUR_TEST(Cancel, AStoppedSelectLosesNothing) {
  auto [tx, rx] = flavour.template make<counted>();
  const int n = rounds(300);
  std::vector<std::stop_source> stops(static_cast<std::size_t>(n));
  std::atomic<bool> sent{false};
  meeting start(3);
  worker sender([&] {
    std::minstd_rand random(31);
    for (int i = 0; i < n; ++i) {
      start.arrive();
      dither(random, 500);
      bool through = false;
      select(
          on_send(tx, counted(i), [&](strait::send_result<counted> r) { through = r.has_value(); }),
          on_stop(stops[static_cast<std::size_t>(i)].get_token(), [] {}));
      sent = through;
      start.arrive();
      start.arrive();
    }
  });
  worker stopper([&] {
    std::minstd_rand random(32);
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
    int taken = 0;
    select(on_recv(rx,
                   [&](counted m) {
                     EXPECT_EQ(m.value(), i);
                     ++taken;
                   }),
           on_stop(stops[static_cast<std::size_t>(i)].get_token(), [] {}));
    start.arrive();
    if (rx.try_recv()) ++taken;
    EXPECT_EQ(taken, sent ? 1 : 0);
    start.arrive();
  }
}

// pitfalls 35: a select woken for a that takes from b leaves a's message to a's other receiver, at once
TEST(CancelMany, AWakeUpNotUsedIsPassedOn) {
  const auto run = [](auto make) {
    for (int round = 0; round < rounds(400); ++round) {
      auto a = make();
      auto b = make();
      std::atomic<int> taken{0};
      worker selecting([&, arx = a.rx, brx = b.rx] {
        const auto take = [&](int) { ++taken; };
        if (round % 2 == 0) {
          select_biased(on_recv(brx, take), on_recv(arx, take));
        } else {
          select(on_recv(brx, take), on_recv(arx, take));
        }
      });
      worker plain_a([&, rx = a.rx] { taken += rx.recv().has_value(); });
      worker plain_b([&, rx = b.rx] { taken += rx.recv().has_value(); });
      if (round % 3 != 0) std::this_thread::sleep_for(50us);
      ASSERT_TRUE(a.tx.send(1));
      ASSERT_TRUE(b.tx.send(2));
      eventually([&] { return taken == 2; });  // three wait, two are served: nobody is stranded
      a.tx.close();
      b.tx.close();
    }
  };
  run([] { return strait::unbounded<int>(); });
  run([] { return strait::bounded<int>(1); });
  run([] { return strait::rendezvous<int>(); });
}

// pitfalls 24: the same for room: a select woken for room in a that sends to b
TEST(CancelMany, RoomNotUsedIsPassedOn) {
  const auto run = [](auto make) {
    for (int round = 0; round < rounds(300); ++round) {
      auto a = make();
      auto b = make();
      const int full = a.tx.try_send(0) && b.tx.try_send(0) ? 1 : 0;
      std::atomic<int> sent{0};
      worker selecting([&, atx = a.tx, btx = b.tx] {
        const auto done = [&](strait::send_result<int> r) { sent += r.has_value(); };
        select(on_send(btx, 1, done), on_send(atx, 1, done));
      });
      worker plain_a([&, tx = a.tx] { sent += tx.send(2).has_value(); });
      worker plain_b([&, tx = b.tx] { sent += tx.send(2).has_value(); });
      if (round % 3 != 0) std::this_thread::sleep_for(50us);
      ASSERT_TRUE(a.rx.recv());
      ASSERT_TRUE(b.rx.recv());
      eventually([&] { return sent == 2; });
      a.rx.close();
      b.rx.close();
      selecting.join();
      plain_a.join();
      plain_b.join();
      int left = 0;
      while (a.rx.try_recv()) ++left;
      while (b.rx.try_recv()) ++left;
      EXPECT_EQ(left, 2 * full);
    }
  };
  run([] { return strait::bounded<int>(1); });
  run([] { return strait::mpsc::bounded<int>(1); });
  run([] { return strait::rendezvous<int>(); });
}

// pitfalls 24 (flume): order is kept although receives before gave up or were dropped in the middle
FLAVOUR_TEST(Cancel, GivingUpKeepsTheOrder) {
  auto [tx, rx] = flavour.template make<counted>();
  const int n = rounds(2000);
  worker sender([&] {
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.send(counted(i)));
  });
  strait::selector s;
  (void)s.recv(rx);
  std::minstd_rand random(3);
  for (int next = 0; next < n;) {
    const auto take = [&](const counted& m) { ASSERT_EQ(m.value(), next++); };
    switch (random() % 6) {
      case 0: {
        auto dropped = s.select_for(10us);
        break;
      }
      case 1: {
        auto dropped = s.try_select();
        break;
      }
      case 2:
        if (auto m = rx.recv_for(1us)) take(*m);
        break;
      case 3:
        if (auto m = rx.recv(stopped_token())) take(*m);
        break;
      case 4: select(on_recv(rx, take), otherwise([] {})); break;
      default:
        if (auto m = rx.recv()) take(*m);
    }
  }
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
}

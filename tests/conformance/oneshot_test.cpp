// SPDX-License-Identifier: BSL-1.0
//
// One message; both ends are consumed by use.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Oneshot : public ::testing::Test {
 protected:
  void SetUp() override { counted::start_over(); }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

// A far instant of another clock does not keep a receive that has its answer; a near one is waited for.
TEST_F(Oneshot, OtherClocks) {
  auto a = strait::oneshot<counted>();
  const auto begin = std::chrono::system_clock::now();
  EXPECT_TRUE(failed(a.rx.recv_until(begin + std::chrono::milliseconds(20)), errc::timeout));
  EXPECT_GE(std::chrono::system_clock::now(), begin + std::chrono::milliseconds(20));
  a.tx.reset();
  EXPECT_TRUE(failed(a.rx.recv_until(begin + std::chrono::hours(1)), errc::closed));
}

// api: the ends are values like other handles
TEST_F(Oneshot, EndsAreComparedAndSwapped) {
  auto a = strait::oneshot<counted>();
  auto b = strait::oneshot<counted>();
  EXPECT_TRUE(a.tx.same_channel(a.rx));
  EXPECT_FALSE(a.tx.same_channel(b.rx));
  EXPECT_TRUE(a.rx.same_channel(a.tx));
  EXPECT_TRUE(a.tx == a.tx);
  EXPECT_FALSE(a.tx == b.tx);
  EXPECT_FALSE(a.rx == b.rx);
  using std::swap;
  swap(a.tx, b.tx);
  EXPECT_TRUE(a.tx.same_channel(b.rx));
  swap(a.rx, b.rx);
  EXPECT_TRUE(a.tx.same_channel(a.rx));
  EXPECT_TRUE(b.tx.same_channel(b.rx));
}

// api: success consumes both ends
TEST_F(Oneshot, SuccessConsumesBothEnds) {
  auto [tx, rx] = strait::oneshot<counted>();
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(tx)>, strait::oneshot_sender<counted>>);
  static_assert(
      std::is_same_v<std::remove_cvref_t<decltype(rx)>, strait::oneshot_receiver<counted>>);
  EXPECT_TRUE(tx);
  EXPECT_TRUE(rx);
  EXPECT_TRUE(tx.send(counted(1)));
  EXPECT_FALSE(tx);
  EXPECT_TRUE(returned(tx.send(counted(2)), errc::closed, 2));
  EXPECT_TRUE(returned(tx.try_send(counted(3)), errc::closed, 3));
  EXPECT_TRUE(rx);
  EXPECT_TRUE(got(rx.recv(), 1));
  EXPECT_FALSE(rx);
  EXPECT_TRUE(failed(rx.recv(), errc::closed));
  EXPECT_TRUE(failed(rx.try_recv(), errc::closed));
}

// api: empty and timeout and cancelled do not consume
TEST_F(Oneshot, EmptyAndTimeoutDoNotConsume) {
  auto [tx, rx] = strait::oneshot<counted>();
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
  EXPECT_TRUE(rx);
  EXPECT_TRUE(failed(rx.recv_for(5ms), errc::timeout));
  EXPECT_TRUE(rx);
  EXPECT_TRUE(failed(rx.recv_until(steady::now() - 1h), errc::timeout));
  EXPECT_TRUE(failed(rx.recv(stopped_token()), errc::cancelled));
  EXPECT_TRUE(rx);
  EXPECT_FALSE(rx.is_closed());
  EXPECT_TRUE(tx.try_send(counted(4)));
  EXPECT_TRUE(got(rx.try_recv(), 4));
}

// api: closed consumes
TEST_F(Oneshot, ClosedConsumes) {
  {
    auto [tx, rx] = strait::oneshot<counted>();
    tx.reset();
    EXPECT_TRUE(failed(rx.try_recv(), errc::closed));
    EXPECT_FALSE(rx);
  }
  {
    auto [tx, rx] = strait::oneshot<counted>();
    rx.reset();
    EXPECT_TRUE(returned(tx.send(counted(1)), errc::closed, 1));
    EXPECT_FALSE(tx);
  }
}

// semantics 1, 4: the sender that goes after sending leaves its message
TEST_F(Oneshot, TheMessageOutlivesItsSender) {
  auto ch = strait::oneshot<counted>();
  {
    auto tx = std::move(ch.tx);
    EXPECT_TRUE(tx.send(counted(9)));
  }
  EXPECT_TRUE(got(ch.rx.recv(), 9));
}

// semantics 2, 6: the receiver that goes destroys what was sent, then and there
TEST_F(Oneshot, TheReceiverThatGoesDestroysTheMessage) {
  auto [tx, rx] = strait::oneshot<counted>();
  EXPECT_TRUE(tx.send(counted(1)));
  EXPECT_EQ(counted::live(), 1);
  rx.reset();
  EXPECT_EQ(counted::live(), 0);
}

// semantics 6: neither end used
TEST_F(Oneshot, UnusedEndsGoQuietly) {
  {
    auto ch = strait::oneshot<counted>();
  }
  {
    auto ch = strait::oneshot<counted>();
    ch.tx.reset();
    ch.rx.reset();
  }
  {
    auto ch = strait::oneshot<counted>();
    ch.rx.reset();
    ch.tx.reset();
  }
}

// api: every form, waiting
TEST_F(Oneshot, EveryReceiveFormWaits) {
  for (int form = 0; form < 4; ++form) {
    auto [tx, rx] = strait::oneshot<counted>();
    flag about;
    worker receiver([&, mine = std::move(rx)]() mutable {
      about.set();
      std::stop_source stop;
      switch (form) {
        case 0: EXPECT_TRUE(got(mine.recv(), 3)); break;
        case 1: EXPECT_TRUE(got(mine.recv_for(1h), 3)); break;
        case 2: EXPECT_TRUE(got(mine.recv_until(steady::time_point::max()), 3)); break;
        default: EXPECT_TRUE(got(mine.recv(stop.get_token()), 3));
      }
      EXPECT_FALSE(mine);
    });
    about.wait();
    if (form % 2 == 0) a_moment();
    std::stop_source stop;
    switch (form) {
      case 0: EXPECT_TRUE(tx.send(counted(3))); break;
      case 1: EXPECT_TRUE(tx.send_for(counted(3), -1s)); break;
      case 2: EXPECT_TRUE(tx.send_until(counted(3), steady::now())); break;
      default: EXPECT_TRUE(tx.send(counted(3), stop.get_token()));
    }
  }
}

// semantics 1, 6: a waiting receiver wakes when the sender goes
TEST_F(Oneshot, TheSenderThatGoesWakesTheReceiver) {
  auto [tx, rx] = strait::oneshot<counted>();
  flag about;
  worker receiver([&, mine = std::move(rx)]() mutable {
    about.set();
    EXPECT_TRUE(failed(mine.recv(), errc::closed));
  });
  about.wait();
  a_moment();
  tx.reset();
}

// semantics 14: a stop request wakes it
TEST_F(Oneshot, AStopRequestWakesTheReceiver) {
  auto [tx, rx] = strait::oneshot<counted>();
  std::stop_source stop;
  worker receiver([&] { EXPECT_TRUE(failed(rx.recv(stop.get_token()), errc::cancelled)); });
  a_moment();
  stop.request_stop();
  receiver.join();
  EXPECT_TRUE(tx.send(counted(1)));
  EXPECT_TRUE(got(rx.recv(), 1));
}

// pitfalls 18, 21: send against the receiver that goes, and close against both: delivered, given back or destroyed
TEST_F(Oneshot, EveryRaceConserves) {
  for (int round = 0; round < rounds(600); ++round) {
    auto [tx, rx] = strait::oneshot<counted>();
    meeting start(2);
    bool sent = false, taken = false;
    worker sender([&, mine = std::move(tx)]() mutable {
      start.arrive();
      if (round % 4 == 3) {
        mine.reset();
        return;
      }
      auto r = mine.send(counted(round));
      sent = r.has_value();
      if (!r) {
        EXPECT_TRUE(returned(r, errc::closed, round));
      }
    });
    start.arrive();
    switch (round % 3) {
      case 0: rx.reset(); break;
      case 1: taken = rx.recv().has_value(); break;
      default: {
        auto m = rx.try_recv();
        taken = m.has_value();
        if (!m && m.error() == errc::empty) rx.close();
        break;
      }
    }
    sender.join();
    if (taken) {
      EXPECT_TRUE(sent);
    }
    if (round % 3 == 1) {
      EXPECT_EQ(taken, sent);
    }
    rx.reset();
    EXPECT_EQ(counted::live(), 0);
  }
}

// api: usable as select arms
TEST_F(Oneshot, InASelect) {
  auto [tx, rx] = strait::oneshot<counted>();
  auto never = strait::oneshot<counted>();
  bool fired = false;
  EXPECT_TRUE(got(
      strait::select(strait::on_recv(rx, [](counted) { ADD_FAILURE(); }), strait::otherwise([] {})),
      1U));
  EXPECT_TRUE(rx);
  EXPECT_TRUE(got(strait::select(strait::on_send(
                                     tx, [] { return counted(5); },
                                     [&](strait::send_result<counted> r) {
                                       EXPECT_TRUE(r);
                                       fired = true;
                                     }),
                                 strait::on_recv(never.rx, [](counted) { ADD_FAILURE(); })),
                  0U));
  EXPECT_TRUE(fired);
  EXPECT_FALSE(tx);
  EXPECT_TRUE(got(strait::select(strait::on_recv(never.rx, [](counted) { ADD_FAILURE(); }),
                                 strait::on_recv(rx, [](counted m) { EXPECT_EQ(m.value(), 5); })),
                  1U));
  EXPECT_FALSE(rx);
  EXPECT_TRUE(never.rx);
  EXPECT_TRUE(
      failed(strait::select(strait::on_recv(rx, [](counted) { ADD_FAILURE(); })), errc::closed));
}

// api: a waiting select gets it, and a losing oneshot arm stays usable
TEST_F(Oneshot, InAWaitingSelect) {
  for (int round = 0; round < 30; ++round) {
    auto a = strait::oneshot<counted>();
    auto b = strait::oneshot<counted>();
    worker sender([&] { EXPECT_TRUE((round % 2 == 0 ? a : b).tx.send(counted(round))); });
    auto fired =
        strait::select(strait::on_recv(a.rx, [&](counted m) { EXPECT_EQ(m.value(), round); }),
                       strait::on_recv(b.rx, [&](counted m) { EXPECT_EQ(m.value(), round); }));
    EXPECT_TRUE(got(fired, static_cast<std::size_t>(round % 2)));
    sender.join();
    EXPECT_FALSE((round % 2 == 0 ? a : b).rx);  // it has delivered
    EXPECT_TRUE((round % 2 == 0 ? b : a).rx);
    EXPECT_TRUE(failed((round % 2 == 0 ? b : a).rx.try_recv(), errc::empty));
  }
}

// api: closed completes an arm that sees it
TEST_F(Oneshot, ClosedInASelect) {
  auto [tx, rx] = strait::oneshot<counted>();
  tx.reset();
  EXPECT_TRUE(got(strait::select(strait::on_recv(rx,
                                                 [](strait::recv_result<counted> m) {
                                                   EXPECT_TRUE(failed(m, errc::closed));
                                                 }),
                                 strait::otherwise([] { ADD_FAILURE(); })),
                  0U));
}

// api: whichever way a select comes to its end, the arm that fired has used its handle up. (An arm at a rendezvous
// has the select stand in its lines.)
TEST_F(Oneshot, UsedUpByASelectOfManyKinds) {
  auto other = strait::rendezvous<counted>();
  const auto never_here = [](counted) { ADD_FAILURE(); };
  auto a = strait::oneshot<counted>();
  EXPECT_TRUE(
      got(strait::select(strait::on_send(a.tx, counted(1)), strait::on_recv(other.rx, never_here)),
          0U));
  EXPECT_FALSE(a.tx);
  EXPECT_TRUE(got(
      strait::select(strait::on_recv(other.rx, never_here), strait::on_recv(a.rx, [](counted) {})),
      1U));
  EXPECT_FALSE(a.rx);
  auto b = strait::oneshot<counted>();
  b.tx.reset();
  EXPECT_TRUE(got(strait::select(strait::on_recv(b.rx,
                                                 [](strait::recv_result<counted> m) {
                                                   EXPECT_TRUE(failed(m, errc::closed));
                                                 }),
                                 strait::on_recv(other.rx, never_here)),
                  0U));
  EXPECT_FALSE(b.rx);
  auto c = strait::oneshot<counted>();
  c.rx.reset();
  EXPECT_TRUE(
      got(strait::select(strait::on_send(c.tx, counted(1)), strait::on_recv(other.rx, never_here)),
          0U));
  EXPECT_FALSE(c.tx);
}

// semantics 12, 6: a storm of them
TEST_F(Oneshot, ManyAtOnce) {
  auto [tx, rx] = strait::mpsc::unbounded<strait::oneshot_sender<std::unique_ptr<int>>>();
  worker server([mine = std::move(rx)] {
    int n = 0;
    for (auto& reply : mine) (void)reply.send(std::make_unique<int>(n++));
  });
  for (int i = 0; i < rounds(3000); ++i) {
    auto [reply, answer] = strait::oneshot<std::unique_ptr<int>>();
    ASSERT_TRUE(tx.send(std::move(reply)));
    if (i % 7 == 0) continue;  // the answer is no longer wanted
    auto m = answer.recv();
    ASSERT_TRUE(m);
    EXPECT_EQ(**m, i);
  }
  tx.reset();
}

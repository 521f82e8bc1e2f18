// SPDX-License-Identifier: BSL-1.0
//
// The end of a channel: the last sender, the last receiver, close(); who wakes, who keeps what, and that
// every message dies exactly once.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Closing : public ::testing::Test {
 public:
  using flavours = every_flavour;

 protected:
  void SetUp() override { counted::start_over(); }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

class ClosingBuffered : public Closing {
 public:
  using flavours = buffered_flavours;
};

class ClosingBounded : public Closing {
 public:
  using flavours = bounded_flavours;
};

namespace {
template <class Receiver>
void expect_ended(Receiver& rx) {
  EXPECT_TRUE(failed(rx.try_recv(), errc::closed));
  EXPECT_TRUE(failed(rx.recv(), errc::closed));
  EXPECT_TRUE(failed(rx.recv_for(1h), errc::closed));
  EXPECT_TRUE(failed(rx.recv_until(steady::now() + 1h), errc::closed));
  EXPECT_TRUE(failed(rx.recv(std::stop_token{}), errc::closed));
  std::vector<counted> none;
  EXPECT_EQ(rx.recv_many(std::back_inserter(none), 5), 0U);
  EXPECT_EQ(rx.try_recv_many(std::back_inserter(none), 5), 0U);
  for ([[maybe_unused]] auto& m : rx) ADD_FAILURE();
  for ([[maybe_unused]] auto& m : rx.try_iter()) ADD_FAILURE();
  EXPECT_TRUE(rx.is_closed());
}
template <class Sender>
void expect_refused(Sender& tx) {
  EXPECT_TRUE(returned(tx.try_send(counted(1)), errc::closed, 1));
  EXPECT_TRUE(returned(tx.send(counted(2)), errc::closed, 2));
  EXPECT_TRUE(returned(tx.send_for(counted(3), 1h), errc::closed, 3));
  EXPECT_TRUE(returned(tx.send_until(counted(4), steady::now() + 1h), errc::closed, 4));
  EXPECT_TRUE(returned(tx.send(counted(5), std::stop_token{}), errc::closed, 5));
  std::vector<counted> some;
  some.emplace_back(6);
  EXPECT_EQ(tx.send_many(std::move(some)), 0U);
  EXPECT_EQ(some.at(0).value(), 6);
  EXPECT_TRUE(tx.is_closed());
}
}  // namespace

// semantics 1, 4: the last sender goes; what is queued stays receivable in order, then closed for ever
FLAVOUR_TEST(Closing, TheLastSenderLeavesItsMessages) {
  auto [tx, rx] = flavour.template make<counted>();
  const int n = flavour.room(100);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
  auto txs = clones(std::move(tx), 2);
  txs.pop_back();
  if (!txs.empty()) {
    EXPECT_FALSE(rx.is_closed());
    txs.pop_back();
  }
  EXPECT_TRUE(rx.is_closed());
  EXPECT_EQ(rx.size(), static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) EXPECT_TRUE(got(rx.recv(), i));
  expect_ended(rx);
  expect_ended(rx);
}

// semantics 1, 4: close() from either end does the same for everybody, and twice is once
FLAVOUR_TEST(Closing, CloseLeavesWhatIsQueued) {
  for (bool by_sender : {true, false}) {
    auto [tx, rx] = flavour.template make<counted>();
    const int n = flavour.room(100);
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
    EXPECT_FALSE(tx.is_closed());
    if (by_sender) {
      tx.close();
    } else {
      rx.close();
    }
    EXPECT_TRUE(tx.is_closed());
    EXPECT_TRUE(rx.is_closed());
    expect_refused(tx);
    rx.close();
    tx.close();
    for (int i = 0; i < n; ++i) EXPECT_TRUE(got(rx.recv(), i));
    expect_ended(rx);
    expect_refused(tx);
  }
}

// semantics 2: the last receiver goes; sends fail and give the message back
FLAVOUR_TEST(Closing, TheLastReceiverEndsSending) {
  auto [tx, rx] = flavour.template make<counted>();
  auto rxs = clones(std::move(rx), 2);
  rxs.pop_back();
  if (!rxs.empty()) {
    EXPECT_FALSE(tx.is_closed());
    rxs.pop_back();
  }
  expect_refused(tx);
  expect_refused(tx);
}

// semantics 2: what is queued dies at once, in the thread that drops the last receiver; pitfalls 3, 4
FLAVOUR_TEST(ClosingBuffered, TheLastReceiverDestroysWhatIsQueuedThenAndThere) {
  std::vector<std::thread::id> places;
  auto [tx, rx] = flavour.template make<std::shared_ptr<void>>();
  const int n = flavour.room(1000);
  for (int i = 0; i < n; ++i) {
    ASSERT_TRUE(tx.try_send(std::shared_ptr<void>(
        nullptr, [&](void*) { places.push_back(std::this_thread::get_id()); })));
  }
  EXPECT_TRUE(places.empty());
  std::thread::id dropper;
  worker([&, mine = std::move(rx)]() mutable {
    dropper = std::this_thread::get_id();
    mine.reset();
    EXPECT_EQ(places.size(), static_cast<std::size_t>(n));
  }).join();
  EXPECT_EQ(places, std::vector<std::thread::id>(static_cast<std::size_t>(n), dropper));
  EXPECT_EQ(tx.size(), 0U);
}

// semantics 2: also after close(), and after a part was taken
FLAVOUR_TEST(ClosingBuffered, AlsoAfterClose) {
  auto [tx, rx] = flavour.template make<counted>();
  const int n = flavour.room(200);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
  for (int i = 0; i < n / 2; ++i) ASSERT_TRUE(got(rx.try_recv(), i));
  tx.close();
  EXPECT_EQ(counted::live(), n - n / 2);
  rx.reset();
  EXPECT_EQ(counted::live(), 0);
}

// semantics 6: a channel dropped with both ends at once destroys what it holds, once
FLAVOUR_TEST(ClosingBuffered, EndsGoInEitherOrder) {
  for (bool sender_first : {true, false}) {
    auto [tx, rx] = flavour.template make<counted>();
    const int n = flavour.room(70);
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
    if (sender_first) {
      tx.reset();
      EXPECT_EQ(counted::live(), n);
    }
    rx.reset();
    EXPECT_EQ(counted::live(), 0);
  }
}

// semantics 1, 6: blocked receivers wake, whichever way the end comes
FLAVOUR_TEST(Closing, BlockedReceiversWake) {
  for (int way : {0, 1, 2}) {
    auto [tx, rx] = flavour.template make<counted>();
    auto closer = clones(std::move(tx), 1);
    auto rxs = clones(std::move(rx), 4);
    std::atomic<int> about{0};
    std::vector<worker> workers;
    for (std::size_t i = 0; i < rxs.size(); ++i) {
      workers.emplace_back([&, &r = rxs[i], i] {
        ++about;
        switch (i) {
          case 0: EXPECT_TRUE(failed(r.recv(), errc::closed)); break;
          case 1: EXPECT_TRUE(failed(r.recv_for(1h), errc::closed)); break;
          case 2: EXPECT_TRUE(failed(r.recv(std::stop_source().get_token()), errc::closed)); break;
          default: {
            std::vector<counted> none;
            EXPECT_EQ(r.recv_many(std::back_inserter(none), 3), 0U);
          }
        }
      });
    }
    eventually([&] { return about == static_cast<int>(rxs.size()); });
    a_moment();
    if (way == 0) closer.back().close();
    if (way == 1) closer.clear();
    if (way == 2) rxs.back().close();
  }
}

// More sleepers than are woken in one go.
TEST(ClosingMany, ACrowdOfReceiversWakes) {
  for (auto& ch : {strait::unbounded<int>(), strait::rendezvous<int>()}) {
    std::atomic<int> told{0};
    {
      std::vector<worker> crowd;
      for (int i = 0; i < 40; ++i) {
        crowd.emplace_back([&told, rx = ch.rx] { told += rx.recv().error() == errc::closed; });
      }
      a_moment();
      ch.tx.close();
    }
    EXPECT_EQ(told, 40);
  }
}

TEST(ClosingMany, ACrowdOfSendersWakes) {
  for (std::size_t n : {std::size_t{0}, std::size_t{1}}) {
    auto ch = strait::bounded<int>(n);
    if (n != 0) {
      ASSERT_TRUE(ch.tx.send(0));
    }
    std::atomic<int> told{0};
    {
      std::vector<worker> crowd;
      for (int i = 0; i < 40; ++i) {
        crowd.emplace_back(
            [&told, tx = ch.tx, i] { told += returned(tx.send(i), errc::closed, i) ? 1 : 0; });
      }
      a_moment();
      ch.rx.close();
    }
    EXPECT_EQ(told, 40);
  }
}

// semantics 2, 6: blocked senders wake and get their message back, whichever way the end comes
FLAVOUR_TEST(ClosingBounded, BlockedSendersWakeWithTheirMessage) {
  for (int way : {0, 1, 2}) {
    auto [tx, rx] = flavour.template make<counted>();
    const int n = flavour.room(1 << 20);
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
    auto txs = clones(std::move(tx), 4);
    std::atomic<int> about{0};
    {
      std::vector<worker> workers;
      for (std::size_t i = 0; i < txs.size(); ++i) {
        workers.emplace_back([&, &t = txs[i], i] {
          ++about;
          switch (i) {
            case 0: EXPECT_TRUE(returned(t.send(counted(10)), errc::closed, 10)); break;
            case 1: EXPECT_TRUE(returned(t.send_for(counted(11), 1h), errc::closed, 11)); break;
            case 2: {
              std::stop_source stop;
              EXPECT_TRUE(returned(t.send(counted(12), stop.get_token()), errc::closed, 12));
              break;
            }
            default: {
              std::vector<counted> some;
              some.emplace_back(13);
              some.emplace_back(14);
              EXPECT_EQ(t.send_many(std::move(some)), 0U);
              EXPECT_EQ(some.at(0).value(), 13);
              EXPECT_EQ(some.at(1).value(), 14);
            }
          }
        });
      }
      eventually([&] { return about == static_cast<int>(txs.size()); });
      a_moment();
      if (way == 0) rx.reset();
      if (way == 1) rx.close();
      if (way == 2) txs.back().close();
    }
    if (way == 0) {
      EXPECT_EQ(counted::live(), 0);
    } else {
      for (int i = 0; i < n; ++i) EXPECT_TRUE(got(rx.try_recv(), i));
      EXPECT_TRUE(failed(rx.try_recv(), errc::closed));
    }
  }
}

// semantics 3, 6: sends racing the last receiver: accepted or given back, and nothing survives it
FLAVOUR_TEST(Closing, SendsRacingTheLastReceiver) {
  std::minstd_rand random(11);
  for (int round = 0; round < rounds(60); ++round) {
    auto [tx, rx] = flavour.template make<counted>();
    auto txs = clones(std::move(tx), 3);
    std::atomic<int> about{0};
    {
      std::vector<worker> workers;
      for (auto& t : txs) {
        workers.emplace_back([&] {
          ++about;
          for (int i = 0;; ++i) {
            auto r = t.send(counted(i));
            if (r) continue;
            EXPECT_TRUE(returned(r, errc::closed, i));
            break;
          }
        });
      }
      eventually([&] { return about != 0; });
      for (int i = round % 4; i > 0; --i) EXPECT_TRUE(rx.recv());
      dither(random, 2000);
      rx.reset();
    }
    EXPECT_EQ(counted::live(), 0);  // with the senders still there
    EXPECT_EQ(counted::made(), counted::died());
  }
}

// semantics 1, 4, 6: close() racing sends: every accepted message is drained before anybody sees closed
FLAVOUR_TEST(Closing, CloseRacingSendsLosesNothing) {
  std::minstd_rand random(12);
  for (int round = 0; round < rounds(60); ++round) {
    auto [tx, rx] = flavour.template make<counted>();
    auto txs = clones(std::move(tx), 3);
    auto rxs = clones(std::move(rx), 2);
    std::atomic<int> accepted{0}, taken{0}, running{static_cast<int>(rxs.size())};
    {
      std::vector<worker> workers;
      for (auto& t : txs) {
        workers.emplace_back([&] {
          while (t.send(counted(1))) ++accepted;
        });
      }
      for (auto& r : rxs) {
        workers.emplace_back([&] {
          while (r.recv()) ++taken;
          --running;
        });
      }
      eventually([&] { return taken > round % 7; });
      dither(random, 2000);
      if (round % 2 == 0) {
        rxs.front().close();
      } else {
        txs.front().close();
      }
    }
    EXPECT_EQ(accepted, taken);
    EXPECT_EQ(counted::live(), 0);
  }
}

// pitfalls 17, 24; semantics 4: the last message of a sender that sends and goes is never passed over
FLAVOUR_TEST(ClosingBuffered, TheLastMessageIsSeenBeforeClosed) {
  for (int round = 0; round < rounds(250); ++round) {
    auto [tx, rx] = flavour.template make<counted>();
    meeting start(2);
    worker sender([&, mine = std::move(tx)]() mutable {
      start.arrive();
      EXPECT_TRUE(mine.send(counted(round)));
      mine.reset();
    });
    start.arrive();
    bool seen = false;
    for (bool over = false; !over;) {
      strait::recv_result<counted> m = strait::unexpected<errc>(errc::empty);
      switch (round % 5) {
        case 0: m = rx.recv(); break;
        case 1: m = rx.try_recv(); break;
        case 2: m = rx.recv_for(1us); break;
        case 3: m = rx.recv_for(1h); break;
        default:
          choose(strait::on_recv(rx, [&](strait::recv_result<counted> r) { m = std::move(r); }));
      }
      if (m) {
        EXPECT_FALSE(seen);
        EXPECT_TRUE(got(m, round));
        seen = true;
      } else if (m.error() == errc::closed) {
        over = true;
      }
    }
    EXPECT_TRUE(seen);
  }
}

namespace {
struct anything {
  anything() = default;
  anything(const anything&) = delete;
  anything& operator=(const anything&) = delete;
  virtual ~anything() = default;
};
template <class Sender>
struct holds_sender : anything {
  explicit holds_sender(Sender s) : tx(std::move(s)) {}
  ~holds_sender() override {
    // A message's destructor is user code: it may use the channel it lay in.
    EXPECT_FALSE(tx.try_send(std::unique_ptr<anything>()));
    (void)tx.size();
  }
  Sender tx;
};
}  // namespace

// semantics 2, 6: a message may hold a sender of its own channel; the last receiver ends the circle
TEST(ClosingCircle, MessagesMayHoldTheirOwnSender) {
  const auto check = [](auto channel) {
    using sender = decltype(channel.tx);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(channel.tx.try_send(std::make_unique<holds_sender<sender>>(channel.tx)));
    }
    EXPECT_EQ(channel.rx.sender_count(), 4U);
    channel.rx.reset();
    EXPECT_EQ(channel.tx.sender_count(), 1U);
    EXPECT_EQ(channel.tx.size(), 0U);
  };
  check(strait::unbounded<std::unique_ptr<anything>>());
  check(strait::bounded<std::unique_ptr<anything>>(3));
  check(strait::mpsc::unbounded<std::unique_ptr<anything>>());
  check(strait::mpsc::bounded<std::unique_ptr<anything>>(3));
}

// semantics 6: the one who wakes may destroy the channel at once while the woken one is still leaving
FLAVOUR_TEST(Closing, TheWakingSideMayVanish) {
  for (int round = 0; round < rounds(200); ++round) {
    auto ch = flavour.template make<counted>();
    worker receiver([&, rx = std::move(ch.rx)]() mutable {
      EXPECT_TRUE(got(rx.recv(), 1));
      if (round % 2 == 0) {
        EXPECT_TRUE(failed(rx.recv(), errc::closed));
      }
      rx.reset();
    });
    EXPECT_TRUE(ch.tx.send(counted(1)));
    ch.tx.reset();
  }
}

// semantics 4: everything on a closed channel returns at once, from many threads at a time
FLAVOUR_TEST(Closing, NothingBlocksOnAClosedChannel) {
  auto [tx, rx] = flavour.template make<counted>();
  rx.close();
  worker other([&tx] { expect_refused(tx); });
  expect_ended(rx);
  other.join();
  std::size_t fired = 9;
  fired = *choose(strait::on_recv(
      rx, [](strait::recv_result<counted> m) { EXPECT_TRUE(failed(m, errc::closed)); }));
  EXPECT_EQ(fired, 0U);
}

// SPDX-License-Identifier: BSL-1.0
//
// Pitfalls 1 to 4, 21, 32: sends racing the drop of the last receiver at every place where a queue of
// blocks may take another path; and select's fast path.
#include <atomic>
#include <optional>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class DropRaces : public ::testing::Test {
 public:
  using flavours = buffered_flavours;

 protected:
  void SetUp() override { counted::start_over(); }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

namespace {
// Around every power of two up to 128, and crossbeam's block of 31.
constexpr int boundaries[] = {0,  1,  2,  3,  6,  7,  8,  14, 15, 16, 29,  30,  31, 32,
                              33, 60, 61, 62, 63, 64, 65, 92, 93, 94, 126, 127, 128};
}  // namespace

// pitfalls 1, 2: first send x second send x last receiver drop, with 0, 1, 31, 32, 62, ... messages before
FLAVOUR_TEST(DropRaces, SendSendDropAtBlockBoundaries) {
  constexpr int laps = rounds(60);
  meeting start(3);
  using channel = decltype(flavour.template make<counted>());
  using sender = decltype(channel::tx);
  std::vector<std::optional<sender>> ends(2);
  std::atomic<int> accepted{0}, refused{0};
  constexpr int total = laps * static_cast<int>(std::size(boundaries));
  const auto send = [&](std::size_t me) {
    std::minstd_rand random(static_cast<unsigned>(me) + 1);
    for (int round = 0; round < total; ++round) {
      start.arrive();
      if (ends[me]) {
        dither(random, 60);
        auto r = ends[me]->try_send(counted(1));
        if (r) {
          ++accepted;
        } else {
          ++refused;
          EXPECT_TRUE(!failed(r, errc::closed) ? failed(r, errc::full) : failed(r, errc::closed));
        }
      }
      start.arrive();
    }
  };
  worker one([&] { send(0); });
  worker two([&] { send(1); });
  std::minstd_rand random(77);
  for (int lap = 0; lap < laps; ++lap) {
    for (int before : boundaries) {
      auto ch = flavour.template make<counted>();
      const int n = flavour.room(before);
      for (int i = 0; i < n; ++i) ASSERT_TRUE(ch.tx.try_send(counted(i)));
      for (int i = 0; i < n && lap % 3 != 0; ++i)
        ASSERT_TRUE(got(ch.rx.try_recv(), i));  // drained, or not
      auto txs = clones(std::move(ch.tx), 2);
      for (std::size_t i = 0; i < txs.size(); ++i) ends[i].emplace(std::move(txs[i]));
      start.arrive();
      dither(random, 60);
      ch.rx.reset();
      start.arrive();
      EXPECT_EQ(counted::live(), 0) << "after " << before;  // pitfalls 3, 4: with the senders alive
      ends[0].reset();
      ends[1].reset();
    }
  }
}

// pitfalls 3, 4: nothing is kept until the senders go, at any filling
FLAVOUR_TEST(DropRaces, NothingIsKeptForTheSenders) {
  for (int n : boundaries) {
    for (int taken : {0, 1, n / 2, n}) {
      auto [tx, rx] = flavour.template make<counted>();
      const int fit = flavour.room(n);
      for (int i = 0; i < fit; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
      for (int i = 0; i < taken && i < fit; ++i) ASSERT_TRUE(rx.try_recv());
      rx.reset();
      EXPECT_EQ(counted::live(), 0);
      EXPECT_TRUE(returned(tx.try_send(counted(3)), errc::closed, 3));
    }
  }
}

// pitfalls 21: the same from the side of the senders: the last sender's drop against a receiver's drop
FLAVOUR_TEST(DropRaces, BothEndsGoAtOnce) {
  std::minstd_rand random(5);
  for (int round = 0; round < rounds(300); ++round) {
    auto [tx, rx] = flavour.template make<counted>();
    const int n = flavour.room(round % 70);
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
    meeting start(2);
    worker other([&, mine = std::move(tx)]() mutable {
      start.arrive();
      (void)mine.try_send(counted(99));
      mine.reset();
    });
    start.arrive();
    dither(random, 100);
    rx.reset();
    other.join();
    EXPECT_EQ(counted::live(), 0);
  }
}

// pitfalls 32: two arms ready: one of them is done, never both, and none is half done
FLAVOUR_TEST(DropRaces, ASelectDoesOneThing) {
  auto a = flavour.template make<counted>();
  auto b = flavour.template make<counted>();
  auto c = flavour.template make<counted>();
  int handled = 0;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(a.tx.send(counted(i)));
    ASSERT_TRUE(b.tx.send(counted(i)));
    handled = 0;
    counted mine(i);
    auto fired = strait::select(strait::on_recv(a.rx, [&](counted) { ++handled; }),
                                strait::on_recv(b.rx, [&](counted) { ++handled; }),
                                strait::on_send(c.tx, std::move(mine), [&] { ++handled; }));
    ASSERT_TRUE(fired);
    EXPECT_EQ(handled, 1);
    EXPECT_EQ(a.rx.size(), *fired == 0 ? 0U : 1U);
    EXPECT_EQ(b.rx.size(), *fired == 1 ? 0U : 1U);
    EXPECT_EQ(c.rx.size(), *fired == 2 ? 1U : 0U);
    EXPECT_EQ(mine.value(), *fired == 2 ? counted::nothing : i);
    (void)a.rx.try_recv();
    (void)b.rx.try_recv();
    (void)c.rx.try_recv();
  }
}

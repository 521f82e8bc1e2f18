// SPDX-License-Identifier: BSL-1.0
//
// A receiver that a poll loop waits for.
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <strait/interop/readiness.hpp>
#include <strait/strait.hpp>

#include "flavours.hpp"
#include "support.hpp"

namespace {

using namespace strait_test;

bool readable(int fd, int milliseconds) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, milliseconds) == 1;
}

class Readiness : public testing::Test {
 public:
  using flavours = every_flavour;
};
class ReadinessBuffered : public Readiness {
 public:
  using flavours = buffered_flavours;
};

FLAVOUR_TEST(ReadinessBuffered, SaysWhenAMessageComes) {
  auto [tx, rx] = flavour.template make<int>();
  strait::readiness ready(rx);
  ASSERT_FALSE(ready.arm());
  EXPECT_FALSE(readable(ready.fd(), 0));
  ASSERT_TRUE(tx.send(1));
  EXPECT_TRUE(readable(ready.fd(), 10'000));
  EXPECT_TRUE(ready.arm());  // it is still there
  EXPECT_FALSE(readable(ready.fd(), 0));
  EXPECT_EQ(rx.try_recv(), 1);
  ASSERT_FALSE(ready.arm());
  ready.disarm();
  ASSERT_TRUE(tx.send(2));
  EXPECT_FALSE(readable(ready.fd(), 0));  // nobody asked
}

FLAVOUR_TEST(Readiness, SaysWhenItCloses) {
  auto [tx, rx] = flavour.template make<int>();
  strait::readiness ready(rx);
  ASSERT_FALSE(ready.arm());
  tx.reset();
  EXPECT_TRUE(readable(ready.fd(), 10'000));
  EXPECT_TRUE(ready.arm());
  EXPECT_TRUE(failed(rx.try_recv(), errc::closed));
}

template <class Rx>
std::int64_t loop(Rx rx, int& polls) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  strait::readiness ready(rx);
  epoll_event interest{};
  interest.events = EPOLLIN;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, ready.fd(), &interest);
  std::int64_t sum = 0;
  for (;;) {
    auto m = rx.try_recv();
    if (m) {
      sum += *m;
    } else if (m.error() == errc::closed) {
      break;
    } else if (!ready.arm()) {
      ++polls;
      epoll_event event{};
      EXPECT_EQ(::epoll_wait(epoll, &event, 1, 60'000), 1);
    }
  }
  ::close(epoll);
  return sum;
}

FLAVOUR_TEST(Readiness, ALoopLosesNothing) {
  auto [tx, rx] = flavour.template make<int>();
  const int n = rounds(3000);
  std::int64_t sum = 0;
  int polls = 0;
  worker looper([&, in = std::move(rx)]() mutable { sum = loop(std::move(in), polls); });
  {
    auto out = std::move(tx);
    for (int i = 1; i <= n; ++i) {
      ASSERT_TRUE(out.send(i));
      if (i % 500 == 0) std::this_thread::sleep_for(1ms);  // it runs dry now and then
    }
  }
  looper.join();
  EXPECT_EQ(sum, std::int64_t{n} * (n + 1) / 2);
}

// It stands in the line of the receivers, and takes no wake-up from them.
TEST(Readiness, StealsNoWakeUp) {
  for (int i = 0; i < rounds(300); ++i) {
    auto [tx, rx] = strait::bounded<int>(2);
    strait::readiness ready(rx);
    ASSERT_FALSE(ready.arm());
    int got = 0;
    {
      worker receiver([&, in = rx] { got = in.recv().value_or(-1); });
      if (i % 2 == 0) a_moment();
      ASSERT_TRUE(tx.send(7));  // calls the readiness, which is first in line
      EXPECT_TRUE(readable(ready.fd(), 10'000));
      (void)ready.arm();  // passes the call on
    }
    EXPECT_EQ(got, 7);
  }
}

TEST(Readiness, MayGoWhileItIsWoken) {
  for (int i = 0; i < rounds(2000); ++i) {
    auto [tx, rx] = strait::bounded<int>(1);
    std::optional<strait::readiness<strait::receiver<int>>> ready(std::in_place, rx);
    (void)ready->arm();
    std::thread thread([&, &out = tx] { EXPECT_TRUE(out.send(1)); });
    ready.reset();
    thread.join();
    EXPECT_EQ(rx.try_recv(), 1);
  }
}

TEST(ReadinessDeath, OfATimer) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto timer = strait::after(1h);
  strait::readiness ready(timer);
  EXPECT_DEATH((void)ready.arm(), "poll until its instant");
}

}  // namespace

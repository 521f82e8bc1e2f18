// SPDX-License-Identifier: BSL-1.0
//
// Channels as operations of Asio: completion, executors, awaitables, cancellation, contexts that end.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <asio.hpp>

#include <strait/interop/asio.hpp>
#include <strait/strait.hpp>

#include "flavours.hpp"
#include "support.hpp"

namespace {

using namespace strait_test;
using strait::asio_recv;
using strait::asio_send;
using strait::recv_result;
using strait::send_result;

class Asio : public testing::Test {
 public:
  using flavours = every_flavour;
};

template <class Tx>
asio::awaitable<void> sends(Tx tx, int n) {
  for (int i = 1; i <= n; ++i) {
    auto sent = co_await asio_send(tx, i, asio::use_awaitable);
    EXPECT_TRUE(sent.has_value());
  }
}
template <class Rx>
asio::awaitable<void> receives(Rx rx, int& count, bool& in_order) {
  for (;;) {
    auto m = co_await asio_recv(rx, asio::use_awaitable);
    if (!m) break;
    ++count;
    in_order = in_order && *m == count;
  }
}

FLAVOUR_TEST(Asio, AwaitablesTalk) {
  auto [tx, rx] = flavour.template make<int>();
  asio::io_context io;
  int count = 0;
  bool in_order = true;
  asio::co_spawn(io, receives(std::move(rx), count, in_order), asio::detached);
  asio::co_spawn(io, sends(std::move(tx), rounds(1000)), asio::detached);
  io.run();  // until nothing waits any more
  EXPECT_EQ(count, rounds(1000));
  EXPECT_TRUE(in_order);
}

FLAVOUR_TEST(Asio, WithAThread) {
  auto [tx, rx] = flavour.template make<int>();
  asio::io_context io;
  int count = 0;
  bool in_order = true;
  asio::co_spawn(io, receives(std::move(rx), count, in_order), asio::detached);
  worker sender([out = std::move(tx)] {
    for (int i = 1; i <= rounds(1000); ++i) ASSERT_TRUE(out.send(i));
  });
  io.run();
  EXPECT_EQ(count, rounds(1000));
  EXPECT_TRUE(in_order);
}

TEST(AsioHandlers, RunOnTheirExecutorAndNeverInTheCall) {
  asio::io_context io;
  auto [tx, rx] = strait::bounded<int>(1);
  ASSERT_TRUE(tx.send(1));
  int got = 0;
  asio_recv(rx, io.get_executor(), [&](recv_result<int> m) { got = m.value_or(-1); });
  EXPECT_EQ(got, 0);  // ready at once, but not called in the call
  io.run();
  EXPECT_EQ(got, 1);

  std::thread::id who;
  asio_recv(rx, io.get_executor(), [&](recv_result<int> m) {
    got = m.value_or(-1);
    who = std::this_thread::get_id();
  });
  io.restart();
  worker loop([&] { io.run(); });
  a_moment();
  ASSERT_TRUE(tx.send(2));
  eventually([&] { return io.stopped(); });
  EXPECT_EQ(got, 2);
  EXPECT_NE(who, std::this_thread::get_id());
}

TEST(AsioHandlers, OnTheSystemExecutor) {
  auto [tx, rx] = strait::bounded<std::unique_ptr<int>>(0);
  std::atomic<int> got{0};
  asio_recv(rx, [&](recv_result<std::unique_ptr<int>> m) { got = m ? **m : -1; });
  EXPECT_TRUE(tx.send(std::make_unique<int>(5)));
  eventually([&] { return got != 0; });
  EXPECT_EQ(got, 5);
}

TEST(AsioHandlers, ClosedAndReturned) {
  asio::io_context io;
  auto [tx, rx] = strait::bounded<std::unique_ptr<int>>(0);
  errc how{};
  int back = 0;
  asio_recv(rx, io.get_executor(), [&](recv_result<std::unique_ptr<int>> m) { how = m.error(); });
  tx.close();
  asio_send(tx, std::make_unique<int>(7), io.get_executor(),
            [&](send_result<std::unique_ptr<int>> r) { back = *r.error().value(); });
  io.run();
  EXPECT_EQ(how, errc::closed);
  EXPECT_EQ(back, 7);
}

TEST(AsioHandlers, AsFutures) {
  asio::thread_pool pool(1);
  auto [tx, rx] = strait::bounded<int>(0);
  auto sent = asio_send(tx, 3, pool.get_executor(), asio::use_future);
  EXPECT_EQ(rx.recv(), 3);
  EXPECT_TRUE(sent.get().has_value());
  pool.join();
}

// ---- cancellation -------------------------------------------------------------------------------

TEST(AsioCancel, EndsTheWait) {
  asio::io_context io;
  auto [tx, rx] = strait::bounded<int>(0);
  asio::cancellation_signal signal;
  std::optional<errc> how;
  asio_recv(
      rx, io.get_executor(),
      asio::bind_cancellation_slot(signal.slot(), [&](recv_result<int> m) { how = m.error(); }));
  asio::post(io, [&] { signal.emit(asio::cancellation_type::all); });
  io.run();
  EXPECT_EQ(how, errc::cancelled);
  EXPECT_TRUE(failed(tx.try_send(1), errc::full));  // nobody waits any more
}

TEST(AsioCancel, OrAMessage) {
  for (int i = 0; i < rounds(1000); ++i) {
    asio::io_context io;
    auto [tx, rx] = strait::bounded<int>(0);
    asio::cancellation_signal signal;
    int got = -1;
    asio_recv(rx, io.get_executor(),
              asio::bind_cancellation_slot(signal.slot(),
                                           [&](recv_result<int> m) { got = m.value_or(0); }));
    bool sent = false;
    {
      worker sender([&, &out = tx] { sent = out.try_send(1).has_value(); });
      asio::post(io, [&] { signal.emit(asio::cancellation_type::all); });
      io.run();
    }
    ASSERT_GE(got, 0);
    ASSERT_EQ(got == 1, sent);
  }
}

// ---- the context ends first ---------------------------------------------------------------------

FLAVOUR_TEST(Asio, AContextThatEndsTakesNothingWithIt) {
  for (int i = 0; i < rounds(100); ++i) {
    auto [tx, rx] = flavour.template make<counted>();
    auto held = std::make_shared<int>();
    int received = 0, sent = 0;
    std::optional<worker> thread;
    {
      asio::io_context io;
      asio_recv(rx, io.get_executor(),
                [&, held](recv_result<counted> m) { received += m.has_value(); });
      if (i % 2 == 0) io.poll();
      thread.emplace([&, &out = tx] { sent += out.try_send(counted(1)).has_value(); });
      if (i % 4 < 2) io.poll();
    }  // the thread may be about to wake what goes here
    thread.reset();
    EXPECT_EQ(held.use_count(), 1);
    while (rx.try_recv()) ++received;
    EXPECT_EQ(received, sent);
  }
  EXPECT_EQ(counted::live(), 0);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
//
// A file descriptor as an arm of a select.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/interop/readable.hpp>
#include <strait/strait.hpp>

#include "../coro/owned_coroutine.hpp"
#include "support.hpp"

namespace {

using namespace strait_test;
using strait::async_select;
using strait::async_select_biased;
using strait::on_readable;
using strait::on_recv;
using strait::on_send;
using strait::on_stop;
using strait::on_timeout;
using strait::otherwise;
using strait::select;
using strait::select_biased;
using strait::sync_wait;
using strait::task;

// ---- descriptors --------------------------------------------------------------------------------

class descriptor {
 public:
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() { close(); }

  int get() const noexcept { return fd_; }
  void close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

/// Two ends; reading never blocks. A pipe, or a pair of sockets.
struct ends {
  descriptor in, out;

  void write(std::size_t n = 1) const {
    const std::array<char, 64> bytes{};
    ASSERT_EQ(::write(out.get(), bytes.data(), n), static_cast<ssize_t>(n));
  }
  /// How many bytes there were, at most 64; -1: none, but there may be.
  std::int64_t read() const {
    std::array<char, 64> bytes;
    return ::read(in.get(), bytes.data(), bytes.size());
  }
};

ends make_pipe() {
  int fd[2] = {-1, -1};
  EXPECT_EQ(::pipe2(fd, O_CLOEXEC), 0);
  EXPECT_EQ(::fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
  return {descriptor(fd[0]), descriptor(fd[1])};
}
ends make_sockets() {
  int fd[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
  EXPECT_EQ(::fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
  return {descriptor(fd[0]), descriptor(fd[1])};
}

descriptor make_event() { return descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
void add_to(int event, std::uint64_t n = 1) {
  ASSERT_EQ(::write(event, &n, sizeof n), static_cast<ssize_t>(sizeof n));
}
/// 0: there was nothing.
std::uint64_t take_from(int event) {
  std::uint64_t n = 0;
  (void)!::read(event, &n, sizeof n);
  return n;
}

// ---- what is ready ------------------------------------------------------------------------------

TEST(Readable, AtOnceAndUntilItIsRead) {
  const ends p = make_pipe();
  p.write();
  int called = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(got(select(on_readable(p.in.get(), [&] { ++called; }), on_timeout(1min)), 0U));
  }
  EXPECT_EQ(called, 3);
  EXPECT_EQ(p.read(), 1);
  EXPECT_TRUE(got(select(on_readable(p.in.get(), [&] { ++called; }), on_timeout(1ms)), 1U));
  EXPECT_EQ(called, 3);
}

TEST(Readable, WithoutAHandler) {
  const ends p = make_sockets();
  p.write();
  EXPECT_TRUE(got(select(on_timeout(1min), on_readable(p.in.get())), 1U));
}

TEST(Readable, WithAHandlerThatIsMovedOnly) {
  const ends p = make_pipe();
  p.write();
  std::int64_t n = 0;
  select(on_readable(p.in.get(), [&, one = std::make_unique<int>(1)] { n = p.read() + *one; }));
  EXPECT_EQ(n, 2);
}

TEST(Readable, WhatTheHandlerThrowsReachesTheCaller) {
  const ends p = make_pipe();
  p.write();
  EXPECT_THROW(select(on_readable(p.in.get(), [] { throw std::runtime_error("no"); })),
               std::runtime_error);
  EXPECT_EQ(p.read(), 1);
}

TEST(Readable, WithOtherwise) {
  const ends p = make_pipe();
  auto [tx, rx] = strait::bounded<int>(1);
  EXPECT_TRUE(got(select(on_readable(p.in.get()), on_recv(rx), otherwise()), 2U));
  p.write();
  EXPECT_TRUE(got(select(on_readable(p.in.get()), on_recv(rx), otherwise()), 0U));
  EXPECT_EQ(p.read(), 1);
  ASSERT_TRUE(tx.send(1));
  EXPECT_TRUE(got(select(on_readable(p.in.get()), on_recv(rx), otherwise()), 1U));
}

TEST(Readable, AtTheEndOfFile) {
  for (auto* make : {make_pipe, make_sockets}) {
    ends p = make();
    p.write();
    p.out.close();
    EXPECT_TRUE(got(select(on_readable(p.in.get()), otherwise()), 0U));
    EXPECT_EQ(p.read(), 1);
    EXPECT_TRUE(got(select(on_readable(p.in.get()), otherwise()), 0U));
    EXPECT_EQ(p.read(), 0);
  }
}

TEST(Readable, WhatIsNotOpenOrNeverBlocks) {
  descriptor closed = make_event();
  const int number = closed.get();
  closed.close();
  EXPECT_TRUE(got(select(on_readable(number)), 0U));
  EXPECT_TRUE(got(select(on_readable(-1)), 0U));
  const descriptor file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ASSERT_GE(file.get(), 0);
  EXPECT_TRUE(got(select(on_readable(file.get())), 0U));
}

TEST(Readable, AGuardTakesItOut) {
  const ends p = make_pipe();
  p.write();
  EXPECT_TRUE(failed(select(on_readable(p.in.get()).when(false)), errc::closed));
  EXPECT_TRUE(got(select(on_readable(p.in.get()).when(false), otherwise()), 1U));
  EXPECT_TRUE(got(select(on_readable(p.in.get()).when(true), otherwise()), 0U));
}

TEST(Readable, TwiceInOneSelect) {
  const ends p = make_pipe();
  std::vector<std::int64_t> fired(2);
  {
    worker writer([&] {
      a_moment();
      p.write();
    });
    auto first = select(on_readable(p.in.get()), on_readable(p.in.get()));
    ASSERT_TRUE(first);
  }
  for (int i = 0; i < rounds(4000); ++i) {
    auto which = select(on_readable(p.in.get()), on_readable(p.in.get()));
    ++fired[which.value()];
    ASSERT_TRUE(got(select_biased(on_readable(p.in.get()), on_readable(p.in.get())), 0U));
  }
  EXPECT_TRUE(uniform(fired));
}

TEST(Readable, ItsChanceIsThatOfAChannel) {
  const ends p = make_pipe();
  p.write();
  auto [tx, rx] = strait::bounded<int>(1);
  std::vector<std::int64_t> fired(3);
  for (int i = 0; i < rounds(4000); ++i) {
    (void)tx.try_send(1);
    auto which = select(on_readable(p.in.get()), on_recv(rx), on_readable(p.in.get()));
    ++fired[which.value()];
  }
  EXPECT_TRUE(uniform(fired));
  (void)tx.try_send(1);
  EXPECT_TRUE(got(select_biased(on_recv(rx), on_readable(p.in.get())), 0U));
  (void)tx.try_send(1);
  EXPECT_TRUE(got(select_biased(on_readable(p.in.get()), on_recv(rx)), 0U));
}

TEST(Readable, GoesBeforeATimeThatHasPassed) {
  const ends p = make_pipe();
  p.write();
  auto [tx, rx] = strait::bounded<int>(1);
  EXPECT_TRUE(
      got(select(on_recv(rx), on_readable(p.in.get()), strait::on_timeout(std::chrono::seconds(0))),
          1U));
}

// ---- waiting ------------------------------------------------------------------------------------

TEST(ReadableWait, UntilAByteComes) {
  for (auto* make : {make_pipe, make_sockets}) {
    const ends p = make();
    auto [tx, rx] = strait::bounded<int>(1);
    worker writer([&] {
      a_moment();
      p.write(3);
    });
    std::int64_t n = 0;
    EXPECT_TRUE(got(select(on_recv(rx), on_readable(p.in.get(), [&] { n = p.read(); })), 1U));
    EXPECT_EQ(n, 3);
  }
}

TEST(ReadableWait, UntilTheOtherEndGoes) {
  for (auto* make : {make_pipe, make_sockets}) {
    ends p = make();
    worker closer([&] {
      a_moment();
      p.out.close();
    });
    EXPECT_TRUE(got(select(on_readable(p.in.get())), 0U));
    EXPECT_EQ(p.read(), 0);
  }
}

// A byte there and back, each only when the one before has come: a lost wake-up stops it.
TEST(ReadableWait, PingPong) {
  const ends ping = make_pipe(), pong = make_sockets();
  const int n = rounds(3000);
  auto [tx, rx] = strait::rendezvous<int>();
  worker partner([&] {
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(got(select(on_readable(ping.in.get()), on_recv(rx)), 0U));
      ASSERT_EQ(ping.read(), 1);
      pong.write();
    }
  });
  std::minstd_rand random(1);
  for (int i = 0; i < n; ++i) {
    if (i % 2 == 0) dither(random, 3000);
    ping.write();
    ASSERT_TRUE(got(select(on_readable(pong.in.get())), 0U));
    ASSERT_EQ(pong.read(), 1);
  }
}

TEST(ReadableWait, UntilAMessageTimeoutOrStopComes) {
  const ends p = make_pipe();
  for (int i = 0; i < rounds(40); ++i) {
    auto [tx, rx] = strait::bounded<int>(i % 2 == 0 ? 0 : 1);  // a rendezvous now and then
    std::stop_source source;
    worker other([&, out = std::move(tx)] {
      if (i % 4 < 2) std::this_thread::sleep_for(1ms);
      ASSERT_TRUE(out.send(1));
      source.request_stop();
    });
    int m = 0;
    EXPECT_TRUE(got(select(on_readable(p.in.get()), on_recv(rx, [&](int one) { m = one; })), 1U));
    EXPECT_EQ(m, 1);
    EXPECT_TRUE(got(select(on_readable(p.in.get()), on_stop(source.get_token())), 1U));
    EXPECT_TRUE(got(select(on_readable(p.in.get()), on_timeout(100us)), 1U));
  }
  // Nobody waits any more: nobody is woken.
  p.write();
  a_moment();
  EXPECT_TRUE(got(select(on_readable(p.in.get()), on_timeout(1min)), 0U));
}

TEST(ReadableWait, UntilThereIsRoom) {
  const ends p = make_pipe();
  auto [tx, rx] = strait::bounded<int>(1);
  ASSERT_TRUE(tx.send(1));
  worker receiver([&] {
    a_moment();
    EXPECT_EQ(rx.recv(), 1);
  });
  EXPECT_TRUE(got(select(on_readable(p.in.get()), on_send(tx, 2)), 1U));
}

TEST(ReadableWait, AllWhoWaitForItAreTold) {
  const ends p = make_pipe();
  for (int i = 0; i < rounds(200); ++i) {
    {
      std::vector<worker> threads;
      for (int k = 0; k < 4; ++k) {
        threads.emplace_back([&] { EXPECT_TRUE(got(select(on_readable(p.in.get())), 0U)); });
      }
      if (i % 2 == 0) std::this_thread::sleep_for(1ms);
      p.write();
    }
    EXPECT_EQ(p.read(), 1);
  }
}

TEST(ReadableWait, FourThreadsReadFromOne) {
  const ends p = make_sockets();
  const int n = rounds(2000);
  auto [tx, rx] = strait::bounded<int>(1);
  std::atomic<int> bytes{0};
  auto read_one = [&] {
    char byte;
    if (::read(p.in.get(), &byte, 1) == 1) ++bytes;
  };
  std::vector<worker> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, end = rx] {
      bool open = true;
      while (open) select(on_readable(p.in.get(), read_one), on_recv(end, [&] { open = false; }));
    });
  }
  for (int i = 0; i < n; ++i) p.write();
  eventually([&] { return bytes == n; });
  tx.reset();
}

// Who is about to bind a partner at a rendezvous cannot be notified just then: the poller waits for him.
TEST(ReadableWait, WhileItClaimsAPartner) {
  using strait::detail::waiter;
  auto& poller = strait::detail::the_readable_poller();
  for (const bool binds : {false, true}) {
    const descriptor event = make_event();
    add_to(event.get());
    waiter w;
    strait::detail::readable_node node(event.get());
    node.owner = &w;
    node.arm = 3;
    ASSERT_TRUE(w.begin_claim());
    ASSERT_EQ(poller.add(node), 0);
    a_moment();
    w.end_claim(binds);
    if (binds) {
      poller.remove(node);
      EXPECT_EQ(w.current(), waiter::left);
    } else {
      EXPECT_EQ(w.park(strait::detail::deadline::never()), waiter::notified);
      EXPECT_EQ(w.arm(), 3U);
    }
  }
}

// The other arms live on; the number may belong to somebody else at once.
TEST(ReadableWait, ClosedMeanwhile) {
  for (int i = 0; i < rounds(40); ++i) {
    const ends old = make_pipe();
    const ends other = make_pipe();
    const int number = old.in.get();
    auto [tx, rx] = strait::bounded<int>(1);
    {
      worker waits([&, in = rx] {
        auto which = select(on_readable(number), on_recv(in));
        EXPECT_TRUE(which);
      });
      if (i % 2 == 0) std::this_thread::sleep_for(1ms);
      ASSERT_EQ(::dup2(other.in.get(), number), number);  // closes the old one
      {
        worker writer([&] { other.write(); });
        EXPECT_TRUE(got(select(on_readable(number)), 0U));
      }
      ASSERT_TRUE(tx.send(1));
    }
  }
}

// ---- processor time -----------------------------------------------------------------------------

std::chrono::nanoseconds process_time() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

TEST(ReadableIdle, WaitingCostsNothing) {
  const ends p = make_pipe();
  select(on_readable(p.in.get()), on_timeout(1ms));  // the poller is there
  const auto before = process_time();
  EXPECT_TRUE(got(select(on_readable(p.in.get()), on_timeout(300ms)), 1U));
  EXPECT_LT(process_time() - before, 150ms);
}

TEST(ReadableIdle, NorDoesWhatNobodyWaitsFor) {
  const ends p = make_pipe(), q = make_pipe();
  select(on_readable(p.in.get()), on_timeout(1ms));
  p.write();
  const auto before = process_time();
  EXPECT_TRUE(got(select(on_readable(q.in.get()), on_timeout(300ms)), 1U));
  EXPECT_LT(process_time() - before, 150ms);
}

// ---- coroutines ---------------------------------------------------------------------------------

task<std::int64_t> reads(const ends& from, std::int64_t until) {
  std::int64_t sum = 0;
  while (sum < until) {
    auto which = co_await async_select(on_readable(from.in.get(), [&] {
      if (const auto n = from.read(); n > 0) sum += n;
    }));
    EXPECT_TRUE(got(which, 0U));
  }
  co_return sum;
}

TEST(ReadableAsync, InSyncWait) {
  const ends p = make_sockets();
  const int n = rounds(500);
  worker writer([&] {
    for (int i = 0; i < n; ++i) p.write(2);
  });
  EXPECT_EQ(sync_wait(reads(p, 2 * n)), 2 * n);
}

task<> answers(const ends& from, const ends& to, int n) {
  for (int i = 0; i < n; ++i) {
    auto which = co_await async_select_biased(on_timeout(1min), on_readable(from.in.get()));
    EXPECT_TRUE(got(which, 1U));
    EXPECT_EQ(from.read(), 1);
    to.write();
  }
}

void ping_pong_on(std::size_t workers) {
  const ends ping = make_pipe(), pong = make_pipe();
  strait::thread_pool pool(workers);
  strait::scope s(pool);
  s.spawn(answers(ping, pong, rounds(1000)));
  s.spawn(answers(pong, ping, rounds(1000)));
  ping.write();
  s.join();
  EXPECT_EQ(ping.read(), 1);
}
TEST(ReadableAsync, PingPongOnOneWorker) { ping_pong_on(1); }
TEST(ReadableAsync, PingPongOnTwoWorkers) { ping_pong_on(2); }

task<> waits_for_both(const ends& p, strait::receiver<int> rx, int& messages, std::int64_t& bytes) {
  bool bytes_open = true, channel_open = true;
  while (bytes_open || channel_open) {
    auto op = async_select(on_readable(p.in.get(),
                                       [&] {
                                         const auto n = p.read();
                                         if (n == 0) bytes_open = false;
                                         if (n > 0) bytes += n;
                                       })
                               .when(bytes_open),
                           on_recv(rx, [&](strait::recv_result<int> m) {
                             m ? void(++messages) : void(channel_open = false);
                           }).when(channel_open));
    auto which = co_await op;
    EXPECT_TRUE(which);
  }
}

TEST(ReadableAsync, WithAChannel) {
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{2}}) {
    const int n = rounds(1000);
    ends p = make_sockets();
    auto [tx, rx] = strait::bounded<int>(capacity);
    int messages = 0;
    std::int64_t bytes = 0;
    strait::thread_pool pool(2);
    strait::scope s(pool);
    s.spawn(waits_for_both(p, std::move(rx), messages, bytes));
    {
      worker writer([&] {
        for (int i = 0; i < n; ++i) p.write();
        p.out.close();
      });
      worker sender([&, out = std::move(tx)] {
        for (int i = 0; i < n; ++i) ASSERT_TRUE(out.send(i));
      });
    }
    s.join();
    EXPECT_EQ(messages, n);
    EXPECT_EQ(bytes, n);
  }
}

task<> waits_for_one(int event, strait::receiver<int> quit, std::atomic<std::uint64_t>& sum) {
  auto which =
      co_await async_select(on_recv(quit), on_readable(event, [&] { sum += take_from(event); }));
  EXPECT_TRUE(got(which, 1U));
}

TEST(ReadableAsync, AThousandEachOnItsOwn) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t n = std::min<std::size_t>(1000, limit.rlim_cur / 2);

  std::vector<descriptor> events;
  for (std::size_t i = 0; i < n; ++i) events.push_back(make_event());
  auto [tx, rx] = strait::bounded<int>(1);
  std::atomic<std::uint64_t> sum{0};
  strait::thread_pool pool(2);
  strait::scope s(pool);
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 4 == 0) add_to(events[i].get(), i + 1);
    s.spawn(waits_for_one(events[i].get(), rx, sum));
  }
  a_moment();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t k = n - 1 - i;
    if (k % 4 != 0) add_to(events[k].get(), k + 1);
  }
  s.join();
  EXPECT_EQ(sum, n * (n + 1) / 2);
}

owned_coroutine waits_once(int event, int& fired) {
  auto which = co_await async_select(on_readable(event, [&] { ++fired; }), on_readable(event));
  EXPECT_TRUE(which);
}

// On one worker, so that none is being resumed while it is destroyed.
task<> destroys_waits(strait::thread_pool& home, int event, int n) {
  co_await strait::resume_on(home);
  std::minstd_rand random(7);
  int fired = 0;
  for (int i = 0; i < n; ++i) {
    std::vector<owned_coroutine> waiting;
    for (int k = 0; k < 3; ++k) waiting.push_back(waits_once(event, fired));
    for (auto turns = random() % 3; turns > 0; --turns) co_await strait::yield();
    while (!waiting.empty()) {
      std::swap(waiting[random() % waiting.size()], waiting.back());
      waiting.pop_back();
    }
    if (i % 2 == 0) (void)take_from(event);
  }
}

TEST(ReadableAsync, DestroyedWhileItWaits) {
  const descriptor event = make_event();
  std::atomic<bool> over{false};
  strait::thread_pool pool(1);
  {
    worker writer([&] {
      std::minstd_rand random(3);
      while (!over) {
        add_to(event.get());
        dither(random, 3000);
      }
    });
    sync_wait(destroys_waits(pool, event.get(), rounds(2000)));
    over = true;
  }
  add_to(event.get());
  EXPECT_TRUE(got(select(on_readable(event.get())), 0U));
}

TEST(ReadableAsync, DestroyedWithItsPool) {
  const ends p = make_pipe();
  {
    strait::thread_pool pool(2);
    for (int i = 0; i < 10; ++i) {
      strait::spawn(pool, [](const ends& from) -> task<> {
        auto which = co_await async_select(on_readable(from.in.get()));
        EXPECT_TRUE(got(which, 0U));
      }(p));
    }
    a_moment();
  }
  p.write();
  EXPECT_TRUE(got(select(on_readable(p.in.get())), 0U));
}

// ---- everything at once -------------------------------------------------------------------------

TEST(ReadableStress, NothingIsLost) {
  const int n = rounds(4000);
  ends p = make_pipe(), q = make_sockets();
  auto [tx, rx] = strait::bounded<int>(3);
  std::int64_t from_p = 0, from_q = 0;
  int messages = 0;
  auto write_all = [&](ends& to, unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < n; ++i) {
      to.write();
      dither(random, 2000);
    }
    to.out.close();
  };
  worker first([&] { write_all(p, 1); });
  worker second([&] { write_all(q, 2); });
  worker sender([&, out = std::move(tx)] {
    std::minstd_rand random(3);
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(out.send(i));
      dither(random, 2000);
    }
  });
  bool p_open = true, q_open = true, open = true;
  auto read = [](const ends& from, std::int64_t& sum, bool& is_open) {
    const auto got = from.read();
    if (got == 0) is_open = false;
    if (got > 0) sum += got;
  };
  while (select(on_readable(p.in.get(), [&] { read(p, from_p, p_open); }).when(p_open),
                on_readable(q.in.get(), [&] { read(q, from_q, q_open); }).when(q_open),
                on_recv(rx, [&](strait::recv_result<int> m) {
                  m ? void(++messages) : void(open = false);
                }).when(open))) {
  }
  EXPECT_EQ(from_p, n);
  EXPECT_EQ(from_q, n);
  EXPECT_EQ(messages, n);
}

// ---- the poller's life: in processes of their own -----------------------------------------------

int open_descriptors() {
  int n = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return -1;
  while (::readdir(folder) != nullptr) ++n;
  ::closedir(folder);
  return n;
}

// Ends a child that hangs.
void not_for_long() { ::alarm(60); }

#define REQUIRE(condition) ((condition) ? void() : std::_Exit(__LINE__ % 200 + 1))

class ReadableDeath : public testing::Test {
 public:
  ReadableDeath() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ReadableDeath, ThePollerIsMadeWhenFirstNeeded) {
  auto child = [] {
    not_for_long();
    const ends p = make_pipe();
    auto [tx, rx] = strait::bounded<int>(1);
    const int before = open_descriptors();
    select(on_readable(p.in.get()), otherwise());
    (void)tx.try_send(1);
    select(on_readable(p.in.get()), on_recv(rx));
    p.write();
    select(on_readable(p.in.get()));
    REQUIRE(open_descriptors() == before);
    (void)p.read();
    select(on_readable(p.in.get()), on_timeout(1ms));
    REQUIRE(open_descriptors() == before + 2);
    std::exit(0);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

TEST_F(ReadableDeath, WhereTheSystemGivesNothing) {
  if (sanitized) GTEST_SKIP() << "sanitizers need descriptors, too";
  auto child = [] {
    not_for_long();
    const ends p = make_pipe();
    auto [tx, rx] = strait::bounded<int>(1);
    rlimit limit{}, none{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none = limit;
    none.rlim_cur = 1;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    int code = 0;
    try {
      select(on_recv(rx), on_readable(p.in.get()));
    } catch (const std::system_error& e) {
      code = e.code().value();
    }
    REQUIRE(code == EMFILE);
    auto op = [](const ends& from) -> task<int> {
      try {
        auto which = co_await async_select(on_readable(from.in.get()));
        co_return which ? 0 : 1;
      } catch (const std::system_error& e) {
        co_return e.code().value();
      }
    };
    REQUIRE(sync_wait(op(p)) == EMFILE);
    REQUIRE(tx.send(1).has_value() && rx.recv() == 1);  // nobody stands in line any more
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    worker writer([&] { p.write(); });
    REQUIRE(select(on_readable(p.in.get())) == 0U);  // it is tried again
    writer.join();
    std::exit(0);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

// What waits then is woken and looks for itself, and so does what comes later; what never ends keeps nobody.
TEST_F(ReadableDeath, AtTheEndOfTheProgram) {
  auto child = [] {
    not_for_long();
    static const ends p = make_pipe(), q = make_pipe(), r = make_pipe();
    static std::thread waits;
    static struct late {
      ~late() {  // after the poller's end
        r.write();
        waits.join();
        worker writer([] {
          a_moment();
          q.write();
        });
        REQUIRE(select(on_readable(p.in.get()), on_readable(q.in.get())) == 1U);
        REQUIRE(select(on_readable(p.in.get()), on_timeout(1ms)) == 1U);
      }
    } last;
    waits = std::thread([] { select(on_readable(r.in.get())); });
    std::thread([] { select(on_readable(p.in.get())); }).detach();
    select(on_readable(p.in.get()), on_timeout(20ms));
    std::exit(0);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

// A forked child that ends leaves its parent's poller alone.
TEST_F(ReadableDeath, AForkedChildThatEnds) {
  auto child = [] {
    not_for_long();
    const ends p = make_pipe();
    select(on_readable(p.in.get()), on_timeout(1ms));
    if (::fork() == 0) std::exit(0);
    REQUIRE(::wait(nullptr) > 0);
    worker writer([&] {
      a_moment();
      p.write();
    });
    REQUIRE(select(on_readable(p.in.get())) == 0U);
    writer.join();
    std::exit(0);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(0), "");
}

}  // namespace

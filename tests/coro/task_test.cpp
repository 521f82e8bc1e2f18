// SPDX-License-Identifier: BSL-1.0
//
// Tasks: what comes out of them, where they run, how deep and how often they hand over, and coroutines of
// other types that wait on channels.
#include <array>
#include <coroutine>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "support.hpp"

namespace {

using namespace strait_test;
using strait::sync_wait;
using strait::task;

task<int> number(int n) { co_return n; }
task<> nothing() { co_return; }
task<std::unique_ptr<int>> owned(int n) { co_return std::make_unique<int>(n); }
task<int&> same(int& n) { co_return n; }
task<int> fails() {
  throw std::runtime_error("on purpose");
  co_return 0;
}

TEST(Task, GivesItsValue) {
  EXPECT_EQ(sync_wait(number(7)), 7);
  EXPECT_EQ(*sync_wait(owned(8)), 8);
  int n = 9;
  EXPECT_EQ(&sync_wait(same(n)), &n);
  sync_wait(nothing());
}

struct without_default {
  explicit without_default(int n) : value(n) {}
  int value;
};
task<without_default> shaped() { co_return without_default(3); }
task<std::string> converted() { co_return "text"; }

struct without_address {
  without_address* operator&() const = delete;
  int value = 4;
};
task<without_address&> referred(without_address& w) { co_return w; }

TEST(Task, OfAnyType) {
  EXPECT_EQ(sync_wait(shaped()).value, 3);
  without_address object;
  EXPECT_EQ(sync_wait(referred(object)).value, 4);
  EXPECT_EQ(sync_wait(converted()), "text");
}

task<int> sum_of_awaited() {
  int n = 0;
  const int one = co_await number(1);
  auto two = co_await owned(2);
  int& three = co_await same(n);
  three = 3;
  co_await nothing();
  co_return one + *two + n;
}

TEST(Task, AwaitsTasks) { EXPECT_EQ(sync_wait(sum_of_awaited()), 6); }

task<std::string> caught() {
  try {
    (void)co_await fails();
  } catch (const std::runtime_error& e) {
    co_return e.what();
  }
  co_return "not thrown";
}

TEST(Task, ExceptionsGoToWhoAwaits) {
  EXPECT_EQ(sync_wait(caught()), "on purpose");
  EXPECT_THROW(sync_wait(fails()), std::runtime_error);
}

task<> sets(bool& ran, std::shared_ptr<int>) {
  ran = true;
  co_return;
}

TEST(Task, IsLazy) {
  bool ran = false;
  auto held = std::make_shared<int>();
  {
    auto t = sets(ran, held);
    EXPECT_TRUE(t);
    EXPECT_EQ(held.use_count(), 2);
    auto moved = std::move(t);
    EXPECT_FALSE(t);  // NOLINT: a moved-from task is empty
    t = std::move(moved);
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1);
  sync_wait(sets(ran, held));
  EXPECT_TRUE(ran);
  EXPECT_EQ(held.use_count(), 1);
}

task<> awaits_twice() {
  auto t = number(1);
  (void)co_await std::move(t);
  (void)co_await std::move(t);  // NOLINT
}

TEST(TaskDeath, AwaitedTwice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(sync_wait(awaits_twice()), "a task is awaited once");
}

// Trap: symmetric transfer without tail calls (-O0, sanitizers) grows the stack at each hand-over.
task<std::int64_t> many_awaits(int n) {
  std::int64_t sum = 0;
  for (int i = 0; i < n; ++i) sum += co_await number(1);
  co_return sum;
}

TEST(Task, AMillionHandOversUseOneStack) {
  EXPECT_EQ(sync_wait(many_awaits(1'000'000)), 1'000'000);
}

task<std::int64_t> depth(int n) {
  if (n == 0) co_return 0;
  const std::int64_t below = co_await depth(n - 1);
  co_return below + 1;
}

TEST(Task, AHundredThousandDeep) { EXPECT_EQ(sync_wait(depth(100'000)), 100'000); }

task<> sends(strait::sender<int> tx, int n) {
  for (int i = 0; i < n; ++i) {
    auto sent = co_await tx.async_send(i);
    if (!sent) co_return;
  }
}
task<int> counts(strait::receiver<int> rx) {
  int n = 0;
  while (auto m = co_await rx.async_recv()) n += *m == n;
  co_return n;
}

TEST(Task, AMillionMessagesBetweenTwoUseOneStack) {
  const int n = rounds(200'000);
  for (const std::size_t capacity : {0U, 1U}) {
    auto [tx, rx] = strait::bounded<int>(capacity);
    auto [sent, received] =
        sync_wait(strait::when_all(sends(std::move(tx), n), counts(std::move(rx))));
    (void)sent;
    EXPECT_EQ(received, n);
  }
}

// ---- where it goes on ---------------------------------------------------------------------------

task<std::thread::id> where() { co_return std::this_thread::get_id(); }

task<bool> back_home(strait::thread_pool& there, strait::receiver<int> rx) {
  const auto home = std::this_thread::get_id();
  bool elsewhere = false;
  auto visit = [](strait::thread_pool& pool, std::thread::id from, bool& other) -> task<> {
    co_await strait::resume_on(pool);
    other = std::this_thread::get_id() != from && pool.runs_here();
  };
  co_await visit(there, home, elsewhere);
  const bool back = std::this_thread::get_id() == home;
  auto m = co_await rx.async_recv();  // sent by another thread
  co_return elsewhere&& back&& m&& std::this_thread::get_id() == home;
}

TEST(Task, GoesOnOnItsOwnScheduler) {
  strait::thread_pool pool(2);
  auto [tx, rx] = strait::bounded<int>(0);
  worker sender([out = std::move(tx)] { EXPECT_TRUE(out.send(1)); });
  EXPECT_TRUE(sync_wait(back_home(pool, std::move(rx))));
  EXPECT_EQ(sync_wait(where()), std::this_thread::get_id());
}

// A resumed coroutine never runs inside the sender's call.
task<> marks(strait::receiver<int> rx, std::atomic<std::thread::id>& who) {
  (void)co_await rx.async_recv();
  who = std::this_thread::get_id();
}

TEST(Task, NeverRunsInsideTheSendersCall) {
  for (const bool on_a_pool : {false, true}) {
    strait::thread_pool pool(1);
    std::atomic<std::thread::id> who{};
    auto [tx, rx] = strait::bounded<int>(0);
    std::optional<worker> receiver;
    receiver.emplace([&, in = std::move(rx)]() mutable {
      if (on_a_pool) {
        strait::scope s(pool);
        s.spawn(marks(std::move(in), who));
        s.join();
      } else {
        sync_wait(marks(std::move(in), who));
      }
    });
    EXPECT_TRUE(tx.send(1));
    receiver.reset();
    EXPECT_NE(who.load(), std::this_thread::get_id());
    EXPECT_NE(who.load(), std::thread::id());
  }
}

// ---- coroutines of other types ------------------------------------------------------------------

// The least a coroutine can be: eager, nobody awaits it, no opinion about awaiters.
struct detached {
  struct promise_type {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

detached forwards(strait::receiver<int> from, strait::sender<int> to) {
  while (auto m = co_await from.async_recv()) {
    auto op = to.async_send(*m + 1);
    auto sent = co_await op;
    if (!sent) co_return;
  }
}

TEST(Foreign, AnyCoroutineMayAwait) {
  auto in = strait::bounded<int>(0);
  auto out = strait::bounded<int>(1);
  forwards(std::move(in.rx), std::move(out.tx));  // on no scheduler: goes on on the default pool
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(in.tx.send(i));
    EXPECT_EQ(out.rx.recv(), i + 1);
  }
  in.tx.reset();
  EXPECT_EQ(reason_of(out.rx.recv().error()), errc::closed);
}

detached selects(strait::receiver<int> a, strait::receiver<int> b, strait::sender<int> out) {
  for (;;) {
    int got = 0;
    auto op = strait::async_select(strait::on_recv(a, [&](int m) { got = m; }),
                                   strait::on_recv(b, [&](int m) { got = m; }));
    auto fired = co_await op;
    if (!fired) co_return;  // both are closed
    (void)out.try_send(got);
  }
}

TEST(Foreign, AnyCoroutineMaySelect) {
  auto a = strait::bounded<int>(0);
  auto b = strait::unbounded<int>();
  auto out = strait::unbounded<int>();
  selects(std::move(a.rx), std::move(b.rx), std::move(out.tx));
  int sum = 0;
  for (int i = 1; i <= 50; ++i) {
    ASSERT_TRUE(a.tx.send(i));
    ASSERT_TRUE(b.tx.send(100 * i));
  }
  a.tx.reset();
  b.tx.reset();
  for (const int m : out.rx) sum += m;
  EXPECT_EQ(sum, 101 * 50 * 51 / 2);
}

// A named select keeps the messages that it was made with.
task<> sends_later(strait::sender<std::string> tx) {
  auto value = strait::async_select(strait::on_send(tx, std::string(100, 'v')));
  auto maker =
      strait::async_select(strait::on_send(tx, [text = std::string(100, 'm')] { return text; }));
  auto literal = strait::async_select(strait::on_send(tx, "literal"));
  const std::string kept(100, 'k');
  auto copied = strait::async_select(strait::on_send(tx, kept));
  for (int i = 0; i < 3; ++i) co_await strait::yield();
  auto one = co_await value;
  auto two = co_await maker;
  auto three = co_await literal;
  auto four = co_await copied;
  EXPECT_TRUE(one && two && three && four);
}

TEST(Task, ANamedSelectKeepsItsMessages) {
  auto [tx, rx] = strait::unbounded<std::string>();
  sync_wait(sends_later(std::move(tx)));
  EXPECT_EQ(rx.try_recv(), std::string(100, 'v'));
  EXPECT_EQ(rx.try_recv(), std::string(100, 'm'));
  EXPECT_EQ(rx.try_recv(), "literal");
  EXPECT_EQ(rx.try_recv(), std::string(100, 'k'));
}

// ---- what waits beside each other ---------------------------------------------------------------

// First come, first served, threads and coroutines in one line.
TEST(Line, ThreadsAndCoroutinesStandInOneLine) {
  strait::thread_pool pool(1);
  auto [tx, rx] = strait::bounded<int>(0);
  std::array<std::atomic<int>, 4> got{};
  std::vector<worker> threads;
  strait::scope s(pool);
  auto wait = [](strait::receiver<int> from, std::atomic<int>& to) -> task<> {
    auto m = co_await from.async_recv();
    to = m ? *m : -1;
  };
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (i % 2 == 0) {
      s.spawn(wait(rx, got[i]));
    } else {
      threads.emplace_back([in = rx, &to = got[i]] { to = in.recv().value_or(-1); });
    }
    // Each is in the line before the next one comes, or the machine is slow and the order is not
    // theirs: then only that everybody is served is said.
    a_moment();
  }
  for (int i = 1; i <= 4; ++i) ASSERT_TRUE(tx.send(i));
  s.join();
  threads.clear();
  int sum = 0;
  for (auto& m : got) sum += m;
  EXPECT_EQ(sum, 10);
}

// An end of which there is one belongs to one thread, and that thread may have several coroutines: while one is
// suspended in its send, another one sends through the same handle.
task<int> sends_many(const strait::spsc::sender<int>& tx, int n) {
  int sent = 0;
  for (int i = 0; i < n; ++i) {
    auto done = co_await tx.async_send(1);
    sent += done.has_value() ? 1 : 0;
    if (tx.try_send(1)) ++sent;
  }
  co_return sent;
}
task<int> sends_twice_as_many(const strait::spsc::sender<int>& tx, int n) {
  auto [a, b] = co_await strait::when_all(sends_many(tx, n), sends_many(tx, n));
  co_return a + b;
}

TEST(Task, TwoShareTheSoleSenderOfTheirThread) {
  for (const std::size_t capacity : {1U, 2U}) {
    auto ch = strait::spsc::bounded<int>(capacity);
    int received = 0;
    std::thread receiver([&received, rx = std::move(ch.rx)] {
      while (rx.recv()) ++received;
    });
    const int sent = sync_wait(sends_twice_as_many(ch.tx, rounds(20'000)));
    ch.tx.reset();
    receiver.join();
    EXPECT_EQ(sent, received);
  }
}

}  // namespace

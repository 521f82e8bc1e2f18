// SPDX-License-Identifier: BSL-1.0
//
// The same facts, waited for by coroutines. A program that is compiled with STRAIT_TEST_AWAIT=1 has another
// name for each way to run it (CMakeLists.txt), and the name says who waits in a test's blocking calls:
//   <name>             the thread that calls
//   <name>_coroutines  a coroutine on a pool; the thread waits for the coroutine
//   <name>_mixture     in turns: the thread, a coroutine on a pool, a coroutine that runs in the thread (sync_wait)
// A handle of a flavour is then one of the types below, whose waiting calls go that way; everything else is
// the library's handle. `choose` stands for strait::select, `choose_biased` for select_biased. Without
// STRAIT_TEST_AWAIT the handles are the library's, and the thread waits.
#pragma once

#include <errno.h>  // program_invocation_short_name

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <set>
#include <stop_token>
#include <string_view>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#ifndef STRAIT_TEST_AWAIT
#define STRAIT_TEST_AWAIT 0
#endif

namespace strait_test {

enum class waits { in_the_thread, on_a_pool, under_sync_wait };

inline waits next_wait() {
  static const std::string_view program = program_invocation_short_name;
  static const bool coroutines = program.ends_with("_coroutines");
  static const bool mixture = program.ends_with("_mixture");
  static std::atomic<unsigned> turn{0};
  if (coroutines) return waits::on_a_pool;
  return mixture ? static_cast<waits>(turn++ % 3) : waits::in_the_thread;
}

/// Whether a coroutine may wait with all this: its frame is not over-aligned (the library refuses, at
/// compile time).
template <class... Ts>
inline constexpr bool may_await = STRAIT_TEST_AWAIT && strait::detail::fits_a_frame<Ts...>;

inline strait::thread_pool& test_pool() {
  static strait::thread_pool pool(2);
  return pool;
}

/// What `make_op` makes, awaited.
template <class Result, class MakeOp>
strait::task<Result> await_one(MakeOp make_op, bool on_a_pool) {
  if (on_a_pool) co_await strait::resume_on(test_pool());
  auto op = make_op();
  co_return co_await op;
}

/// `block()` in this thread, or what `make_op` makes in a coroutine.
template <class Block, class MakeOp>
auto wait_somewhere(Block block, MakeOp make_op) {
  const waits how = next_wait();
  if (how == waits::in_the_thread) return block();
  return strait::sync_wait(
      await_one<decltype(block())>(std::move(make_op), how == waits::on_a_pool));
}

template <class Sender>
class awaiting_sender : public Sender {
  using T = typename Sender::message_type;
  using result = strait::send_result<T>;

 public:
  awaiting_sender() = default;
  explicit(false) awaiting_sender(Sender tx) : Sender(std::move(tx)) {}

  [[nodiscard]] result send(T m) const {
    return wait_somewhere([&] { return Sender::send(std::move(m)); },
                          [&] { return this->async_send(std::move(m)); });
  }
  [[nodiscard]] result send(T m, std::stop_token stop) const {
    return wait_somewhere([&] { return Sender::send(std::move(m), stop); },
                          [&] { return this->async_send(std::move(m), stop); });
  }
  template <class D>
  [[nodiscard]] result send_for(T m, D time) const {
    return wait_somewhere([&] { return Sender::send_for(std::move(m), time); },
                          [&] { return this->async_send_for(std::move(m), time); });
  }
  template <class P>
  [[nodiscard]] result send_until(T m, P time) const {
    return wait_somewhere([&] { return Sender::send_until(std::move(m), time); },
                          [&] { return this->async_send_until(std::move(m), time); });
  }
};

template <class Receiver>
class awaiting_receiver : public Receiver {
  using T = typename Receiver::message_type;
  using result = strait::recv_result<T>;

 public:
  awaiting_receiver() = default;
  explicit(false) awaiting_receiver(Receiver rx) : Receiver(std::move(rx)) {}

  [[nodiscard]] result recv() const {
    return wait_somewhere([&] { return Receiver::recv(); }, [&] { return this->async_recv(); });
  }
  [[nodiscard]] result recv(std::stop_token stop) const {
    return wait_somewhere([&] { return Receiver::recv(stop); },
                          [&] { return this->async_recv(stop); });
  }
  template <class D>
  [[nodiscard]] result recv_for(D time) const {
    return wait_somewhere([&] { return Receiver::recv_for(time); },
                          [&] { return this->async_recv_for(time); });
  }
  template <class P>
  [[nodiscard]] result recv_until(P time) const {
    return wait_somewhere([&] { return Receiver::recv_until(time); },
                          [&] { return this->async_recv_until(time); });
  }
};

/// The channel of a flavour, with ends that wait as the program's name says.
template <class Tx, class Rx>
auto ends_of(strait::channel<Tx, Rx> ch) {
  if constexpr (may_await<typename Tx::message_type>) {
    return strait::channel<awaiting_sender<Tx>, awaiting_receiver<Rx>>{std::move(ch.tx),
                                                                       std::move(ch.rx)};
  } else {
    return ch;
  }
}

/// An async_select, awaited where it is made, if it may be: messages of arms that lose stay with the caller.
template <class MakeOp>
strait::task<strait::expected<std::size_t, strait::errc>> select_one(MakeOp make_op,
                                                                     bool on_a_pool) {
  if (on_a_pool) co_await strait::resume_on(test_pool());
  if constexpr (decltype(make_op())::may_be_unnamed) {
    auto fired = co_await make_op();
    co_return fired;
  } else {
    auto op = make_op();
    co_return co_await op;
  }
}

template <class Block, class MakeOp>
auto choose_somewhere(Block block, MakeOp make_op) {
  const waits how = next_wait();
  if (how == waits::in_the_thread) return block();
  return strait::sync_wait(select_one(std::move(make_op), how == waits::on_a_pool));
}

template <class... Arms>
auto choose(Arms&&... arms) {
  if constexpr (may_await<strait::detail::select_arms<Arms...>>) {
    return choose_somewhere([&] { return strait::select(std::move(arms)...); },
                            [&] { return strait::async_select(std::move(arms)...); });
  } else {
    return strait::select(std::move(arms)...);
  }
}
template <class... Arms>
auto choose_biased(Arms&&... arms) {
  if constexpr (may_await<strait::detail::select_arms<Arms...>>) {
    return choose_somewhere([&] { return strait::select_biased(std::move(arms)...); },
                            [&] { return strait::async_select_biased(std::move(arms)...); });
  } else {
    return strait::select_biased(std::move(arms)...);
  }
}

#if STRAIT_TEST_AWAIT
// CTest says who should.
TEST(Awaiting, IsDoneByThoseThatTheProgramsNameSays) {
  static_assert(may_await<int>);
  const char* const expected = std::getenv("STRAIT_TEST_WAITS");
  if (expected == nullptr) GTEST_SKIP() << "STRAIT_TEST_WAITS is not set";
  const std::string_view who = expected;
  std::set<waits> found;
  for (int turns = 0; turns < 3; ++turns) found.insert(next_wait());
  EXPECT_EQ(found.size(), who == "mixture" ? 3U : 1U);
  EXPECT_EQ(found.contains(waits::in_the_thread), who != "coroutines");
  EXPECT_EQ(found.contains(waits::on_a_pool), who != "threads");
}
#endif

}  // namespace strait_test

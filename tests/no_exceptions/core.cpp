// SPDX-License-Identifier: BSL-1.0
//
// The core without exceptions and without RTTI: every flavour, every kind of operation once. A plain
// program, so that no test library decides what it may use. Returns 1 if a check failed.
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <strait/interop/readable.hpp>
#include <strait/strait.hpp>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "build this test with -fno-exceptions -fno-rtti"
#endif

using namespace std::chrono_literals;
using strait::errc;

namespace {

int failures = 0;

#define CHECK(condition) \
  ((condition)           \
       ? void()          \
       : (++failures, void(std::printf("%s:%d: CHECK(%s)\n", __FILE__, __LINE__, #condition))))

template <class Result>
bool failed_with(const Result& result, errc reason) {
  if constexpr (std::is_same_v<std::decay_t<decltype(result.error())>, errc>) {
    return !result.has_value() && result.error() == reason;
  } else {
    return !result.has_value() && result.error().reason() == reason;
  }
}

// ---- what every channel with a buffer does -------------------------------------------------------

template <class Make>
void buffered_channel(Make make) {
  {  // first in, first out
    auto [tx, rx] = make();
    CHECK(rx.empty());
    CHECK(tx.send(1).has_value());
    CHECK(tx.try_send(2).has_value());
    CHECK(tx.send_for(3, 1s).has_value());
    CHECK(tx.send_until(4, std::chrono::steady_clock::now() + 1s).has_value());
    CHECK(rx.size() == 4);
    CHECK(rx.recv() == 1);
    CHECK(rx.try_recv() == 2);
    CHECK(rx.recv_for(1s) == 3);
    CHECK(rx.recv_until(std::chrono::system_clock::now() + 1s) == 4);
    CHECK(failed_with(rx.try_recv(), errc::empty));
    CHECK(failed_with(rx.recv_for(1ms), errc::timeout));
  }
  {  // close: sends fail, receives drain
    auto [tx, rx] = make();
    CHECK(tx.send(1).has_value());
    tx.close();
    CHECK(rx.is_closed());
    const auto refused = tx.send(2);
    CHECK(failed_with(refused, errc::closed));
    CHECK(refused.error().value() == 2);
    CHECK(rx.recv() == 1);
    CHECK(failed_with(rx.recv(), errc::closed));
  }
  {  // the last sender goes, the last receiver goes
    auto [tx, rx] = make();
    tx.reset();
    CHECK(failed_with(rx.recv(), errc::closed));
    CHECK(failed_with(tx.try_send(1), errc::closed));

    auto other = make();
    other.rx.reset();
    CHECK(failed_with(other.tx.send(7), errc::closed));
  }
  {  // a thread on the other side; a loop that ends by itself
    auto [tx, rx] = make();
    std::thread writer([out = std::move(tx)] {
      for (int i = 0; i < 1000; ++i) CHECK(out.send(i).has_value());
    });
    int next = 0;
    for (int& message : rx) CHECK(message == next++);
    CHECK(next == 1000);
    writer.join();
  }
  {  // many at once
    auto [tx, rx] = make();
    const std::vector<int> sent{1, 2, 3};
    CHECK(tx.send_many(sent) == 3);
    std::vector<int> got;
    CHECK(rx.recv_many(std::back_inserter(got), 10) == 3);
    CHECK(rx.try_recv_many(std::back_inserter(got), 10) == 0);
    CHECK(got == sent);
    CHECK(tx.send_many(sent) == 3);
    int sum = 0;
    for (int& message : rx.try_iter()) sum += message;
    CHECK(sum == 6);
  }
}

// A failed send hands the message back, move-only ones too.
template <class Channel>
void hands_back(Channel ch) {
  ch.tx.close();
  auto refused = ch.tx.send(std::make_unique<std::string>("still here"));
  CHECK(failed_with(refused, errc::closed));
  const std::unique_ptr<std::string> back = std::move(refused).error().value();
  CHECK(back != nullptr && *back == "still here");
}

void full_and_stopped() {
  auto [tx, rx] = strait::bounded<int>(1);
  CHECK(tx.capacity() == std::optional<std::size_t>(1));
  CHECK(tx.send(1).has_value());
  CHECK(tx.full());
  CHECK(failed_with(tx.try_send(2), errc::full));
  CHECK(failed_with(tx.send_for(2, 1ms), errc::timeout));

  std::stop_source stop;
  stop.request_stop();
  CHECK(failed_with(tx.send(2, stop.get_token()), errc::cancelled));
  CHECK(rx.recv(stop.get_token()) == 1);  // stopped beforehand still tries once
  CHECK(failed_with(rx.recv(stop.get_token()), errc::cancelled));
}

void rendezvous() {
  auto [tx, rx] = strait::rendezvous<int>();
  CHECK(failed_with(tx.try_send(1), errc::full));
  CHECK(failed_with(rx.try_recv(), errc::empty));
  CHECK(failed_with(tx.send_for(1, 1ms), errc::timeout));
  std::thread writer([out = std::move(tx)] {
    for (int i = 0; i < 100; ++i) CHECK(out.send(i).has_value());
  });
  int next = 0;
  for (int& message : rx) CHECK(message == next++);
  CHECK(next == 100);
  writer.join();
}

void oneshot() {
  auto [tx, rx] = strait::oneshot<int>();
  CHECK(failed_with(rx.try_recv(), errc::empty));
  CHECK(tx.send(5).has_value());
  CHECK(rx.recv() == 5);
  CHECK(failed_with(rx.recv(), errc::closed));

  auto dropped = strait::oneshot<int>();
  dropped.tx.reset();
  CHECK(failed_with(dropped.rx.recv(), errc::closed));
}

void handles() {
  auto ch = strait::unbounded<int>();
  auto tx2 = ch.tx;
  CHECK(ch.tx.sender_count() == 2);
  CHECK(tx2 == ch.tx);
  CHECK(!ch.tx.capacity().has_value());
  auto weak = ch.rx.downgrade();
  CHECK(weak.lock().has_value());
  ch.rx.reset();
  CHECK(!ch.rx);
  CHECK(!weak.lock().has_value());
}

// ---- select --------------------------------------------------------------------------------------

void select() {
  auto numbers = strait::unbounded<int>();
  auto words = strait::bounded<std::string>(1);

  std::string said;
  const auto none = strait::select(strait::on_recv(numbers.rx, [&](int) { said = "number"; }),
                                   strait::otherwise([&] { said = "nothing"; }));
  CHECK(none == 1U && said == "nothing");

  CHECK(numbers.tx.send(1).has_value());
  const auto first =
      strait::select(strait::on_recv(numbers.rx, [&](int n) { said = std::to_string(n); }),
                     strait::on_recv(words.rx, [&](std::string w) { said = w; }));
  CHECK(first == 0U && said == "1");

  const auto sent = strait::select_biased(
      strait::on_recv(numbers.rx, [&](int) { said = "number"; }),
      strait::on_send(words.tx, std::string("hello"),
                      [&](strait::send_result<std::string> r) { said = r ? "sent" : "not sent"; }));
  CHECK(sent == 1U && said == "sent");

  const auto late = strait::select(strait::on_recv(numbers.rx, [&](int) { said = "number"; }),
                                   strait::on_send(words.tx, [] { return std::string("full"); }),
                                   strait::on_timeout(1ms, [&] { said = "timeout"; }));
  CHECK(late == 2U && said == "timeout");

  numbers.tx.close();
  bool closed = false;
  const auto sees = strait::select(strait::on_recv(
      numbers.rx, [&](strait::recv_result<int> m) { closed = failed_with(m, errc::closed); }));
  CHECK(sees == 0U && closed);
  const auto over = strait::select(strait::on_recv(numbers.rx, [](int) {}));
  CHECK(failed_with(over, errc::closed));

  // another thread wakes it
  auto wake = strait::rendezvous<int>();
  std::thread writer([out = std::move(wake.tx)] { CHECK(out.send(9).has_value()); });
  int got = 0;
  const auto woken = strait::select(strait::on_recv(wake.rx, [&](int n) { got = n; }),
                                    strait::on_timeout(30s, [] {}));
  CHECK(woken == 0U && got == 9);
  writer.join();
}

void selector() {
  auto a = strait::unbounded<int>();
  auto b = strait::bounded<int>(1);
  strait::selector s;
  const auto from_a = s.recv(a.rx);
  const auto to_b = s.send(b.tx);

  auto sending = s.select();  // only b has room
  CHECK(sending.has_value() && sending->index() == to_b);
  if (sending) CHECK(sending->send(b.tx, 1).has_value());

  CHECK(!s.try_select().has_value());
  CHECK(failed_with(s.select_for(1ms), errc::timeout));

  CHECK(a.tx.send(2).has_value());
  CHECK(s.ready() == from_a);
  auto receiving = s.select();
  CHECK(receiving.has_value() && receiving->index() == from_a);
  if (receiving) CHECK(receiving->recv(a.rx) == 2);

  s.remove(to_b);
  CHECK(failed_with(s.select_for(1ms), errc::timeout));
}

void timers() {
  const auto begin = std::chrono::steady_clock::now();
  const auto due = strait::after(2ms).recv();
  CHECK(due.has_value() && *due >= begin + 2ms);
  CHECK(strait::at(begin).recv().has_value());
  auto ticks = strait::tick(1ms);
  const auto one = ticks.recv();
  const auto two = ticks.recv();
  CHECK(one.has_value() && two.has_value() && *one < *two);
  auto nothing = strait::never<int>();
  CHECK(failed_with(nothing.try_recv(), errc::empty));
  CHECK(failed_with(nothing.recv_for(1ms), errc::timeout));

  auto ch = strait::unbounded<int>();
  auto timer = strait::after(1ms);
  bool fired = false;
  CHECK(strait::select(strait::on_recv(ch.rx, [](int) {}),
                       strait::on_recv(timer, [&](std::chrono::steady_clock::time_point) {
                         fired = true;
                       })) == 1U);
  CHECK(fired);
}

strait::task<int> sums(strait::receiver<int> rx) {
  int sum = 0;
  while (auto m = co_await rx.async_recv()) sum += *m;
  co_return sum;
}
strait::task<> sends(strait::sender<int> tx) {
  for (int i = 1; i <= 100; ++i) {
    auto sent = co_await tx.async_send(i);
    CHECK(sent.has_value());
  }
}
strait::task<int> sleeps_and_selects(strait::receiver<int> rx) {
  co_await strait::sleep_for(1ms);
  int how = 0;
  auto op = strait::async_select(strait::on_recv(rx, [&](int) { how = 1; }),
                                 strait::on_timeout(1ms, [&] { how = 2; }));
  const auto fired = co_await op;
  CHECK(fired == 1U);
  co_return how;
}

void coroutines() {
  auto ch = strait::bounded<int>(0);
  auto [sum, sent] =
      strait::sync_wait(strait::when_all(sums(std::move(ch.rx)), sends(std::move(ch.tx))));
  static_cast<void>(sent);
  CHECK(sum == 5050);
  auto silent = strait::bounded<int>(1);
  CHECK(strait::sync_wait(sleeps_and_selects(silent.rx)) == 2);
  strait::thread_pool pool(2);
  strait::scope s(pool);
  auto load = strait::bounded<int>(1);
  s.spawn(sends(std::move(load.tx)));
  CHECK(strait::sync_wait(sums(std::move(load.rx))) == 5050);
  s.join();
}

void descriptors() {
  int fd[2] = {-1, -1};
  CHECK(::pipe(fd) == 0);
  auto silent = strait::bounded<int>(1);
  auto read = [&] {
    char byte = 0;
    CHECK(::read(fd[0], &byte, 1) == 1);
  };
  CHECK(strait::select(strait::on_readable(fd[0], read), strait::on_recv(silent.rx),
                       strait::on_timeout(1ms)) == 2U);
  CHECK(::write(fd[1], "1", 1) == 1);
  CHECK(strait::select(strait::on_readable(fd[0], read), strait::on_recv(silent.rx)) == 0U);
  ::close(fd[0]);
  ::close(fd[1]);
}

void texts() {
  CHECK(strait::to_string(errc::closed, strait::op::send) == "sending on a closed channel");
  CHECK(make_error_code(errc::timeout) == errc::timeout);
}

}  // namespace

int main() {
  buffered_channel([] { return strait::unbounded<int>(); });
  buffered_channel([] { return strait::bounded<int>(4); });
  buffered_channel([] { return strait::mpsc::unbounded<int>(); });
  buffered_channel([] { return strait::mpsc::bounded<int>(4); });
  buffered_channel([] { return strait::spsc::unbounded<int>(); });
  buffered_channel([] { return strait::spsc::bounded<int>(4); });

  using message = std::unique_ptr<std::string>;
  hands_back(strait::unbounded<message>());
  hands_back(strait::bounded<message>(1));
  hands_back(strait::bounded<message>(0));
  hands_back(strait::mpsc::unbounded<message>());
  hands_back(strait::mpsc::bounded<message>(1));
  hands_back(strait::spsc::unbounded<message>());
  hands_back(strait::spsc::bounded<message>(1));
  hands_back(strait::oneshot<message>());

  full_and_stopped();
  rendezvous();
  oneshot();
  handles();
  select();
  selector();
  timers();
  coroutines();
  descriptors();
  texts();

  std::printf("no exceptions: %s\n", failures == 0 ? "passed" : "FAILED");
  return failures == 0 ? 0 : 1;
}

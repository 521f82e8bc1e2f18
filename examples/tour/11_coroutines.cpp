// SPDX-License-Identifier: BSL-1.0
//
// Coroutines on the same channels: they wait without holding a thread, so a hundred thousand of them are
// no more than a hundred thousand small objects. Go's goroutines, with C++'s types.
//
//   Go                                    strait
//   go worker(jobs)                       scope.spawn(worker(jobs));
//   m, ok := <-ch                         auto m = co_await rx.async_recv();
//   ch <- m                               auto sent = co_await tx.async_send(m);
//   select { case m := <-ch: ... }        co_await strait::async_select(on_recv(rx, ...), ...);
//   var wg sync.WaitGroup; wg.Wait()      scope.join();

#include <strait/strait.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// A coroutine takes its channel ends by value: they live in its frame, and go with it.
strait::task<> produce(strait::sender<int> tx, int first, int last) {
  for (int i = first; i <= last; ++i) {
    auto sent = co_await tx.async_send(i);  // suspends while the channel is full
    if (!sent) co_return;                   // the receivers have gone
  }
}

strait::task<int> sum(strait::receiver<int> rx) {
  int total = 0;
  while (auto m = co_await rx.async_recv()) total += *m;  // ends when closed and drained
  co_return total;
}

// One thread and one coroutine, hand to hand: it is one channel, whoever waits.
strait::task<std::string> greet(strait::receiver<std::string> rx) {
  auto name = co_await rx.async_recv();
  co_return "Hello, " + (name ? *name : std::string("nobody"));
}

strait::task<> pass_on(strait::receiver<int> from, strait::sender<int> to) {
  auto token = co_await from.async_recv();
  if (!token) co_return;
  auto sent = co_await to.async_send(*token + 1);
  (void)sent;
}

strait::task<std::string> whichever_is_first(strait::receiver<int> rx,
                                             std::chrono::milliseconds patience) {
  std::string result;
  // Named before it is awaited: GCC 12 destroys some unnamed operations twice, and refuses to.
  auto first = strait::async_select(
      strait::on_recv(rx, [&](int m) { result = "message " + std::to_string(m); }),
      strait::on_timeout(patience, [&] { result = "timeout"; }));
  auto fired = co_await first;
  co_return fired ? result : "nothing to wait for";
}

strait::task<> serve(strait::receiver<int> rx, std::stop_token stop, int& stopped) {
  auto m = co_await rx.async_recv(stop);
  if (!m && m.error() == strait::errc::cancelled) ++stopped;
}

strait::task<> fail() {
  co_await strait::sleep_for(5ms);
  throw std::runtime_error("one worker failed");
}

int main() {
  strait::thread_pool pool(2);

  {
    auto [tx, rx] = strait::bounded<int>(1);
    strait::scope producers(pool);
    producers.spawn(produce(tx, 1, 100));
    producers.spawn(produce(tx, 101, 200));
    producers.spawn(produce(std::move(tx), 201, 300));
    std::cout << "Three producers, one place: the sum is " << strait::sync_wait(sum(std::move(rx)))
              << '\n';
  }
  {
    auto [tx, rx] = strait::rendezvous<std::string>();
    std::jthread thread([out = std::move(tx)] { (void)out.send("coroutine"); });
    std::cout << strait::sync_wait(greet(std::move(rx))) << '\n';
  }
  {
    constexpr int members = 100'000;
    auto first = strait::bounded<int>(0);
    auto from = std::move(first.rx);
    strait::scope ring(pool);
    for (int i = 0; i < members; ++i) {
      auto next = strait::bounded<int>(0);
      ring.spawn(pass_on(std::move(from), std::move(next.tx)));
      from = std::move(next.rx);
    }
    if (!first.tx.send(0)) return 1;
    std::cout << "The token passed through " << from.recv().value_or(-1) << " coroutines\n";
    ring.join();
  }
  {
    auto [tx, rx] = strait::unbounded<int>();
    if (!tx.send(7)) return 1;
    std::cout << "First comes: " << strait::sync_wait(whichever_is_first(rx, 1h)) << '\n';
    std::cout << "Then comes: " << strait::sync_wait(whichever_is_first(rx, 10ms)) << '\n';
  }
  {
    auto [tx, rx] = strait::bounded<int>(0);
    strait::thread_pool one(1);  // one worker: `stopped` needs no lock
    strait::scope workers(one);
    int stopped = 0;
    for (int i = 0; i < 3; ++i) workers.spawn(serve(rx, workers.get_token(), stopped));
    workers.spawn(fail());
    try {
      workers.join();  // all of them: nobody is left behind
    } catch (const std::runtime_error& e) {
      std::cout << "Joined: " << e.what() << ", " << stopped << " were stopped\n";
    }
  }
}

// SPDX-License-Identifier: BSL-1.0
//
// Best practices, each a function of its own: a direct hand-off, a wait with a limit, an explicit
// shutdown message, batches, several consumers on one receiver, and a stop token.
//
//   Rust                                  strait
//   mpsc::sync_channel(0)                 strait::mpsc::bounded<T>(0), strait::rendezvous<T>()
//   rx.recv_timeout(d)                    rx.recv_for(d)
//   rx.try_iter().take(n)                 rx.recv_many(out, n), and tx.send_many(range)
//   rx.clone() (crossbeam)                copy a strait::receiver<T>
//                                         rx.recv(stop_token)

#include <strait/strait.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <iterator>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// Choose the right channel. Unbounded: the sender never waits, and memory is the limit. Bounded: a
// fast sender waits for a slow receiver. Capacity 0: every send meets its receive.
void direct_hand_off() {
  auto [tx, rx] = strait::rendezvous<std::string>();

  // Nobody is receiving, and there is no buffer. A failed send gives the message back.
  std::string parcel = "parcel";
  if (auto sent = tx.try_send(std::move(parcel)); !sent) {
    std::cout << "Hand-off: " << sent.error().what() << '\n';
    parcel = std::move(sent.error()).value();
  }

  std::string taken;
  std::jthread taker([receiver = std::move(rx), &taken] {
    if (auto message = receiver.recv()) taken = *std::move(message);
  });
  // Returns when the receiver is bound to take this very message.
  if (!tx.send(std::move(parcel))) return;
  taker.join();  // after which `taken` may be read
  std::cout << "Hand-off: took the " << taken << '\n';
}

// Handle every outcome. With a limit there are three: a message, timeout, closed.
void wait_with_a_limit() {
  auto [tx, rx] = strait::mpsc::unbounded<int>();

  for (int round = 0; round < 3; ++round) {
    if (auto message = rx.recv_for(20ms)) {
      std::cout << "Limit: received " << *message << '\n';
      tx.reset();
    } else {
      std::cout << "Limit: " << strait::to_string(message.error(), strait::op::recv) << '\n';
      if (round == 0 && !tx.send(42)) return;
    }
  }
}

// Say when it is over. While someone may still send, the channel does not close by itself; a message
// can mean "no more". What was queued before it is done first.
void explicit_shutdown() {
  auto [tx, rx] = strait::mpsc::unbounded<std::optional<std::string>>();

  std::jthread worker([receiver = std::move(rx)] {
    for (const std::optional<std::string>& job : receiver) {
      if (!job) {
        std::cout << "Shutdown: the worker leaves\n";
        return;
      }
      std::cout << "Shutdown: " << *job << '\n';
    }
  });

  for (const char* job : {"first job", "last job"}) {
    if (!tx.send(job)) return;
  }
  if (!tx.send(std::nullopt)) return;
  worker.join();
}

// Send and take in batches where messages come in numbers: one call, one wake-up.
void batches() {
  auto [tx, rx] = strait::mpsc::unbounded<int>();

  const std::vector<int> numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  if (tx.send_many(numbers) != numbers.size()) return;  // how many were accepted
  tx.reset();

  std::vector<int> batch;
  // Waits for the first, then takes what is there, four at most; 0 means closed and drained.
  while (const std::size_t count = rx.recv_many(std::back_inserter(batch), 4)) {
    std::cout << "Batch of " << count << ", up to " << batch.back() << '\n';
  }
}

// Share the work: each copy of a receiver takes from the same channel, each message goes to one.
void several_consumers() {
  auto jobs = strait::bounded<int>(8);
  auto results = strait::mpsc::unbounded<int>();

  std::vector<std::jthread> workers;
  for (int id = 0; id < 3; ++id) {
    workers.emplace_back([in = jobs.rx, out = results.tx] {
      for (int job : in) {
        if (!out.send(job * job)) return;
      }
    });
  }
  // Keep no end that is not used: `results` closes when the workers are done, and if they were all
  // gone early, the sends below would fail instead of waiting.
  jobs.rx.reset();
  results.tx.reset();

  for (int job = 1; job <= 100; ++job) {
    if (!jobs.tx.send(job)) return;
  }
  jobs.tx.reset();  // no more jobs: the workers drain the channel and leave

  int count = 0;
  int sum = 0;
  for (int square : results.rx) {
    ++count;
    sum += square;
  }
  std::cout << "Consumers: " << count << " squares, sum " << sum << '\n';
}

// Stop from outside. A jthread brings its own stop token; request_stop() wakes the wait. Messages
// that are there already come first.
void stop_from_outside() {
  auto [tx, rx] = strait::mpsc::unbounded<int>();

  std::jthread worker([receiver = std::move(rx)](std::stop_token stop) {
    for (;;) {
      auto number = receiver.recv(stop);
      if (!number) {
        std::cout << "Stop: " << strait::to_string(number.error(), strait::op::recv) << '\n';
        return;
      }
      std::cout << "Stop: received " << *number << '\n';
    }
  });

  for (int number = 1; number <= 3; ++number) {
    if (!tx.send(number)) return;
  }
  // The sender is still alive, so only the token can end the worker. The destructor of a jthread
  // makes this request, too: a thread that receives with its token cannot hang the end of a scope.
  worker.request_stop();
  worker.join();
}

int main() {
  direct_hand_off();
  wait_with_a_limit();
  explicit_shutdown();
  batches();
  several_consumers();
  stop_from_outside();
}

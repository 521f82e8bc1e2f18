// SPDX-License-Identifier: BSL-1.0
//
// Bounded channels: with room for two messages, a fast producer waits for a slow consumer.
//
//   Rust                                  strait
//   mpsc::sync_channel(2)                 strait::mpsc::bounded<int>(2)
//   tx.send(i).unwrap()                   if (!tx.send(i)) return;
//   rx.recv().unwrap()                    auto received = rx.recv(); if (!received) return;
//   start.elapsed()                       std::chrono::steady_clock::now() - start
//
// The capacity is exact. Values 0 and 1 go in at once; the send of 2 finds the buffer full and
// returns only after the first receive, at about 300 ms.

#include <strait/strait.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <syncstream>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

int main() {
  auto [tx, rx] = strait::mpsc::bounded<int>(2);

  // Two threads print here. An osyncstream gathers a line and writes it whole; plain std::cout may
  // mix the pieces of two lines. (Rust's println! locks the stream for a line.)
  const auto start = std::chrono::steady_clock::now();
  const auto report = [start](const char* what, int value) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    std::osyncstream(std::cout) << what << value << " at " << elapsed.count() << "ms\n";
  };

  std::jthread producer([sender = std::move(tx), report] {
    for (int i = 0; i < 5; ++i) {
      report("Sending ", i);
      if (!sender.send(i)) return;
      report("Sent ", i);
    }
  });

  std::jthread consumer([receiver = std::move(rx), report] {
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(300ms);
      auto received = receiver.recv();
      if (!received) return;
      report("Received ", *received);
    }
  });

  // Where Rust joins by hand, a jthread joins at the end of its scope.
}

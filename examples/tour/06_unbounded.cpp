// SPDX-License-Identifier: BSL-1.0
//
// Crossbeam's unbounded channel: many senders and, if one likes, many receivers.
//
//   Rust                                  strait
//   channel::unbounded()                  strait::unbounded<T>()
//   let tx = tx.clone();                  capture a copy: [tx, i]
//   while let Ok(msg) = rx.recv()         while (auto message = rx.recv())
//
// mpsc::unbounded has one receiver, by its type. This one's receiver can be copied, too:
// 10_best_practices.cpp shares one between workers.

#include <strait/strait.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int main() {
  auto [tx, rx] = strait::unbounded<std::string>();

  std::vector<std::jthread> producers;
  for (int i = 0; i < 3; ++i) {
    producers.emplace_back([tx, i] {
      for (int j = 0; j < 3; ++j) {
        if (!tx.send("Message " + std::to_string(i) + "-" + std::to_string(j))) return;
        std::this_thread::sleep_for(50ms);
      }
    });
  }

  tx.reset();  // Rust: drop(tx)

  // The result of recv is true while it holds a message, so `while` reads like `while let Ok(...)`.
  while (auto message = rx.recv()) {
    std::cout << "Received: " << *message << '\n';
  }
}

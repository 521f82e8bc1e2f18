// SPDX-License-Identifier: BSL-1.0
//
// Multiple producers: three threads send to one receiver.
//
//   Rust                                  strait
//   let tx_clone = tx.clone();            capture a copy: [tx]
//   drop(tx);                             tx.reset();
//   format!("Thread {} says ...", id)     "Thread " + std::to_string(id) + " says ..."

#include <strait/strait.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int main() {
  auto [tx, rx] = strait::mpsc::unbounded<std::string>();

  std::vector<std::jthread> producers;
  for (int id = 0; id < 3; ++id) {
    // Copying a sender is Rust's clone: the same end of the same channel once more.
    producers.emplace_back([tx, id] {
      for (int i = 0; i < 3; ++i) {
        std::string message =
            "Thread " + std::to_string(id) + " says: Message " + std::to_string(i);
        if (!tx.send(std::move(message))) return;
        std::this_thread::sleep_for(100ms);
      }
    });
  }

  // Each thread holds a sender of its own. Without this line main's would keep the channel open and
  // the loop below would never end.
  tx.reset();

  // The messages of one thread come in their order; how the three mix is up to the scheduler.
  for (const std::string& message : rx) {
    std::cout << message << '\n';
  }
}

// SPDX-License-Identifier: BSL-1.0
//
// Non-blocking receive: look for a message, and do something else while there is none.
//
//   Rust                                  strait
//   match rx.try_recv()                   auto received = rx.try_recv(); if (received) ... else ...
//   Ok(msg)                               *received
//   Err(TryRecvError::Empty)              received.error() == strait::errc::empty
//   Err(TryRecvError::Disconnected)       received.error() == strait::errc::closed

#include <strait/strait.hpp>

#include <chrono>
#include <iostream>
#include <string_view>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

int main() {
  auto [tx, rx] = strait::mpsc::unbounded<std::string_view>();

  std::jthread producer([sender = std::move(tx)] {
    std::this_thread::sleep_for(500ms);
    if (!sender.send("Hello after delay")) return;
  });

  for (;;) {
    // The result is a message or a reason, never both: an expected<T, errc>.
    auto received = rx.try_recv();
    if (received) {
      std::cout << "Received: " << *received << '\n';
      break;
    }
    if (received.error() == strait::errc::closed) {
      std::cout << "Sender disconnected\n";
      break;
    }
    std::cout << "No message yet, doing other work...\n";
    std::this_thread::sleep_for(100ms);
  }
}

// SPDX-License-Identifier: BSL-1.0
//
// Basic channels: one thread sends five words, main receives them.
//
//   Rust                                  strait
//   let (tx, rx) = mpsc::channel();       auto [tx, rx] = strait::mpsc::unbounded<T>();
//   thread::spawn(move || { ... });       std::jthread t([sender = std::move(tx)] {...});
//   for received in rx { ... }            for (const auto& received : rx) { ... }

#include <strait/strait.hpp>

#include <chrono>
#include <iostream>
#include <string_view>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

int main() {
  // Rust finds the message type in the first send. C++ wants it here. A view is a good message only
  // because it looks at literals, which live for ever; otherwise send a std::string.
  auto [tx, rx] = strait::mpsc::unbounded<std::string_view>();

  // `move ||` takes all that the closure uses. C++ moves what the capture names: the sender goes
  // into the lambda, the lambda into the thread, and both are gone when the thread ends.
  std::jthread producer([sender = std::move(tx)] {
    for (const char* word : {"Hello", "from", "the", "spawned", "thread"}) {
      if (!sender.send(word)) return;  // the receiver has gone: nobody wants the rest
      std::this_thread::sleep_for(100ms);
    }
  });

  // Waits for each message, and ends when the last sender is gone and the channel is drained. Had
  // main kept `tx`, the loop would wait for ever for a message that only main could send.
  for (const auto& received : rx) {
    std::cout << "Received: " << received << '\n';
  }
  std::cout << "All messages received\n";
}

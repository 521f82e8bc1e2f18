// SPDX-License-Identifier: BSL-1.0
//
// Select: wait on two channels at once and take from whichever has a message.
//
//   Rust                                  strait
//   select! {                             strait::select(
//     recv(rx1) -> msg => { ... }             strait::on_recv(rx1, [](std::string m) { ... }),
//     recv(rx2) -> msg => { ... }             strait::on_recv(rx2, [](std::string m) { ... }))
//   }
//
// In crossbeam the arm of a closed channel stays ready and fires again and again, hence the counter
// in the Rust program. Here the handler's parameter decides: one that takes the message itself is
// never called for "closed", its arm drops out. One that takes strait::recv_result<std::string>
// sees the end of the channel, too.

#include <strait/strait.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

int main() {
  auto [tx1, rx1] = strait::bounded<std::string>(1);
  auto [tx2, rx2] = strait::bounded<std::string>(1);

  std::jthread producer1([tx = std::move(tx1)] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(100ms);
      if (!tx.send("Source 1: " + std::to_string(i))) return;
    }
  });

  std::jthread producer2([tx = std::move(tx2)] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(150ms);
      if (!tx.send("Source 2: " + std::to_string(i))) return;
    }
  });

  // Each call runs one handler, in this thread, and answers which arm it was. When both channels
  // are closed and drained no arm is left: the answer is `closed`, and the loop ends.
  while (strait::select(
      strait::on_recv(rx1, [](std::string m) { std::cout << "From channel 1: " << m << '\n'; }),
      strait::on_recv(rx2, [](std::string m) { std::cout << "From channel 2: " << m << '\n'; }))) {
  }
}

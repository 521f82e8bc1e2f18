// SPDX-License-Identifier: BSL-1.0
// expect: compiles
#include <utility>
#include <vector>

#include <strait/strait.hpp>

// The copy_*, discard_* and send_many_* cases, done right.
int main() {
  auto many = strait::unbounded<int>();
  auto tx = many.tx;
  auto rx = many.rx;
  auto one = strait::mpsc::unbounded<int>();
  auto another_sender = one.tx;
  auto moved = std::move(one.rx);
  auto spsc = strait::spsc::bounded<int>(1);
  auto moved_sender = std::move(spsc.tx);
  (void)tx.try_send(1);
  (void)rx.recv();
  const std::vector<int> numbers{1, 2, 3};
  return static_cast<int>(another_sender.send_many(numbers));
}

// SPDX-License-Identifier: BSL-1.0
//
// The smallest program that uses the library: a message through a channel, from another thread.
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include <strait/strait.hpp>

int main() {
  auto [tx, rx] = strait::unbounded<std::string>();
  std::thread writer([out = std::move(tx)] { (void)out.send("hello"); });
  const auto message = rx.recv();
  writer.join();
  std::printf("%s from strait %s\n", message ? message->c_str() : "nothing", STRAIT_VERSION);
  return message == "hello" ? 0 : 1;
}

// SPDX-License-Identifier: BSL-1.0
//
// Performance: a million messages from one thread to another, through an unbounded and a bounded
// channel. The first two lines are the Rust program's; the others show what the more special and
// the more general flavours take for the same work.
//
//   Rust                                  strait
//   mpsc::channel()                       strait::mpsc::unbounded<T>()   one receiver
//   mpsc::sync_channel(1000)              strait::mpsc::bounded<T>(1000)
//                                         strait::spsc::...              one sender, one receiver
//   crossbeam's unbounded(), bounded(n)   strait::unbounded, bounded     any number of both
//
// A figure from one run is a hint, not a measurement: build with optimisation and run it often.

#include <strait/strait.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <thread>
#include <utility>

constexpr std::size_t message_count = 1'000'000;
constexpr std::size_t buffer_size = 1000;

// A channel is an ordinary value with two members, tx and rx, so it can be an argument.
template <class Channel>
void measure(const char* name, Channel channel) {
  using clock = std::chrono::steady_clock;
  std::size_t received = 0;

  const auto start = clock::now();
  {
    std::jthread producer([tx = std::move(channel.tx)] {
      for (std::size_t i = 0; i < message_count; ++i) {
        if (!tx.send(i)) return;
      }
    });
    std::jthread consumer([rx = std::move(channel.rx), &received] {
      std::size_t count = 0;
      while (rx.recv()) ++count;  // until the producer has gone and the channel is drained
      received = count;
    });
  }  // both are joined here; only then may main read `received`
  const std::chrono::duration<double, std::milli> elapsed = clock::now() - start;

  std::printf("%s channel: %zu messages in %.1fms, %.1f ns per message\n", name, received,
              elapsed.count(), elapsed.count() * 1e6 / static_cast<double>(message_count));
}

int main() {
  measure("Unbounded", strait::mpsc::unbounded<std::size_t>());
  measure("Bounded", strait::mpsc::bounded<std::size_t>(buffer_size));

  measure("Unbounded spsc", strait::spsc::unbounded<std::size_t>());
  measure("Bounded spsc", strait::spsc::bounded<std::size_t>(buffer_size));

  measure("Unbounded general", strait::unbounded<std::size_t>());
  measure("Bounded general", strait::bounded<std::size_t>(buffer_size));
}

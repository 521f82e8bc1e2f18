// SPDX-License-Identifier: BSL-1.0
//
// The shapes of the coroutine benchmark, on strait. go/main.go is the same, line by line, in Go.
//
//   bench_coroutines SHAPE WORKERS N    prints nanoseconds per operation (memory: bytes per coroutine)
//
// SHAPE is one of
//   pingpong                           two coroutines, two rendezvous; an operation is a round trip
//   spsc_C, mpsc_C, mpmc_C             1:1, 4:1, 4:4; C is 0, 1, 1000 or u (unbounded); an operation is a message
//   general_spsc_C, general_mpsc_C     the same through the general channel
//   select_C                           four producers, one consumer that selects over four channels
//   ring                               100,000 coroutines, a token passed around; an operation is a hop
//   spawn                              tasks spawned and joined
//   memory                             N coroutines that wait, each on a channel of its own
#include <strait/strait.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
using message = std::uint64_t;

template <class Rx, class Tx>
strait::task<> echo(Rx from, Tx to) {
  while (auto m = co_await from.async_recv()) {
    auto sent = co_await to.async_send(*m);
    if (!sent) co_return;
  }
}
template <class Tx, class Rx>
strait::task<> ping(Tx to, Rx from, int n) {
  for (int i = 0; i < n; ++i) {
    auto sent = co_await to.async_send(message(i));
    auto m = co_await from.async_recv();
    if (!sent || !m) std::abort();
  }
}
template <class Tx>
strait::task<> produce(Tx to, int n) {
  for (int i = 0; i < n; ++i) {
    auto sent = co_await to.async_send(message(i));
    if (!sent) std::abort();
  }
}
template <class Rx>
strait::task<> consume(Rx from, int n) {
  for (int i = 0; i < n; ++i) {
    auto m = co_await from.async_recv();
    if (!m) std::abort();
  }
}
template <class Rx>
strait::task<> consume_any(std::vector<Rx> from, int n) {
  for (int i = 0; i < n; ++i) {
    const auto take = [](message) {};
    auto fired = co_await strait::async_select(
        strait::on_recv(from[0], take), strait::on_recv(from[1], take),
        strait::on_recv(from[2], take), strait::on_recv(from[3], take));
    if (!fired) std::abort();
  }
}
template <class Rx, class Tx>
strait::task<> hop(Rx from, Tx to, int laps) {
  for (int i = 0; i < laps; ++i) {
    auto m = co_await from.async_recv();
    if (!m) co_return;
    auto sent = co_await to.async_send(*m + 1);
    if (!sent) co_return;
  }
}
strait::task<> nothing() { co_return; }
template <class Rx>
strait::task<> wait_for_close(Rx from) {
  (void)co_await from.async_recv();
}

double ns_since(clock_type::time_point begin) {
  return std::chrono::duration<double, std::nano>(clock_type::now() - begin).count();
}

// Producers and consumers share n messages; `make` gives a channel.
template <class Make>
double stream(std::size_t workers, int producers, int consumers, int n, Make make) {
  strait::thread_pool pool(workers);
  auto ch = make();
  const auto begin = clock_type::now();
  {
    strait::scope s(pool);
    if constexpr (std::is_copy_constructible_v<decltype(ch.tx)>) {
      for (int i = 0; i < producers; ++i) s.spawn(produce(ch.tx, n / producers));
    } else {
      s.spawn(produce(std::move(ch.tx), n));
    }
    if constexpr (std::is_copy_constructible_v<decltype(ch.rx)>) {
      for (int i = 0; i < consumers; ++i) s.spawn(consume(ch.rx, n / consumers));
    } else {
      s.spawn(consume(std::move(ch.rx), n));
    }
    s.join();
  }
  return ns_since(begin) / n;
}

double select(std::size_t workers, int n, std::string_view capacity) {
  strait::thread_pool pool(workers);
  std::vector<strait::receiver<message>> receivers;
  std::vector<strait::sender<message>> senders;
  for (int i = 0; i < 4; ++i) {
    auto ch = capacity == "u" ? strait::unbounded<message>()
                              : strait::bounded<message>(std::stoul(std::string(capacity)));
    receivers.push_back(std::move(ch.rx));
    senders.push_back(std::move(ch.tx));
  }
  const auto begin = clock_type::now();
  strait::scope s(pool);
  for (auto& tx : senders) s.spawn(produce(tx, n / 4));
  s.spawn(consume_any(std::move(receivers), n));
  s.join();
  return ns_since(begin) / n;
}

double pingpong(std::size_t workers, int n) {
  strait::thread_pool pool(workers);
  auto a = strait::spsc::bounded<message>(0);
  auto b = strait::spsc::bounded<message>(0);
  const auto begin = clock_type::now();
  strait::scope s(pool);
  s.spawn(echo(std::move(a.rx), std::move(b.tx)));
  s.spawn(ping(std::move(a.tx), std::move(b.rx), n));
  s.join();
  return ns_since(begin) / n;
}

double ring(std::size_t workers, int n) {
  constexpr int members = 100'000;
  const int laps = n / members > 0 ? n / members : 1;
  strait::thread_pool pool(workers);
  auto first = strait::spsc::bounded<message>(0);
  auto from = std::move(first.rx);
  strait::scope s(pool);
  for (int i = 0; i < members; ++i) {
    auto next = strait::spsc::bounded<message>(0);
    s.spawn(hop(std::move(from), std::move(next.tx), laps));
    from = std::move(next.rx);
  }
  const auto begin = clock_type::now();
  for (int i = 0; i < laps; ++i) {
    if (!first.tx.send(0) || !from.recv()) std::abort();
  }
  const double ns = ns_since(begin) / (double(members) * laps);
  s.join();
  return ns;
}

strait::task<> spawn_all(strait::thread_pool& pool, int n) {
  strait::scope s(pool);
  for (int i = 0; i < n; ++i) s.spawn(nothing());
  co_await s.async_join();
}

// By a coroutine, on a worker, as a goroutine does it.
double spawn(std::size_t workers, int n) {
  strait::thread_pool pool(workers);
  const auto begin = clock_type::now();
  strait::scope s(pool);
  s.spawn(spawn_all(pool, n));
  s.join();
  return ns_since(begin) / n;
}

double resident() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, pages = 0;
  statm >> size >> pages;
  return pages * 4096;
}

// With a channel of its own, of capacity 0; the channels are made before.
double memory(std::size_t workers, int n) {
  strait::thread_pool pool(workers);
  std::vector<strait::spsc::receiver<message>> receivers;
  std::vector<strait::spsc::sender<message>> senders;
  for (int i = 0; i < n; ++i) {
    auto ch = strait::spsc::bounded<message>(0);
    receivers.push_back(std::move(ch.rx));
    senders.push_back(std::move(ch.tx));
  }
  const double before = resident();
  strait::scope s(pool);
  for (auto& rx : receivers) s.spawn(wait_for_close(std::move(rx)));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const double bytes = (resident() - before) / n;
  senders.clear();
  s.join();
  return bytes;
}

template <class Topology>
double through(std::string_view capacity, std::size_t workers, int p, int c, int n, Topology) {
  if (capacity == "u") return stream(workers, p, c, n, [] { return Topology::unbounded(); });
  const std::size_t room = std::stoul(std::string(capacity));
  return stream(workers, p, c, n, [room] { return Topology::bounded(room); });
}
struct spsc {
  static auto unbounded() { return strait::spsc::unbounded<message>(); }
  static auto bounded(std::size_t n) { return strait::spsc::bounded<message>(n); }
};
struct mpsc {
  static auto unbounded() { return strait::mpsc::unbounded<message>(); }
  static auto bounded(std::size_t n) { return strait::mpsc::bounded<message>(n); }
};
struct mpmc {
  static auto unbounded() { return strait::unbounded<message>(); }
  static auto bounded(std::size_t n) { return strait::bounded<message>(n); }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_coroutines SHAPE WORKERS N\n");
    return 2;
  }
  const std::string_view shape = argv[1];
  const std::size_t workers = std::strtoul(argv[2], nullptr, 10);
  const int n = std::atoi(argv[3]) / 4 * 4;
  const std::string_view capacity = shape.substr(shape.rfind('_') + 1);
  double result = -1;
  if (shape == "pingpong") result = pingpong(workers, n);
  if (shape == "ring") result = ring(workers, n);
  if (shape == "spawn") result = spawn(workers, n);
  if (shape == "memory") result = memory(workers, n);
  if (shape.starts_with("select_")) result = select(workers, n, capacity);
  if (shape.starts_with("spsc_")) result = through(capacity, workers, 1, 1, n, spsc());
  if (shape.starts_with("mpsc_")) result = through(capacity, workers, 4, 1, n, mpsc());
  if (shape.starts_with("mpmc_")) result = through(capacity, workers, 4, 4, n, mpmc());
  if (shape.starts_with("general_spsc_")) result = through(capacity, workers, 1, 1, n, mpmc());
  if (shape.starts_with("general_mpsc_")) result = through(capacity, workers, 4, 1, n, mpmc());
  if (result < 0) {
    std::fprintf(stderr, "bench_coroutines: there is no shape %s\n", argv[1]);
    return 2;
  }
  std::printf("%.2f\n", result);
}

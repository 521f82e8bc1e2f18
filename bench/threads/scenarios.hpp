// SPDX-License-Identifier: BSL-1.0
//
// The scenarios of the thread benchmark, written once for everybody in C++. rust/src/main.rs and go/main.go have
// the same ones in their languages; tools/bench runs them all.
//
//   PROGRAM SYSTEM CELL N [MESSAGE]    prints name=value pairs on one line
//
// CELL is SHAPE_CAPACITY. CAPACITY is 0, 1, 1000, ..., n (N: all messages fit) or u (unbounded). SHAPE is one of
//   seq                    one thread sends N messages, then receives them
//   spsc                   1:1
//   mpsc, mpmc             4:1, 4:4; with a number behind (mpsc2, mpmc16) as many a side
//   select_rx              four channels, a sender each; one thread selects over all of them
//   select_both            four channels; four threads that select over sends, four over receives
//                          ... these print wall= and cpu=, nanoseconds a message
//   pingpong               two channels, N round trips: p50=, p99=, p999= nanoseconds, wall=, cpu=
//   idlechannel            N channels that nobody uses: bytes= for each
//   burst                  N messages sent, then received: full= and after= bytes more of the process, and trimmed=
//                          once malloc has been asked to give back what nobody holds
//   idlecpu                a receiver that waits N ms: percent= of a processor
// MESSAGE is u64, b32, b256 (bytes) or string (24 characters on the heap).
//
// The time is taken as in crossbeam's own benchmark: making the channel, starting the threads, joining them and
// destroying the channel are in it. A lone receiver is the thread that takes the time. Receivers check the sum
// of what they got: 4 is returned if it is wrong, 3 if the system has no such cell.
//
// A driver, one for each system, is a class with
//   static constexpr bool selects;                        whether it has select
//   static bool has(topology, room);                      whether it has that channel
//   template <class M, topology> class channel;           made from a room; sender() and receiver() give handles,
//                                                         one for each thread: void send(M), M recv()
//   if it selects: static M select_recv(std::array<Receiver, 4>&), select_send(std::array<Sender, 4>&, M)
#pragma once

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

enum class topology { one_thread, one_to_one, many_to_one, many_to_many, selected };

/// A capacity.
struct room {
  static constexpr std::size_t unbounded = std::size_t(-1);
  std::size_t capacity = unbounded;
  bool is_unbounded() const noexcept { return capacity == unbounded; }
};

// ---- messages ----------------------------------------------------------------------------------------

template <std::size_t Bytes>
struct block {
  std::array<std::uint64_t, Bytes / 8> words;
};

template <class M>
M make(std::uint64_t i) {
  if constexpr (std::is_same_v<M, std::string>) {
    std::string text(24, 'x');
    for (std::size_t k = 0; k < 8; ++k) text[k] = char(i >> (7 * k) & 0x7f);
    return text;
  } else if constexpr (std::is_same_v<M, std::uint64_t>) {
    return i;
  } else {
    M m;
    m.words.fill(i);
    return m;
  }
}

template <class M>
std::uint64_t value(const M& m) {
  if constexpr (std::is_same_v<M, std::string>) {
    std::uint64_t i = 0;
    for (std::size_t k = 0; k < 8; ++k) i |= std::uint64_t(m[k]) << (7 * k);
    return i;
  } else if constexpr (std::is_same_v<M, std::uint64_t>) {
    return m;
  } else {
    return m.words.back();
  }
}

// ---- what is measured --------------------------------------------------------------------------------

inline double now() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline double cpu() {
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double(used.ru_utime.tv_sec) + double(used.ru_stime.tv_sec)) * 1e9 +
         (double(used.ru_utime.tv_usec) + double(used.ru_stime.tv_usec)) * 1e3;
}

inline double resident() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, pages = 0;
  statm >> size >> pages;
  return pages * 4096;
}

[[noreturn]] inline void failed(const char* why) {
  std::fprintf(stderr, "%s\n", why);
  std::exit(4);
}

inline void check(std::uint64_t sum, std::uint64_t wanted) {
  if (sum != wanted) failed("wrong sum");
}

inline std::uint64_t sum_below(std::uint64_t n) { return n * (n - 1) / 2; }

// ---- scenarios ---------------------------------------------------------------------------------------

template <class Work>
void timed(std::uint64_t n, Work work) {
  const double used = cpu(), begin = now();
  work();
  const double wall = now() - begin;
  std::printf("wall=%.3f cpu=%.3f\n", wall / double(n), (cpu() - used) / double(n));
}

template <class M, class Sender>
void send_all(Sender& tx, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) tx.send(make<M>(i));
}

template <class M, class Receiver>
std::uint64_t recv_all(Receiver& rx, std::uint64_t n) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < n; ++i) sum += value<M>(rx.recv());
  return sum;
}

template <class D, class M>
void seq(room r, std::uint64_t n) {
  timed(n, [&] {
    typename D::template channel<M, topology::one_thread> ch(r);
    auto tx = ch.sender();
    auto rx = ch.receiver();
    send_all<M>(tx, n);
    check(recv_all<M>(rx, n), sum_below(n));
  });
}

template <class D, class M, topology T>
void stream(room r, unsigned producers, unsigned consumers, std::uint64_t n) {
  timed(n, [&] {
    typename D::template channel<M, T> ch(r);
    std::atomic<std::uint64_t> sum = 0;
    std::vector<std::thread> threads;
    const std::uint64_t share = n / producers;
    for (unsigned k = 0; k < producers; ++k) {
      threads.emplace_back([tx = ch.sender(), share]() mutable { send_all<M>(tx, share); });
    }
    if (consumers == 1) {
      auto rx = ch.receiver();
      sum = recv_all<M>(rx, n);
    } else {
      for (unsigned k = 0; k < consumers; ++k) {
        threads.emplace_back([rx = ch.receiver(), &sum, much = n / consumers]() mutable {
          sum += recv_all<M>(rx, much);
        });
      }
    }
    for (auto& t : threads) t.join();
    check(sum, producers * sum_below(share));
  });
}

template <class Make>
auto four(Make make_one) {
  return std::array{make_one(0), make_one(1), make_one(2), make_one(3)};
}

template <class D, class M>
void select_rx(room r, std::uint64_t n) {
  using channel = typename D::template channel<M, topology::selected>;
  timed(n, [&] {
    auto channels = four([&](int) { return std::make_unique<channel>(r); });
    auto senders = four([&](int k) { return channels[std::size_t(k)]->sender(); });
    std::vector<std::thread> threads;
    for (auto& tx : senders) threads.emplace_back([&tx, n] { send_all<M>(tx, n / 4); });
    auto receivers = four([&](int k) { return channels[std::size_t(k)]->receiver(); });
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) sum += value<M>(D::template select_recv<M>(receivers));
    for (auto& t : threads) t.join();
    check(sum, 4 * sum_below(n / 4));
  });
}

template <class D, class M>
void select_both(room r, std::uint64_t n) {
  using channel = typename D::template channel<M, topology::many_to_many>;
  timed(n, [&] {
    auto channels = four([&](int) { return std::make_unique<channel>(r); });
    std::atomic<std::uint64_t> sum = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      auto senders = four([&](int k) { return channels[std::size_t(k)]->sender(); });
      threads.emplace_back([senders = std::move(senders), n]() mutable {
        for (std::uint64_t i = 0; i < n / 4; ++i) D::select_send(senders, make<M>(i));
      });
    }
    for (int t = 0; t < 4; ++t) {
      auto receivers = four([&](int k) { return channels[std::size_t(k)]->receiver(); });
      threads.emplace_back([receivers = std::move(receivers), n, &sum]() mutable {
        std::uint64_t mine = 0;
        for (std::uint64_t i = 0; i < n / 4; ++i) {
          mine += value<M>(D::template select_recv<M>(receivers));
        }
        sum += mine;
      });
    }
    for (auto& t : threads) t.join();
    check(sum, 4 * sum_below(n / 4));
  });
}

template <class D, class M>
void pingpong(room r, std::uint64_t n) {
  using channel = typename D::template channel<M, topology::one_to_one>;
  channel there(r), back(r);
  std::thread echo([rx = there.receiver(), tx = back.sender(), n]() mutable {
    for (std::uint64_t i = 0; i < n; ++i) tx.send(rx.recv());
  });
  auto tx = there.sender();
  auto rx = back.receiver();
  std::vector<double> trips(n, 1);
  const double used = cpu(), begin = now();
  double before = begin;
  for (std::uint64_t i = 0; i < n; ++i) {
    tx.send(make<M>(i));
    check(value<M>(rx.recv()), i);
    const double after = now();
    trips[i] = after - before;
    before = after;
  }
  const double spent = cpu() - used;
  echo.join();
  std::sort(trips.begin(), trips.end());
  const auto at = [&](double share) { return trips[std::size_t(share * double(n - 1))]; };
  std::printf("p50=%.0f p99=%.0f p999=%.0f wall=%.3f cpu=%.3f\n", at(0.5), at(0.99), at(0.999),
              (before - begin) / double(n), spent / double(n));
}

template <class D, class M>
void idle_channel(room r, std::uint64_t n) {
  using channel = typename D::template channel<M, topology::one_to_one>;
  std::vector<std::unique_ptr<channel>> channels(n);
  const double before = resident();
  for (auto& ch : channels) ch = std::make_unique<channel>(r);
  std::printf("bytes=%.0f\n", (resident() - before) / double(n));
}

template <class D, class M>
void burst(room r, std::uint64_t n) {
  typename D::template channel<M, topology::one_to_one> ch(r);
  auto tx = ch.sender();
  auto rx = ch.receiver();
  const double before = resident();
  send_all<M>(tx, n);
  const double full = resident();
  check(recv_all<M>(rx, n), sum_below(n));
  const double after = resident();
  malloc_trim(0);
  std::printf("full=%.0f after=%.0f trimmed=%.0f\n", full - before, after - before,
              resident() - before);
}

template <class D, class M>
void idle_cpu(room r, std::uint64_t milliseconds) {
  typename D::template channel<M, topology::one_to_one> ch(r);
  std::thread waits([rx = ch.receiver()]() mutable { check(value<M>(rx.recv()), 7); });
  auto tx = ch.sender();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double used = cpu(), begin = now();
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  std::printf("percent=%.2f\n", (cpu() - used) / (now() - begin) * 100);
  tx.send(make<M>(7));
  waits.join();
}

// ---- choosing ----------------------------------------------------------------------------------------

template <class D, class M>
bool run(std::string_view shape, room r, std::uint64_t n) {
  std::string_view kind = shape;
  unsigned threads = 4;
  if (const auto digit = shape.find_first_of("0123456789"); digit != shape.npos) {
    kind = shape.substr(0, digit);
    threads = unsigned(std::atoi(shape.substr(digit).data()));
  }
  const auto has = [&](topology t) { return D::has(t, r); };
  const bool fits = r.capacity >= n;
  if (kind == "seq" && fits && has(topology::one_thread)) return seq<D, M>(r, n), true;
  if (kind == "spsc" && has(topology::one_to_one)) {
    return stream<D, M, topology::one_to_one>(r, 1, 1, n), true;
  }
  if (kind == "mpsc" && has(topology::many_to_one)) {
    return stream<D, M, topology::many_to_one>(r, threads, 1, n), true;
  }
  if (kind == "mpmc" && has(topology::many_to_many)) {
    return stream<D, M, topology::many_to_many>(r, threads, threads, n), true;
  }
  if (kind == "pingpong" && has(topology::one_to_one)) return pingpong<D, M>(r, n), true;
  if (kind == "idlechannel" && has(topology::one_to_one)) return idle_channel<D, M>(r, n), true;
  if (kind == "burst" && fits && has(topology::one_to_one)) return burst<D, M>(r, n), true;
  if (kind == "idlecpu" && has(topology::one_to_one)) return idle_cpu<D, M>(r, n), true;
  if constexpr (D::selects) {
    if (kind == "select_rx" && has(topology::selected)) return select_rx<D, M>(r, n), true;
    if (kind == "select_both" && has(topology::many_to_many)) return select_both<D, M>(r, n), true;
  }
  return false;
}

template <class D>
int main(std::string_view shape, room r, std::uint64_t n, std::string_view message) {
  bool there = false;
  if (message == "u64") there = run<D, std::uint64_t>(shape, r, n);
  if (message == "b32") there = run<D, block<32>>(shape, r, n);
  if (message == "b256") there = run<D, block<256>>(shape, r, n);
  if (message == "string") there = run<D, std::string>(shape, r, n);
  return there ? 0 : 3;
}

/// A system's name and its driver.
template <class D>
struct system {
  std::string_view name;
};

template <class... D>
int main(int argc, char** argv, system<D>... systems) {
  const std::string_view cell = argc < 4 ? "" : argv[2];
  const auto bar = cell.rfind('_');
  if (argc > 5 || bar == cell.npos) {
    std::fprintf(stderr, "usage: PROGRAM SYSTEM CELL N [MESSAGE]\n");
    return 2;
  }
  const std::uint64_t n = std::strtoull(argv[3], nullptr, 10);
  const std::string_view capacity = cell.substr(bar + 1);
  room r;
  if (capacity != "u")
    r.capacity = capacity == "n" ? n : std::strtoul(capacity.data(), nullptr, 10);
  int result = 2;
  const auto ours = [&]<class One>(system<One> s) {
    if (s.name == argv[1]) {
      result = main<One>(cell.substr(0, bar), r, n, argc > 4 ? argv[4] : "u64");
    }
  };
  (ours(systems), ...);
  if (result == 3) std::fprintf(stderr, "%s has no %s\n", argv[1], argv[2]);
  return result;
}

}  // namespace bench

// SPDX-License-Identifier: BSL-1.0
//
// What this machine charges for the pieces that channels between threads are made of, in nanoseconds, as
// name=figure. Printed beside the tables of tools/bench: no hand-over between two processors can be faster than a
// cache line that goes there and back.
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

template <class F>
double ns_each(int n, F f) {
  const auto begin = clock_type::now();
  f(n);
  return std::chrono::duration<double, std::nano>(clock_type::now() - begin).count() / n;
}

std::vector<int> processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<int> all;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &set)) all.push_back(i);
  return all;
}

void stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

void futex(std::atomic<std::uint32_t>& word, int what, std::uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), what | FUTEX_PRIVATE_FLAG, value,
          nullptr, nullptr, 0);
}

// How a thread waits until the word is no longer what it has just seen.
void spinning(std::atomic<std::uint32_t>&, std::uint32_t) {}
void yielding(std::atomic<std::uint32_t>&, std::uint32_t) { sched_yield(); }
void sleeping(std::atomic<std::uint32_t>& word, std::uint32_t seen) {
  futex(word, FUTEX_WAIT, seen);
}
void nobody_to_wake(std::atomic<std::uint32_t>&) {}
void wake(std::atomic<std::uint32_t>& word) { futex(word, FUTEX_WAKE, 1); }

// Two threads count one word up in turns; nanoseconds for there and back.
template <class Wait, class Wake>
double round_trip(int here, int there, int n, Wait wait, Wake tell) {
  alignas(128) std::atomic<std::uint32_t> word{0};
  const auto run = [&](int processor, std::uint32_t first, int times) {
    stay_on(processor);
    for (std::uint32_t mine = first; times > 0; --times, mine += 2) {
      for (std::uint32_t seen; (seen = word.load(std::memory_order_acquire)) != mine;)
        wait(word, seen);
      word.store(mine + 1, std::memory_order_release);
      tell(word);
    }
  };
  std::thread other;
  const double each = ns_each(n, [&](int times) {
    other = std::thread(run, there, 1, times);
    run(here, 0, times);
    other.join();
  });
  return each;
}

}  // namespace

int main() {
  const std::vector<int> all = processors();
  std::atomic<std::uint64_t> word{0};
  std::printf("read-modify-write=%.1f ", ns_each(10'000'000, [&](int n) {
                while (n-- > 0) word.fetch_add(1, std::memory_order_relaxed);
              }));
  std::printf("full-fence=%.1f ", ns_each(10'000'000, [&](int n) {
                while (n-- > 0) {
                  word.store(1, std::memory_order_relaxed);
                  std::atomic_thread_fence(std::memory_order_seq_cst);
                }
              }));
  const int one = all.front();
  std::printf("yield-there-and-back=%.0f ",
              round_trip(one, one, 100'000, yielding, nobody_to_wake));
  std::printf("sleep-there-and-back-on-one-processor=%.0f ",
              round_trip(one, one, 50'000, sleeping, wake));
  if (all.size() > 1) {
    const int two = all.back();
    std::printf("cache-line-there-and-back=%.0f ",
                round_trip(one, two, 1'000'000, spinning, nobody_to_wake));
    std::printf("sleep-there-and-back=%.0f ", round_trip(one, two, 50'000, sleeping, wake));
  }
  std::printf("\n");
}

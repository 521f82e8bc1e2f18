// SPDX-License-Identifier: BSL-1.0
//
// atomic_queue: bounded, and it never sleeps: who waits spins, here with a yield now and then, without which it
// stands still where threads outnumber processors. It rounds capacities up (to a power of two, and at least 64 for
// u64 and 4096 for the rest), so it has no cell below 1000.
#include <atomic_queue/atomic_queue.h>

#include "scenarios.hpp"

namespace {

template <class Try>
void until(Try attempt) {
  for (unsigned k = 1; !attempt(); ++k) {
    if (k % 64 == 0) {
      std::this_thread::yield();
    } else {
      atomic_queue::spin_loop_pause();
    }
  }
}

struct driver {
  static constexpr bool selects = false;
  static bool has(bench::topology, bench::room r) {
    return r.capacity >= 1000 && r.capacity < std::size_t(1) << 31;
  }

  template <class M, bench::topology T>
  class channel {
    static constexpr bool spsc =
        T == bench::topology::one_thread || T == bench::topology::one_to_one;
    template <class X>
    struct type {
      using queue = atomic_queue::AtomicQueueB2<X, std::allocator<X>, true, false, spsc>;
    };
    template <std::same_as<std::uint64_t> X>
    struct type<X> {
      using queue = atomic_queue::AtomicQueueB<X, std::allocator<X>, ~X(0), true, false, spsc>;
    };
    using queue = typename type<M>::queue;

   public:
    struct handle {
      queue* q;
      void send(M m) {
        until([&] { return q->try_push(std::move(m)); });
      }
      M recv() {
        M m;
        until([&] { return q->try_pop(m); });
        return m;
      }
    };
    explicit channel(bench::room r) : q_(unsigned(r.capacity)) {}
    handle sender() { return {&q_}; }
    handle receiver() { return {&q_}; }

   private:
    queue q_;
  };
};

}  // namespace

int main(int argc, char** argv) {
  return bench::main(argc, argv, bench::system<driver>{"atomic_queue"});
}

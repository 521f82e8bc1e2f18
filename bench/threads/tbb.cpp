// SPDX-License-Identifier: BSL-1.0
//
// oneTBB's concurrent_bounded_queue, which without a capacity is its unbounded queue that waits. No rendezvous.
#include <oneapi/tbb/concurrent_queue.h>

#include "scenarios.hpp"

namespace {

struct driver {
  static constexpr bool selects = false;
  static bool has(bench::topology, bench::room r) { return r.capacity != 0; }

  template <class M, bench::topology>
  class channel {
    using queue = tbb::concurrent_bounded_queue<M>;

   public:
    struct handle {
      queue* q;
      void send(M m) { q->push(std::move(m)); }
      M recv() {
        M m;
        q->pop(m);
        return m;
      }
    };
    explicit channel(bench::room r) {
      if (!r.is_unbounded()) q_.set_capacity(std::ptrdiff_t(r.capacity));
    }
    handle sender() { return {&q_}; }
    handle receiver() { return {&q_}; }

   private:
    queue q_;
  };
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, bench::system<driver>{"tbb"}); }

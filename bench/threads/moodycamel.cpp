// SPDX-License-Identifier: BSL-1.0
//
// moodycamel's BlockingConcurrentQueue: unbounded, in order for each producer only. Each thread has its token, with
// which it is faster than without.
#include <blockingconcurrentqueue.h>

#include "scenarios.hpp"

namespace {

struct driver {
  static constexpr bool selects = false;
  static bool has(bench::topology, bench::room r) { return r.is_unbounded(); }

  template <class M, bench::topology>
  class channel {
    using queue = moodycamel::BlockingConcurrentQueue<M>;

   public:
    struct tx {
      queue* q;
      moodycamel::ProducerToken token;
      void send(M m) {
        if (!q->enqueue(token, std::move(m))) bench::failed("a send failed");
      }
    };
    struct rx {
      queue* q;
      moodycamel::ConsumerToken token;
      M recv() {
        M m;
        q->wait_dequeue(token, m);
        return m;
      }
    };
    explicit channel(bench::room) {}
    tx sender() { return {&q_, moodycamel::ProducerToken(q_)}; }
    rx receiver() { return {&q_, moodycamel::ConsumerToken(q_)}; }

   private:
    queue q_;
  };
};

}  // namespace

int main(int argc, char** argv) {
  return bench::main(argc, argv, bench::system<driver>{"moodycamel"});
}

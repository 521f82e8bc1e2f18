// SPDX-License-Identifier: BSL-1.0
//
// Boost.Fiber's channels between threads, each with its main fiber alone. A buffered channel of size s (a power of
// two) holds s - 1 messages: 1 is exact, 1000 is 1023 here. No unbounded one, no select.
#include <bit>
#include <boost/fiber/buffered_channel.hpp>
#include <boost/fiber/unbuffered_channel.hpp>
#include <memory>

#include "scenarios.hpp"

namespace {

struct driver {
  static constexpr bool selects = false;
  static bool has(bench::topology t, bench::room r) {
    return !r.is_unbounded() && !(t == bench::topology::one_thread && r.capacity == 0);
  }

  template <class M, bench::topology>
  class channel {
    using buffered = boost::fibers::buffered_channel<M>;
    using unbuffered = boost::fibers::unbuffered_channel<M>;
    static constexpr auto success = boost::fibers::channel_op_status::success;

   public:
    struct handle {
      buffered* b;
      unbuffered* u;
      void send(M m) {
        if ((b != nullptr ? b->push(std::move(m)) : u->push(std::move(m))) != success) {
          bench::failed("a send failed");
        }
      }
      M recv() {
        M m;
        if ((b != nullptr ? b->pop(m) : u->pop(m)) != success) bench::failed("a receive failed");
        return m;
      }
    };
    explicit channel(bench::room r) {
      if (r.capacity == 0) {
        unbuffered_ = std::make_unique<unbuffered>();
      } else {
        buffered_ = std::make_unique<buffered>(std::bit_ceil(r.capacity + 1));
      }
    }
    handle sender() { return {buffered_.get(), unbuffered_.get()}; }
    handle receiver() { return sender(); }

   private:
    std::unique_ptr<buffered> buffered_;
    std::unique_ptr<unbuffered> unbuffered_;
  };
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, bench::system<driver>{"fiber"}); }

// SPDX-License-Identifier: BSL-1.0
//
// The queue that everybody writes: a deque, a mutex, two condition variables. It has no rendezvous.
#include <condition_variable>
#include <deque>
#include <mutex>

#include "scenarios.hpp"

namespace {

template <class M>
class queue {
 public:
  explicit queue(bench::room r) : capacity_(r.capacity) {}

  void send(M m) {
    {
      std::unique_lock lock(mutex_);
      not_full_.wait(lock, [&] { return messages_.size() < capacity_; });
      messages_.push_back(std::move(m));
    }
    not_empty_.notify_one();
  }

  M recv() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return !messages_.empty(); });
    M m = std::move(messages_.front());
    messages_.pop_front();
    lock.unlock();
    if (capacity_ != bench::room::unbounded) not_full_.notify_one();
    return m;
  }

 private:
  std::mutex mutex_;
  std::condition_variable not_empty_, not_full_;
  std::deque<M> messages_;
  const std::size_t capacity_;
};

struct driver {
  static constexpr bool selects = false;
  static bool has(bench::topology, bench::room r) { return r.capacity != 0; }

  template <class M, bench::topology>
  class channel {
   public:
    struct handle {
      queue<M>* q;
      void send(M m) { q->send(std::move(m)); }
      M recv() { return q->recv(); }
    };
    explicit channel(bench::room r) : q_(r) {}
    handle sender() { return {&q_}; }
    handle receiver() { return {&q_}; }

   private:
    queue<M> q_;
  };
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, bench::system<driver>{"mutex"}); }

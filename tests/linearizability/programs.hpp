// SPDX-License-Identifier: BSL-1.0
//
// Small programs for a channel, and the history of one run of them. The same code runs with threads and
// under the explorer.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <span>

#include <strait/strait.hpp>

#include "history.hpp"

namespace strait_test {

/// Every beginning and every end of a call is a step of this clock. Its order is acq_rel: a call that ended
/// before another began happened before it, and must be seen by it.
class shared_clock {
 public:
  int tick() { return ticks_.fetch_add(1, strait::sync::acq_rel); }

 private:
  strait::sync::atomic<int> ticks_{0};
};

/// What one thread does, and what it was answered. Ends with a close, so that nobody waits for ever: when
/// all threads wait, either the channel is full and empty or somebody has closed it.
class actor {
 public:
  static constexpr std::size_t most_calls = 5;

  actor(shared_clock& clock, std::span<const call> calls, int first_value)
      : clock_(&clock), calls_(calls), next_value_(first_value) {}

  template <class Sender>
  void send_through(const Sender& tx) {
    for (call c : calls_) {
      operation& o = begin(c);
      if (sends(c)) {
        o.value = next_value_++;
        const auto r = c == call::send ? tx.send(int{o.value})
                       : c == call::try_send
                           ? tx.try_send(int{o.value})
                           : tx.send_for(int{o.value}, std::chrono::microseconds(20));
        o.how = r ? answer::ok : how(r.error().reason());
      } else {
        o.value = static_cast<int>(tx.size());
      }
      end(o);
    }
    operation& o = begin(call::close);
    tx.close();
    end(o);
  }

  template <class Receiver>
  void receive_through(const Receiver& rx) {
    for (call c : calls_) {
      operation& o = begin(c);
      if (receives(c)) {
        const auto r = c == call::recv       ? rx.recv()
                       : c == call::try_recv ? rx.try_recv()
                                             : rx.recv_for(std::chrono::microseconds(20));
        if (r) o.value = *r;
        o.how = r ? answer::ok : how(r.error());
      } else {
        o.value = static_cast<int>(rx.size());
      }
      end(o);
    }
    operation& o = begin(call::close);
    rx.close();
    end(o);
  }

  void tell(history& h) const {
    for (std::size_t i = 0; i < count_; ++i) h.add(done_.at(i));
  }

 private:
  operation& begin(call c) {
    operation& o = done_.at(count_++);
    o.what = c;
    o.begin = clock_->tick();
    return o;
  }
  void end(operation& o) { o.end = clock_->tick(); }
  static answer how(strait::errc e) {
    return e == strait::errc::closed    ? answer::closed
           : e == strait::errc::timeout ? answer::timeout
                                        : answer::nothing;
  }

  shared_clock* clock_;
  std::span<const call> calls_;
  int next_value_;
  std::array<operation, most_calls> done_{};
  std::size_t count_ = 0;
};

/// Two senders (the second may have nothing to do) and two receivers (likewise).
struct program {
  std::span<const call> senders[2];
  std::span<const call> receivers[2];
};

/// Runs it: the first receiver in the calling thread, each other one in a Thread of its own.
template <class Thread, class Channel>
history run(const program& p, const Channel& ends) {
  shared_clock clock;
  actor s1(clock, p.senders[0], 1), s2(clock, p.senders[1], 11);
  actor r1(clock, p.receivers[0], 0), r2(clock, p.receivers[1], 0);
  {
    Thread first([&] { s1.send_through(ends.tx); });
    if (p.senders[1].empty() && p.receivers[1].empty()) {
      r1.receive_through(ends.rx);
      first.join();
    } else {
      Thread second([&] {
        if (!p.senders[1].empty()) {
          s2.send_through(ends.tx);
        } else {
          r2.receive_through(ends.rx);
        }
      });
      r1.receive_through(ends.rx);
      first.join();
      second.join();
    }
  }
  history h;
  for (const actor* a : {&s1, &s2, &r1, &r2}) a->tell(h);
  return h;
}

}  // namespace strait_test

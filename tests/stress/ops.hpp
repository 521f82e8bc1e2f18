// SPDX-License-Identifier: BSL-1.0
//
// One send or one receive in a way drawn by chance. Whatever the way, the answer has one form, so the
// tests can count: a send says how it failed and gives the message back, a receive is a recv_result.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include <strait/strait.hpp>

#include "payload.hpp"
#include "random.hpp"
#include "team.hpp"

namespace strait_test {

/// The ways, as a set of bits.
enum ways : unsigned {
  plainly = 1U << 0,      // send, recv
  by_try = 1U << 1,       // try_send, try_recv
  for_a_while = 1U << 2,  // send_for, recv_for
  until_then = 1U << 3,   // send_until, recv_until (steady or system clock)
  with_token = 1U << 4,   // send(m, token), recv(token)
  by_select = 1U << 5,    // select of one arm, waiting
  by_select_timed = 1U << 6,
  by_select_try = 1U << 7,    // with otherwise
  in_batches = 1U << 8,       // send_many, recv_many of one (real batches: batch_stress.cpp)
  by_range = 1U << 9,         // send; one step of the blocking range
  by_try_batches = 1U << 10,  // try_send; try_recv_many of one
  by_try_iter = 1U << 11,     // try_send; one step of try_iter
  any_way = (1U << 12) - 1,
  waiting = plainly | with_token | by_select | in_batches | by_range,
  giving_up = any_way & ~waiting,
};

inline unsigned one_way(unsigned ways, dice& chance) noexcept {
  for (;;) {
    const unsigned way = 1U << chance.below(12);
    if ((ways & way) != 0) return way;
  }
}

/// Sends `m` once. Nothing: it was sent. An errc: it was not, and `m` holds it again.
template <class Tx, class M>
std::optional<strait::errc> send_once(const Tx& tx, M& m, unsigned ways, dice& chance,
                                      const std::stop_token& token = {}) {
  using strait::errc;
  const auto answer = [&m](auto&& result) -> std::optional<errc> {
    if (result) return std::nullopt;
    m = std::move(result.error()).value();
    return result.error().reason();
  };
  std::optional<errc> outcome;
  const auto note = [&](strait::send_result<M> result) { outcome = answer(std::move(result)); };

  switch (one_way(ways, chance)) {
    case plainly: return answer(tx.send(std::move(m)));
    case by_try: return answer(tx.try_send(std::move(m)));
    case for_a_while: return answer(tx.send_for(std::move(m), chance.short_wait()));
    case until_then:
      if (chance.once_in(2)) {
        return answer(
            tx.send_until(std::move(m), std::chrono::steady_clock::now() + chance.short_wait()));
      }
      return answer(
          tx.send_until(std::move(m), std::chrono::system_clock::now() + chance.short_wait()));
    case with_token: return answer(tx.send(std::move(m), token));
    case by_select: {
      const auto fired = strait::select(strait::on_send(tx, std::move(m), note));
      STRAIT_TEST_HOLDS(fired.has_value() && *fired == 0);
      return outcome;
    }
    case by_select_timed: {
      outcome = errc::timeout;
      const auto fired = strait::select(strait::on_send(tx, std::move(m), note),
                                        strait::on_timeout(chance.short_wait(), [] {}));
      STRAIT_TEST_HOLDS(fired.has_value() && (*fired == 0) == (outcome != errc::timeout));
      return outcome;
    }
    case by_select_try: {
      outcome = errc::full;
      const auto fired =
          strait::select(strait::otherwise([] {}), strait::on_send(tx, std::move(m), note));
      STRAIT_TEST_HOLDS(fired.has_value() && (*fired == 1) == (outcome != errc::full));
      return outcome;
    }
    case in_batches: {
      std::vector<M> one;
      one.push_back(std::move(m));
      if (tx.send_many(std::move(one)) == 1) return std::nullopt;
      m = std::move(one.front());
      return errc::closed;
    }
    case by_range: return answer(tx.send(std::move(m)));
    default: return answer(tx.try_send(std::move(m)));
  }
}

/// Receives once.
template <class M, class Rx>
strait::recv_result<M> recv_once(const Rx& rx, unsigned ways, dice& chance,
                                 const std::stop_token& token = {}) {
  using strait::errc;
  strait::recv_result<M> got = strait::unexpected(errc::timeout);
  const auto take = [&got](strait::recv_result<M> result) { got = std::move(result); };

  switch (one_way(ways, chance)) {
    case plainly: return rx.recv();
    case by_try: return rx.try_recv();
    case for_a_while: return rx.recv_for(chance.short_wait());
    case until_then:
      if (chance.once_in(2)) {
        return rx.recv_until(std::chrono::steady_clock::now() + chance.short_wait());
      }
      return rx.recv_until(std::chrono::system_clock::now() + chance.short_wait());
    case with_token: return rx.recv(token);
    case by_select:
      if (chance.once_in(2)) {  // a bare T: closed is "no arm left"
        const auto fired = strait::select(strait::on_recv(rx, [&got](M m) { got = std::move(m); }));
        if (!fired) got = strait::unexpected(fired.error());
        STRAIT_TEST_HOLDS(fired.has_value() == got.has_value());
        return got;
      } else {
        const auto fired = strait::select(strait::on_recv(rx, take));
        STRAIT_TEST_HOLDS(fired.has_value());
        return got;
      }
    case by_select_timed: {
      const auto fired =
          strait::select(strait::on_timeout(chance.short_wait(), [] {}), strait::on_recv(rx, take));
      STRAIT_TEST_HOLDS(fired.has_value());
      return got;
    }
    case by_select_try: {
      got = strait::unexpected(errc::empty);
      const auto fired = strait::select(strait::on_recv(rx, take), strait::otherwise([] {}));
      STRAIT_TEST_HOLDS(fired.has_value());
      return got;
    }
    case in_batches: {
      std::vector<M> some;
      got = strait::unexpected(errc::closed);
      if (rx.recv_many(std::back_inserter(some), 1) == 1) got = std::move(some.front());
      return got;
    }
    case by_range:
      got = strait::unexpected(errc::closed);
      for (auto& m : rx) {
        got = std::move(m);
        break;
      }
      return got;
    case by_try_batches: {
      std::vector<M> some;
      if (rx.try_recv_many(std::back_inserter(some), 1) == 0)
        return rx.try_recv();  // empty or closed?
      got = std::move(some.front());
      return got;
    }
    default:
      for (auto& m : rx.try_iter()) {
        got = std::move(m);
        return got;
      }
      return rx.try_recv();
  }
}

/// What one thread saw: how many messages, their sum, and that each producer's came in order.
template <class M>
class tally {
  using traits = message_traits<M>;

 public:
  explicit tally(std::size_t producers) : last_(producers, 0) {}

  void take(const M& m) {
    STRAIT_TEST_HOLDS(traits::intact(m));
    const std::size_t producer = traits::producer(m);
    STRAIT_TEST_HOLDS(producer < last_.size());
    if (producer >= last_.size()) return;
    STRAIT_TEST_HOLDS(traits::seq(m) > last_[producer]);  // FIFO per producer, and nothing twice
    last_[producer] = traits::seq(m);
    note(m);
  }
  /// Without the order: for what does not go through one queue.
  void note(const M& m) {
    ++count_;
    sum_ += token(m);
    watchdog::beat();
  }
  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t sum() const noexcept { return sum_; }
  tally& operator+=(const tally& other) noexcept {
    count_ += other.count_;
    sum_ += other.sum_;
    return *this;
  }

  /// A number that differs between messages, so that a sum tells loss and doubling apart.
  static std::uint64_t token(const M& m) noexcept {
    return (traits::seq(m) * 0x9E3779B97F4A7C15U) ^ (std::uint64_t{traits::producer(m)} << 7);
  }

 private:
  std::vector<std::uint64_t> last_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

/// Stop sources that somebody else stops at random times. `token()` is a fresh one after each stop.
class hazards {
 public:
  explicit hazards(std::size_t members) : members_(members) {}

  std::stop_token token(std::size_t member) {
    auto& mine = members_[member];
    std::lock_guard lock(mine.mutex);
    if (mine.source.stop_requested()) mine.source = std::stop_source();
    return mine.source.get_token();
  }
  /// Stops a random member's current wait.
  void strike(dice& chance) {
    auto& theirs = members_[static_cast<std::size_t>(chance.below(members_.size()))];
    std::stop_source source;
    {
      std::lock_guard lock(theirs.mutex);
      source = theirs.source;
    }
    source.request_stop();
  }

 private:
  struct alignas(128) hazard {
    std::mutex mutex;
    std::stop_source source;
  };
  std::vector<hazard> members_;
};

}  // namespace strait_test

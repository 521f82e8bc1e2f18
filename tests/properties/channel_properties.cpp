// SPDX-License-Identifier: BSL-1.0
//
// One channel of every flavor against its model, in one thread: random sequences of every operation
// that would not wait, long enough to cross segments and to wrap rings many times. After each step the
// observers agree with the model, and exactly the messages that are queued are alive.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support.hpp"

namespace {

using namespace strait_test;
using strait::errc;

/// Deadlines that are past, in many types; a try must be made all the same.
template <class F>
auto with_past_duration(tape& choices, F f) {
  using namespace std::chrono;
  switch (choices.below(6)) {
    case 0: return f(nanoseconds(0));
    case 1: return f(milliseconds(-5));
    case 2: return f(nanoseconds::min());
    case 3: return f(hours::min());
    case 4: return f(duration<double>(-1e300));
    default: return f(duration<float, std::milli>(-0.5F));
  }
}

/// One channel, all its handles, and its model.
template <class Family>
class world {
  using channel = decltype(Family::template unbounded<parcel>());
  using tx_type = decltype(channel::tx);
  using rx_type = decltype(channel::rx);
  static constexpr bool weak_tx = Family::many_senders, weak_rx = Family::many_receivers;

 public:
  explicit world(std::optional<std::size_t> capacity) {
    model_.capacity = capacity;
    auto ch = capacity ? Family::template bounded<parcel>(*capacity)
                       : Family::template unbounded<parcel>();
    txs_.push_back(std::move(ch.tx));
    rxs_.push_back(std::move(ch.rx));
  }

  void run(tape& choices) {
    check();
    while (!choices.ended()) {
      step(choices);
      check();
    }
    // The ends go in either order; nothing is left.
    if (choices.below(2) == 0) {
      txs_.clear();
      rxs_.clear();
    } else {
      rxs_.clear();
      RC_ASSERT(ledger::live() == 0);
      txs_.clear();
    }
    RC_ASSERT(ledger::live() == 0);
  }

 private:
  // ---- handles ----

  const tx_type& tx(tape& choices) const {
    return txs_.empty() ? none_tx_ : txs_[choices.below(static_cast<std::uint32_t>(txs_.size()))];
  }
  const rx_type& rx(tape& choices) const {
    return rxs_.empty() ? none_rx_ : rxs_[choices.below(static_cast<std::uint32_t>(rxs_.size()))];
  }
  bool sender_alive() const { return !txs_.empty(); }
  bool receiver_alive() const { return !rxs_.empty(); }

  void sender_went() {
    if (txs_.empty()) model_.closed = true;
  }
  void receiver_went() {
    if (!rxs_.empty()) return;
    model_.closed = true;
    model_.queue.clear();
  }

  // ---- what must hold after one operation ----

  template <class Result>
  void sent(Result&& result, std::uint64_t id, std::optional<errc> expected) {
    if (!sender_alive()) expected = errc::closed;
    if (!expected) {
      RC_ASSERT(result.has_value());
      model_.queue.push_back(id);
      return;
    }
    RC_ASSERT(!result.has_value());
    RC_ASSERT(result.error().reason() == *expected);
    RC_ASSERT(std::string(result.error().what()) ==
              std::string(to_string(*expected, strait::op::send)));
    RC_ASSERT(result.error().value().intact());
    RC_ASSERT(result.error().value().seq() == id);  // a failed send never loses the message
  }

  template <class Result>
  void received(Result&& result, std::optional<errc> expected) {
    if (!receiver_alive()) expected = errc::closed;
    if (expected) {
      RC_ASSERT(!result.has_value());
      RC_ASSERT(result.error() == *expected);
      return;
    }
    RC_ASSERT(result.has_value());
    RC_ASSERT(result->intact());
    RC_ASSERT(result->seq() == model_.pop());
  }

  static std::optional<errc> in_time(std::optional<errc> failure) {
    if (failure && *failure != errc::closed) return errc::timeout;
    return failure;
  }

  bool send_would_wait() const { return sender_alive() && !model_.closed && model_.is_full(); }
  bool recv_would_wait() const { return receiver_alive() && !model_.can_recv(); }

  // ---- the operations ----

  void step(tape& choices) {
    switch (choices.below(32)) {
      case 0:
      case 1:
      case 2: return send_burst(choices, 1 + choices.below(9));
      case 3:
      case 4:
      case 5: return recv_burst(choices, 1 + choices.below(9));
      case 6: return choices.once_in(4) ? send_burst(choices, 80) : send_burst(choices, 1);
      case 7: return choices.once_in(4) ? recv_burst(choices, 90) : recv_burst(choices, 1);
      case 8: return send_blocking(choices);
      case 9: return recv_blocking(choices);
      case 10: return send_timed(choices);
      case 11: return recv_timed(choices);
      case 12: return send_with_token(choices);
      case 13: return recv_with_token(choices);
      case 14:
      case 15: return send_many(choices);
      case 16: return recv_many(choices);
      case 17: return try_recv_many(choices);
      case 18: return iterate(choices);
      case 19: return try_iterate(choices);
      case 20: return clone(choices);
      case 21: return drop(choices);
      case 22: return move_about(choices);
      case 23: return weak(choices);
      case 24:
        if (choices.once_in(24)) close(choices);
        return;
      case 25: return select_receive(choices);
      case 26: return select_send(choices);
      case 27: return select_both(choices);
      default: return choices.once_in(2) ? send_burst(choices, 1) : recv_burst(choices, 1);
    }
  }

  void send_burst(tape& choices, std::uint32_t n) {
    for (; n != 0; --n) {
      const std::uint64_t id = ++last_id_;
      sent(tx(choices).try_send(make_parcel(id)), id, model_.send_failure());
    }
  }
  void recv_burst(tape& choices, std::uint32_t n) {
    for (; n != 0; --n) received(rx(choices).try_recv(), model_.recv_failure());
  }
  void send_blocking(tape& choices) {
    if (send_would_wait()) return;
    const std::uint64_t id = ++last_id_;
    sent(tx(choices).send(make_parcel(id)), id, model_.send_failure());
  }
  void recv_blocking(tape& choices) {
    if (!recv_would_wait()) received(rx(choices).recv(), model_.recv_failure());
  }
  void send_timed(tape& choices) {
    const std::uint64_t id = ++last_id_;
    const auto expected = in_time(model_.send_failure());
    const auto& handle = tx(choices);
    switch (choices.below(3)) {
      case 0:
        sent(with_past_duration(choices,
                                [&](auto d) { return handle.send_for(make_parcel(id), d); }),
             id, expected);
        break;
      case 1:
        sent(handle.send_until(make_parcel(id), std::chrono::steady_clock::time_point::min()), id,
             expected);
        break;
      default:
        sent(handle.send_until(make_parcel(id),
                               std::chrono::system_clock::now() - std::chrono::hours(1)),
             id, expected);
    }
  }
  void recv_timed(tape& choices) {
    const auto expected = in_time(model_.recv_failure());
    const auto& handle = rx(choices);
    switch (choices.below(3)) {
      case 0:
        received(with_past_duration(choices, [&](auto d) { return handle.recv_for(d); }), expected);
        break;
      case 1: received(handle.recv_until(std::chrono::steady_clock::time_point{}), expected); break;
      default: received(handle.recv_until(std::chrono::system_clock::time_point::min()), expected);
    }
  }
  void send_with_token(tape& choices) {
    std::stop_source stop;
    if (send_would_wait() || choices.once_in(2)) stop.request_stop();  // tries once all the same
    const std::uint64_t id = ++last_id_;
    auto expected = model_.send_failure();
    if (expected == errc::full) expected = errc::cancelled;
    sent(tx(choices).send(make_parcel(id), stop.get_token()), id, expected);
  }
  void recv_with_token(tape& choices) {
    std::stop_source stop;
    if (recv_would_wait() || choices.once_in(2)) stop.request_stop();
    auto expected = model_.recv_failure();
    if (expected == errc::empty) expected = errc::cancelled;
    received(rx(choices).recv(stop.get_token()), expected);
  }

  void send_many(tape& choices) {
    std::uint32_t n = choices.below(24);
    const bool open = sender_alive() && !model_.closed;
    if (open && model_.capacity) {
      const auto room = static_cast<std::uint32_t>(*model_.capacity - model_.queue.size());
      if (n > room) n = room;  // would wait beyond
    }
    std::vector<parcel> batch;
    const std::uint64_t first = last_id_ + 1;
    for (std::uint32_t i = 0; i < n; ++i) batch.push_back(make_parcel(++last_id_));
    const std::size_t accepted = tx(choices).send_many(std::move(batch));
    RC_ASSERT(accepted == (open ? n : 0U));
    for (std::uint32_t i = 0; i < n; ++i) {
      RC_ASSERT(batch[i].holds() == !open);  // only accepted elements are touched
      if (open) model_.queue.push_back(first + i);
    }
  }

  void took(std::vector<parcel>& got) {
    for (const auto& m : got) {
      RC_ASSERT(m.intact());
      RC_ASSERT(m.seq() == model_.pop());
    }
    got.clear();
  }
  void recv_many(tape& choices) {
    const std::uint32_t max = choices.below(20);
    if (recv_would_wait() && max != 0) return;
    std::vector<parcel> got;
    const std::size_t there = receiver_alive() ? model_.queue.size() : 0;
    const std::size_t n = rx(choices).recv_many(std::back_inserter(got), max);
    RC_ASSERT(n == got.size());
    RC_ASSERT(n == std::min<std::size_t>(max, there));
    took(got);
  }
  void try_recv_many(tape& choices) {
    const std::uint32_t max = choices.below(20);
    std::vector<parcel> got;
    const std::size_t there = receiver_alive() ? model_.queue.size() : 0;
    const std::size_t n = rx(choices).try_recv_many(std::back_inserter(got), max);
    RC_ASSERT(n == got.size());
    RC_ASSERT(n == std::min<std::size_t>(max, there));
    took(got);
  }
  void iterate(tape& choices) {
    if (!receiver_alive()) return;
    std::size_t want = choices.below(8);
    if (!model_.closed && want > model_.queue.size()) want = model_.queue.size();  // would wait
    if (want == 0) return;
    std::size_t n = 0;
    for (auto& m : rx(choices)) {
      RC_ASSERT(!model_.queue.empty());
      RC_ASSERT(m.seq() == model_.pop());
      if (++n == want) break;
    }
    RC_ASSERT(n == want || (model_.closed && model_.queue.empty()));
  }
  void try_iterate(tape& choices) {
    if (!receiver_alive()) return;
    const std::size_t want = 1 + choices.below(8);
    std::size_t n = 0;
    for (auto& m : rx(choices).try_iter()) {
      RC_ASSERT(!model_.queue.empty());
      RC_ASSERT(m.seq() == model_.pop());
      if (++n == want) break;
    }
    RC_ASSERT(n == want || model_.queue.empty());
  }

  void clone(tape& choices) {
    if constexpr (Family::many_senders) {
      if (sender_alive() && txs_.size() < 6 && choices.once_in(2)) {
        tx_type copy = tx(choices);
        RC_ASSERT(copy == txs_.front());
        txs_.push_back(std::move(copy));
        return;
      }
    }
    if constexpr (Family::many_receivers) {
      if (receiver_alive() && rxs_.size() < 6) {
        rx_type copy = rx(choices);
        RC_ASSERT(copy == rxs_.front());
        rxs_.push_back(std::move(copy));
      }
    }
  }
  void drop(tape& choices) {
    // the last one of an end goes rarely, so that sequences grow long
    const bool rare = choices.once_in(32);
    if (choices.once_in(2)) {
      if (txs_.empty() || (txs_.size() == 1 && !rare)) return;
      if (choices.once_in(2)) txs_.back().reset();
      txs_.pop_back();
      sender_went();
    } else {
      if (rxs_.empty() || (rxs_.size() == 1 && !rare)) return;
      if (choices.once_in(2)) rxs_.back().reset();
      rxs_.pop_back();
      receiver_went();
    }
  }
  void move_about(tape& choices) {
    if (sender_alive()) {
      tx_type moved = std::move(txs_.back());
      RC_ASSERT(!txs_.back());
      RC_ASSERT(static_cast<bool>(moved));
      const std::uint64_t id = ++last_id_;
      auto failed = txs_.back().try_send(make_parcel(id));  // a moved-from handle says closed
      RC_ASSERT(!failed && failed.error().reason() == errc::closed &&
                failed.error().value().seq() == id);
      RC_ASSERT(txs_.back() == none_tx_);
      if (choices.once_in(2)) {
        txs_.back() = std::move(moved);
      } else {
        swap(txs_.back(), moved);
      }
    }
    if (receiver_alive()) {
      rx_type moved;
      moved = std::move(rxs_.back());
      RC_ASSERT(!rxs_.back() && moved);
      RC_ASSERT(rxs_.back().try_recv().error() == errc::closed);
      RC_ASSERT(rxs_.back() == none_rx_);
      rxs_.back() = std::move(moved);
    }
  }
  void weak(tape& choices) {
    if constexpr (weak_tx) {
      if (sender_alive() && weak_txs_.size() < 4) weak_txs_.push_back(tx(choices).downgrade());
      if (!weak_txs_.empty()) {
        const auto& w = weak_txs_[choices.below(static_cast<std::uint32_t>(weak_txs_.size()))];
        auto strong = w.lock();
        RC_ASSERT(strong.has_value() == (sender_alive() && !model_.closed));
        if (strong && choices.once_in(2)) txs_.push_back(std::move(*strong));
      }
    }
    if constexpr (weak_rx) {
      if (receiver_alive() && weak_rxs_.size() < 4) weak_rxs_.push_back(rx(choices).downgrade());
      if (!weak_rxs_.empty()) {
        const auto& w = weak_rxs_[choices.below(static_cast<std::uint32_t>(weak_rxs_.size()))];
        auto strong = w.lock();
        RC_ASSERT(strong.has_value() == (receiver_alive() && !model_.closed));
        if (strong && choices.once_in(2)) rxs_.push_back(std::move(*strong));
      }
    }
  }
  void close(tape& choices) {
    if (choices.once_in(2)) {
      if (!sender_alive()) return;
      tx(choices).close();
    } else {
      if (!receiver_alive()) return;
      rx(choices).close();
    }
    model_.closed = true;
  }

  void select_receive(tape& choices) {
    const auto& handle = rx(choices);
    const auto expected = receiver_alive() ? model_.recv_failure() : std::optional(errc::closed);
    if (choices.once_in(2)) {
      int seen = 0;
      const auto fired = strait::select(strait::on_recv(handle,
                                                        [&](strait::recv_result<parcel> m) {
                                                          ++seen;
                                                          received(m, expected);
                                                        }),
                                        strait::otherwise([&] { seen += 10; }));
      RC_ASSERT(fired.has_value());
      RC_ASSERT(*fired == (expected == errc::empty ? 1U : 0U));
      RC_ASSERT(seen == (expected == errc::empty ? 10 : 1));
    } else {  // a bare T drops out when closed; otherwise is left
      bool got = false;
      const auto fired =
          strait::select_biased(strait::otherwise([] {}), strait::on_recv(handle, [&](parcel m) {
                                  got = true;
                                  RC_ASSERT(m.seq() == model_.pop());
                                }));
      RC_ASSERT(got == !expected);
      RC_ASSERT(fired.has_value() && *fired == (got ? 1U : 0U));
    }
  }
  void select_send(tape& choices) {
    const auto& handle = tx(choices);
    const std::uint64_t id = ++last_id_;
    const auto expected = sender_alive() ? model_.send_failure() : std::optional(errc::closed);
    parcel m = make_parcel(id);
    int made = 0, seen = 0;
    const auto note = [&](strait::send_result<parcel> r) {
      ++seen;
      sent(std::move(r), id, expected);
    };
    if (choices.once_in(2)) {
      const auto fired = strait::select(strait::on_send(handle, std::move(m), note),
                                        strait::otherwise([&] { seen += 10; }));
      RC_ASSERT(fired.has_value() && (*fired == 0) == (expected != errc::full));
      RC_ASSERT(m.holds() ==
                (expected == errc::full));  // a send arm that loses leaves it untouched
    } else {
      const auto fired = strait::select(strait::on_send(
                                            handle,
                                            [&] {
                                              ++made;
                                              return std::move(m);
                                            },
                                            note),
                                        strait::otherwise([&] { seen += 10; }));
      RC_ASSERT(fired.has_value() && (*fired == 0) == (expected != errc::full));
      RC_ASSERT(made == (expected == errc::full ? 0 : 1));  // called only if chosen
    }
    RC_ASSERT(seen == (expected == errc::full ? 10 : 1));
  }
  // Both ends in one select. At capacity 0 it never pairs with itself.
  void select_both(tape& choices) {
    if (!sender_alive() || !receiver_alive()) return;
    const std::uint64_t id = ++last_id_;
    const bool may_send = model_.can_send(), may_recv = model_.can_recv();
    const auto send_failure = model_.send_failure(), recv_failure = model_.recv_failure();
    const auto fired = strait::select(
        strait::on_recv(rx(choices),
                        [&](strait::recv_result<parcel> m) { received(m, recv_failure); }),
        strait::on_send(
            tx(choices), make_parcel(id),
            [&](strait::send_result<parcel> r) { sent(std::move(r), id, send_failure); }),
        strait::otherwise());
    RC_ASSERT(fired.has_value());
    RC_ASSERT(*fired != 0 || may_recv);
    RC_ASSERT(*fired != 1 || may_send);
    RC_ASSERT(*fired != 2 || (!may_send && !may_recv));
  }

  // ---- after each step ----

  void check() const {
    RC_ASSERT(ledger::live() == static_cast<std::int64_t>(model_.queue.size()));
    for (const auto& handle : txs_) check_handle(handle);
    for (const auto& handle : rxs_) check_handle(handle);
  }
  template <class Handle>
  void check_handle(const Handle& handle) const {
    RC_ASSERT(static_cast<bool>(handle));
    RC_ASSERT(handle.size() == model_.queue.size());
    RC_ASSERT(handle.empty() == model_.queue.empty());
    RC_ASSERT(handle.full() == model_.is_full());
    RC_ASSERT(handle.capacity() == model_.capacity);
    RC_ASSERT(handle.is_closed() == model_.closed);
    RC_ASSERT(handle.sender_count() == txs_.size());
    RC_ASSERT(handle.receiver_count() == rxs_.size());
    if (sender_alive()) RC_ASSERT(handle.same_channel(txs_.front()));
    if (receiver_alive()) RC_ASSERT(handle.same_channel(rxs_.front()));
    RC_ASSERT(!handle.same_channel(none_tx_));
  }

  template <class Handle, bool Has>
  struct weak_of {
    using type = int;  // not there
  };
  template <class Handle>
  struct weak_of<Handle, true> {
    using type = decltype(std::declval<const Handle&>().downgrade());
  };

  channel_model model_;
  std::vector<tx_type> txs_;
  std::vector<rx_type> rxs_;
  std::vector<typename weak_of<tx_type, weak_tx>::type> weak_txs_;
  std::vector<typename weak_of<rx_type, weak_rx>::type> weak_rxs_;
  const tx_type none_tx_{};
  const rx_type none_rx_{};
  std::uint64_t last_id_ = 0;
};

template <class Family>
void behaves_like_its_model(std::optional<std::size_t> capacity) {
  const auto numbers = *tapes(1200);
  tape choices(numbers);
  world<Family>(capacity).run(choices);
}

template <class Family>
void unbounded_property() {
  behaves_like_its_model<Family>(std::nullopt);
}
template <class Family>
void bounded_property() {
  behaves_like_its_model<Family>(static_cast<std::size_t>(*rc::gen::inRange(1, 9)));
}
template <class Family>
void rendezvous_property() {
  behaves_like_its_model<Family>(std::size_t{0});
}

RC_GTEST_PROP(mpmc_channel, unbounded, ()) { unbounded_property<mpmc>(); }
RC_GTEST_PROP(mpmc_channel, bounded, ()) { bounded_property<mpmc>(); }
RC_GTEST_PROP(mpmc_channel, rendezvous, ()) { rendezvous_property<mpmc>(); }
RC_GTEST_PROP(mpsc_channel, unbounded, ()) { unbounded_property<mpsc>(); }
RC_GTEST_PROP(mpsc_channel, bounded, ()) { bounded_property<mpsc>(); }
RC_GTEST_PROP(mpsc_channel, rendezvous, ()) { rendezvous_property<mpsc>(); }
RC_GTEST_PROP(spsc_channel, unbounded, ()) { unbounded_property<spsc>(); }
RC_GTEST_PROP(spsc_channel, bounded, ()) { bounded_property<spsc>(); }
RC_GTEST_PROP(spsc_channel, rendezvous, ()) { rendezvous_property<spsc>(); }

// ---- oneshot ------------------------------------------------------------------------------------

// Every order of up to a dozen operations on the two ends.
RC_GTEST_PROP(oneshot_channel, behaves_like_its_model, ()) {
  const auto numbers = *tapes(24);
  tape choices(numbers);
  {
    auto ch = strait::oneshot<parcel>();
    bool tx_there = true, rx_there = true, closed = false, queued = false;
    std::uint64_t id = 0;
    while (!choices.ended()) {
      switch (choices.below(9)) {
        case 0:
        case 1: {
          ++id;
          auto r = choices.once_in(2) ? ch.tx.try_send(make_parcel(id))
                                      : ch.tx.send_for(make_parcel(id), std::chrono::seconds(-1));
          const bool ok = tx_there && !closed;
          RC_ASSERT(r.has_value() == ok);
          if (ok) {
            queued = true;
          } else {
            RC_ASSERT(r.error().reason() == errc::closed);
            RC_ASSERT(r.error().value().seq() == id);
          }
          tx_there = false;  // consumed by success and by closed
          closed = true;     // its only sender is gone
          break;
        }
        case 2:
        case 3: {
          auto m = choices.once_in(2) ? ch.rx.try_recv() : ch.rx.recv_for(std::chrono::seconds(0));
          if (rx_there && queued) {
            RC_ASSERT(m.has_value() && m->intact());
          } else if (!rx_there || closed) {
            RC_ASSERT(!m.has_value() && m.error() == errc::closed);
          } else {
            RC_ASSERT(!m.has_value() && (m.error() == errc::empty || m.error() == errc::timeout));
            break;  // it stays
          }
          rx_there = queued = false;
          closed = true;
          break;
        }
        case 4: {
          int fired = 0;
          strait::select(strait::on_recv(ch.rx,
                                         [&](strait::recv_result<parcel> m) {
                                           fired = 1;
                                           RC_ASSERT(m.has_value() == (rx_there && queued));
                                         }),
                         strait::otherwise([&] { fired = 2; }));
          RC_ASSERT(fired == (!rx_there || queued || closed ? 1 : 2));
          if (fired == 1) {
            rx_there = queued = false;
            closed = true;
          }
          break;
        }
        case 5: {
          ++id;
          bool ok = false;
          strait::select(strait::on_send(
              ch.tx, make_parcel(id), [&](strait::send_result<parcel> r) { ok = r.has_value(); }));
          RC_ASSERT(ok == (tx_there && !closed));
          queued = queued || ok;
          tx_there = false;
          closed = true;
          break;
        }
        case 6:
          if (!choices.once_in(4)) break;
          if (tx_there) closed = true;
          ch.tx.reset();
          tx_there = false;
          break;
        case 7:
          if (!choices.once_in(4)) break;
          if (rx_there) closed = true, queued = false;
          ch.rx.reset();
          rx_there = false;
          break;
        default:
          if (!choices.once_in(4)) break;
          if (tx_there || rx_there) closed = true;
          ch.tx.close();
          ch.rx.close();
      }
      if (!rx_there) queued = false;
      RC_ASSERT(static_cast<bool>(ch.tx) == tx_there);
      RC_ASSERT(static_cast<bool>(ch.rx) == rx_there);
      RC_ASSERT(ledger::live() == (queued ? 1 : 0));
      if (rx_there) {
        RC_ASSERT(ch.rx.size() == (queued ? 1U : 0U));
        RC_ASSERT(ch.rx.capacity() == std::size_t{1});
        RC_ASSERT(ch.rx.is_closed() == closed);
      }
    }
  }
  RC_ASSERT(ledger::live() == 0);
}

// ---- copies -------------------------------------------------------------------------------------

// send_many copies from an lvalue range, and leaves it as it was.
RC_GTEST_PROP(send_many, copies_from_an_lvalue, (const std::vector<std::string>& words)) {
  auto ch = strait::unbounded<std::string>();
  auto mine = words;
  RC_ASSERT(ch.tx.send_many(mine) == words.size());
  RC_ASSERT(mine == words);
  for (const auto& word : words) RC_ASSERT(ch.rx.recv().value() == word);
  RC_ASSERT(ch.tx.send_many(std::move(mine)) == words.size());
  for (const auto& word : words) RC_ASSERT(ch.rx.recv().value() == word);
}

}  // namespace

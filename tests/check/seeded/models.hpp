// SPDX-License-Identifier: BSL-1.0
//
// The models of the seeded bugs: each patch beside this file puts one bug into the headers, and names the
// model here that must find it. On the headers as they are every model is ok.
//
// With -DSTRAIT_SEEDED_MODEL='"NAME"' only that model is compiled (tools/seeded builds one for each bug).
// Segments hold three messages here and rings one or two, so that each model crosses an end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <strait/check/check.hpp>
#include <strait/strait.hpp>

#include "../by_hand.hpp"

#ifndef STRAIT_SEEDED_MODEL
#define STRAIT_SEEDED_MODEL ""
#endif

using strait::errc;
using strait::check::options;
using strait::check::require;
using strait::check::result;
using strait::check::thread;
using strait::detail::queue_status;
using namespace std::chrono_literals;

namespace {

/// A message that counts how many are alive; a move leaves an empty shell, which does not count.
class parcel {
 public:
  explicit parcel(int value) noexcept : value_(value) { ++live; }
  parcel(parcel&& other) noexcept : value_(std::exchange(other.value_, none)) {}
  parcel& operator=(parcel&& other) noexcept {
    if (this != &other) {
      drop();
      value_ = std::exchange(other.value_, none);
    }
    return *this;
  }
  ~parcel() { drop(); }
  int value() const noexcept { return value_; }

  static inline int live = 0;

 private:
  static constexpr int none = -1;
  void drop() noexcept {
    if (value_ != none) --live;
    value_ = none;
  }
  int value_;
};

// ---- flavours -----------------------------------------------------------------------------------

constexpr std::size_t no_bound = static_cast<std::size_t>(-1);

template <std::size_t N>
struct mpmc {
  static auto make() {
    if constexpr (N == no_bound) {
      return strait::unbounded<parcel>();
    } else {
      return strait::bounded<parcel>(N);
    }
  }
};
template <std::size_t N>
struct mpsc {
  static auto make() {
    if constexpr (N == no_bound) {
      return strait::mpsc::unbounded<parcel>();
    } else {
      return strait::mpsc::bounded<parcel>(N);
    }
  }
};
template <std::size_t N>
struct spsc {
  static auto make() {
    if constexpr (N == no_bound) {
      return strait::spsc::unbounded<parcel>();
    } else {
      return strait::spsc::bounded<parcel>(N);
    }
  }
};

// ---- queues alone -------------------------------------------------------------------------------

using ring = strait::detail::ring<parcel>;
using mpsc_ring = strait::detail::mpsc_ring<parcel>;
using spsc_ring = strait::detail::spsc_ring<parcel>;
using segments = strait::detail::segments<parcel>;
using mpsc_segments = strait::detail::mpsc_segments<parcel>;
using spsc_segments = strait::detail::spsc_segments<parcel>;

template <class Q, std::size_t Capacity>
Q make_queue() {
  if constexpr (Q::is_bounded) {
    return Q(Capacity);
  } else {
    return Q();
  }
}

template <class Q>
void push_all(Q& q, int first, int n) {
  for (int i = 0; i < n;) {
    parcel p(first + i);
    switch (q.try_push(p)) {
      case queue_status::ok: ++i; break;
      case queue_status::closed: require(false, "nobody closes"); break;
      default: strait::check::yield();
    }
  }
}

// The next message, waiting for it; -1: closed.
template <class Q>
int pop_one(Q& q) {
  int got = -1;
  for (;;) {
    switch (q.try_pop([&](parcel&& p) noexcept { got = parcel(std::move(p)).value(); })) {
      case queue_status::ok: return got;
      case queue_status::closed: return -1;
      default: strait::check::yield();
    }
  }
}

// Four messages cross the end of a ring of two and of a segment of three.
template <class Q>
void queue_one_to_one() {
  auto q = make_queue<Q, 2>();
  thread t([&] { push_all(q, 0, 4); });
  for (int i = 0; i < 4; ++i) require(pop_one(q) == i, "in order");
  t.join();
  require(q.size() == 0, "empty");
}

// Seven messages fill two segments: the first comes back and is filled again.
template <class Q>
void queue_recycles() {
  auto q = make_queue<Q, 2>();
  thread t([&] { push_all(q, 0, 7); });
  for (int i = 0; i < 7; ++i) require(pop_one(q) == i, "in order");
  t.join();
}

// What is left behind the end of a segment dies with the queue.
template <class Q>
void queue_dies_with_messages() {
  auto q = make_queue<Q, 2>();
  thread t([&] {
    for (int i = 0; i < 4; ++i) require(pop_one(q) == i, "in order");
  });
  push_all(q, 0, 5);
  t.join();
}

template <class Q>
void queue_two_push() {
  auto q = make_queue<Q, 2>();
  thread a([&] { push_all(q, 10, 2); });
  thread b([&] { push_all(q, 20, 2); });
  int next[3] = {0, 10, 20};
  for (int n = 0; n < 4; ++n) {
    const int m = pop_one(q);
    require(m == next[m / 10]++, "each in order");
  }
  a.join();
  b.join();
}

template <class Q>
void queue_two_pop() {
  auto q = make_queue<Q, 2>();
  int sums[2] = {0, 0};
  const auto take_two = [&](int who) {
    int last = 0;
    for (int i = 0; i < 2; ++i) {
      const int m = pop_one(q);
      require(m > last, "in order for each");
      last = m;
      sums[who] += m;
    }
  };
  thread a([&] { push_all(q, 1, 4); });
  thread b([&] { take_two(1); });
  take_two(0);
  a.join();
  b.join();
  require(sums[0] + sums[1] == 10, "each once");
}

// Whoever looks on never sees more taken than sent.
template <class Q>
void queue_looked_at() {
  auto q = make_queue<Q, 2>();
  thread a([&] { push_all(q, 0, 2); });
  thread b([&] {
    for (int i = 0; i < 2; ++i) require(pop_one(q) == i, "in order");
  });
  require(q.size() <= 2, "two at most");
  a.join();
  b.join();
}

// A receiver that goes by what another one has seen of the senders has seen as much itself.
template <class Q>
void queue_two_pop_and_size() {
  auto q = make_queue<Q, 2>();
  thread a([&] { push_all(q, 1, 2); });
  thread b([&] { (void)pop_one(q); });
  (void)pop_one(q);
  require(q.size() <= 1, "one at most");
  a.join();
  b.join();
}

// The messages of a whole segment are there; three receivers empty it at once.
template <class Q>
void queue_three_pop() {
  auto q = make_queue<Q, 2>();
  push_all(q, 1, 4);
  int got[2] = {0, 0};
  thread a([&] { got[0] = pop_one(q); });
  thread b([&] { got[1] = pop_one(q); });
  const int mine = pop_one(q);
  a.join();
  b.join();
  require(mine + got[0] + got[1] == 6, "the first three, each once");
  require(pop_one(q) == 4, "the last");
}

// Two receivers are stopped in the middle of their pops, in two segments; others empty both.
template <class Q>
void queue_two_late() {
  auto q = make_queue<Q, 2>();
  push_all(q, 1, 6);
  const auto take = [&](int n) {
    for (int i = 0; i < n; ++i) (void)pop_one(q);
  };
  thread a([&] { take(1); });
  thread b([&] { take(3); });
  thread c([&] { take(2); });
  for (thread* t : {&a, &b, &c}) t->join();
}

// As in queue_three_pop, and one of them fills the segment that they emptied again.
template <class Q>
void queue_emptied_and_filled() {
  auto q = make_queue<Q, 2>();
  push_all(q, 1, 5);
  int got[2] = {0, 0};
  thread a([&] { got[0] = pop_one(q); });
  thread b([&] { got[1] = pop_one(q); });
  const int mine = pop_one(q);
  push_all(q, 6, 2);
  a.join();
  b.join();
  require(mine + got[0] + got[1] == 6, "the first three, each once");
}

// close() at any moment: what was accepted comes out before closed is said.
template <class Q>
void queue_closed() {
  auto q = make_queue<Q, 2>();
  int accepted = 0;
  thread t([&] {
    bool refused = false;
    for (int i = 0; i < 2; ++i) {
      parcel p(i);
      const queue_status s = q.try_push(p);
      require(!(refused && s == queue_status::ok), "closed is for good");
      refused |= s == queue_status::closed;
      accepted += s == queue_status::ok;
    }
  });
  q.close();
  int taken = 0;
  while (pop_one(q) >= 0) ++taken;
  t.join();
  require(taken == accepted, "what was accepted comes out");
}

// Room that was promised is there, whoever pushes meanwhile.
template <class Q>
void queue_promises() {
  auto q = make_queue<Q, 2>();
  push_all(q, 0, 1);
  thread a([&] {
    parcel p(1);
    if (q.reserve_push() == queue_status::ok) {
      require(q.commit_push(p) == queue_status::ok, "promised room");
    } else {
      push_all(q, 1, 1);
    }
  });
  thread b([&] {
    parcel p(2);
    if (q.try_push(p) != queue_status::ok) push_all(q, 2, 1);
  });
  int sum = 0;
  for (int i = 0; i < 3; ++i) sum += pop_one(q);
  a.join();
  b.join();
  require(sum == 3 && q.size() == 0, "each once");
}

// The promise was given when nobody had left yet; that its place is free only the other sender has seen.
template <class Q>
void queue_room_left_to_a_promise() {
  auto q = make_queue<Q, 2>();
  push_all(q, 0, 1);
  require(q.reserve_push() == queue_status::ok, "there is room");
  thread receiver([&] { require(pop_one(q) == 0, "in order"); });
  thread sender([&] { push_all(q, 1, 1); });  // beside the promise: there is room once 0 is gone
  while (q.pushes() < 2) strait::check::yield();
  parcel p(2);
  require(q.commit_push(p) == queue_status::ok, "promised");
  receiver.join();
  sender.join();
  require(pop_one(q) == 1 && pop_one(q) == 2, "in order");
}

// One place, promised: a plain push must see it as taken.
template <class Q>
void queue_promised_room() {
  auto q = make_queue<Q, 1>();
  parcel mine(1);
  require(q.reserve_push() == queue_status::ok, "there is room");
  thread other([&] {
    parcel p(2);
    require(q.try_push(p) == queue_status::would_block, "all room is promised");
  });
  require(q.commit_push(mine) == queue_status::ok, "the promise is kept");
  other.join();
  require(pop_one(q) == 1, "the message");
}

// ---- channels -----------------------------------------------------------------------------------

template <class Receiver>
int take(const Receiver& rx) {
  auto m = rx.recv();
  require(m.has_value(), "a message comes");
  return m ? m->value() : 0;
}

template <class F>
void one_to_one() {
  auto [tx, rx] = F::make();
  thread sender([tx = std::move(tx)] {
    for (int i = 0; i < 4; ++i) require(tx.send(parcel(i)).has_value(), "a receiver is there");
  });
  for (int i = 0; i < 4; ++i) {
    auto m = rx.recv();
    require(m && m->value() == i, "in order");
  }
  auto end = rx.recv();
  require(!end && end.error() == errc::closed, "then closed");
}

// The sender's handle stays: nothing but the messages wakes the receiver.
template <class F>
void one_message() {
  auto [tx, rx] = F::make();
  thread sender([&tx = tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
  auto m = rx.recv();
  require(m && m->value() == 1, "it arrives");
  sender.join();
}

// The receiver goes while the sender's handle lives: what was queued dies at once.
template <class F>
void the_receiver_goes() {
  auto [tx, rx] = F::make();
  thread sender([&tx = tx] {
    bool refused = false;
    for (int i = 0; i < 3; ++i) {
      auto r = tx.send(parcel(i));
      require(!(refused && r), "closed is for good");
      refused |= !r;
      if (!r) require(r.error().value().value() == i, "the message comes back");
    }
  });
  auto m = rx.recv();
  require(m && m->value() == 0, "the first");
  m = strait::detail::recv_failed<parcel>(errc::empty);
  rx.reset();
  sender.join();
  require(parcel::live == 0, "what was queued is destroyed with the last receiver");
}

// Both ends go at the same time.
template <class F>
void both_go() {
  auto [tx, rx] = F::make();
  thread sender([tx = std::move(tx)]() mutable {
    (void)tx.try_send(parcel(1));
    tx.reset();
  });
  rx.reset();
}

// close() against a send that waits for room, or for a receiver.
template <class F>
void closing() {
  auto [tx, rx] = F::make();
  int sent = 0;
  thread sender([&, &tx = tx] {
    for (int i = 0; i < 2; ++i) sent += tx.send(parcel(i)).has_value();
  });
  int taken = 0;
  auto m = rx.recv_for(1h);
  taken += m.has_value();
  rx.close();
  while (auto rest = rx.recv()) ++taken;
  sender.join();
  while (auto rest = rx.try_recv()) ++taken;
  require(sent == taken, "what was accepted before the close is received");
}

// What was written before close() is seen by whoever learns of it.
template <class F>
void close_publishes() {
  auto [tx, rx] = F::make();
  strait::check::var<int> told(0);
  thread sender([&, tx = std::move(tx)] {
    told.set(1);
    tx.close();
  });
  while (!rx.is_closed()) strait::check::yield();
  require(told.get() == 1, "what came before the close");
  sender.join();
}

template <class F>
void timeouts() {
  auto [tx, rx] = F::make();
  int sent = 0;
  thread sender([&, tx = std::move(tx)] {
    for (int i = 0; i < 2; ++i) sent += tx.send_for(parcel(i), 1ms).has_value();
  });
  int taken = 0;
  for (int i = 0; i < 3; ++i) taken += rx.recv_for(1ms).has_value();
  sender.join();
  while (rx.try_recv()) ++taken;
  require(sent == taken, "nothing is lost or invented");
}

template <class F>
void two_to_one() {
  auto [tx, rx] = F::make();
  thread first([&tx = tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
  thread second([tx2 = tx] { require(tx2.send(parcel(2)).has_value(), "sent"); });
  int sum = 0;
  for (int n = 0; n < 2; ++n) sum += take(rx);
  require(sum == 3, "each once");
  first.join();
}

// Two messages, two receivers, and no close to wake who was forgotten.
template <class F>
void one_to_two() {
  auto [tx, rx] = F::make();
  int got[2] = {0, 0};
  thread second([&, rx2 = rx] { got[1] = take(rx2); });
  thread sender([&tx = tx] {
    for (int i : {1, 2}) require(tx.send(parcel(i)).has_value(), "sent");
  });
  got[0] = take(rx);
  second.join();
  sender.join();
  require(got[0] + got[1] == 3, "each once");
}

// Two senders wait for room in a full ring of two; nobody else comes to wake them.
template <class F>
void room_for_two() {
  auto [tx, rx] = F::make();
  for (int i : {1, 2}) require(tx.send(parcel(i)).has_value(), "there is room");
  thread a([&tx = tx] { require(tx.send(parcel(3)).has_value(), "sent"); });
  thread b([&tx = tx] { require(tx.send(parcel(4)).has_value(), "sent"); });
  for (int i : {1, 2}) require(take(rx) == i, "in order");
  a.join();
  b.join();
  require(rx.size() == 2, "the other two");
}

// Two senders, two receivers, a message each: a slow sender hides what lies behind it.
template <class F>
void two_to_two() {
  auto [tx, rx] = F::make();
  int got[2] = {0, 0};
  thread second([&, rx2 = rx] { got[1] = take(rx2); });
  thread a([&tx = tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
  thread b([&tx = tx] { require(tx.send(parcel(2)).has_value(), "sent"); });
  got[0] = take(rx);
  second.join();
  a.join();
  b.join();
  require(got[0] + got[1] == 3, "each once");
}

// A waiter that gives up while it is woken: the wake-up goes to the other one.
template <class F>
void passed_on() {
  auto [tx, rx] = F::make();
  bool there = false;
  thread patient([&, rx2 = rx] { there = rx2.recv().has_value(); });
  thread sender([&tx = tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
  const bool mine = rx.recv_for(1ms).has_value();
  if (mine) require(tx.send(parcel(2)).has_value(), "sent");
  patient.join();
  sender.join();
  require(there, "a message for who waits on");
}

template <class F>
void stop_tokens() {
  auto [tx, rx] = F::make();
  strait::stop_source stop;
  bool sent = false;
  thread sender([&, tx = std::move(tx)] {
    auto r = tx.send(parcel(1), stop.get_token());
    sent = r.has_value();
  });
  thread stopper([&] { stop.request_stop(); });
  int taken = rx.recv(stop.get_token()).has_value();
  sender.join();
  taken += rx.try_recv().has_value();
  require(taken == (sent ? 1 : 0), "nothing is lost or invented");
  stopper.join();
}

// A sender waits for the one place, and gives up while a receiver makes room.
template <class F>
void stopped_in_line() {
  auto [tx, rx] = F::make();
  require(tx.try_send(parcel(0)).has_value(), "room");
  strait::stop_source stop;
  bool sent = false;
  thread sender([&, mine = tx] { sent = mine.send(parcel(1), stop.get_token()).has_value(); });
  thread stopper([&] { stop.request_stop(); });
  require(rx.recv().has_value(), "the first one");
  sender.join();
  require(rx.try_recv().has_value() == sent, "nothing is lost or invented");
  stopper.join();
}
// The same with a deadline, and with a receiver that closes.
template <class F, bool Closes>
void too_late_in_line() {
  auto [tx, rx] = F::make();
  require(tx.try_send(parcel(0)).has_value(), "room");
  int sent = 0;
  thread sender([&, mine = tx] {
    for (int i : {1, 2}) sent += mine.send_for(parcel(i), 1ms).has_value() ? i : 0;
  });
  int taken = rx.recv()->value();
  if constexpr (Closes) rx.close();
  sender.join();
  while (auto m = rx.try_recv()) taken += m->value();
  require(taken == sent, "nothing is lost or invented");
}

// Two receivers in line, and one who hands over to the first may find the message taken by the second.
template <class F>
void two_are_served() {
  auto [tx, rx] = F::make();
  int first = 0, second = 0;
  thread one([&, mine = rx] { first = mine.recv()->value(); });
  thread two([&, mine = rx] { second = mine.recv()->value(); });
  for (int i : {1, 2}) require(tx.send(parcel(i)).has_value(), "sent");
  one.join();
  two.join();
  require(first + second == 3, "one each");
}
// The receiver waits while one sender hands over to it, which makes room for the other.
template <class F>
void room_by_a_handover() {
  auto [tx, rx] = F::make();
  int taken = 0;
  thread receiver([&, mine = rx] { taken = mine.recv()->value(); });
  thread other([&, mine = tx] { require(mine.send(parcel(1)).has_value(), "sent"); });
  require(tx.send(parcel(2)).has_value(), "sent");
  receiver.join();
  other.join();
  while (auto m = rx.try_recv()) taken += m->value();
  require(taken == 3, "once each");
}

template <class F>
void select_receives() {
  auto a = F::make();
  auto b = F::make();
  thread one([&tx = a.tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
  thread two([&tx = b.tx] { require(tx.send(parcel(2)).has_value(), "sent"); });
  int sum = 0;
  const auto take = [&](parcel p) { sum += p.value(); };
  for (int i = 0; i < 2; ++i)
    strait::select(strait::on_recv(a.rx, take), strait::on_recv(b.rx, take));
  require(sum == 3, "both messages");
  one.join();
  two.join();
}

template <class F>
void selects_face_each_other() {
  auto a = F::make();
  auto b = F::make();
  int sent[2] = {}, taken[2] = {};
  thread other([&, tx = std::move(a.tx), rx = std::move(b.rx)] {
    strait::select(strait::on_send(tx, parcel(1), [&](auto r) { sent[0] += r.has_value(); }),
                   strait::on_recv(rx, [&](parcel) { ++taken[0]; }));
  });
  strait::select(strait::on_send(b.tx, parcel(2), [&](auto r) { sent[1] += r.has_value(); }),
                 strait::on_recv(a.rx, [&](parcel) { ++taken[1]; }));
  other.join();
  require(sent[0] == taken[1] && sent[1] == taken[0], "one hands over what the other takes");
}

// A select that was woken by one channel and takes from the other: the wake-up goes on to the next.
template <class F>
void select_finishes_elsewhere() {
  auto a = F::make();
  auto b = F::make();
  thread chooser([&] {
    const auto fired = strait::select_biased(strait::on_recv(b.rx, [](parcel) {}),
                                             strait::on_recv(a.rx, [](parcel) {}));
    if (fired == 1U) require(a.tx.send(parcel(3)).has_value(), "sent again");
  });
  thread plain([&, rx = a.rx] { require(rx.recv().has_value(), "there is one for us"); });
  require(a.tx.send(parcel(1)).has_value(), "sent");
  require(b.tx.send(parcel(2)).has_value(), "sent");
  chooser.join();
  plain.join();
}

// A select that was woken by one channel stands in the line of the other, before who waits there.
template <class F>
void select_lies_in_the_way() {
  auto a = F::make();
  auto b = F::make();
  thread chooser([&] {
    const auto fired = strait::select_biased(strait::on_recv(b.rx, [](parcel) {}),
                                             strait::on_recv(a.rx, [](parcel) {}));
    if (fired == 1U) require(a.tx.send(parcel(3)).has_value(), "sent again");
  });
  thread plain([&, rx = a.rx] { require(rx.recv().has_value(), "there is one for us"); });
  require(b.tx.send(parcel(2)).has_value(), "sent");
  require(a.tx.send(parcel(1)).has_value(), "sent");
  chooser.join();
  plain.join();
}

// A select is woken by one channel, then a stop request comes; it takes from the other channel.
template <class F>
void select_is_stopped() {
  auto a = F::make();
  auto b = F::make();
  strait::stop_source stop;
  thread chooser([&] {
    const auto fired = strait::select_biased(strait::on_recv(b.rx, [](parcel) {}),
                                             strait::on_recv(a.rx, [](parcel) {}),
                                             strait::on_stop(stop.get_token()));
    if (fired == 1U) require(a.tx.send(parcel(3)).has_value(), "sent again");
  });
  thread plain([&, rx = a.rx] { require(rx.recv().has_value(), "there is one for us"); });
  require(a.tx.send(parcel(1)).has_value(), "sent");
  require(b.tx.send(parcel(2)).has_value(), "sent");
  stop.request_stop();
  chooser.join();
  plain.join();
}

// A selection that is dropped: the message it was promised is there for who waits.
template <class F>
void a_dropped_receive() {
  auto [tx, rx] = F::make();
  require(tx.send(parcel(1)).has_value(), "sent");
  thread other([&] {
    strait::selector s;
    (void)s.recv(rx);
    auto chosen = s.try_select();
  });
  require(take(rx) == 1, "the message is still there");
  other.join();
}

// A dropped send: the place it was promised is there for who waits.
template <class F>
void a_dropped_send() {
  auto [tx, rx] = F::make();
  thread other([&, &tx = tx] {
    strait::selector s;
    (void)s.send(tx);
    auto chosen = s.try_select();
  });
  require(tx.send(parcel(1)).has_value(), "there is room");
  other.join();
}

// A dropped send, while another takes the place that the one who waits was woken for: the promised one is its.
template <class F>
void a_dropped_send_beside_another() {
  auto [tx, rx] = F::make();
  require(tx.try_send(parcel(1)).has_value(), "room for two");
  strait::selector s;
  (void)s.send(tx);
  auto chosen = s.try_select();
  require(chosen.has_value(), "promised");
  thread waits([&, &tx = tx] { require(tx.send(parcel(2)).has_value(), "sent"); });
  thread receiver([&, &rx = rx] { require(rx.try_recv().has_value(), "the first"); });
  thread other([&, &tx = tx] { (void)tx.try_send(parcel(3)); });
  {
    const auto dropped = std::move(*chosen);
  }
  waits.join();
  receiver.join();
  other.join();
}

// At a rendezvous: the sender goes on waiting, and meets the next.
template <class F>
void a_dropped_meeting() {
  auto [tx, rx] = F::make();
  thread sender([&tx = tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
  {
    strait::selector s;
    (void)s.recv(rx);
    auto dropped = s.select();
    require(dropped.has_value(), "chosen");
  }
  require(take(rx) == 1, "the message is still there");
  sender.join();
}

// A weak handle is made a sender again while the last sender goes.
template <class F>
void a_weak_sender() {
  auto [tx, rx] = F::make();
  thread other([weak = tx.downgrade()] {
    if (auto again = weak.lock()) (void)again->try_send(parcel(1));
  });
  tx.reset();
  int taken = 0;
  while (rx.recv()) ++taken;
  require(taken <= 1, "at most the one");
  other.join();
}

// ---- the rest -----------------------------------------------------------------------------------

void oneshot() {
  auto [tx, rx] = strait::oneshot<parcel>();
  thread sender([tx = std::move(tx)] { (void)tx.send(parcel(1)); });
  auto m = rx.recv();
  require(m && m->value() == 1, "it arrives");
}

void oneshot_both_go() {
  auto [tx, rx] = strait::oneshot<parcel>();
  thread sender([tx = std::move(tx)]() mutable { tx.reset(); });
  rx.reset();
}

void timer() {
  auto due = strait::after(1ms);
  auto copy = due;
  int taken = 0;
  bool by_other = false;
  thread other([&] { by_other = copy.recv_for(2ms).has_value(); });
  taken += due.recv_for(2ms).has_value();
  other.join();
  require(taken + (by_other ? 1 : 0) == 1, "one of them takes it");
}

void timer_closed() {
  auto due = strait::never<parcel>();
  auto copy = due;
  thread other([&] { copy.close(); });
  require(due.recv().error() == errc::closed, "closed");
  other.join();
}

void mutex() {
  strait::sync::futex_mutex m;
  int inside = 0;
  const auto once = [&] {
    m.lock();
    require(++inside == 1, "alone");
    --inside;
    m.unlock();
  };
  thread a(once), b(once);
  once();
  once();
  a.join();
  b.join();
}

// ---- coroutines: who stands in line alone ---------------------------------------------------------

template <class Tx>
strait::task<bool> send_three(const Tx& tx) {
  bool good = true;
  for (int i = 0; i < 3; ++i) {
    auto sent = co_await tx.async_send(parcel(i));
    good = good && sent.has_value();
  }
  co_return good;
}
template <class Rx>
strait::task<bool> receive_three(const Rx& rx) {
  bool good = true;
  for (int i = 0; i < 3; ++i) {
    auto m = co_await rx.async_recv();
    good = good && m && m->value() == i;
  }
  co_return good;
}

// Nobody closes: a wake-up that is lost stays lost.
template <class Flavour>
void coroutines_one_to_one() {
  auto ch = Flavour::make();
  thread sender([&tx = ch.tx] { require(strait::sync_wait(send_three(tx)), "sent"); });
  require(strait::sync_wait(receive_three(ch.rx)), "received in order");
  sender.join();
}

// One place, and a sender in line whose place somebody else takes.
inline void coroutines_overtaken() {
  auto ch = mpmc<1>::make();
  require(ch.tx.try_send(parcel(0)).has_value(), "room for one");
  int overtook = 0, taken = 0;
  thread sender([&tx = ch.tx] {
    require(strait::sync_wait([](const auto& to) -> strait::task<bool> {
              auto sent = co_await to.async_send(parcel(1));
              co_return sent.has_value();
            }(tx)),
            "sent");
  });
  thread other([&overtook, &tx = ch.tx] {
    for (int i = 2; i < 4; ++i) overtook += tx.try_send(parcel(i)).has_value();
  });
  for (int i = 0; i < 2; ++i) taken += ch.rx.recv().has_value();
  other.join();
  while (taken < 2 + overtook) taken += ch.rx.recv().has_value();
  sender.join();
  require(!ch.rx.try_recv(), "each once");
}

// Two receivers make room for two senders; whoever is slower leaves nobody behind.
inline void coroutines_room_for_two() {
  auto ch = mpmc<2>::make();
  require(ch.tx.try_send(parcel(1)) && ch.tx.try_send(parcel(2)), "room for two");
  strait_test::by_hand loop;
  strait_test::told first, second;
  const auto send = [](const auto& to) -> strait::task<> {
    auto sent = co_await to.async_send(parcel(3));
    require(sent.has_value(), "sent");
  };
  strait::task<> one = send(ch.tx), other = send(ch.tx);
  loop.start(one, first);
  loop.start(other, second);
  const auto take = [&rx = ch.rx] { require(rx.try_recv().has_value(), "one for each"); };
  thread receiver(take), slower(take);
  (void)loop.turn();  // perhaps one that was called in vain
  receiver.join();
  slower.join();
  while (loop.turn()) {
  }
  require(first.done && second.done, "both went on");
  require(ch.rx.try_recv() && ch.rx.try_recv(), "both are there");
}

// A sole sender's coroutine is served, while others send through the same handle in its thread.
inline void coroutines_one_handle() {
  auto ch = spsc<1>::make();
  require(ch.tx.try_send(parcel(1)).has_value(), "room for one");
  strait_test::by_hand loop;
  strait_test::told end;
  strait::task<> waits = [](const auto& to) -> strait::task<> {
    auto sent = co_await to.async_send(parcel(2));
    require(sent.has_value(), "sent");
  }(ch.tx);
  loop.start(waits, end);
  int taken = 0, overtook = 0;
  thread receiver([&taken, &rx = ch.rx] {
    for (int i = 0; i < 2; ++i) taken += rx.try_recv().has_value();
  });
  for (int i : {3, 4}) overtook += ch.tx.try_send(parcel(i)).has_value();
  receiver.join();
  for (;;) {
    while (loop.turn()) {
    }
    if (end.done) break;
    require(ch.rx.try_recv().has_value(), "the place is taken, or it would have gone on");
    ++taken;
  }
  while (ch.rx.try_recv()) ++taken;
  require(taken == 2 + overtook, "each once");
}

// Somebody watches the line where a coroutine stands, takes its message, and lets it go on and its channel
// go, while the thread that put it into the line is still there.
inline void coroutines_watched() {
  auto ch = mpmc<0>::make();
  strait_test::by_hand loop;
  strait_test::told end;
  std::optional<strait::task<>> waits([](auto to) -> strait::task<> {
    auto sent = co_await to.async_send(parcel(1));
    require(sent.has_value(), "sent");
  }(std::move(ch.tx)));
  thread starter([&] { loop.start(*waits, end); });
  {
    strait::selector s;
    (void)s.recv(ch.rx);
    require(s.ready().has_value(), "somebody stands there");
  }
  require(ch.rx.recv().has_value(), "received");
  require(loop.turn(), "it goes on");
  waits.reset();
  ch.rx.reset();
  starter.join();
}

// ---- a pool -------------------------------------------------------------------------------------

inline void pool_shares() {
  strait::thread_pool pool(2);
  strait::scope s(pool);
  auto ch = mpmc<0>::make();
  s.spawn([](auto to) -> strait::task<> {
    auto sent = co_await to.async_send(parcel(1));
    require(sent.has_value(), "sent");
  }(std::move(ch.tx)));
  s.spawn([](auto from) -> strait::task<> {
    auto m = co_await from.async_recv();
    require(m.has_value(), "received");
  }(std::move(ch.rx)));
  s.join();
}

// One worker is kept until a deadline has passed that the other one must keep, who sleeps already: what the first
// one makes ready goes before its own queue, and wakes nobody.
inline void pool_a_deadline() {
  strait::thread_pool pool(2);
  strait::scope s(pool);
  auto go = mpmc<1>::make();
  auto end = mpmc<1>::make();
  s.spawn([](auto from, auto until) -> strait::task<> {
    auto m = co_await from.async_recv();
    require(m.has_value(), "it comes");
    require(until.recv().has_value(), "it comes, too");
  }(std::move(go.rx), std::move(end.rx)));
  s.spawn([](auto to, auto after) -> strait::task<> {
    require(to.try_send(parcel(1)).has_value(), "room");
    const bool slept = co_await strait::sleep_for(5ms);
    require(slept && after.try_send(parcel(2)).has_value(), "nobody stops it, and there is room");
  }(std::move(go.tx), std::move(end.tx)));
  s.join();
}

// Each keeps its worker until the other one has come. Both may be left to a worker that is giving up its search.
inline void pool_two_meet() {
  strait::thread_pool pool(2);
  strait::check::yield();  // the workers come first
  strait::scope s(pool);
  auto ch = mpmc<1>::make();
  auto back = mpmc<1>::make();
  auto meets = [](auto to, auto from) -> strait::task<> {
    require(to.try_send(parcel(1)).has_value(), "room");
    require(from.recv().has_value(), "it comes");
    co_return;
  };
  s.spawn(meets(std::move(ch.tx), std::move(back.rx)));
  s.spawn(meets(std::move(back.tx), std::move(ch.rx)));
  s.join();
}

// They take turns so briskly that the other worker may leave them alone and watch; then one of them keeps the
// worker until the other one has gone on.
inline void pool_takes_turns() {
  strait::thread_pool pool(2);
  strait::scope s(pool);
  auto ch = mpmc<1>::make();
  s.spawn([](auto from) -> strait::task<> {
    co_await strait::yield();
    co_await strait::yield();
    require(from.recv().has_value(), "received");
  }(std::move(ch.rx)));
  s.spawn([](auto to) -> strait::task<> {
    co_await strait::yield();
    co_await strait::yield();
    require(to.try_send(parcel(1)).has_value(), "sent");
  }(std::move(ch.tx)));
  s.join();
}

// ---- by name ------------------------------------------------------------------------------------

struct model {
  const char* name;
  void (*body)();
};

consteval bool wanted(std::string_view name) {
  return std::string_view(STRAIT_SEEDED_MODEL).empty() || name == STRAIT_SEEDED_MODEL;
}

// What is not wanted is not instantiated: hence a template.
#define MODEL(name, ...) \
  if constexpr (wanted(name)) list.push_back({name, &__VA_ARGS__})

template <class List>
List every_model() {
  List list;
  MODEL("ring", queue_one_to_one<ring>);
  MODEL("ring, two push", queue_two_push<ring>);
  MODEL("ring, closed", queue_closed<ring>);
  MODEL("ring, promised room", queue_promised_room<ring>);
  MODEL("mpsc_ring", queue_one_to_one<mpsc_ring>);
  MODEL("mpsc_ring, promises", queue_promises<mpsc_ring>);
  MODEL("mpsc_ring, room left to a promise", queue_room_left_to_a_promise<mpsc_ring>);
  MODEL("spsc_ring", queue_one_to_one<spsc_ring>);
  MODEL("spsc_ring, closed", queue_closed<spsc_ring>);
  MODEL("segments, left behind", queue_dies_with_messages<segments>);
  MODEL("segments, two push", queue_two_push<segments>);
  MODEL("segments, two pop", queue_two_pop<segments>);
  MODEL("segments, two pop, and the size", queue_two_pop_and_size<segments>);
  MODEL("segments, three pop", queue_three_pop<segments>);
  MODEL("segments, two late", queue_two_late<segments>);
  MODEL("segments, emptied and filled", queue_emptied_and_filled<segments>);
  MODEL("segments, closed", queue_closed<segments>);
  MODEL("mpsc_segments", queue_one_to_one<mpsc_segments>);
  MODEL("mpsc_segments, recycled", queue_recycles<mpsc_segments>);
  MODEL("mpsc_segments, two push", queue_two_push<mpsc_segments>);
  MODEL("spsc_segments, recycled", queue_recycles<spsc_segments>);
  MODEL("spsc_segments, closed", queue_closed<spsc_segments>);
  MODEL("spsc_segments, looked at", queue_looked_at<spsc_segments>);

  MODEL("mpmc 1, one to one", one_to_one<mpmc<1>>);
  MODEL("mpmc 1, one message", one_message<mpmc<1>>);
  MODEL("mpmc 1, the receiver goes", the_receiver_goes<mpmc<1>>);
  MODEL("mpmc 1, both go", both_go<mpmc<1>>);
  MODEL("mpmc 1, passed on", passed_on<mpmc<1>>);
  MODEL("mpmc 1, select receives", select_receives<mpmc<1>>);
  MODEL("mpmc 1, a dropped receive", a_dropped_receive<mpmc<1>>);
  MODEL("mpmc 1, a dropped send", a_dropped_send<mpmc<1>>);
  MODEL("mpmc 2, a dropped send beside another", a_dropped_send_beside_another<mpmc<2>>);
  MODEL("mpmc 1, a weak sender", a_weak_sender<mpmc<1>>);
  MODEL("mpmc 1, two are served", two_are_served<mpmc<1>>);
  MODEL("mpmc 1, room by a handover", room_by_a_handover<mpmc<1>>);
  MODEL("mpmc 2, one to one", one_to_one<mpmc<2>>);
  MODEL("mpmc 2, passed on", passed_on<mpmc<2>>);
  MODEL("mpmc 2, one to two", one_to_two<mpmc<2>>);
  MODEL("mpmc 2, room for two", room_for_two<mpmc<2>>);
  MODEL("mpmc 2, select lies in the way", select_lies_in_the_way<mpmc<2>>);
  MODEL("mpmc 2, select is stopped", select_is_stopped<mpmc<2>>);
  MODEL("mpmc 2, two to two", two_to_two<mpmc<2>>);
  MODEL("mpmc 2, select finishes elsewhere", select_finishes_elsewhere<mpmc<2>>);
  MODEL("mpsc 1, two to one", two_to_one<mpsc<1>>);
  MODEL("mpsc 1, stopped in line", stopped_in_line<mpsc<1>>);
  MODEL("mpsc 1, too late in line", too_late_in_line<mpsc<1>, false>);
  MODEL("mpsc 1, too late in line, closed", too_late_in_line<mpsc<1>, true>);
  MODEL("spsc 1, one to one", one_to_one<spsc<1>>);
  MODEL("spsc 1, closing", closing<spsc<1>>);
  MODEL("spsc 1, close publishes", close_publishes<spsc<1>>);

  MODEL("awake, one to one", one_to_one<mpmc<0>>);
  MODEL("awake, closing", closing<mpmc<0>>);
  MODEL("awake, timeouts", timeouts<mpmc<0>>);
  MODEL("awake, two to one", two_to_one<mpmc<0>>);
  MODEL("rendezvous, one message", one_message<mpmc<0>>);
  MODEL("rendezvous, one to one", one_to_one<mpmc<0>>);
  MODEL("rendezvous, close publishes", close_publishes<mpmc<0>>);
  MODEL("rendezvous, closing", closing<mpmc<0>>);
  MODEL("rendezvous, timeouts", timeouts<mpmc<0>>);
  MODEL("rendezvous, stop tokens", stop_tokens<mpmc<0>>);
  MODEL("rendezvous, select receives", select_receives<mpmc<0>>);
  MODEL("rendezvous, selects face each other", selects_face_each_other<mpmc<0>>);
  MODEL("rendezvous, a dropped meeting", a_dropped_meeting<mpmc<0>>);

  MODEL("oneshot", oneshot);
  MODEL("oneshot, both go", oneshot_both_go);
  MODEL("timer", timer);
  MODEL("timer, closed", timer_closed);
  MODEL("mutex", mutex);

  MODEL("coroutines, mpmc 1", coroutines_one_to_one<mpmc<1>>);
  MODEL("coroutines, rendezvous", coroutines_one_to_one<mpmc<0>>);
  MODEL("coroutines, two senders overtaken", coroutines_overtaken);
  MODEL("coroutines, room for two", coroutines_room_for_two);
  MODEL("coroutines, one handle", coroutines_one_handle);
  MODEL("coroutines, watched", coroutines_watched);

  MODEL("pool, two share", pool_shares);
  MODEL("pool, a deadline", pool_a_deadline);
  MODEL("pool, two meet", pool_two_meet);
  MODEL("pool, two take turns", pool_takes_turns);
  return list;
}

#undef MODEL

}  // namespace

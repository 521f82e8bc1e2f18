// SPDX-License-Identifier: BSL-1.0
//
// Who stands in line at a rendezvous, or at a full or empty channel, is known here: the explorer says when a
// thread sleeps. A try must meet it, and those who came first are served first.
#include <string>

#include "../check/models.hpp"
#include "judge.hpp"
#include "programs.hpp"

using namespace strait_test;

namespace {

template <class F>
class Line : public ::testing::Test {};
using many =
    ::testing::Types<flavour<mpmc, 0>, flavour<mpmc, 1>, flavour<mpsc, 0>, flavour<mpsc, 1>>;
TYPED_TEST_SUITE(Line, many, flavour_names);

template <class F>
class Pair : public ::testing::Test {};
using all = ::testing::Types<flavour<mpmc, 0>, flavour<mpsc, 0>, flavour<spsc, 0>>;
TYPED_TEST_SUITE(Pair, all, flavour_names);

options unreduced() {
  options o;
  o.reduce = false;
  o.preemptions = from_environment("STRAIT_MODEL_PREEMPTIONS", 2);
  o.stale_reads = from_environment("STRAIT_MODEL_STALE", 1);
  o.seconds = seconds_from_environment();
  return o;
}

void sleeps(const thread& t) {
  while (!t.asleep()) strait::check::yield();
}

// One call in a thread of its own; `when` is stamped as soon as it is seen to sleep.
template <class F>
operation timed(shared_clock& clock, call what, int value, F f) {
  operation o;
  o.what = what;
  o.value = value;
  o.begin = clock.tick();
  f(o);
  o.end = clock.tick();
  return o;
}

void prove_linear(std::size_t capacity, const std::function<history()>& b) {
  linearizable({}, capacity);
  std::string bad;
  const options o = unreduced();
  const result r = strait::check::explore(o, [&] {
    const history h = b();
    if (!linearizable(h, capacity)) {
      bad = to_text(h);
      require(false, "the history is a run of the sequential channel");
    }
  });
  EXPECT_TRUE(r.ok()) << bad << r.report;
  report_model(r.schedules, r.seconds, r.longest, o, r.complete, r.ok() ? "ok" : to_string(r.what));
}

constexpr auto given = [](operation& o, const auto& r) {
  o.how = r ? answer::ok : r.error().reason() == errc::closed ? answer::closed : answer::nothing;
};
constexpr auto taken = [](operation& o, const auto& r) {
  if (r) o.value = *r;
  o.how = r ? answer::ok : r.error() == errc::closed ? answer::closed : answer::nothing;
};

}  // namespace

// A sender stands in line: a try to receive takes its message, never "empty".
TYPED_TEST(Pair, ATryMeetsTheSenderInLine) {
  prove_linear(0, [] {
    auto [tx, rx] = TypeParam::template make<int>();
    shared_clock clock;
    operation sent, got;
    thread t([&, &tx = tx] {
      sent = timed(clock, call::send, 1, [&](operation& o) { given(o, tx.send(1)); });
    });
    sleeps(t);
    const int asleep = clock.tick();
    got = timed(clock, call::try_recv, 0, [&, &rx = rx](operation& o) { taken(o, rx.try_recv()); });
    t.join();
    sent.asleep = asleep;
    history h;
    h.add(sent);
    h.add(got);
    return h;
  });
}

// A receiver stands in line: a try to send hands over to it, never "full".
TYPED_TEST(Pair, ATryMeetsTheReceiverInLine) {
  prove_linear(0, [] {
    auto [tx, rx] = TypeParam::template make<int>();
    shared_clock clock;
    operation sent, got;
    thread t([&, &rx = rx] {
      got = timed(clock, call::recv, 0, [&](operation& o) { taken(o, rx.recv()); });
    });
    sleeps(t);
    const int asleep = clock.tick();
    sent =
        timed(clock, call::try_send, 1, [&, &tx = tx](operation& o) { given(o, tx.try_send(1)); });
    if (sent.how != answer::ok) tx.close();
    t.join();
    got.asleep = asleep;
    history h;
    h.add(sent);
    h.add(got);
    return h;
  });
}

// A sender stands in line when somebody closes: a try takes its message or is told `closed`, never "empty".
TYPED_TEST(Pair, ATryAgainstAClose) {
  prove_linear(0, [] {
    auto [tx, rx] = TypeParam::template make<int>();
    shared_clock clock;
    operation sent, got, closed;
    thread t([&, &tx = tx] {
      sent = timed(clock, call::send, 1, [&](operation& o) { given(o, tx.send(1)); });
    });
    sleeps(t);
    const int asleep = clock.tick();
    thread c(
        [&, &tx = tx] { closed = timed(clock, call::close, 0, [&](operation&) { tx.close(); }); });
    got = timed(clock, call::try_recv, 0, [&, &rx = rx](operation& o) { taken(o, rx.try_recv()); });
    c.join();
    t.join();
    sent.asleep = asleep;
    history h;
    for (const operation& o : {sent, got, closed}) h.add(o);
    return h;
  });
}

template <class F>
class Vain : public ::testing::Test {};
using vain = ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 2>>;
TYPED_TEST_SUITE(Vain, vain, flavour_names);

// The first in line is called, but another takes the message before it comes: it keeps its turn, and the
// next message is its own, not that of the second in line.
TYPED_TEST(Vain, WhoWasCalledInVainKeepsItsTurn) {
  const options o = unreduced();
  const result r = strait::check::explore(o, [] {
    auto [tx, rx] = TypeParam::template make<int>();
    int first = 0, second = 0;
    thread a([&, rx2 = rx] { first = rx2.recv().value_or(-1); });
    sleeps(a);
    thread b([&, rx3 = rx] { second = rx3.recv().value_or(-1); });
    sleeps(b);
    require(tx.send(1).has_value(), "sent");
    const bool stolen = rx.try_recv().has_value();
    if (stolen) sleeps(a);  // it came in vain
    require(tx.send(2).has_value(), "sent");
    if (stolen) {
      a.join();
      require(first == 2, "its turn");
      require(tx.send(3).has_value(), "sent");
      b.join();
      require(second == 3, "then the second's");
    } else {
      a.join();
      b.join();
      require(first + second == 3, "each one");
    }
  });
  EXPECT_TRUE(r.ok()) << r.report;
  report_model(r.schedules, r.seconds, r.longest, o, r.complete, r.ok() ? "ok" : to_string(r.what));
}

// Two senders in line, the second after the first: they are served in this order, at a rendezvous by the
// specification; where there is a place, what lies in it comes first.
TYPED_TEST(Line, TwoSendersInOrder) {
  prove_linear(TypeParam::capacity, [] {
    auto [tx, rx] = TypeParam::template make<int>();
    shared_clock clock;
    operation first, second, got[3];
    int n = 0;
    if (TypeParam::capacity == 1) (void)tx.send(9);
    const auto send = [&, &tx = tx](operation& to, int value) {
      to = timed(clock, call::send, value, [&](operation& o) { given(o, tx.send(int{value})); });
    };
    thread a([&] { send(first, 1); });
    sleeps(a);
    const int a_asleep = clock.tick();
    thread b([&] { send(second, 2); });
    sleeps(b);
    const int b_asleep = clock.tick();
    const int messages = TypeParam::capacity == 1 ? 3 : 2;
    while (n < messages) {
      got[n] = timed(clock, call::recv, 0, [&, &rx = rx](operation& o) { taken(o, rx.recv()); });
      ++n;
    }
    a.join();
    b.join();
    history h;
    if (TypeParam::capacity == 0) {
      first.asleep = a_asleep;
      second.asleep = b_asleep;
      h.add(first);
      h.add(second);
      for (const operation& o : {got[0], got[1]}) h.add(o);
    } else {  // the place was taken before the clock ran
      require(got[0].value == 9 && got[1].value == 1 && got[2].value == 2,
              "first come, first served");
    }
    return h;
  });
}

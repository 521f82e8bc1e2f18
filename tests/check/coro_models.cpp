// SPDX-License-Identifier: BSL-1.0
//
// Models of coroutines that wait: in the same lines as threads, woken by anybody, ended by time, a stop
// token or their destruction; and of the schedulers that run them.
#include <chrono>
#include <coroutine>
#include <optional>
#include <utility>

#include "by_hand.hpp"
#include "models.hpp"

using namespace strait_test;
using namespace std::chrono_literals;
using strait::task;

namespace {

template <class F>
class Coroutine : public model_of<F> {};
using all = ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 0>,
                             flavour<mpsc, no_bound>, flavour<mpsc, 1>, flavour<mpsc, 0>,
                             flavour<spsc, no_bound>, flavour<spsc, 1>, flavour<spsc, 0>,
                             flavour<awake, 0>>;
TYPED_TEST_SUITE(Coroutine, all, flavour_names);

template <class F>
class CoroutineBounded : public ::testing::Test {};
using bounded = ::testing::Types<flavour<mpmc, 1>, flavour<mpmc, 0>, flavour<mpsc, 1>,
                                 flavour<mpsc, 0>, flavour<spsc, 1>, flavour<spsc, 0>>;
TYPED_TEST_SUITE(CoroutineBounded, bounded, flavour_names);

template <class F>
class CoroutineMany : public ::testing::Test {};
using many = ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 0>>;
TYPED_TEST_SUITE(CoroutineMany, many, flavour_names);

template <class Rx>
task<int> receive_one(const Rx& rx) {
  auto m = co_await rx.async_recv();
  co_return m ? m->value() : -1;
}
// The two ways an operation waits: alone, or as a select (of itself and a stop token that is never asked).
struct alone {
  static auto recv(const auto& rx) { return rx.async_recv(); }
  static auto send(const auto& tx, parcel p) { return tx.async_send(std::move(p)); }
};
struct in_a_select {
  static auto recv(const auto& rx) { return rx.async_recv(strait::stop_token()); }
  static auto send(const auto& tx, parcel p) {
    return tx.async_send(std::move(p), strait::stop_token());
  }
};
template <class Wait, class Rx>
task<> receive_into(const Rx& rx, int& seen) {
  auto op = Wait::recv(rx);
  auto m = co_await op;
  seen = m ? m->value() : -1;
}
template <class Wait, class Tx>
task<> send_one(const Tx& tx, parcel p) {
  auto op = Wait::send(tx, std::move(p));
  auto sent = co_await op;
  require(sent.has_value(), "open");
}
template <class Tx>
task<bool> send_two(Tx tx) {
  auto one = co_await tx.async_send(parcel(1));
  auto two = co_await tx.async_send(parcel(2));
  co_return one.has_value() && two.has_value();
}

task<> sleeps_and_sends(std::chrono::milliseconds time, strait::sender<parcel> tx) {
  const bool slept = co_await strait::sleep_for(time);
  require(slept, "nobody stops it");
  (void)tx.try_send(parcel(1));
}

}  // namespace

// ---- meeting threads ----------------------------------------------------------------------------------

TYPED_TEST(Coroutine, ReceivesFromAThread) {
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    thread sender([tx = std::move(ch.tx)] {
      require(tx.send(parcel(1)).has_value(), "sent");
      require(tx.send(parcel(2)).has_value(), "sent");
    });
    const int sum = strait::sync_wait([](const auto& rx) -> task<int> {
      int seen = 0, next = 1;
      while (auto m = co_await rx.async_recv()) {
        require(m->value() == next++, "in order");
        seen += m->value();
      }
      co_return seen;
    }(ch.rx));
    require(sum == 3, "both arrived");
    sender.join();
  });
}

TYPED_TEST(CoroutineBounded, SendsToAThread) {
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    thread receiver([rx = std::move(ch.rx)] {
      int next = 1;
      while (auto m = rx.recv()) require(m->value() == next++, "in order");
      require(next == 3, "both arrived");
    });
    require(strait::sync_wait(send_two(std::move(ch.tx))), "sent");
    receiver.join();
  });
}

// A thread and a coroutine in one line: each message wakes one of them, and both end.
TYPED_TEST(CoroutineMany, AndAThreadWaitForOneEach) {
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    thread receiver([rx = ch.rx] { require(rx.recv().has_value(), "received"); });
    thread sender([tx = ch.tx] {
      require(tx.send(parcel(1)).has_value(), "sent");
      require(tx.send(parcel(2)).has_value(), "sent");
    });
    require(strait::sync_wait(receive_one(ch.rx)) > 0, "received");
    sender.join();
    receiver.join();
  });
}

// A coroutine that waits for a message, in a loop that is run by hand.
template <class Flavour, class Wait>
struct one_receives {
  decltype(Flavour::template make<parcel>()) ch = Flavour::template make<parcel>();
  by_hand loop;
  told end;
  int seen = 0;
  std::optional<task<>> waits{receive_into<Wait>(ch.rx, seen)};

  one_receives() { loop.start(*waits, end); }
};

// ---- destroyed while it waits -----------------------------------------------------------------------

// Nobody knows where the message is when the coroutine goes; afterwards it is in the channel, or was never sent.
template <class Flavour, class Wait>
void destroyed_takes_no_message() {
  prove([] {
    bool was_sent = false;
    one_receives<Flavour, Wait> made;
    auto& [ch, loop, end, seen, waits] = made;
    thread sender([&was_sent, &tx = ch.tx] { was_sent = tx.try_send(parcel(7)).has_value(); });
    waits.reset();
    require(seen == 0, "it did not run");
    sender.join();
    auto m = ch.rx.try_recv();
    require(m.has_value() == was_sent, "a message that was sent is there");
    require(!m || m->value() == 7, "the message");
    require(!ch.rx.try_recv(), "and only once");
  });
}
TYPED_TEST(Coroutine, DestroyedTakesNoMessage) { destroyed_takes_no_message<TypeParam, alone>(); }
TYPED_TEST(Coroutine, DestroyedTakesNoMessageInASelect) {
  destroyed_takes_no_message<TypeParam, in_a_select>();
}

// Nobody comes meanwhile: it takes itself out of the lines, and whoever sends later meets nobody.
template <class Flavour, class Wait>
void destroyed_before_anybody_comes() {
  prove([] {
    one_receives<Flavour, Wait> made;
    auto& [ch, loop, end, seen, waits] = made;
    waits.reset();
    require(seen == 0, "it did not run");
    const bool sent = ch.tx.try_send(parcel(7)).has_value();
    require(sent == (Flavour::capacity != 0), "nobody waits for it any more");
    auto m = ch.rx.try_recv();
    require(m.has_value() == sent && (!m || m->value() == 7), "the message stays");
  });
}
TYPED_TEST(Coroutine, DestroyedBeforeAnybodyComes) {
  destroyed_before_anybody_comes<TypeParam, alone>();
}
TYPED_TEST(Coroutine, DestroyedBeforeAnybodyComesInASelect) {
  destroyed_before_anybody_comes<TypeParam, in_a_select>();
}

// The one behind it gets what it was woken for.
template <class Flavour, class Wait>
void destroyed_passes_its_wake_up_on() {
  prove([] {
    one_receives<Flavour, Wait> made;
    auto& [ch, loop, end, seen, waits] = made;
    thread receiver([rx = ch.rx] { require(rx.recv().has_value(), "received"); });
    thread sender([tx = ch.tx] { require(tx.send(parcel(7)).has_value(), "sent"); });
    waits.reset();
    sender.join();
    receiver.join();
  });
}
TYPED_TEST(CoroutineMany, DestroyedPassesItsWakeUpOn) {
  destroyed_passes_its_wake_up_on<TypeParam, alone>();
}
TYPED_TEST(CoroutineMany, DestroyedPassesItsWakeUpOnInASelect) {
  destroyed_passes_its_wake_up_on<TypeParam, in_a_select>();
}

// The same for room: the sender behind it gets what it was woken for.
template <class Flavour, class Wait>
void destroyed_passes_its_room_on() {
  if (Flavour::capacity == no_bound) GTEST_SKIP() << "nobody waits to send";
  prove([] {
    auto ch = Flavour::template make<parcel>();
    for (std::size_t i = 0; i < Flavour::capacity; ++i)
      require(ch.tx.try_send(parcel(0)).has_value(), "room");
    by_hand loop;
    told end;
    std::optional<task<>> waits(send_one<Wait>(ch.tx, parcel(1)));
    loop.start(*waits, end);
    thread sender([tx = ch.tx] { require(tx.send(parcel(7)).has_value(), "sent"); });
    thread receiver([rx = ch.rx] {
      while (rx.recv()->value() != 7) {
      }
    });
    waits.reset();
    sender.join();
    receiver.join();
  });
}
TYPED_TEST(CoroutineMany, DestroyedPassesItsRoomOn) {
  destroyed_passes_its_room_on<TypeParam, alone>();
}
TYPED_TEST(CoroutineMany, DestroyedPassesItsRoomOnInASelect) {
  destroyed_passes_its_room_on<TypeParam, in_a_select>();
}

// A sender that goes: its message was received, or goes with it.
TYPED_TEST(CoroutineBounded, ADestroyedSenderHasSentOrNot) {
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    if (TypeParam::capacity == 1) require(ch.tx.try_send(parcel(1)).has_value(), "room");
    by_hand loop;
    told end;
    std::optional<task<bool>> waits(send_two(std::move(ch.tx)));
    loop.start(*waits, end);
    int received = 0;
    thread receiver([&received, &rx = ch.rx] {
      while (rx.recv()) ++received;
    });
    waits.reset();
    receiver.join();
    require(received <= 2, "none twice");
  });
}

// What was handed to a coroutine that is destroyed before its turn stays, also when the sender has gone.
template <class Flavour, class Wait>
void what_was_handed_over_stays() {
  prove([] {
    one_receives<Flavour, Wait> made;
    auto& [ch, loop, end, seen, waits] = made;
    require(ch.tx.try_send(parcel(7)).has_value(), "it waits");
    thread closer([tx = std::move(ch.tx)]() mutable { tx.reset(); });
    waits.reset();
    auto m = ch.rx.recv();
    require(m.has_value() && m->value() == 7, "the message");
    require(!ch.rx.recv(), "then closed");
    closer.join();
  });
}
TYPED_TEST(Coroutine, WhatWasHandedOverStays) { what_was_handed_over_stays<TypeParam, alone>(); }
TYPED_TEST(Coroutine, WhatWasHandedOverStaysInASelect) {
  what_was_handed_over_stays<TypeParam, in_a_select>();
}

// It goes to the receiver that waits behind, and dies with the last receiver.
template <class Flavour, class Wait>
void what_was_handed_over_goes_to_the_next() {
  prove([] {
    one_receives<Flavour, Wait> made;
    auto& [ch, loop, end, seen, waits] = made;
    require(ch.tx.try_send(parcel(7)).has_value(), "it waits");
    thread next([rx = ch.rx] { require(rx.recv().has_value(), "received"); });
    waits.reset();
    next.join();
  });
}
TYPED_TEST(CoroutineMany, WhatWasHandedOverGoesToTheNext) {
  what_was_handed_over_goes_to_the_next<TypeParam, alone>();
}
TYPED_TEST(CoroutineMany, WhatWasHandedOverGoesToTheNextInASelect) {
  what_was_handed_over_goes_to_the_next<TypeParam, in_a_select>();
}
template <class Flavour, class Wait>
void what_was_handed_over_dies_with_the_last_receiver() {
  prove([] {
    one_receives<Flavour, Wait> made;
    auto& [ch, loop, end, seen, waits] = made;
    require(ch.tx.try_send(parcel(7)).has_value(), "it waits");
    thread closer([tx = std::move(ch.tx)]() mutable { tx.reset(); });
    waits.reset();
    ch.rx.reset();
    closer.join();
  });
}
TYPED_TEST(Coroutine, WhatWasHandedOverDiesWithTheLastReceiver) {
  what_was_handed_over_dies_with_the_last_receiver<TypeParam, alone>();
}
TYPED_TEST(Coroutine, WhatWasHandedOverDiesWithTheLastReceiverInASelect) {
  what_was_handed_over_dies_with_the_last_receiver<TypeParam, in_a_select>();
}

// ---- who waits alone, and is served -----------------------------------------------------------------------

template <class Tx>
task<> send_one(const Tx& tx, int value, bool& sent) {
  auto done = co_await tx.async_send(parcel(value));
  sent = done.has_value();
}
template <class Tx>
task<bool> send_and_go(Tx tx) {
  auto sent = co_await tx.async_send(parcel(1));
  co_return sent.has_value();
}

/// A channel without room, and a coroutine that waits to send one message more.
template <class F>
struct full_and_one_waits {
  full_and_one_waits() {
    for (std::size_t i = 0; i < F::capacity; ++i)
      require(ch.tx.try_send(parcel(1)).has_value(), "there is room");
    loop.start(waits, end);
  }
  /// Lets it go on, taking what is in its way; then takes the rest. How many there were.
  int take_until_sent() {
    int taken = 0;
    for (;;) {
      while (loop.turn()) {
      }
      if (sent) break;
      require(ch.rx.try_recv().has_value(), "there is no room, or it would have gone on");
      ++taken;
    }
    while (ch.rx.try_recv()) ++taken;
    return taken;
  }

  decltype(F::template make<parcel>()) ch = F::template make<parcel>();
  by_hand loop;
  told end;
  bool sent = false;
  task<> waits = send_one(ch.tx, 2, sent);
};

template <class F>
class CoroutineSenders : public ::testing::Test {};
using two_places = ::testing::Types<flavour<mpmc, 2>, flavour<mpsc, 2>, flavour<spsc, 2>>;
TYPED_TEST_SUITE(CoroutineSenders, two_places, flavour_names);

// Two receivers make room for two senders; whoever is slower leaves nobody behind.
TYPED_TEST(CoroutineSenders, EachPlaceServesOne) {
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    require(ch.tx.try_send(parcel(1)) && ch.tx.try_send(parcel(2)), "room for two");
    by_hand loop;
    told ends[2];
    bool sent[2] = {false, false};
    task<> first = send_one(ch.tx, 3, sent[0]), second = send_one(ch.tx, 4, sent[1]);
    loop.start(first, ends[0]);
    loop.start(second, ends[1]);
    const auto take = [&rx = ch.rx] {
      require(rx.try_recv().has_value(), "there is one for each");
    };
    if constexpr (TypeParam::family::many_receivers) {
      thread other(take), slower(take);
      (void)loop.turn();  // perhaps one that was called in vain
      other.join();
      slower.join();
    } else {
      take();
      take();
    }
    while (loop.turn()) {
    }
    require(sent[0] && sent[1], "both went on");
    const int one = ch.rx.try_recv().value().value(), next = ch.rx.try_recv().value().value();
    require(one + next == 7, "both are there");
    require(one == 3 || TypeParam::family::many_receivers, "with one receiver, in their order");
  });
}

// Other senders come meanwhile: who was served in vain keeps its turn, and is not forgotten.
TYPED_TEST(CoroutineMany, ASenderThatOthersOvertake) {
  if constexpr (TypeParam::capacity != 1) {
    GTEST_SKIP() << "about one place";
  } else {
    prove([] {
      full_and_one_waits<TypeParam> m;
      int taken = 0, overtook = 0;
      thread other([&overtook, &tx = m.ch.tx] {
        for (int i : {3, 4}) overtook += tx.try_send(parcel(i)).has_value();
      });
      for (int i = 0; i < 2; ++i) taken += m.ch.rx.try_recv().has_value();
      other.join();
      require(taken + m.take_until_sent() == 2 + overtook, "each once");
    });
  }
}

// Somebody takes its message for it while it is being destroyed, and the channel ends.
TYPED_TEST(CoroutineBounded, DestroyedWhileItIsServed) {
  if (TypeParam::capacity != 1) GTEST_SKIP() << "about one place";
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    require(ch.tx.try_send(parcel(1)).has_value(), "room for one");
    by_hand loop;
    told end;
    std::optional<task<bool>> waits(send_and_go(std::move(ch.tx)));
    loop.start(*waits, end);
    int taken = 0;
    thread receiver([&taken, rx = std::move(ch.rx)] {
      for (int i = 0; i < 3; ++i) taken += rx.try_recv().has_value();
    });
    waits.reset();
    receiver.join();
    require(taken >= 1, "what was there before");
  });
}

// A sole sender's coroutine is served, while others send through the same handle in its thread: the receiver is
// out of the sender's side of the queue before they come to it.
using sole = flavour<spsc, 1>;
TEST(CoroutineSole, OthersSendThroughTheSameHandle) {
  prove([] {
    full_and_one_waits<sole> m;
    int taken = 0, overtook = 0;
    thread receiver([&taken, &rx = m.ch.rx] {
      for (int i = 0; i < 2; ++i) taken += rx.try_recv().has_value();
    });
    for (int i : {3, 4}) {
      overtook += m.ch.tx.try_send(parcel(i)).has_value();
      (void)m.loop.turn();
    }
    receiver.join();
    require(taken + m.take_until_sent() == 2 + overtook, "each once");
  });
}

// The same with a promise that is made at any moment.
TEST(CoroutineSole, AnotherIsPromisedThePlace) {
  prove([] {
    full_and_one_waits<sole> m;
    thread receiver([&rx = m.ch.rx] { (void)rx.try_recv(); });
    {
      strait::selector s;
      (void)s.send(m.ch.tx);
      const auto promise = s.try_select();
    }
    receiver.join();
    while (m.loop.turn()) {
    }
    require(m.sent && m.ch.rx.try_recv(), "it was not forgotten");
  });
}

// The same while a promise lasts, and when it is kept or given up: the receiver is out of the sender's side then.
struct sole_with_a_promise : full_and_one_waits<flavour<spsc, 2>> {
  // A coroutine that was called, so that there is room for a promise.
  sole_with_a_promise() {
    require(!ch.tx.try_send(parcel(9)), "full; it offers no more");
    require(ch.rx.try_recv().has_value(), "it is called");
  }
  // It finds the room promised, and offers again; the receiver makes room.
  void promised() {
    require(loop.turn() && !sent, "the room is not for it");
    receiver.emplace([this] { taken += ch.rx.try_recv().has_value(); });
  }
  void finish(int sent_others) {
    receiver->join();
    require(taken + take_until_sent() == 3 + sent_others, "each once");
  }

  int taken = 1;
  std::optional<thread> receiver;
};
TEST(CoroutineSole, AnotherKeepsItsPromise) {
  prove([] {
    sole_with_a_promise m;
    int others = 0;
    const auto make = [&m] {
      m.promised();
      return parcel(4);
    };
    strait::select(strait::on_send(m.ch.tx, make, [&](auto r) { others += r.has_value(); }),
                   strait::otherwise([] {}));
    require(others == 1, "it was promised");
    m.finish(others);
  });
}
TEST(CoroutineSole, AnotherGivesUpItsPromise) {
  prove([] {
    sole_with_a_promise m;
    strait::selector s;
    (void)s.send(m.ch.tx);
    {
      const auto promise = s.try_select();
      require(promise.has_value(), "there is room");
      m.promised();
    }
    m.finish(0);
  });
}

// It is served each time, before it has its turn; also after one that found room when it stood in line, and one
// that was destroyed there.
TEST(CoroutineSole, IsServedEachTime) {
  prove([] {
    auto ch = sole::make<parcel>();
    by_hand loop;
    {
      require(ch.tx.try_send(parcel(1)).has_value(), "room for one");
      bool sent = false;
      told end;
      task<> finds_room = send_one(ch.tx, 2, sent);
      thread receiver([&rx = ch.rx] { (void)rx.try_recv(); });
      loop.start(finds_room, end);
      receiver.join();
      while (loop.turn()) {
      }
      require(sent && ch.rx.try_recv(), "wherever the room came");
    }
    for (int round = 0; round < 3; ++round) {
      require(ch.tx.try_send(parcel(1)).has_value(), "room for one");
      bool sent = false;
      told end;
      task<> waits = send_one(ch.tx, 2, sent);
      loop.start(waits, end);
      if (round == 1) {
        {
          const task<> gone = std::move(waits);
        }
        require(ch.rx.try_recv().has_value(), "there");
        continue;
      }
      thread receiver([&rx = ch.rx] {
        require(rx.try_recv() && rx.try_recv(), "both, without a turn of the sender's");
      });
      receiver.join();
      require(loop.turn() && sent, "it goes on");
    }
  });
}

// It is served, goes on and ends with its channel, while the thread that put it into the line still tells who
// watches that line.
TEST(CoroutineMeets, WatchedWhileItsChannelGoes) {
  prove([] {
    auto ch = strait::bounded<parcel>(0);
    by_hand loop;
    told end;
    std::optional<task<bool>> waits(send_and_go(std::move(ch.tx)));
    thread starter([&] { loop.start(*waits, end); });
    {
      strait::selector s;
      (void)s.recv(ch.rx);
      require(s.ready().has_value(), "somebody stands there");
    }
    require(ch.rx.recv().has_value(), "received");
    require(loop.turn() && end.done, "it goes on");
    waits.reset();
    ch.rx.reset();
    starter.join();
  });
}

// With a pool: it goes on in one worker while the other one has not left the call that suspended it.
void goes_on_before_it_has_suspended(std::size_t capacity) {
  prove([capacity] {
    strait::thread_pool pool(2);
    strait::scope s(pool);
    auto ch = strait::bounded<parcel>(capacity);
    s.spawn([](strait::sender<parcel> tx) -> task<> {
      for (int i = 0; i < 2; ++i) {
        auto sent = co_await tx.async_send(parcel(i));
        require(sent.has_value(), "sent");
      }
    }(std::move(ch.tx)));
    s.spawn([](strait::receiver<parcel> rx) -> task<> {
      for (int i = 0; i < 2; ++i) {
        auto m = co_await rx.async_recv();
        require(m && m->value() == i, "in order");
      }
    }(std::move(ch.rx)));
    s.join();
  });
}
TEST(CoroutineMeets, GoesOnBeforeItHasSuspended) { goes_on_before_it_has_suspended(0); }
TEST(CoroutineMeets, GoesOnBeforeItHasSuspendedAtOnePlace) { goes_on_before_it_has_suspended(1); }

// ---- at the rendezvous: promises, and who goes while they last ------------------------------------------

// A receiver that goes while its sender makes the message: the sender learns of it, and finds another one.
template <class Wait>
void destroyed_while_its_partner_makes_the_message() {
  prove([] {
    auto ch = strait::bounded<parcel>(0);
    by_hand loop;
    told end;
    int seen = 0;
    thread sender([tx = ch.tx] {
      for (int i = 1; i <= 2; ++i) {
        bool sent = false;
        const auto look = [&](strait::send_result<parcel> r) {
          sent = r.has_value();
          require(sent || r.error().reason() == errc::full, "its receiver has gone");
        };
        while (!sent) strait::select(strait::on_send(tx, [&] { return parcel(i); }, look));
      }
    });
    std::optional<task<>> waits(receive_into<Wait>(ch.rx, seen));
    loop.start(*waits, end);
    waits.reset();
    for (int i = 1 + (seen == 1); i <= 2; ++i) {
      auto m = ch.rx.recv();
      require(m.has_value() && m->value() == i, "each message once, in order");
    }
    sender.join();
  });
}
TEST(CoroutineMeets, DestroyedWhileItsPartnerMakesTheMessage) {
  destroyed_while_its_partner_makes_the_message<alone>();
}
TEST(CoroutineMeets, DestroyedInASelectWhileItsPartnerMakesTheMessage) {
  destroyed_while_its_partner_makes_the_message<in_a_select>();
}

// It is the maker of the message itself that ends the receiver: that one goes at once, and does not wait for the
// message.
template <class Wait>
void destroyed_by_its_partners_maker() {
  prove([] {
    auto ch = strait::bounded<parcel>(0);
    by_hand loop;
    told end;
    int seen = 0;
    std::optional<task<>> waits(receive_into<Wait>(ch.rx, seen));
    thread receiver([&] { loop.start(*waits, end); });
    bool started = false;
    strait::select(strait::on_send(
        ch.tx,
        [&] {
          receiver.join();
          started = true;
          waits.reset();
          return parcel(1);
        },
        [&](strait::send_result<parcel> r) {
          require(!r && r.error().reason() == errc::full, "its receiver has gone");
        }));
    require(started && seen == 0, "nobody received it");
  });
}
TEST(CoroutineMeets, DestroyedByItsPartnersMaker) { destroyed_by_its_partners_maker<alone>(); }
TEST(CoroutineMeets, DestroyedInASelectByItsPartnersMaker) {
  destroyed_by_its_partners_maker<in_a_select>();
}

// A selector was promised the receiver, which goes before the selector brings its message, or just then.
TEST(CoroutineMeets, ASelectorLearnsThatItsReceiverHasGone) {
  prove([] {
    one_receives<flavour<mpmc, 0>, alone> made;
    auto& [ch, loop, end, seen, waits] = made;
    strait::selector s;
    (void)s.send(ch.tx);
    auto chosen = s.try_select();
    require(chosen.has_value(), "it stands in line");
    thread goes([&waits] { waits.reset(); });
    auto sent = chosen->send(ch.tx, parcel(7));
    require(sent.has_value() || sent.error().reason() == errc::full, "its receiver has gone");
    goes.join();
    auto m = ch.rx.try_recv();
    require(m.has_value() == sent.has_value(), "what was sent stays");
    require(!ch.rx.try_recv(), "and only once");
  });
}

// A message left behind that was promised to a selector, which gives it back: it stands there again.
TEST(CoroutineMeets, APromiseGivenBackLeavesTheMessageThere) {
  prove([] {
    one_receives<flavour<mpmc, 0>, alone> made;
    auto& [ch, loop, end, seen, waits] = made;
    require(ch.tx.try_send(parcel(7)).has_value(), "it waits");
    thread other([rx = ch.rx] {
      strait::selector s;
      (void)s.recv(rx);
      for (int i = 0; i < 2; ++i) (void)s.try_select();
    });
    waits.reset();
    other.join();
    auto m = ch.rx.try_recv();
    require(m.has_value() && m->value() == 7, "the message");
    require(!ch.rx.try_recv(), "and only once");
  });
}

// A message left behind is received before one that its sender offers afterwards to whoever is awake.
TEST(CoroutineMeets, WhatWasLeftBehindComesBeforeAnOffer) {
  options o;
  o.processors = 2;
  prove(
      [] {
        one_receives<flavour<mpmc, 0>, alone> made;
        auto& [ch, loop, end, seen, waits] = made;
        require(ch.tx.try_send(parcel(1)).has_value(), "it waits");
        thread sender([&tx = ch.tx] { require(tx.send(parcel(2)).has_value(), "sent"); });
        waits.reset();
        for (int expected : {1, 2}) {
          auto m = ch.rx.recv();
          require(m.has_value() && m->value() == expected, "in order");
        }
        sender.join();
      },
      o);
}

// Who stands in line comes before a thread that is awake and would take an offer.
TEST(CoroutineMeets, WhoStandsInLineComesBeforeWhoIsAwake) {
  options o;
  o.processors = 2;
  prove(
      [] {
        one_receives<flavour<mpmc, 0>, alone> made;
        auto& [ch, loop, end, seen, waits] = made;
        thread sender([&tx = ch.tx] {
          require(tx.send(parcel(1)).has_value(), "sent");
          require(tx.send(parcel(2)).has_value(), "sent");
        });
        auto m = ch.rx.recv();
        require(m.has_value() && m->value() == 2, "the second is for the thread");
        sender.join();
        while (loop.turn()) {
        }
        require(end.done && seen == 1, "the first is for the coroutine");
      },
      o);
}

// ---- ended by time and by a stop token ----------------------------------------------------------------

TYPED_TEST(Coroutine, AStopOrAMessage) {
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    strait::stop_source stop;
    bool was_sent = false;
    thread other([&was_sent, &tx = ch.tx, stop]() mutable {
      was_sent = tx.try_send(parcel(1)).has_value();
      stop.request_stop();
    });
    bool received = strait::sync_wait([](const auto& rx, strait::stop_token token) -> task<bool> {
      auto m = co_await rx.async_recv(token);
      require(m.has_value() || m.error() == errc::cancelled, "one of the two");
      co_return m.has_value();
    }(ch.rx, stop.get_token()));
    other.join();
    if (was_sent && !received) received = ch.rx.try_recv().has_value();
    require(received == was_sent, "nothing is lost");
  });
}

TYPED_TEST(Coroutine, ATimeoutOrAMessage) {
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    bool was_sent = false;
    thread other([&was_sent, &tx = ch.tx] { was_sent = tx.try_send(parcel(1)).has_value(); });
    bool received = strait::sync_wait([](const auto& rx) -> task<bool> {
      auto m = co_await rx.async_recv_for(1ms);
      require(m.has_value() || m.error() == errc::timeout, "one of the two");
      co_return m.has_value();
    }(ch.rx));
    other.join();
    if (was_sent && !received) received = ch.rx.try_recv().has_value();
    require(received == was_sent, "nothing is lost");
  });
}

// ---- the pool ---------------------------------------------------------------------------------------------

// Work from outside finds a worker, whether it is parking just then or not.
TEST(Pool, WorkFromOutsideIsDone) {
  prove([] {
    strait::thread_pool pool(1);
    strait::scope s(pool);
    int done = 0;
    s.spawn([](int& n) -> task<> {
      ++n;
      co_return;
    }(done));
    s.join();
    s.spawn([](int& n) -> task<> {
      ++n;
      co_return;
    }(done));
    s.join();
    require(done == 2, "both ran");
  });
}

// A worker that has more than it can do wakes the other one.
TEST(Pool, TwoWorkersShare) {
  prove([] {
    strait::thread_pool pool(2);
    strait::scope s(pool);
    auto ch = strait::bounded<parcel>(0);
    s.spawn([](strait::sender<parcel> tx) -> task<> {
      auto sent = co_await tx.async_send(parcel(1));
      require(sent.has_value(), "sent");
    }(std::move(ch.tx)));
    s.spawn([](strait::receiver<parcel> rx) -> task<> {
      auto m = co_await rx.async_recv();
      require(m.has_value(), "received");
    }(std::move(ch.rx)));
    s.join();
  });
}

// Each keeps its worker until the other one has come. Both may be left to a worker that is giving up its search.
TEST(Pool, TwoThatMeetGetAWorkerEach) {
  prove([] {
    strait::thread_pool pool(2);
    strait::check::yield();  // the workers come first
    strait::scope s(pool);
    auto there = strait::bounded<parcel>(1), back = strait::bounded<parcel>(1);
    auto meets = [](strait::sender<parcel> to, strait::receiver<parcel> from) -> task<> {
      require(to.try_send(parcel(1)).has_value(), "room");
      require(from.recv().has_value(), "it comes");
      co_return;
    };
    s.spawn(meets(std::move(there.tx), std::move(back.rx)));
    s.spawn(meets(std::move(back.tx), std::move(there.rx)));
    s.join();
  });
}

// They take turns so briskly that the other worker may leave them alone and watch; then one of them keeps the
// worker until the other one has gone on. `outside`: until somebody outside has.
TEST(Pool, WhoWatchesComesBack) {
  for (const bool outside : {false, true}) {
    prove([outside] {
      strait::thread_pool pool(2);
      strait::scope s(pool);
      auto ch = strait::bounded<parcel>(1);
      auto turns = [](int n) -> task<> {
        for (int i = 0; i < n; ++i) co_await strait::yield();
      };
      s.spawn([](strait::receiver<parcel> rx, task<> first) -> task<> {
        co_await std::move(first);
        require(rx.recv().has_value(), "received");
      }(std::move(ch.rx), turns(2)));
      auto send = [](strait::sender<parcel> tx, task<> first) -> task<> {
        co_await std::move(first);
        require(tx.try_send(parcel(1)).has_value(), "sent");
      };
      if (outside) {
        s.spawn(turns(2));
        s.spawn(send(std::move(ch.tx), turns(0)));
      } else {
        s.spawn(send(std::move(ch.tx), turns(2)));
      }
      s.join();
    });
  }
}

// It suspends in one worker and goes on in another: what it left in its frame goes with it.
TEST(Pool, ACoroutineGoesOnInAnotherWorker) {
  for (const bool rendezvous : {true, false}) {
    prove([rendezvous] {
      strait::thread_pool pool(2);
      strait::scope s(pool);
      auto ch = rendezvous ? strait::bounded<parcel>(0) : strait::unbounded<parcel>();
      s.spawn([](strait::receiver<parcel> rx) -> task<> {
        auto m = co_await rx.async_recv();
        require(m.has_value(), "received");
      }(ch.rx));
      require(ch.tx.send(parcel(1)).has_value(), "sent");
      s.join();
    });
  }
}

// A pool that ends destroys what still waits, and the messages with it.
TEST(Pool, WhatStillWaitsGoesWithIt) {
  prove([] {
    auto ch = strait::bounded<parcel>(1);
    {
      strait::thread_pool pool(1);
      strait::spawn(pool, [](strait::receiver<parcel> rx) -> task<> {
        auto a = co_await rx.async_recv();
        auto b = co_await rx.async_recv();
        require(false, "nobody sends a second one");
      }(ch.rx));
      require(ch.tx.send(parcel(1)).has_value(), "room");
    }
    (void)ch.rx.try_recv();
  });
}

// One worker is kept until a deadline has passed that the other one must keep.
TEST(Pool, ADeadlineIsKeptBesideABusyWorker) {
  prove([] {
    strait::thread_pool pool(2);
    strait::scope s(pool);
    auto ch = strait::bounded<parcel>(1);
    s.spawn(sleeps_and_sends(10ms, std::move(ch.tx)));
    s.spawn([](strait::receiver<parcel> rx) -> task<> {
      require(rx.recv().has_value(), "it keeps its worker until then");
      co_return;
    }(std::move(ch.rx)));
    s.join();
  });
}

// A deadline that becomes the earliest late. With two workers, where the one that keeps the deadlines may have to be
// told, the schedules with two preemptions are too many.
void the_shorter_sleep_comes_later(std::size_t workers) {
  strait::thread_pool pool(workers);
  strait::scope s(pool);
  auto ch = strait::bounded<parcel>(1);
  s.spawn(sleeps_and_sends(10ms, ch.tx));
  s.spawn(sleeps_and_sends(5ms, std::move(ch.tx)));
  require(ch.rx.recv().has_value(), "one of them comes");
  s.join();
}
TEST(Pool, TheShorterSleepComesLater) {
  prove([] { the_shorter_sleep_comes_later(1); });
}
TEST(Pool, TheShorterSleepComesLaterToTwoWorkers) {
  options o;
  o.preemptions = 1;
  prove([] { the_shorter_sleep_comes_later(2); }, o);
}

TEST(Pool, Sleeps) {
  prove([] {
    strait::thread_pool pool(1);
    strait::scope s(pool);
    s.spawn([]() -> task<> {
      const bool slept = co_await strait::sleep_for(5ms);
      require(slept, "nobody stops it");
    }());
    s.join();
  });
}

// ---- scope -----------------------------------------------------------------------------------------------

TEST(Scope, TheLastOneLetsGo) {
  prove([] {
    strait::thread_pool pool(2);
    for (int i = 0; i < 1; ++i) {
      strait::scope s(pool);
      s.spawn([]() -> task<> { co_return; }());
      s.spawn([]() -> task<> { co_return; }());
      s.join();
    }
  });
}

TEST(Scope, AFailureStopsTheOthers) {
  prove([] {
    strait::thread_pool pool(1);
    strait::scope s(pool);
    auto ch = strait::bounded<parcel>(1);
    s.spawn([](strait::receiver<parcel> rx, strait::stop_token token) -> task<> {
      auto m = co_await rx.async_recv(token);
      require(!m && m.error() == errc::cancelled, "stopped");
    }(ch.rx, s.get_token()));
    s.spawn([]() -> task<> {
      throw 7;
      co_return;
    }());
    bool caught = false;
    try {
      s.join();
    } catch (int e) {
      caught = e == 7;
    }
    require(caught, "the exception");
  });
}

TEST(WhenAll, EndsOnceOnTwoWorkers) {
  prove([] {
    strait::thread_pool pool(2);
    strait::scope s(pool);
    int sum = 0;
    s.spawn([](int& out) -> task<> {
      auto one = []() -> task<int> { co_return 1; };
      auto two = []() -> task<int> { co_return 2; };
      auto [a, b] = co_await strait::when_all(one(), two());
      out = a + b;
    }(sum));
    s.join();
    require(sum == 3, "both");
  });
}

// SPDX-License-Identifier: BSL-1.0
//
// Models of select, of selectors and of the promises they hold: what is never missed, and who is told when a
// promise is spent or dropped.
#include <chrono>
#include <optional>
#include <utility>

#include "models.hpp"

using namespace strait_test;
using namespace std::chrono_literals;

namespace {

template <class F>
class Select : public model_of<F> {};
using queues = ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 2>,
                                flavour<mpsc, no_bound>, flavour<mpsc, 1>, flavour<mpsc, 2>,
                                flavour<spsc, no_bound>, flavour<spsc, 1>, flavour<spsc, 2>,
                                flavour<awake, 1>>;
TYPED_TEST_SUITE(Select, queues, flavour_names);

template <class F>
class SelectManyReceivers : public ::testing::Test {};
using many_receivers =
    ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 2>>;
TYPED_TEST_SUITE(SelectManyReceivers, many_receivers, flavour_names);

template <class F>
class SelectManySenders : public ::testing::Test {};
using many_senders =
    ::testing::Types<flavour<mpmc, 1>, flavour<mpmc, 2>, flavour<mpsc, 1>, flavour<mpsc, 2>>;
TYPED_TEST_SUITE(SelectManySenders, many_senders, flavour_names);

// Leaves room for `room` messages.
template <class Channel>
void fill(const Channel& ch, std::size_t room) {
  for (std::size_t i = room; i < ch.tx.capacity(); ++i)
    require(ch.tx.try_send(parcel(9)).has_value(), "room");
}

// What the selector chose, to be dropped by reset().
__attribute__((noinline)) std::optional<strait::selected> promised(strait::selector& s) {
  auto chosen = s.try_select();
  require(chosen.has_value(), "promised");
  return std::optional<strait::selected>(std::move(*chosen));
}

template <class Rx>
void drain(const Rx& rx) {
  while (rx.try_recv()) {
  }
}

}  // namespace

// ---- a partner stands in line ------------------------------------------------------------------

template <class F>
class SelectLine : public model_of<F> {};
using lines =
    ::testing::Types<flavour<mpmc, 0>, flavour<mpsc, 0>, flavour<spsc, 0>, flavour<awake, 0>>;
TYPED_TEST_SUITE(SelectLine, lines, flavour_names);

void sleeps(const thread& t) {
  while (!t.asleep()) strait::check::yield();
}

// A promise finds the sender (the receiver) who sleeps in line: "nothing is ready" would be wrong.
TYPED_TEST(SelectLine, APromiseMeetsTheSender) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([out = std::move(tx)] { require(out.send(parcel(1)).has_value(), "sent"); });
    sleeps(sender);
    strait::selector s;
    s.recv(rx);
    auto chosen = s.try_select();
    require(chosen.has_value(), "somebody stands in line");
    auto m = chosen->recv(rx);
    require(m && m->value() == 1, "received");
    sender.join();
  });
}
TYPED_TEST(SelectLine, APromiseMeetsTheReceiver) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread receiver([in = std::move(rx)] {
      auto m = in.recv();
      require(m && m->value() == 1, "received");
    });
    sleeps(receiver);
    strait::selector s;
    s.send(tx);
    auto chosen = s.try_select();
    require(chosen.has_value(), "somebody stands in line");
    require(chosen->send(tx, parcel(1)).has_value(), "sent");
    receiver.join();
  });
}

// Somebody closes meanwhile: then it is the partner or `closed`, both of which are ready.
TYPED_TEST(SelectLine, APromiseAgainstAClose) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread receiver([&rx = rx] { (void)rx.recv(); });
    sleeps(receiver);
    thread closer([&rx = rx] { rx.close(); });
    strait::selector s;
    s.send(tx);
    auto chosen = s.try_select();
    require(chosen.has_value(), "somebody stands in line, or it is closed");
    (void)chosen->send(tx, parcel(1));
    receiver.join();
    closer.join();
  });
}
// The same for a select whose message is made when it is chosen.
TYPED_TEST(SelectLine, AMakerAgainstAClose) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread receiver([&rx = rx] { (void)rx.recv(); });
    sleeps(receiver);
    thread closer([&rx = rx] { rx.close(); });
    bool missed = false;
    strait::select(strait::on_send(
                       tx, [] { return parcel(1); }, [](strait::send_result<parcel>) {}),
                   strait::otherwise([&] { missed = true; }));
    require(!missed, "somebody stands in line, or it is closed");
    receiver.join();
    closer.join();
  });
}

// ---- two selects meet ---------------------------------------------------------------------------

// Each stands in the other's line already when it comes to its second arm: both are about to claim the other.
TYPED_TEST(SelectLine, TwoSelectsThatCross) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    int met = 0;
    thread other([&] {
      strait::select_biased(strait::on_recv(a.rx, [&](parcel) { ++met; }),
                            strait::on_send(b.tx, parcel(2), [](strait::send_result<parcel> r) {
                              require(r.has_value(), "sent");
                            }));
    });
    strait::select_biased(strait::on_recv(b.rx, [&](parcel) { ++met; }),
                          strait::on_send(a.tx, parcel(1), [](strait::send_result<parcel> r) {
                            require(r.has_value(), "sent");
                          }));
    other.join();
    require(met == 1, "one message");
  });
}

// Both partners have only promised to come: the message is made and taken once.
TYPED_TEST(SelectLine, BothHavePromised) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int made = 0;
    thread sender([&, &tx = tx] {
      strait::select(strait::on_send(
          tx,
          [&] {
            ++made;
            return parcel(made);
          },
          [](strait::send_result<parcel> r) { require(r.has_value(), "sent"); }));
      require(made == 1, "made once");
      tx.close();
    });
    strait::selector s;
    s.recv(rx);
    auto chosen = s.select();
    require(chosen.has_value(), "chosen");
    auto m = chosen->recv(rx);
    require(m && m->value() == 1, "received");
    require(!rx.recv().has_value(), "once");
    sender.join();
  });
}

// The partner that was promised gives up (what makes its message throws); then another one comes.
TYPED_TEST(SelectLine, APartnerGivesUpAndAnotherOneComes) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([&, &tx = tx] {
      try {
        strait::select(strait::on_send(tx, []() -> parcel { throw 1; }));
      } catch (int) {
        require(tx.send(parcel(1)).has_value(), "sent");
      }
    });
    int got = 0;
    strait::select(strait::on_recv(rx, [&](parcel m) { got = m.value(); }));
    require(got == 1, "received");
    sender.join();
  });
}

// ---- otherwise: nothing was ready at one instant ---------------------------------------------------

// A message moves to the channel that was looked at first: one of the two holds one at every instant.
TYPED_TEST(SelectManyReceivers, AMessageThatMovesIsNotMissed) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    require(b.tx.try_send(parcel(1)).has_value(), "room");
    thread mover([tx = a.tx, rx = b.rx] {
      require(tx.try_send(parcel(2)).has_value(), "room");
      (void)rx.try_recv();
    });
    bool missed = false;
    const auto take = [](parcel) {};
    strait::select_biased(strait::on_recv(a.rx, take), strait::on_recv(b.rx, take),
                          strait::otherwise([&] { missed = true; }));
    require(!missed, "one of them held a message");
    mover.join();
  });
}

// Room moves likewise.
TYPED_TEST(SelectManySenders, RoomThatMovesIsNotMissed) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    fill(a, 0);
    fill(b, 1);
    thread mover([rx = std::move(a.rx), tx = b.tx] {
      require(rx.try_recv().has_value(), "a message");
      (void)tx.try_send(parcel(2));
    });
    bool missed = false;
    strait::select_biased(strait::on_send(a.tx, parcel(3)), strait::on_send(b.tx, parcel(4)),
                          strait::otherwise([&] { missed = true; }));
    require(!missed, "one of them had room");
    mover.join();
  });
}

// An arm that drops out between the rounds does not hide the next one.
TYPED_TEST(SelectManyReceivers, AnArmThatDropsOutHidesNoOther) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    auto c = TypeParam::template make<parcel>();
    require(c.tx.try_send(parcel(1)).has_value(), "room");
    thread mover([closing = a.tx, tx = b.tx, rx = c.rx] {
      require(tx.try_send(parcel(2)).has_value(), "room");
      (void)rx.try_recv();
      closing.close();
    });
    bool missed = false;
    const auto take = [](parcel) {};
    strait::select_biased(strait::on_recv(a.rx, take), strait::on_recv(b.rx, take),
                          strait::on_recv(c.rx, take), strait::otherwise([&] { missed = true; }));
    require(!missed, "one of them held a message");
    mover.join();
  });
}

// What a sender finished before is there, also behind another one that is in the middle of its own send.
TYPED_TEST(Select, OtherwiseIsNotTakenOverASendThatIsDone) {
  if (!TypeParam::family::many_senders || TypeParam::capacity == 1)
    GTEST_SKIP() << "two senders, room for two";
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    if constexpr (TypeParam::family::many_senders) {
      thread slow([tx = ch.tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
      thread quick([tx = ch.tx] { require(tx.send(parcel(2)).has_value(), "sent"); });
      quick.join();
      bool missed = false;
      strait::select(strait::on_recv(ch.rx, [](parcel) {}),
                     strait::otherwise([&] { missed = true; }));
      require(!missed, "a message was sent before");
      slow.join();
      drain(ch.rx);
    }
  });
}

// ---- promises --------------------------------------------------------------------------------------

// The channel closes while its last message is promised: who waits for what becomes of it learns it.
TYPED_TEST(SelectManyReceivers, ASpentPromiseTellsWhoWaits) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    require(tx.try_send(parcel(1)).has_value(), "room");
    strait::selector s;
    (void)s.recv(rx);
    auto chosen = s.try_select();
    require(chosen.has_value(), "promised");
    thread receiver([rx = rx] { require(rx.recv().error() == errc::closed, "nothing is left"); });
    thread closer([tx = std::move(tx)]() mutable { tx.reset(); });
    require(chosen->recv(rx).has_value(), "ours");
    receiver.join();
    closer.join();
  });
}

TYPED_TEST(SelectManyReceivers, ADroppedPromiseTellsAllThatWait) {
  prove(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        require(tx.try_send(parcel(1)).has_value(), "room");
        strait::selector s;
        (void)s.recv(rx);
        auto chosen = promised(s);
        tx.close();
        bool taken[3] = {};
        thread receivers[] = {thread([&, rx = rx] { taken[0] = rx.recv().has_value(); }),
                              thread([&, rx = rx] { taken[1] = rx.recv().has_value(); }),
                              thread([&, rx = rx] { taken[2] = rx.recv().has_value(); })};
        chosen.reset();
        for (thread& t : receivers) t.join();
        require(taken[0] + taken[1] + taken[2] == 1, "one of them");
      },
      {.preemptions = 1});
}

// A promise outlives the handles: dropped then, its message dies at once.
TYPED_TEST(Select, ADroppedPromiseOutlivesTheReceivers) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    require(tx.try_send(parcel(1)).has_value(), "room");
    strait::selector s;
    (void)s.recv(rx);
    auto chosen = promised(s);
    if constexpr (TypeParam::family::many_receivers) {
      thread other([last = rx]() mutable { last.reset(); });
      rx.reset();
      chosen.reset();
      other.join();
    } else {
      rx.reset();
      chosen.reset();
    }
    require(parcel::live == 0, "destroyed then and there");
    require(tx.is_closed(), "closed");
  });
}

// A promise of room is dropped, or spent on a closed channel: nobody sleeps on.
TYPED_TEST(Select, APromiseOfRoomAgainstAClose) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    strait::selector s;
    (void)s.send(tx);
    auto chosen = s.try_select();
    require(chosen.has_value(), "promised");
    bool taken = false;
    thread receiver([&, rx = std::move(rx)] {
      auto m = rx.recv();
      taken = m.has_value();
      if (taken) m = rx.recv();
      require(m.error() == errc::closed, "then closed");
    });
    const bool late = strait::check::choose(2) != 0;
    std::optional<thread> closer;
    if (late) {
      tx.close();
    } else {
      closer.emplace([&tx = tx] { tx.close(); });
    }
    const bool sent = chosen->send(tx, parcel(1)).has_value();
    if (closer) closer->join();
    receiver.join();
    require(taken == sent, "what was sent arrives");
    require(!(late && sent), "closed before");
  });
}

// Promised room keeps another sender out; dropped, it lets it in.
TYPED_TEST(SelectManySenders, ADroppedPromiseOfRoomLetsTheNextIn) {
  prove([] {
    auto ch = TypeParam::template make<parcel>();
    fill(ch, 1);
    strait::selector s;
    (void)s.send(ch.tx);
    auto chosen = promised(s);
    thread sender([tx = ch.tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
    chosen.reset();
    sender.join();
    drain(ch.rx);
  });
}

// While a promise is dropped, otherwise must see what it gives back.
TYPED_TEST(SelectManyReceivers, AMessageGivenBackIsNotMissed) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    require(a.tx.try_send(parcel(1)).has_value() && b.tx.try_send(parcel(2)).has_value(), "room");
    strait::selector s;
    (void)s.recv(a.rx);
    auto chosen = promised(s);
    bool missed = false;
    thread selecting([&, ra = a.rx, rb = b.rx] {
      const auto take = [](parcel) {};
      strait::select_biased(strait::on_recv(ra, take), strait::on_recv(rb, take),
                            strait::otherwise([&] { missed = true; }));
    });
    chosen.reset();
    (void)b.rx.try_recv();
    selecting.join();
    require(!missed, "one of them had a message at every instant");
    drain(a.rx);
    drain(b.rx);
  });
}

TYPED_TEST(SelectManySenders, RoomGivenBackIsNotMissed) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    fill(a, 1);
    fill(b, 1);
    strait::selector s;
    (void)s.send(a.tx);
    auto chosen = promised(s);
    bool missed = false;
    thread selecting([&, ta = a.tx, tb = b.tx] {
      strait::select_biased(strait::on_send(ta, parcel(3)), strait::on_send(tb, parcel(4)),
                            strait::otherwise([&] { missed = true; }));
    });
    chosen.reset();
    (void)b.tx.try_send(parcel(5));
    selecting.join();
    require(!missed, "one of them had room at every instant");
    drain(a.rx);
    drain(b.rx);
  });
}

// ---- the rendezvous --------------------------------------------------------------------------------

// Two selectors choose each other; each completes or drops its operation.
TEST(Rendezvous, TwoSelections) {
  prove([] {
    auto [tx, rx] = strait::rendezvous<parcel>();
    const bool sends = strait::check::choose(2) != 0, takes = strait::check::choose(2) != 0;
    bool sent = false;
    thread sender([&, tx = tx] {
      strait::selector s;
      (void)s.send(tx);
      auto chosen = s.select();
      require(chosen.has_value(), "chosen");
      if (!sends) return;
      auto r = chosen->send(tx, parcel(1));
      sent = r.has_value();
      require(sent || r.error().reason() == errc::full, "sent, or the partner dropped it");
      require(sent == takes, "sent if the partner takes it");
    });
    strait::selector s;
    (void)s.recv(rx);
    auto chosen = s.select();
    require(chosen.has_value(), "chosen");
    if (takes) {
      auto m = chosen->recv(rx);
      require(m.has_value() == sends, "taken if the partner sends it");
      require(m || m.error() == errc::empty, "or the partner dropped it");
    } else {
      auto dropped = std::move(*chosen);
    }
    sender.join();
    require(sent == (sends && takes), "both know the same");
  });
}

// The same operations once more: what they brought the first time is not taken for what they bring now.
TEST(Rendezvous, TwoSelectionsAgain) {
  prove([] {
    auto [tx, rx] = strait::rendezvous<parcel>();
    thread sender([tx = tx] {
      strait::selector s;
      (void)s.send(tx);
      for (int i : {1, 2}) {
        auto chosen = s.select();
        require(chosen && chosen->send(tx, parcel(i)), "sent");
      }
    });
    strait::selector s;
    (void)s.recv(rx);
    for (int i : {1, 2}) {
      auto chosen = s.select();
      require(chosen.has_value(), "chosen");
      auto m = chosen->recv(rx);
      require(m && m->value() == i, "each once, in order");
    }
    sender.join();
  });
}

// A plain operation met a selector that drops its own: it waits on, as long as it said.
TEST(Rendezvous, ADroppedPartnerAndADeadline) {
  prove([] {
    auto [tx, rx] = strait::rendezvous<parcel>();
    const unsigned how = strait::check::choose(3);
    strait::stop_source stop;
    thread waiting([&, rx = rx] {
      if (how == 0) require(rx.recv_for(1ms).error() == errc::timeout, "timed out");
      if (how == 1) require(rx.recv(stop.get_token()).error() == errc::cancelled, "cancelled");
      if (how == 2) require(rx.recv().error() == errc::closed, "closed");
    });
    {
      strait::selector s;
      (void)s.send(tx);
      (void)s.try_select();
    }
    if (how == 1) stop.request_stop();
    if (how == 2) tx.close();
    waiting.join();
  });
}

// The same, and another sender comes: the receiver has kept its turn before one that came later.
TEST(Rendezvous, ADroppedPartnerAndALateSender) {
  prove([] {
    auto [tx, rx] = strait::rendezvous<parcel>();
    int got = 0;
    thread waiting([&, rx = rx] { got = rx.recv_for(1ms).has_value(); });
    {
      strait::selector s;
      (void)s.send(tx);
      (void)s.try_select();
    }
    const bool sent = tx.send_for(parcel(1), 1ms).has_value();
    waiting.join();
    require(got == (sent ? 1 : 0), "both or neither");
  });
}

// ready() sleeps until somebody stands on the other side, whoever that is, or the channel closes.
TEST(Rendezvous, ReadyHearsOfThePartner) {
  prove([] {
    auto [tx, rx] = strait::rendezvous<parcel>();
    const unsigned how = strait::check::choose(4);
    const bool receives = strait::check::choose(2) != 0;
    thread partner([&, tx = tx, rx = rx] {
      if (how == 0) return tx.close();
      if (how == 1 && receives) require(tx.send(parcel(1)).has_value(), "sent");
      if (how == 1 && !receives) require(rx.recv().has_value(), "received");
      if (how == 2 && receives) strait::select(strait::on_send(tx, parcel(1)));
      if (how == 2 && !receives) strait::select(strait::on_recv(rx));
      if (how == 3 && receives) strait::select(strait::on_send(tx, [] { return parcel(1); }));
      if (how == 3 && !receives) strait::select(strait::on_recv(rx, [](parcel) {}));
    });
    strait::selector s;
    (void)(receives ? s.recv(rx) : s.send(tx));
    require(s.ready().has_value(), "it is told");
    if (how != 0 && receives) require(rx.recv().has_value(), "received");
    if (how != 0 && !receives) require(tx.send(parcel(2)).has_value(), "sent");
    partner.join();
  });
}

// Who asks for readiness leaves nothing behind in the line.
TEST(Rendezvous, ReadyGivesUp) {
  prove([] {
    auto [tx, rx] = strait::rendezvous<parcel>();
    {
      strait::selector s;
      (void)s.recv(rx);
      require(s.ready_for(1ms).error() == errc::timeout, "nobody came");
    }
    thread sender([tx = tx] { require(tx.send(parcel(1)).has_value(), "sent"); });
    require(rx.recv().has_value(), "received");
    sender.join();
  });
}

// Each of two selects stands in the line where the other looks: both claim, one steps back.
TEST(Rendezvous, SelectsClaimEachOther) {
  prove([] {
    auto a = strait::rendezvous<parcel>();
    auto b = strait::rendezvous<parcel>();
    int done = 0;
    const bool lazy = strait::check::choose(2) != 0;
    thread other([&] {
      if (lazy) {
        strait::select_biased(strait::on_recv(a.rx),
                              strait::on_send(b.tx, [] { return parcel(2); }));
      } else {
        strait::select_biased(strait::on_recv(a.rx), strait::on_send(b.tx, parcel(2)));
      }
    });
    strait::select_biased(strait::on_recv(b.rx, [&](parcel) { ++done; }),
                          strait::on_send(a.tx, parcel(1), [&](auto r) { done += r.has_value(); }));
    other.join();
    require(done == 1, "they met once");
  });
}

// A message that is made when it is chosen, for a receiver that only tries.
TEST(Rendezvous, AMessageIsMadeForWhoTries) {
  prove([] {
    auto [tx, rx] = strait::rendezvous<parcel>();
    bool sent = false;
    thread maker([&, tx = std::move(tx)] {
      strait::select(strait::on_send(
                         tx, [] { return parcel(1); }, [&](auto r) { sent = r.has_value(); }),
                     strait::on_timeout(1ms));
    });
    const bool got = rx.try_recv().has_value();
    rx.close();
    maker.join();
    require(got == sent, "both or neither");
  });
}

// SPDX-License-Identifier: BSL-1.0
//
// Models of the channels, through the public interface: every flavour, every schedule within the bounds.
// Segments hold three messages here and rings two, so that each model crosses a segment or wraps a ring.
#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include "models.hpp"

using namespace strait_test;
using namespace std::chrono_literals;

namespace {

// STRAIT_MODEL_FLAVOUR builds the models for one flavour alone: -D'STRAIT_MODEL_FLAVOUR=flavour<mpmc, 1>'
template <class F>
class Channel : public model_of<F> {};
#ifdef STRAIT_MODEL_FLAVOUR
using every_flavour = ::testing::Types<STRAIT_MODEL_FLAVOUR>;
using with_many_senders = every_flavour;
using with_many_receivers = every_flavour;
#else
using every_flavour =
    ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 2>, flavour<mpmc, 0>,
                     flavour<mpsc, no_bound>, flavour<mpsc, 1>, flavour<mpsc, 2>, flavour<mpsc, 0>,
                     flavour<spsc, no_bound>, flavour<spsc, 1>, flavour<spsc, 2>, flavour<spsc, 0>,
                     flavour<awake, 0>, flavour<awake, 1>>;
using with_many_senders =
    ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 2>, flavour<mpmc, 0>,
                     flavour<mpsc, no_bound>, flavour<mpsc, 1>, flavour<mpsc, 2>, flavour<mpsc, 0>,
                     flavour<awake, 0>, flavour<awake, 1>, flavour<weary, 1>>;
using with_many_receivers =
    ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 2>, flavour<mpmc, 0>,
                     flavour<awake, 0>, flavour<awake, 1>, flavour<weary, 1>>;
#endif
TYPED_TEST_SUITE(Channel, every_flavour, flavour_names);

template <class F>
class ManySenders : public model_of<F> {};
TYPED_TEST_SUITE(ManySenders, with_many_senders, flavour_names);

template <class F>
class ManyReceivers : public model_of<F> {};
TYPED_TEST_SUITE(ManyReceivers, with_many_receivers, flavour_names);

}  // namespace

// Four messages from one thread to another: in order, all of them, then closed.
TYPED_TEST(Channel, OneToOne) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([tx = std::move(tx)] {
      for (int i = 0; i < 4; ++i) require(tx.send(parcel(i)).has_value(), "a receiver is there");
    });
    for (int i = 0; i < 4; ++i) {
      auto m = rx.recv();
      require(m && m->value() == i, "in order");
    }
    auto end = rx.recv();
    require(!end && end.error() == errc::closed, "then closed");
  });
}

// The same where the system has no membarrier, so that all fences are full.
TYPED_TEST(Channel, OneToOneWithoutMembarrier) {
  options without;
  without.asymmetric = false;
  prove(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        thread sender([tx = std::move(tx)] {
          for (int i = 0; i < 2; ++i)
            require(tx.send(parcel(i)).has_value(), "a receiver is there");
        });
        for (int i = 0; i < 2; ++i) {
          auto m = rx.recv();
          require(m && m->value() == i, "in order");
        }
        auto end = rx.recv();
        require(!end && end.error() == errc::closed, "then closed");
        sender.join();
      },
      without);
}

// The same without waiting: try_send and try_recv in loops. Never a false closed, never out of order.
TYPED_TEST(Channel, OneToOneTrying) {
  if (TypeParam::capacity == 0) GTEST_SKIP() << "two that only try never meet";
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([tx = std::move(tx)] {
      for (int i = 0; i < 3;) {
        auto r = tx.try_send(parcel(i));
        if (r) {
          ++i;
        } else {
          require(r.error().reason() == errc::full, "full or sent");
          strait::check::yield();
        }
      }
    });
    for (int i = 0; i < 3;) {
      auto m = rx.try_recv();
      if (m) {
        require(m->value() == i, "in order");
        ++i;
      } else {
        require(m.error() == errc::empty, "three must come before closed");
        strait::check::yield();
      }
    }
  });
}

// The receiver goes at any moment: every message dies once, and a send says what became of it.
TYPED_TEST(Channel, TheReceiverGoes) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([tx = std::move(tx)] {
      bool refused = false;
      for (int i = 0; i < 4; ++i) {
        auto r = tx.send(parcel(i));
        require(!(refused && r), "closed is for good");
        if (!r) {
          require(r.error().reason() == errc::closed && r.error().value().value() == i,
                  "the message comes back");
          refused = true;
        }
      }
    });
    auto m = rx.recv();
    require(m && m->value() == 0, "the first");
    rx.reset();
  });
}

// close() against a send and a receive.
TYPED_TEST(Channel, Closing) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int sent = 0;
    thread sender([&, tx = std::move(tx)] {
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
  });
}

// A receive that times out at any moment: the message is taken once, by it or by the next.
TYPED_TEST(Channel, Timeouts) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int sent = 0;
    thread sender([&, tx = std::move(tx)] {
      for (int i = 0; i < 2; ++i) {
        auto r = tx.send_for(parcel(i), 1ms);
        sent += r.has_value();
        if (!r) require(r.error().reason() == errc::timeout, "timeout");
      }
    });
    int taken = 0;
    for (int i = 0; i < 3; ++i) {
      auto m = rx.recv_for(1ms);
      taken += m.has_value();
      require(m || m.error() == errc::timeout || m.error() == errc::closed, "timeout or closed");
    }
    sender.join();
    while (rx.try_recv()) ++taken;
    require(sent == taken, "nothing is lost or invented");
  });
}

// For the largest: one preemption less where it is also tried what comes of not looking around.
template <class F>
options large() {
  options o;
  if constexpr (std::is_same_v<typename F::family, weary>) o.preemptions = 1;
  return o;
}

// Three threads that send and receive all the time: here no side becomes quiet, or the schedules are too many.
// TheFreePlaceIsPassedOn, TheWakeUpIsPassedOn and OneToOne let them.
void prove_lively(const body& b, options o = {}) {
  o.long_streaks = 0;
  prove(b, o);
}

// Two senders, one receiver: each sender's messages in order, none twice.
TYPED_TEST(ManySenders, TwoToOne) {
  prove_lively(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        auto tx2 = tx;
        thread first([tx = std::move(tx)] {
          for (int i : {10, 11}) require(tx.send(parcel(i)).has_value(), "sent");
        });
        thread second([tx = std::move(tx2)] {
          for (int i : {20, 21}) require(tx.send(parcel(i)).has_value(), "sent");
        });
        int next[3] = {0, 10, 20};
        for (int n = 0; n < 4; ++n) {
          auto m = rx.recv();
          require(m.has_value(), "four come");
          const int who = m->value() / 10;
          require(m->value() == next[who]++, "each in order");
        }
        require(!rx.recv(), "then closed");
      },
      large<TypeParam>());
}

// One sender, two receivers: each message once; both receivers see the end.
TYPED_TEST(ManyReceivers, OneToTwo) {
  prove_lively(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        auto rx2 = rx;
        int sums[2] = {0, 0};
        const auto take_all = [](auto& mine, int& sum) {
          int last = -1;
          while (auto m = mine.recv()) {
            require(m->value() > last, "in order for each");
            last = m->value();
            sum += m->value();
          }
        };
        thread second([&, mine = std::move(rx2)] { take_all(mine, sums[1]); });
        thread sender([tx = std::move(tx)] {
          for (int i : {1, 2, 4}) require(tx.send(parcel(i)).has_value(), "sent");
        });
        take_all(rx, sums[0]);
        second.join();
        require(sums[0] + sums[1] == 7, "each once");
      },
      large<TypeParam>());
}

// A waiter that gives up while it is woken: the wake-up goes to the other one.
TYPED_TEST(ManyReceivers, TheWakeUpIsPassedOn) {
  prove(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        auto rx2 = rx;
        bool one_more = false;
        int taken = 0;
        thread impatient([&, mine = std::move(rx2)] { one_more = mine.recv_for(1ms).has_value(); });
        thread sender([tx = std::move(tx)] {
          require(tx.send(parcel(1)).has_value(), "sent");
          require(tx.send(parcel(2)).has_value(), "sent");
        });
        while (auto m = rx.recv()) ++taken;
        impatient.join();
        require(taken + (one_more ? 1 : 0) == 2, "both arrive");
      },
      large<TypeParam>());
}

// Nobody closes: a wake-up that is lost is not made good by the end of the channel.
TYPED_TEST(Channel, StaysOpen) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([&] {
      for (int i = 0; i < 3; ++i) require(tx.send(parcel(i)).has_value(), "sent");
    });
    for (int i = 0; i < 3; ++i) {
      auto m = rx.recv();
      require(m && m->value() == i, "in order");
    }
    sender.join();
  });
}

// The same with a receiver that gives up: who took the message sends it on to the patient one.
TYPED_TEST(ManyReceivers, TheWakeUpIsPassedOnWhileOpen) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread impatient([&, mine = rx] {
      if (auto m = mine.recv_for(1ms)) require(tx.send(std::move(*m)).has_value(), "sent on");
    });
    thread sender([&] { require(tx.send(parcel(1)).has_value(), "sent"); });
    auto m = rx.recv();
    require(m && m->value() == 1, "it arrives");
    impatient.join();
    sender.join();
  });
}

// The mirror image: a sender that gives up while a place is free for the patient one.
TYPED_TEST(ManySenders, TheFreePlaceIsPassedOn) {
  if (TypeParam::capacity == no_bound) GTEST_SKIP() << "nobody waits to send";
  prove(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        for (std::size_t i = 0; i < TypeParam::capacity; ++i)
          require(tx.try_send(parcel(0)).has_value(), "room");
        bool one_more = false;
        thread impatient([&, mine = tx] { one_more = mine.send_for(parcel(1), 1ms).has_value(); });
        thread patient([&, mine = tx] { require(mine.send(parcel(2)).has_value(), "sent"); });
        bool seen = false;
        while (!seen) {
          auto m = rx.recv();
          require(m.has_value(), "open");
          seen = m->value() == 2;
        }
        while (rx.recv_for(1ms)) {
        }
        impatient.join();
        patient.join();
        (void)rx.try_recv();
      },
      large<TypeParam>());
}

// The same where the place is promised to a select meanwhile, which gives it back: whoever makes room cannot send the
// message of the one who waits, and must not forget it.
TYPED_TEST(ManySenders, APromisedPlaceIsGivenBack) {
  if (TypeParam::capacity == no_bound) GTEST_SKIP() << "nobody waits to send";
  if (TypeParam::capacity == 0) GTEST_SKIP() << "a place is promised by a receiver that waits";
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    for (std::size_t i = 0; i < TypeParam::capacity; ++i)
      require(tx.try_send(parcel(0)).has_value(), "room");
    thread patient([&, mine = tx] { require(mine.send(parcel(1)).has_value(), "sent"); });
    thread undecided([mine = tx] {
      strait::selector s;
      (void)s.send(mine);
      auto dropped = s.try_select();
    });
    for (bool seen = false; !seen;) {
      auto m = rx.recv();
      require(m.has_value(), "open");
      seen = m->value() == 1;
    }
    patient.join();
    undecided.join();
  });
}

// A sender that waits in line is stopped, while whoever makes room may be about to send its message: it is told the
// truth, and gets its message back if it was not sent.
TYPED_TEST(ManySenders, AWaitingSenderIsStopped) {
  if (TypeParam::capacity == no_bound) GTEST_SKIP() << "nobody waits to send";
  if (TypeParam::capacity == 0) GTEST_SKIP() << "see StopTokens";
  options o;
  o.spurious_wakes = 1;
  prove(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        for (std::size_t i = 0; i < TypeParam::capacity; ++i)
          require(tx.try_send(parcel(0)).has_value(), "room");
        strait::stop_source stop;
        bool sent = false;
        thread sender([&, mine = tx] {
          auto r = mine.send(parcel(1), stop.get_token());
          sent = r.has_value();
          require(r || r.error().reason() == errc::cancelled, "sent or cancelled");
          require(r || r.error().value().value() == 1, "it is there again");
        });
        thread stopper([&] { stop.request_stop(); });
        require(rx.recv().has_value(), "the first one");
        sender.join();
        int taken = 0;
        while (auto m = rx.try_recv()) taken += m->value() == 1;
        require(taken == (sent ? 1 : 0), "nothing is lost or invented");
        stopper.join();
      },
      o);
}

// The same with deadlines.
TYPED_TEST(ManySenders, AWaitingSendersTimeIsUp) {
  if (TypeParam::capacity == no_bound) GTEST_SKIP() << "nobody waits to send";
  if (TypeParam::capacity == 0) GTEST_SKIP() << "see Timeouts";
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    for (std::size_t i = 0; i < TypeParam::capacity; ++i)
      require(tx.try_send(parcel(0)).has_value(), "room");
    int sent = 0;
    thread impatient([&, mine = tx] {
      for (int i : {1, 2}) {
        auto r = mine.send_for(parcel(i), 1ms);
        sent += r.has_value() ? i : 0;
        require(r || r.error().reason() == errc::timeout, "sent or too late");
        require(r || r.error().value().value() == i, "it is there again");
      }
    });
    int taken = 0;
    for (std::size_t i = 0; i < TypeParam::capacity + 1; ++i) {
      if (auto m = rx.recv_for(1ms)) taken += m->value();
    }
    impatient.join();
    while (auto m = rx.try_recv()) taken += m->value();
    require(taken == sent, "nothing is lost or invented");
  });
}

// The receiver closes, or goes, while senders wait in line: each learns of it, or its message was taken.
TYPED_TEST(ManySenders, WaitingSendersMeetAClose) {
  if (TypeParam::capacity == no_bound) GTEST_SKIP() << "nobody waits to send";
  for (const bool goes : {false, true}) {
    prove([goes] {
      auto [tx, rx] = TypeParam::template make<parcel>();
      for (std::size_t i = 0; i < TypeParam::capacity; ++i)
        require(tx.try_send(parcel(0)).has_value(), "room");
      int sent = 0;
      const auto send = [&sent](auto& mine, int i) {
        auto r = mine.send(parcel(i));
        if (r) return i;
        require(r.error().reason() == errc::closed, "closed");
        require(r.error().value().value() == i, "it is there again");
        return 0;
      };
      int other = 0;
      thread one([&, mine = tx] { sent = send(mine, 1); });
      thread two([&, mine = tx] { other = send(mine, 2); });
      int taken = 0;
      if (auto m = rx.recv()) taken += m->value();
      if (goes) {
        rx.reset();
      } else {
        rx.close();
      }
      one.join();
      two.join();
      if (goes) {
        require(taken <= sent + other, "nothing is invented");
        return;
      }
      while (auto m = rx.try_recv()) taken += m->value();
      require(taken == sent + other, "nothing is lost or invented");
    });
  }
}

// Two receivers make room for one who waits: its messages come once each.
TYPED_TEST(ManyReceivers, TwoMakeRoom) {
  if (TypeParam::capacity == no_bound || TypeParam::capacity == 0)
    GTEST_SKIP() << "there is no room to be made";
  prove_lively([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    for (std::size_t i = 0; i < TypeParam::capacity; ++i)
      require(tx.try_send(parcel(0)).has_value(), "room");
    thread sender([&] {
      for (int i : {1, 2}) require(tx.send(parcel(i)).has_value(), "sent");
    });
    int taken = 0, others = 0;
    thread other([&, mine = rx] { others = mine.recv()->value(); });
    taken = rx.recv()->value();
    other.join();
    sender.join();
    while (auto m = rx.try_recv()) taken += m->value();
    require(taken + others == 3, "each once");
  });
}

// One who makes room is about to send the message of the first in line, finds the place taken by another, and the first
// may have given up: whoever stands behind it is not forgotten.
TYPED_TEST(ManySenders, TheRoomIsTakenBeforeItIsFilled) {
  if (TypeParam::capacity != 1) GTEST_SKIP() << "only the one place is filled for others";
  prove_lively(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        for (std::size_t i = 0; i < TypeParam::capacity; ++i)
          require(tx.try_send(parcel(0)).has_value(), "room");
        int sent = 0, other = 0;
        thread impatient(
            [&, mine = tx] { sent = mine.send_for(parcel(1), 1ms).has_value() ? 1 : 0; });
        thread patient([&, mine = tx] { require(mine.send(parcel(4)).has_value(), "sent"); });
        int taken = rx.recv()->value();
        other = tx.try_send(parcel(2)).has_value() ? 2 : 0;
        while (taken < 4) taken += rx.recv()->value();
        impatient.join();
        patient.join();
        while (auto m = rx.try_recv()) taken += m->value();
        require(taken == sent + other + 4, "nothing is lost or invented");
      },
      large<TypeParam>());
}

// What a send was given is the sender's again when it returns, whoever sent it: nobody touches it any more.
TYPED_TEST(ManySenders, WhatWasSentIsTheSendersAgain) {
  if (TypeParam::capacity == no_bound) GTEST_SKIP() << "nobody waits to send";
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([&, mine = std::move(tx)] {
      for (int i = 0; i < 2; ++i) {
        parcel p(i);
        auto r = mine.send_for(std::move(p), 1ms);
        p = parcel(7);
        require(r || r.error().reason() == errc::timeout, "sent or too late");
      }
    });
    int last = -1;
    for (int i = 0; i < 2; ++i) {
      if (auto m = rx.recv_for(1ms)) {
        require(m->value() > last && m->value() < 2, "as sent, in order");
        last = m->value();
      }
    }
    sender.join();
    while (auto m = rx.try_recv()) {
      require(m->value() > last && m->value() < 2, "as sent, in order");
      last = m->value();
    }
  });
}

// A receiver that waits in line is stopped, or its time is up, while one who sends is about to hand the message over.
TYPED_TEST(ManySenders, AWaitingReceiverGivesUp) {
  for (const bool stopped : {false, true}) {
    prove([stopped] {
      auto [tx, rx] = TypeParam::template make<parcel>();
      strait::stop_source stop;
      int taken = 0;
      thread receiver([&] {
        for (int i = 0; i < 2; ++i) {
          auto m = stopped ? rx.recv(stop.get_token()) : rx.recv_for(1ms);
          if (m) taken += m->value();
          require(m || m.error() == (stopped ? errc::cancelled : errc::timeout), "or too late");
        }
      });
      int sent = 0;
      const auto send = [&](int i) {
        const bool got = TypeParam::capacity == 0 ? tx.send_for(parcel(i), 1ms).has_value()
                                                  : tx.try_send(parcel(i)).has_value();
        return got ? i : 0;
      };
      sent += send(1);
      if (stopped) {
        stop.request_stop();
      } else {
        sent += send(2);
      }
      receiver.join();
      while (auto m = rx.try_recv()) taken += m->value();
      require(taken == sent, "nothing is lost or invented");
    });
  }
}

// Two receivers wait, and one who hands a message over to the first may find it taken by the second.
TYPED_TEST(ManyReceivers, TwoAreServed) {
  prove_lively([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int first = 0, second = 0;
    thread one([&, mine = rx] { first = mine.recv()->value(); });
    thread two([&, mine = rx] { second = mine.recv()->value(); });
    for (int i : {1, 2}) require(tx.send(parcel(i)).has_value(), "sent");
    one.join();
    two.join();
    require(first + second == 3, "one each");
  });
}

// What the last receiver leaves behind dies at once, though a sender keeps the channel alive.
TYPED_TEST(Channel, LeftMessagesDieAtOnce) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([&] {
      for (int i = 0; i < 2; ++i) (void)tx.try_send(parcel(i));
    });
    rx.reset();
    sender.join();
    require(parcel::live == 0, "nothing is kept");
  });
}

// A stop request at any moment.
TYPED_TEST(Channel, StopTokens) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    strait::stop_source stop;
    bool sent = false;
    thread sender([&, tx = std::move(tx)] {
      auto r = tx.send(parcel(1), stop.get_token());
      sent = r.has_value();
      require(r || r.error().reason() == errc::cancelled || r.error().reason() == errc::closed,
              "sent or cancelled");
    });
    thread stopper([&] { stop.request_stop(); });
    auto m = rx.recv(stop.get_token());
    require(m || m.error() == errc::cancelled || m.error() == errc::closed,
            "a message or cancelled");
    int taken = m.has_value();
    sender.join();
    taken += rx.try_recv().has_value();
    require(taken == (sent ? 1 : 0), "nothing is lost or invented");
    stopper.join();
  });
}

// select over two channels, one message in each: both come, whatever the schedule.
TYPED_TEST(Channel, SelectReceives) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    thread one([tx = std::move(a.tx)] { require(tx.send(parcel(1)).has_value(), "sent"); });
    thread two([tx = std::move(b.tx)] { require(tx.send(parcel(2)).has_value(), "sent"); });
    int sum = 0;
    const auto take = [&](parcel p) { sum += p.value(); };
    while (strait::select(strait::on_recv(a.rx, take), strait::on_recv(b.rx, take))) {
    }
    require(sum == 3, "both messages");
  });
}

// Two selects that face each other: one receives or sends what the other sends or receives.
TYPED_TEST(Channel, SelectsFaceEachOther) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    int sent[2] = {}, taken[2] = {};
    thread other([&, tx = std::move(a.tx), rx = std::move(b.rx)] {
      strait::select(strait::on_send(tx, parcel(1), [&](auto r) { sent[0] += r.has_value(); }),
                     strait::on_recv(rx, [&](parcel) { ++taken[0]; }));
    });
    strait::select(strait::on_send(
                       b.tx, [] { return parcel(2); }, [&](auto r) { sent[1] += r.has_value(); }),
                   strait::on_recv(a.rx, [&](parcel) { ++taken[1]; }));
    other.join();
    taken[1] += a.rx.try_recv().has_value();
    require(sent[0] == taken[1], "what was sent here is received or still there");
    require(TypeParam::capacity == 0 ? sent[1] == taken[0] : sent[1] >= taken[0], "and there");
  });
}

// A select with a timeout against a plain send with one.
// An arm closes while `otherwise` makes sure that nothing is ready: it drops out, the other stays.
TYPED_TEST(Channel, SelectOtherwiseAgainstAClose) {
  prove([] {
    auto a = TypeParam::template make<parcel>();
    auto b = TypeParam::template make<parcel>();
    auto c = TypeParam::template make<parcel>();
    thread closer([tx = std::move(b.tx)]() mutable { tx.reset(); });
    int fired = 0;
    const auto count = [&](parcel) { ++fired; };
    const auto r = strait::select_biased(strait::on_recv(a.rx, count), strait::on_recv(b.rx, count),
                                         strait::on_recv(c.rx, count), strait::otherwise([] {}));
    require(r == 3U && fired == 0, "nothing was ready");
    closer.join();
    const auto again =
        strait::select_biased(strait::on_recv(b.rx, count), strait::otherwise([] {}));
    require(again == 1U && fired == 0, "a closed arm drops out");
  });
}

TYPED_TEST(Channel, SelectTimesOut) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    bool sent = false;
    thread sender([&, tx = std::move(tx)] { sent = tx.send_for(parcel(1), 1ms).has_value(); });
    int taken = 0;
    strait::select(strait::on_recv(rx, [&](parcel) { ++taken; }), strait::on_timeout(1ms));
    sender.join();
    taken += rx.try_recv().has_value();
    require(taken == (sent ? 1 : 0), "nothing is lost or invented");
  });
}

// A selector's choice is dropped at any moment; the other side hangs on nothing.
TYPED_TEST(Channel, ADroppedSelection) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([tx = std::move(tx)] { require(tx.send(parcel(1)).has_value(), "sent"); });
    {
      strait::selector s;
      (void)s.recv(rx);
      auto dropped = s.select();
      require(dropped.has_value(), "chosen");
    }
    auto m = rx.recv();
    require(m && m->value() == 1, "the message is still there");
  });
}

// Who is told `closed` sees what the other end's threads did before they went or closed.
TYPED_TEST(Channel, ClosePublishes) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int data = 0;  // plain: a missing edge is a race
    thread sender([&, tx = std::move(tx)]() mutable {
      data = 1;
      tx.reset();
    });
    while (rx.try_recv().error() != errc::closed) strait::check::yield();
    require(data == 1, "seen");
  });
}

TYPED_TEST(Channel, ClosePublishesToWhoLooks) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int data = 0, more = 0;
    thread sender([&, tx = std::move(tx)] {
      data = 1;
      tx.close();
      more = 1;
    });
    while (!rx.is_closed()) strait::check::yield();
    require(data == 1, "seen");
    sender.join();
    require(more == 1, "joined");
  });
}

TYPED_TEST(Channel, TheReceiversClosePublishes) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int data = 0;
    thread receiver([&, rx = std::move(rx)]() mutable {
      data = 1;
      rx.reset();
    });
    for (;;) {
      const auto r = tx.try_send(parcel(1));
      if (!r && r.error().reason() == errc::closed) break;
      strait::check::yield();
    }
    require(data == 1, "seen");
  });
}

// The same for a select whose message would have been made, and for a selector.
TYPED_TEST(Channel, TheReceiversClosePublishesToASelect) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int data = 0;
    thread receiver([&, rx = std::move(rx)]() mutable {
      data = 1;
      rx.close();
    });
    bool closed = false;
    while (!closed) {
      strait::selector s;
      (void)s.send(tx);
      if (auto chosen = s.try_select()) {
        const auto r = chosen->send(tx, parcel(1));
        closed = !r && r.error().reason() == errc::closed;
      }
      if (!closed) strait::check::yield();
    }
    require(data == 1, "seen");
  });
}

// The same for a selector that is told `closed` when it receives.
TYPED_TEST(Channel, TheSendersClosePublishesToASelect) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int data = 0;
    thread sender([&, tx = std::move(tx)]() mutable {
      data = 1;
      tx.close();
    });
    bool closed = false;
    while (!closed) {
      strait::selector s;
      (void)s.recv(rx);
      if (auto chosen = s.try_select()) closed = chosen->recv(rx).error() == errc::closed;
      if (!closed) strait::check::yield();
    }
    require(data == 1, "seen");
  });
}

// Who sees that the other end is gone sees what was done before it went.
TYPED_TEST(Channel, CountsPublish) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int data[2] = {0, 0};
    const bool sender = strait::check::choose(2) != 0;
    if (sender) {
      thread gone([&, tx = std::move(tx)]() mutable {
        data[0] = 1;
        tx.reset();
      });
      while (rx.sender_count() != 0) strait::check::yield();
      require(data[0] == 1, "seen");
    } else {
      thread gone([&, rx = std::move(rx)]() mutable {
        data[1] = 1;
        rx.reset();
      });
      while (tx.receiver_count() != 0) strait::check::yield();
      require(data[1] == 1, "seen");
    }
  });
}

// The last receiver destroys what is left, after all that the others did.
TYPED_TEST(ManyReceivers, TheLastOneSeesTheOthers) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    const bool left = tx.try_send(parcel(1)).has_value();
    require(left == (TypeParam::capacity != 0), "room");
    thread other([mine = rx]() mutable {
      ++parcel::live;  // plain, and so are the destructors'
      --parcel::live;
      mine.reset();
    });
    rx.reset();
    other.join();
    require(parcel::live == 0, "destroyed");
  });
}

// The last of two senders closes: what the other did before it went is seen, too.
TYPED_TEST(ManySenders, BothSendersPublish) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int data[2] = {0, 0};
    thread a([&, tx2 = tx]() mutable {
      data[0] = 1;
      tx2.reset();
    });
    thread b([&, tx3 = std::move(tx)]() mutable {
      data[1] = 1;
      tx3.reset();
    });
    while (rx.try_recv().error() != errc::closed) strait::check::yield();
    require(data[0] + data[1] == 2, "seen");
  });
}

// A bounded channel as a semaphore: who gets the place sees what was done before the receive that freed it.
TYPED_TEST(Channel, RoomPublishes) {
  if (TypeParam::capacity == no_bound) GTEST_SKIP() << "always room";
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    int data = 0;
    for (std::size_t i = 0; i < TypeParam::capacity; ++i)
      require(tx.try_send(parcel(0)).has_value(), "room");
    thread receiver([&, &rx = rx] {
      data = 1;
      require(rx.recv().has_value(), "a message");
    });
    require(tx.send(parcel(1)).has_value(), "sent");
    require(data == 1, "seen");
  });
}

// Weak handles keep the memory and nothing else; it goes with the last of all.
TEST(Weak, HandlesAgainstTheLastOnes) {
  prove([] {
    auto [tx, rx] = strait::unbounded<parcel>();
    auto weak_tx = tx.downgrade();
    auto weak_rx = rx.downgrade();
    thread other([weak_tx, weak_rx]() mutable {
      if (auto again = weak_tx.lock()) (void)again->try_send(parcel(1));
      if (auto again = weak_rx.lock()) (void)again->try_recv();
      auto copy = weak_rx;
      weak_rx = weak_rx;
    });
    tx.reset();
    rx.reset();
    require(!weak_tx.lock() && !weak_rx.lock(), "no end comes back");
    other.join();
  });
}

TEST(Oneshot, SendAgainstReceive) {
  prove([] {
    auto [tx, rx] = strait::oneshot<parcel>();
    thread sender([tx = std::move(tx)] { (void)tx.send(parcel(1)); });
    auto m = rx.recv();
    require(m && m->value() == 1, "it arrives");
  });
}

TEST(Oneshot, TrySendAgainstTryReceive) {
  prove([] {
    auto [tx, rx] = strait::oneshot<parcel>();
    int data = 0;
    thread sender([&, tx = std::move(tx)]() mutable {
      data = 1;
      require(tx.send(parcel(7)).has_value(), "a receiver is there");
    });
    for (;;) {
      auto m = rx.try_recv();
      if (m) {
        require(m->value() == 7 && data == 1, "whole");
        break;
      }
      require(m.error() == errc::empty, "it comes before closed");
      strait::check::yield();
    }
  });
}

TEST(Oneshot, TheSenderGoes) {
  prove([] {
    auto [tx, rx] = strait::oneshot<parcel>();
    int data = 0;
    thread sender([&, tx = std::move(tx)]() mutable {
      data = 1;
      tx.reset();
    });
    require(rx.recv().error() == errc::closed && data == 1, "told, and what was done is seen");
  });
}

TEST(Oneshot, Selected) {
  prove([] {
    auto [tx, rx] = strait::oneshot<parcel>();
    auto other = strait::bounded<parcel>(1);
    thread sender([tx = std::move(tx)]() mutable { (void)tx.send(parcel(1)); });
    int got = 0;
    strait::select(strait::on_recv(rx, [&](parcel p) { got = p.value(); }),
                   strait::on_recv(other.rx, [](parcel) {}));
    require(got == 1, "it arrives");
  });
}

// Who is told that the sender is gone, in whichever way it asks, sees what the sender did before.
TEST(Oneshot, ClosePublishes) {
  prove([] {
    auto [tx, rx] = strait::oneshot<parcel>();
    int data = 0;
    const unsigned how = strait::check::choose(3);
    thread sender([&, tx = std::move(tx)]() mutable {
      data = 1;
      tx.reset();
    });
    for (bool closed = false; !closed;) {
      if (how == 0) closed = rx.try_recv().error() == errc::closed;
      if (how == 1) closed = rx.is_closed();
      if (how == 2) {
        strait::selector s;
        (void)s.recv(rx);
        if (auto chosen = s.try_select()) closed = chosen->recv(rx).error() == errc::closed;
      }
      if (!closed) strait::check::yield();
    }
    require(data == 1, "seen");
  });
}

TEST(Oneshot, TheReceiverGoes) {
  prove([] {
    auto [tx, rx] = strait::oneshot<parcel>();
    thread sender([tx = std::move(tx)] { (void)tx.send(parcel(1)); });
    rx.reset();
  });
}

TEST(Mutex, TheShippedLockExcludes) {
  prove([] {
    strait::sync::futex_mutex m;
    int inside = 0;
    const auto twice = [&] {
      for (int i = 0; i < 2; ++i) {
        m.lock();
        require(++inside == 1, "alone");
        --inside;
        m.unlock();
      }
    };
    thread a(twice), b(twice);
    twice();
    a.join();
    b.join();
  });
}

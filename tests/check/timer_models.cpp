// SPDX-License-Identifier: BSL-1.0
//
// Models of the timers: when they are due in the explorer's time, who takes an instant, and who is told when
// one is closed or given back.
#include <chrono>
#include <optional>
#include <utility>

#include "models.hpp"

using namespace strait_test;
using namespace std::chrono_literals;

namespace {

using instant = std::chrono::steady_clock::time_point;

// Models in which time passes only when everybody sleeps, and when they say so.
void advance_to(instant t) {
  const auto left = t - strait::sync::now();
  if (left.count() > 0) strait::check::advance(left.count());
}

}  // namespace

TEST(Timers, TwoTakersOfOneInstant) {
  prove([] {
    auto due = strait::after(1ms);
    auto copy = due;
    int taken = 0;
    bool by_other = false;
    thread other([&] { by_other = copy.recv_for(2ms).has_value(); });
    taken += due.recv_for(2ms).has_value();
    other.join();
    require(taken + (by_other ? 1 : 0) == 1, "one of them takes it");
  });
}

// semantics 20: who waits takes a tick on time and the next comes a period later; after a late take the
// next comes a period after the take.
TEST(Timers, ATickThatIsWaitedForKeepsTime) {
  prove([] {
    const instant start = strait::sync::now();
    auto ticks = strait::tick(10ms);
    const instant first = *ticks.recv();
    require(first >= start + 10ms, "a period from the start");
    require(*ticks.recv() == first + 10ms, "on time");
    require(*ticks.recv() == first + 20ms, "and on");
    bool selected = false;
    strait::select(strait::on_recv(ticks, [&](instant t) { selected = t == first + 30ms; }));
    require(selected, "a select is on time, too");
    require(*ticks.recv() == first + 40ms, "and the next");
    strait::selector s;
    (void)s.recv(ticks);
    auto chosen = s.select();
    require(chosen.has_value() && *chosen->recv(ticks) == first + 50ms, "and a selector");
    require(*ticks.recv() == first + 60ms, "and the next");
  });
}

TEST(Timers, ALateTakeMovesTheNext) {
  prove([] {
    auto ticks = strait::tick(10ms);
    const instant first = *ticks.recv();
    require(ticks.try_recv().error() == errc::empty && ticks.size() == 0, "not due");
    advance_to(first + 25ms);
    require(ticks.size() == 1, "due");
    const instant before = strait::sync::now();
    require(*ticks.try_recv() == first + 10ms, "the instant it was due");
    const instant after = strait::sync::now();
    require(ticks.try_recv().error() == errc::empty, "no backlog");
    const instant next = *ticks.recv();
    require(next >= before + 10ms && next <= after + 10ms, "a period after the take");
  });
}

// One that waits for another instant than the one it finds has not waited for that.
TEST(Timers, WhoWaitedForAnotherInstantTookItLate) {
  prove([] {
    auto ticks = strait::tick(10ms);
    auto copy = ticks;
    thread other([&] { (void)copy.recv(); });
    (void)ticks.recv();
    (void)ticks.recv();
    other.join();
  });
}

TEST(Timers, DueExactlyThen) {
  prove([] {
    const instant due = strait::sync::now() + 10ms;
    auto timer = strait::at(due);
    require(timer.empty() && timer.try_recv().error() == errc::empty, "not yet");
    advance_to(due);
    strait::selector s;
    (void)s.recv(timer);
    require(timer.size() == 1 && s.try_ready().has_value(), "due");
    require(timer.try_recv().has_value(), "taken");
  });
}

// close() is heard by whoever sleeps on a timer.
TEST(Timers, ClosedWhileSomebodySleeps) {
  prove([] {
    auto timer = strait::never<instant>();
    const unsigned how = strait::check::choose(4);
    int data = 0;
    thread sleeper([&, rx = timer] {
      if (how == 0) require(rx.recv().error() == errc::closed, "closed");
      if (how == 1) {
        strait::select(strait::on_recv(rx, [](strait::recv_result<instant> r) {
          require(!r && r.error() == errc::closed, "closed");
        }));
      }
      if (how == 2) {
        strait::selector s;
        (void)s.recv(rx);
        auto chosen = s.select();
        require(chosen.has_value() && chosen->recv(rx).error() == errc::closed, "closed");
      }
      if (how == 3) {
        while (!rx.is_closed()) strait::check::yield();
      }
      require(data == 1, "what came before the close is seen");
    });
    data = 1;
    timer.close();
    sleeper.join();
  });
}

// A selected instant that is dropped goes to whoever sleeps on a copy.
TEST(Timers, ADroppedInstantIsTakenByAnother) {
  prove([] {
    auto timer = strait::after(0ms);
    auto copy = timer;
    strait::selector s;
    (void)s.recv(timer);
    auto due = s.try_select();
    require(due.has_value(), "due");
    std::optional<strait::selected> chosen(std::move(*due));
    const bool selects = strait::check::choose(2) != 0;
    thread sleeper([&] {
      if (selects) {
        strait::select(strait::on_recv(copy, [](instant) {}));
      } else {
        require(copy.recv().has_value(), "taken");
      }
    });
    chosen.reset();
    sleeper.join();
  });
}

// Who gives up waiting for a timer leaves nothing behind.
TEST(Timers, GivingUp) {
  prove([] {
    auto timer = strait::never<instant>();
    require(timer.recv_for(1ms).error() == errc::timeout, "nothing came");
    strait::select(strait::on_recv(timer, [](instant) {}), strait::on_timeout(1ms));
    timer.close();
    require(timer.recv().error() == errc::closed, "closed");
  });
}

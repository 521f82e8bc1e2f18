// SPDX-License-Identifier: BSL-1.0
//
// Pitfalls 20, 39, 41, 42: every form wakes whom it should, ends release both sides, and what happened
// before is received before, across producers.
#include <atomic>
#include <optional>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Wakeups : public ::testing::Test {
 public:
  using flavours = every_flavour;
};

class WakeupsBounded : public ::testing::Test {
 public:
  using flavours = bounded_flavours;
};

namespace {
constexpr int receive_forms = 7;
template <class Receiver>
std::optional<int> receive_by(int form, Receiver& rx) {
  std::optional<int> out;
  std::stop_source stop;
  const auto keep = [&](auto&& m) {
    if (m) out = *m;
  };
  switch (form) {
    case 0: keep(rx.recv()); break;
    case 1: keep(rx.recv_for(1h)); break;
    case 2: keep(rx.recv_until(steady::time_point::max())); break;
    case 3: keep(rx.recv(stop.get_token())); break;
    case 4: {
      int one = 0;
      if (rx.recv_many(&one, 1) == 1) out = one;
      break;
    }
    case 5: strait::select(strait::on_recv(rx, [&](int m) { out = m; })); break;
    default: {
      strait::selector s;
      (void)s.recv(rx);
      if (auto sel = s.select()) keep(sel->recv(rx));
    }
  }
  return out;
}
constexpr int send_forms = 7;
template <class Sender>
bool send_by(int form, Sender& tx, int value) {
  std::stop_source stop;
  switch (form) {
    case 0: return tx.send(value).has_value();
    case 1: return tx.send_for(value, 1h).has_value();
    case 2: return tx.send_until(value, steady::time_point::max()).has_value();
    case 3: return tx.send(value, stop.get_token()).has_value();
    case 4: return tx.send_many(std::vector<int>{value}) == 1;
    case 5: {
      bool done = false;
      strait::select(
          strait::on_send(tx, value, [&](strait::send_result<int> r) { done = r.has_value(); }));
      return done;
    }
    default: {
      strait::selector s;
      (void)s.send(tx);
      auto sel = s.select();
      return sel && sel->send(tx, value).has_value();
    }
  }
}
}  // namespace

// pitfalls 39, 41: every form of send, try_send too, wakes every form of receive
FLAVOUR_TEST(Wakeups, EverySendWakesEveryReceive) {
  auto [tx, rx] = flavour.template make<int>();
  for (int s = 0; s < send_forms + 2; ++s) {
    for (int r = 0; r < receive_forms; ++r) {
      worker receiver([&] { EXPECT_EQ(receive_by(r, rx), 10 * s + r); });
      std::this_thread::sleep_for(150us);
      if (s < send_forms) {
        EXPECT_TRUE(send_by(s, tx, 10 * s + r));
      } else if (s == send_forms) {
        eventually([&] { return tx.try_send(10 * s + r).has_value(); });
      } else {
        eventually([&] {
          return *strait::select(strait::on_send(tx, 10 * s + r), strait::otherwise([] {})) == 0;
        });
      }
    }
  }
}

// pitfalls 39, 41: every form of receive, the try forms too, wakes every form of send
FLAVOUR_TEST(WakeupsBounded, EveryReceiveWakesEverySend) {
  auto [tx, rx] = flavour.template make<int>();
  const int full = flavour.room(1 << 20);
  for (int i = 0; i < full; ++i) ASSERT_TRUE(tx.try_send(-1));
  std::vector<int> order(static_cast<std::size_t>(full), -1);  // what must still come
  std::size_t next = 0;
  for (int r = 0; r < receive_forms + 3; ++r) {
    for (int s = 0; s < send_forms; ++s) {
      order.push_back(10 * r + s);
      worker sender([&] { EXPECT_TRUE(send_by(s, tx, 10 * r + s)); });
      std::this_thread::sleep_for(150us);
      if (r < receive_forms) {
        EXPECT_EQ(receive_by(r, rx), order[next]);
      } else {
        std::optional<int> out;
        eventually([&] {
          if (r == receive_forms) {
            if (auto m = rx.try_recv()) out = *m;
          } else if (r == receive_forms + 1) {
            int one = 0;
            if (rx.try_recv_many(&one, 1) == 1) out = one;
          } else {
            strait::select(strait::on_recv(rx, [&](int m) { out = m; }), strait::otherwise([] {}));
          }
          return out.has_value();
        });
        EXPECT_EQ(out, order[next]);
      }
      ++next;
    }
  }
}

// pitfalls 39: close releases writers and readers, in every form
FLAVOUR_TEST(WakeupsBounded, CloseReleasesEveryForm) {
  for (int form = 0; form < 7; ++form) {
    auto a = flavour.template make<int>();
    auto b = flavour.template make<int>();
    for (int i = 0; i < flavour.room(1 << 20); ++i) ASSERT_TRUE(a.tx.try_send(i));
    worker writer([&] { EXPECT_FALSE(send_by(form, a.tx, 1)); });
    worker reader([&] { EXPECT_EQ(receive_by(form, b.rx), std::nullopt); });
    std::this_thread::sleep_for(500us);
    if (form % 2 == 0) {
      a.rx.close();
      b.tx.close();
    } else {
      a.rx.reset();
      b.tx.reset();
    }
  }
}

// pitfalls 41: a channel that is closed by a destructor while others wait in it
FLAVOUR_TEST(Wakeups, ADestructorMayClose) {
  struct owner {
    decltype(flavour.template make<int>()) ch;
    worker reader{};
    ~owner() {
      ch.tx.close();
      reader.join();
    }
  };
  for (int i = 0; i < 20; ++i) {
    owner o{flavour.template make<int>()};
    o.reader.start([&o] { EXPECT_TRUE(failed(o.ch.rx.recv(), errc::closed)); });
    if (i % 2 == 0) std::this_thread::sleep_for(100us);
  }
}

// pitfalls 20, 42: across producers: what was sent before is received before
TEST(WakeupsOrder, HappensBeforeAcrossProducers) {
  const auto check = [](auto ch) {
    auto& [tx, rx] = ch;
    auto tx2 = tx;
    const int n = rounds(3000);
    std::atomic<int> turn{0};
    const auto produce = [&](auto& end, int mine) {
      for (int i = mine; i < n; i += 2) {
        eventually([&] { return turn.load(std::memory_order_acquire) == i; });
        ASSERT_TRUE(end.send(i));
        turn.store(i + 1, std::memory_order_release);
      }
    };
    worker one([&] { produce(tx, 0); });
    worker two([&] { produce(tx2, 1); });
    for (int i = 0; i < n; ++i) ASSERT_TRUE(got(rx.recv(), i));
  };
  check(strait::unbounded<int>());
  check(strait::bounded<int>(4));
  check(strait::rendezvous<int>());
  check(strait::mpsc::unbounded<int>());
  check(strait::mpsc::bounded<int>(4));
}

// pitfalls 20, 42: and a send that completed is visible at once although another producer is busy
TEST(WakeupsOrder, ACompletedSendIsVisibleBesideABusyProducer) {
  const auto check = [](auto ch) {
    std::atomic<bool> done{false};
    auto busy_tx = ch.tx;
    worker busy(
        [&] {  // as fast as it can, and no further ahead: else a slow receiver never catches up
          while (!done) {
            if (busy_tx.size() < 64) (void)busy_tx.try_send(-1);
          }
        });
    for (int i = 0; i < rounds(2000); ++i) {
      if (!ch.tx.send(i)) std::abort();
      // Mine is complete, so there is a message for me: mine or one before it.
      EXPECT_TRUE(ch.rx.try_recv());
    }
    done = true;
  };
  check(strait::unbounded<int>());
  check(strait::mpsc::unbounded<int>());
}

// SPDX-License-Identifier: BSL-1.0
//
// Send and receive over every flavour: order, the exact bound, what the try forms answer, visibility,
// rendezvous, conservation, and that a wait costs nothing.
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Basics : public ::testing::Test {
 public:
  using flavours = every_flavour;
};

class BasicsBuffered : public ::testing::Test {
 public:
  using flavours = buffered_flavours;
};

class BasicsBounded : public ::testing::Test {
 public:
  using flavours = bounded_flavours;
};

class BasicsRendezvous : public ::testing::Test {
 public:
  using flavours = rendezvous_flavours;
};

// semantics 12: first in, first out
FLAVOUR_TEST(Basics, MessagesArriveInOrder) {
  auto [tx, rx] = flavour.template make<int>();
  worker producer([&tx] {
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(tx.send(i));
  });
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(got(rx.recv(), i));
}

// semantics 12: the order also holds through the try forms, which meet each other half-way
FLAVOUR_TEST(Basics, OrderHoldsThroughTryForms) {
  auto [tx, rx] = flavour.template make<int>();
  worker producer([&] {
    for (int i = 0; i < 500; ++i) {
      if (flavour.rendezvous()) {
        ASSERT_TRUE(tx.send(i));  // two try forms never meet at capacity 0
      } else {
        eventually([&] { return tx.try_send(i).has_value(); });
      }
    }
  });
  for (int i = 0; i < 500; ++i) {
    auto m = rx.try_recv();
    eventually([&] {
      if (!m) {
        EXPECT_TRUE(failed(m, errc::empty));
        m = rx.try_recv();
      }
      return m.has_value();
    });
    ASSERT_TRUE(got(m, i));
  }
}

// semantics 9: nothing there and not closed is empty
FLAVOUR_TEST(Basics, TryRecvOnAnEmptyChannelIsEmpty) {
  auto [tx, rx] = flavour.template make<int>();
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
  EXPECT_FALSE(rx.is_closed());
  EXPECT_FALSE(tx.is_closed());
}

// semantics 7, 11, 32: exactly n fit, never a rounded number; full gives the message back
FLAVOUR_TEST(BasicsBounded, ExactlyTheBoundFits) {
  auto [tx, rx] = flavour.template make<int>();
  const int n = flavour.room(1 << 20);
  for (int lap = 0; lap < 3; ++lap) {
    for (int i = 0; i < n; ++i) {
      EXPECT_EQ(tx.full(), n == 0);
      ASSERT_TRUE(tx.try_send(i));
    }
    EXPECT_TRUE(tx.full());
    EXPECT_EQ(rx.size(), static_cast<std::size_t>(n));
    EXPECT_TRUE(returned(tx.try_send(77), errc::full, 77));
    EXPECT_TRUE(returned(tx.try_send(78), errc::full, 78));
    for (int i = 0; i < n; ++i) ASSERT_TRUE(got(rx.try_recv(), i));
    EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
  }
}

// semantics 11: bounds that are no power of two, and one place freed is one place more
TEST(BasicsCapacities, AreExactAroundEveryPowerOfTwo) {
  for (std::size_t n :
       {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 31U, 32U, 33U, 63U, 64U, 65U, 100U, 255U, 256U, 257U}) {
    const auto fill = [n](auto channel) {
      EXPECT_EQ(channel.tx.capacity(), n);
      EXPECT_EQ(channel.rx.capacity(), n);
      std::size_t sent = 0;
      while (channel.tx.try_send(static_cast<int>(sent))) ++sent;
      EXPECT_EQ(sent, n);
      for (std::size_t lap = 0; lap < 2 * n + 3; ++lap) {
        EXPECT_TRUE(got(channel.rx.try_recv(), static_cast<int>(lap)));
        EXPECT_TRUE(channel.tx.try_send(static_cast<int>(n + lap)));
        EXPECT_TRUE(failed(channel.tx.try_send(0), errc::full));
        EXPECT_EQ(channel.rx.size(), n);
      }
    };
    fill(strait::bounded<int>(n));
    fill(strait::mpsc::bounded<int>(n));
    fill(strait::spsc::bounded<int>(n));
  }
}

// semantics 7: unbounded is never full
TEST(BasicsUnbounded, IsNeverFull) {
  const auto fill = [](auto channel) {
    EXPECT_EQ(channel.tx.capacity(), std::nullopt);
    for (int i = 0; i < 20'000; ++i) {
      ASSERT_TRUE(channel.tx.try_send(i));
      ASSERT_FALSE(channel.tx.full());
    }
    EXPECT_EQ(channel.rx.size(), 20'000U);
    for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(got(channel.rx.try_recv(), i));
    EXPECT_TRUE(channel.rx.empty());
  };
  fill(strait::unbounded<int>());
  fill(strait::mpsc::unbounded<int>());
  fill(strait::spsc::unbounded<int>());
}

// semantics 32, 10: at capacity n the (n+1)-th send waits until a place is free
FLAVOUR_TEST(BasicsBounded, TheSendBeyondTheBoundWaits) {
  auto [tx, rx] = flavour.template make<int>();
  const int n = flavour.room(1 << 20);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.send(i));
  flag about, through;
  worker sender([&] {
    about.set();
    EXPECT_TRUE(tx.send(n));
    through.set();
  });
  about.wait();
  a_moment();
  EXPECT_FALSE(through.is_set());
  for (int i = 0; i <= n; ++i) EXPECT_TRUE(got(rx.recv(), i));
  sender.join();
  EXPECT_TRUE(through.is_set());
}

// semantics 4, 9: a receive waits while the channel is empty and open
FLAVOUR_TEST(Basics, ReceiveWaitsForAMessage) {
  auto [tx, rx] = flavour.template make<int>();
  flag about, through;
  worker receiver([&] {
    about.set();
    EXPECT_TRUE(got(rx.recv(), 7));
    through.set();
  });
  about.wait();
  a_moment();
  EXPECT_FALSE(through.is_set());
  EXPECT_TRUE(tx.send(7));
  receiver.join();
}

// semantics 9: a message if there is one, else closed, else empty / timeout / cancelled
FLAVOUR_TEST(BasicsBuffered, ReceiveOutcomesHaveAnOrder) {
  const auto past = steady::now() - 1h;
  const auto each_form = [&](auto& rx, auto check) {
    check(rx.try_recv(), errc::empty);
    check(rx.recv(stopped_token()), errc::cancelled);
    check(rx.recv_for(-1s), errc::timeout);
    check(rx.recv_until(past), errc::timeout);
  };
  auto [tx, rx] = flavour.template make<int>();
  each_form(rx, [](auto m, errc otherwise) { EXPECT_TRUE(failed(m, otherwise)); });
  ASSERT_TRUE(tx.send(1));
  EXPECT_TRUE(got(rx.try_recv(), 1));
  ASSERT_TRUE(tx.send(2));
  EXPECT_TRUE(got(rx.recv(stopped_token()), 2));
  ASSERT_TRUE(tx.send(3));
  EXPECT_TRUE(got(rx.recv_for(-1s), 3));
  ASSERT_TRUE(tx.send(4));
  EXPECT_TRUE(got(rx.recv_until(past), 4));
  ASSERT_TRUE(tx.send(5));
  tx.close();
  EXPECT_TRUE(got(rx.recv(stopped_token()), 5));
  each_form(rx, [](auto m, errc) { EXPECT_TRUE(failed(m, errc::closed)); });
  EXPECT_TRUE(failed(rx.recv(), errc::closed));
}

// semantics 7: closed is reported before full, timeout or cancelled, and the message comes back
FLAVOUR_TEST(Basics, SendReportsClosedBeforeFull) {
  auto [tx, rx] = flavour.template make<int>();
  for (int i = 0; i < flavour.room(1000); ++i) ASSERT_TRUE(tx.try_send(i));
  rx.close();
  EXPECT_TRUE(returned(tx.try_send(1), errc::closed, 1));
  EXPECT_TRUE(returned(tx.send(2), errc::closed, 2));
  EXPECT_TRUE(returned(tx.send(3, stopped_token()), errc::closed, 3));
  EXPECT_TRUE(returned(tx.send_for(4, -1s), errc::closed, 4));
  EXPECT_TRUE(returned(tx.send_until(5, steady::now() - 1s), errc::closed, 5));
}

// semantics 5: a send that happened before is visible to a later try_recv
FLAVOUR_TEST(BasicsBuffered, ACompletedSendIsVisible) {
  auto [tx, rx] = flavour.template make<int>();
  std::atomic<int> sent{0}, seen{0};
  const int n = rounds(3000);
  worker sender([&] {
    for (int i = 1; i <= n; ++i) {
      ASSERT_TRUE(tx.send(i));
      sent.store(i, std::memory_order_release);
      eventually([&] { return seen.load(std::memory_order_acquire) == i; });
    }
  });
  for (int i = 1; i <= n; ++i) {
    eventually([&] { return sent.load(std::memory_order_acquire) == i; });
    EXPECT_TRUE(got(rx.try_recv(), i));
    seen.store(i, std::memory_order_release);
  }
}

namespace {
// Moving it stands still while its gate is shut: a sender stalled in the middle of its send.
struct slow {
  explicit slow(int v, std::atomic<bool>* g = nullptr) noexcept : value(v), gate(g) {}
  slow(slow&& other) noexcept : value(other.value), gate(std::exchange(other.gate, nullptr)) {
    if (gate == nullptr) return;
    stalled.store(true, std::memory_order_release);
    while (!gate->load(std::memory_order_acquire)) std::this_thread::yield();
    gate = nullptr;
  }
  slow& operator=(slow&& other) noexcept {
    value = other.value;
    return *this;
  }
  ~slow() = default;
  int value;
  std::atomic<bool>* gate;
  static inline std::atomic<bool> stalled{false};
};

template <class Channel>
void check_visibility_past_a_stalled_sender(Channel channel) {
  auto& [tx, rx] = channel;
  std::atomic<bool> gate{false};
  slow::stalled = false;
  auto tx2 = tx;
  worker stalled_sender([&] { EXPECT_TRUE(tx2.send(slow(1, &gate))); });
  eventually([] { return slow::stalled.load(); });
  worker opener([&] {  // so that an implementation which waits here ends, too
    std::this_thread::sleep_for(30ms);
    gate = true;
  });
  ASSERT_TRUE(tx.send(slow(2)));
  int sum = 0;
  auto m = rx.try_recv();
  if (m) {
    sum += m->value;
  } else {
    EXPECT_TRUE(failed(m, errc::empty))
        << "a flavour that cannot see past a stalled sender must not say closed";
  }
  stalled_sender.join();
  while (auto later = rx.try_recv()) sum += later->value;
  EXPECT_EQ(sum, 3);
}
}  // namespace

// semantics 5: the same while another sender is stalled in the middle of its own send
TEST(BasicsVisibility, AlsoPastAStalledSender) {
  check_visibility_past_a_stalled_sender(strait::unbounded<slow>());
  check_visibility_past_a_stalled_sender(strait::bounded<slow>(3));
  check_visibility_past_a_stalled_sender(strait::mpsc::unbounded<slow>());
  check_visibility_past_a_stalled_sender(strait::mpsc::bounded<slow>(3));
}

// semantics 4, 5: nor does a receive answer closed while a claimed send is still on its way
TEST(BasicsVisibility, AStalledSendIsDrainedAfterClose) {
  const auto check = [](auto channel) {
    std::atomic<bool> gate{false};
    slow::stalled = false;
    std::atomic<bool> accepted{false};
    worker sender([&] { accepted = channel.tx.send(slow(1, &gate)).has_value(); });
    eventually([] { return slow::stalled.load(); });
    worker opener([&] {
      std::this_thread::sleep_for(20ms);
      gate = true;
    });
    channel.rx.close();
    auto m = channel.rx.recv();  // a message, or closed when the send was refused
    sender.join();
    EXPECT_EQ(m.has_value(), accepted.load());
    EXPECT_TRUE(failed(channel.rx.recv(), errc::closed));
  };
  check(strait::unbounded<slow>());
  check(strait::bounded<slow>(3));
  check(strait::mpsc::unbounded<slow>());
  check(strait::mpsc::bounded<slow>(3));
  check(strait::spsc::unbounded<slow>());
  check(strait::spsc::bounded<slow>(3));
}

// semantics 7: at capacity 0 try_send succeeds only when a receiver waits already
FLAVOUR_TEST(BasicsRendezvous, TrySendNeedsAWaitingReceiver) {
  auto [tx, rx] = flavour.template make<int>();
  EXPECT_TRUE(returned(tx.try_send(1), errc::full, 1));
  worker plain([&rx] { EXPECT_TRUE(got(rx.recv(), 2)); });
  eventually([&] {
    auto r = tx.try_send(2);
    if (!r) {
      EXPECT_TRUE(returned(r, errc::full, 2));
    }
    return r.has_value();
  });
  plain.join();
  worker timed([&rx] { EXPECT_TRUE(got(rx.recv_for(1h), 3)); });
  eventually([&tx] { return tx.try_send(3).has_value(); });
  timed.join();
  worker selecting(
      [&rx] { EXPECT_TRUE(got(choose(strait::on_recv(rx, [](int m) { EXPECT_EQ(m, 4); })), 0U)); });
  eventually([&tx] { return tx.try_send(4).has_value(); });
  selecting.join();
  EXPECT_TRUE(returned(tx.try_send(5), errc::full, 5));
}

// semantics 7: and try_recv only when a sender waits already, plain, timed or in a select
FLAVOUR_TEST(BasicsRendezvous, TryRecvNeedsAWaitingSender) {
  auto [tx, rx] = flavour.template make<int>();
  const auto take = [&rx](int wanted) {
    eventually([&] {
      auto m = rx.try_recv();
      EXPECT_TRUE(m ? got(m, wanted) : failed(m, errc::empty));
      return m.has_value();
    });
  };
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
  worker plain([&tx] { EXPECT_TRUE(tx.send(1)); });
  take(1);
  plain.join();
  worker timed([&tx] { EXPECT_TRUE(tx.send_for(2, 1h)); });
  take(2);
  timed.join();
  worker selecting([&tx] {
    EXPECT_TRUE(got(
        choose(strait::on_send(tx, 3, [](strait::send_result<int> r) { EXPECT_TRUE(r); })), 0U));
  });
  take(3);
  selecting.join();
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
}

// semantics 7: two threads that only try never meet
FLAVOUR_TEST(BasicsRendezvous, TryFormsNeverMeetEachOther) {
  auto [tx, rx] = flavour.template make<int>();
  std::atomic<bool> done{false};
  worker sender([&] {
    while (!done) EXPECT_TRUE(failed(tx.try_send(1), errc::full));
  });
  for (int i = 0; i < rounds(20'000); ++i) ASSERT_TRUE(failed(rx.try_recv(), errc::empty));
  done = true;
}

// semantics 10: a send has succeeded exactly when a receiver took the message, whoever gives up when
FLAVOUR_TEST(BasicsRendezvous, SendSucceedsExactlyWhenTaken) {
  auto [tx, rx] = flavour.template make<int>();
  long long sent = 0, taken = 0;
  std::atomic<bool> done{false};
  worker receiver([&] {
    std::minstd_rand random(7);
    while (!done) {
      if (auto m = rx.recv_for(std::chrono::microseconds(random() % 40))) taken += *m;
    }
  });
  std::minstd_rand random(3);
  for (int i = 1; i <= rounds(5000); ++i) {
    if (auto r = tx.send_for(i, std::chrono::microseconds(random() % 40))) {
      sent += i;
    } else {
      EXPECT_TRUE(returned(r, errc::timeout, i));
    }
  }
  done = true;
  receiver.join();
  EXPECT_EQ(sent, taken);
}

// semantics 10, 11: at capacity 0 it is always empty and always full, also while somebody waits
FLAVOUR_TEST(BasicsRendezvous, IsAlwaysEmptyAndFull) {
  auto [tx, rx] = flavour.template make<int>();
  const auto check = [&tx, &rx] {
    EXPECT_EQ(tx.size(), 0U);
    EXPECT_EQ(rx.size(), 0U);
    EXPECT_TRUE(tx.empty() && rx.empty() && tx.full() && rx.full());
    EXPECT_EQ(rx.capacity(), std::size_t{0});
    EXPECT_EQ(tx.capacity(), std::size_t{0});
  };
  check();
  worker sender([&tx] { EXPECT_TRUE(tx.send(1)); });
  a_moment();
  check();
  EXPECT_TRUE(got(rx.recv(), 1));
  sender.join();
  worker receiver([&rx] { EXPECT_TRUE(got(rx.recv(), 2)); });
  a_moment();
  check();
  EXPECT_TRUE(tx.send(2));
  receiver.join();
  check();
}

// semantics 12, 6: everything arrives exactly once, in order per sender, with all ends busy
FLAVOUR_TEST(Basics, NothingIsLostOrDoubledUnderLoad) {
  constexpr int many = 3;
  const int each = rounds(flavour.rendezvous() ? 1500 : 6000);
  auto [tx, rx] = flavour.template make<std::unique_ptr<std::pair<int, int>>>();
  auto txs = clones(std::move(tx), many);
  auto rxs = clones(std::move(rx), many);
  const int senders = static_cast<int>(txs.size());
  std::atomic<long long> sum{0};
  std::atomic<int> count{0};
  {
    std::vector<worker> workers;
    for (int s = 0; s < senders; ++s) {
      workers.emplace_back([&, s, mine = std::move(txs[static_cast<std::size_t>(s)])]() mutable {
        for (int i = 0; i < each; ++i)
          ASSERT_TRUE(mine.send(std::make_unique<std::pair<int, int>>(s, i)));
        mine.reset();
      });
    }
    for (auto& r : rxs) {
      workers.emplace_back([&, mine = std::move(r)] {
        std::array<int, many> last{-1, -1, -1};
        while (auto m = mine.recv()) {
          auto [s, i] = **m;
          auto& previous = last[static_cast<std::size_t>(s)];
          EXPECT_GT(i, previous);
          previous = i;
          sum += i;
          ++count;
        }
      });
    }
  }
  EXPECT_EQ(count, senders * each);
  EXPECT_EQ(sum, static_cast<long long>(senders) * each * (each - 1) / 2);
}

// semantics 11: the bound is never exceeded, and size() never says so, whatever goes on
FLAVOUR_TEST(BasicsBounded, TheBoundHoldsUnderLoad) {
  auto [tx, rx] = flavour.template make<int>();
  const auto n = static_cast<long>(flavour.capacity);
  std::atomic<long> sent{0}, taken{0};
  auto txs = clones(std::move(tx), 2);
  {
    std::vector<worker> workers;
    for (auto& t : txs) {
      workers.emplace_back([&, mine = std::move(t)]() mutable {
        for (int i = 0; i < rounds(4000); ++i) {
          ASSERT_TRUE(mine.send(i));
          const long completed = sent.fetch_add(1) + 1;
          // At most n of the completed sends lie in the channel; each other one was taken by a receive
          // that had begun, and `taken` counts receives before they begin.
          EXPECT_LE(completed - taken.load(), n);
          const std::size_t size = mine.size();
          EXPECT_LE(size, static_cast<std::size_t>(n));
        }
        mine.reset();
      });
    }
    for (;;) {
      taken.fetch_add(1);
      if (!rx.recv()) break;
    }
  }
}

// pitfalls 15, 25, 26: a blocked thread sleeps, in every wait
FLAVOUR_TEST(Basics, WaitingCostsNoProcessorTime) {
  auto empty_channel = flavour.template make<int>();
  auto timed_channel = flavour.template make<int>();
  auto selected_channel = flavour.template make<int>();
  auto full_channel = flavour.template make<int>();
  const auto idle = [](auto wait) {
    return [wait] {
      const auto start = steady::now();
      const processor_time used;
      wait();
      const auto cost = used.elapsed();
      EXPECT_TRUE(was_idle(cost, steady::now() - start));
    };
  };
  worker receiving(idle([&rx = empty_channel.rx] { EXPECT_TRUE(got(rx.recv(), 1)); }));
  worker timed(idle([&rx = timed_channel.rx] { EXPECT_TRUE(got(rx.recv_for(1h), 1)); }));
  worker selecting(idle([&rx = selected_channel.rx] {
    EXPECT_TRUE(got(choose(strait::on_recv(rx, [](int) {}), strait::on_timeout(1h, [] {})), 0U));
  }));
  if (!flavour.unbounded()) {
    while (full_channel.tx.try_send(0)) {
    }
    worker sending(idle([&tx = full_channel.tx] { EXPECT_TRUE(tx.send(1)); }));
    std::this_thread::sleep_for(300ms);
    EXPECT_TRUE(full_channel.rx.recv());
  } else {
    std::this_thread::sleep_for(300ms);
  }
  EXPECT_TRUE(empty_channel.tx.send(1));
  EXPECT_TRUE(timed_channel.tx.send(1));
  EXPECT_TRUE(selected_channel.tx.send(1));
}

// semantics 31: Rust's names
TEST(BasicsRustsNames, ChannelAndSyncChannel) {
  auto [tx, rx] = strait::mpsc::unbounded<std::string>();  // mpsc::channel()
  auto tx2 = tx;                                           // tx.clone()
  worker writer([mine = std::move(tx), tx2 = std::move(tx2)]() mutable {
    EXPECT_TRUE(mine.send("hi"));
    mine.reset();  // drop(mine)
    EXPECT_TRUE(tx2.send("there"));
  });
  std::vector<std::string> all;
  for (auto& m : rx) all.push_back(std::move(m));  // for m in rx
  EXPECT_EQ(all, (std::vector<std::string>{"hi", "there"}));

  auto [stx, srx] = strait::mpsc::bounded<int>(2);  // mpsc::sync_channel(2)
  EXPECT_TRUE(stx.send(1));
  EXPECT_TRUE(stx.send(2));
  EXPECT_TRUE(returned(stx.try_send(3), errc::full, 3));
  for (int& m : srx.try_iter()) EXPECT_TRUE(m == 1 || m == 2);
  EXPECT_EQ(srx.size(), 0U);
}

// api: bounded(0) and rendezvous() are the same thing; the result is an aggregate with tx and rx
TEST(BasicsMaking, RendezvousIsBoundedZero) {
  static_assert(std::is_aggregate_v<decltype(strait::unbounded<int>())>);
  static_assert(
      std::is_same_v<decltype(strait::bounded<int>(0)), decltype(strait::rendezvous<int>())>);
  auto ch = strait::bounded<int>(0);
  EXPECT_EQ(ch.tx.capacity(), std::size_t{0});
  EXPECT_TRUE(failed(ch.tx.try_send(1), errc::full));
}

// api: a capacity that cannot be is bad_alloc, before anything is allocated
TEST(BasicsMaking, AnImpossibleCapacityIsBadAlloc) {
  constexpr auto huge = static_cast<std::size_t>(PTRDIFF_MAX);
  EXPECT_THROW((void)strait::bounded<int>(huge), std::bad_alloc);
  EXPECT_THROW((void)strait::bounded<int>(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW((void)strait::mpsc::bounded<int>(huge), std::bad_alloc);
  EXPECT_THROW((void)strait::mpsc::bounded<int>(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW((void)strait::spsc::bounded<int>(huge), std::bad_alloc);
  EXPECT_THROW((void)strait::spsc::bounded<int>(SIZE_MAX), std::bad_alloc);
  // A number of bytes that is small again modulo the largest size.
  for (int bits = 60; bits < 64; ++bits) {
    const std::size_t wraps = (std::size_t{1} << bits) + 1;
    EXPECT_THROW((void)strait::bounded<std::uint64_t>(wraps), std::bad_alloc) << bits;
    EXPECT_THROW((void)strait::mpsc::bounded<std::uint64_t>(wraps), std::bad_alloc) << bits;
    EXPECT_THROW((void)strait::spsc::bounded<std::uint64_t>(wraps), std::bad_alloc) << bits;
  }
  // The same with lines of 64 bytes, 7 messages to each.
  for (std::size_t times = 1; times < 10; ++times) {
    const std::size_t wraps = ((times << 58) + 1) * 7;
    EXPECT_THROW((void)strait::bounded<std::uint64_t>(wraps), std::bad_alloc) << times;
    EXPECT_THROW((void)strait::mpsc::bounded<std::uint64_t>(wraps), std::bad_alloc) << times;
  }
}

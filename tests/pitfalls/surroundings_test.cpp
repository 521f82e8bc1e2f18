// SPDX-License-Identifier: BSL-1.0
//
// Pitfalls 9, 15, 26 and the list's rest: one processor, forgotten handles, threads and programs that end.
#include <atomic>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "../stress/one_processor.hpp"
#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Surroundings : public ::testing::Test {
 public:
  using flavours = every_flavour;
};

// pitfalls 15: on one processor everything makes progress, with more threads than ends
FLAVOUR_TEST(Surroundings, OneProcessorIsEnough) {
  const one_processor pinned;
  auto [tx, rx] = flavour.template make<int>();
  auto txs = clones(std::move(tx), 3);
  auto rxs = clones(std::move(rx), 3);
  const int each = rounds(2000);
  const int senders = static_cast<int>(txs.size());
  std::atomic<int> taken{0};
  {
    std::vector<worker> workers;
    for (auto& t : txs) {
      workers.emplace_back([&, mine = std::move(t)]() mutable {
        for (int i = 0; i < each; ++i) {
          if (i % 5 == 0) {
            strait::select(strait::on_send(mine, i));
          } else {
            ASSERT_TRUE(mine.send(i));
          }
        }
        mine.reset();
      });
    }
    for (auto& r : rxs) {
      workers.emplace_back([&, mine = std::move(r)] {
        for ([[maybe_unused]] int m : mine) ++taken;
      });
    }
  }
  EXPECT_EQ(taken, senders * each);
}

// pitfalls 26: a handle that is forgotten, never destroyed, keeps the channel open and hangs nobody else
TEST(SurroundingsForgotten, AForgottenHandleHangsNobody) {
  auto [tx, rx] = strait::bounded<int>(1);
  using sender = strait::sender<int>;
  alignas(sender) static unsigned char storage[sizeof(sender)];
  sender* forgotten = new (storage) sender(tx);
  tx.reset();
  EXPECT_FALSE(rx.is_closed());
  EXPECT_TRUE(failed(rx.recv_for(1ms), errc::timeout));
  rx.close();  // the others can still end it
  EXPECT_TRUE(failed(rx.recv(), errc::closed));
  std::destroy_at(forgotten);  // for the leak checkers
}

// pitfalls 9: short threads by the hundred, each with its first and last wait
FLAVOUR_TEST(Surroundings, ShortThreads) {
  auto [tx, rx] = flavour.template make<int>();
  for (int i = 0; i < rounds(100); ++i) {
    worker receiver([&] {
      if (i % 2 == 0) {
        EXPECT_TRUE(got(rx.recv(), i));
      } else {
        strait::select(strait::on_recv(rx, [&](int m) { EXPECT_EQ(m, i); }));
      }
    });
    worker sender([&] { EXPECT_TRUE(tx.send(i)); });
  }
}

// The program ends while a thread still waits: it must not hang at exit. Nothing to expect here; the time
// limit of the whole program is the check.
TEST(SurroundingsExit, AThreadMayWaitWhenTheProgramEnds) {
  using channel = decltype(strait::unbounded<int>());
  static channel* forever = new channel(strait::unbounded<int>());
  static channel* also = new channel(strait::rendezvous<int>());
  std::thread([] { (void)forever->rx.recv(); }).detach();
  std::thread([] { (void)also->tx.send(1); }).detach();
  std::thread([] {
    strait::select(strait::on_recv(forever->rx), strait::on_send(also->tx, 2));
  }).detach();
  a_moment();
}

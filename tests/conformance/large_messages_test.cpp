// SPDX-License-Identifier: BSL-1.0
//
// A megabyte a message: through every flavour, and how much of it lies on the stack.
#include <pthread.h>

#include <cstring>
#include <memory>

#include "flavours.hpp"
#include "ship.hpp"
#include "support.hpp"

using namespace strait_test;

class LargeMessages : public ::testing::Test {
 public:
  using flavours = every_flavour;
};

namespace {
// Not trivially copyable, so that compilers pass it by reference to the caller's own copy.
template <std::size_t Size>
struct big {
  big() noexcept = default;
  explicit big(int v) noexcept : value(v) { tail[Size / 2] = static_cast<unsigned char>(v); }
  big(big&& other) noexcept : value(other.value) { std::memcpy(tail, other.tail, Size); }
  big& operator=(big&&) = delete;
  ~big() = default;
  bool holds(int v) const noexcept {
    return value == v && tail[Size / 2] == static_cast<unsigned char>(v);
  }
  int value = 0;
  unsigned char tail[Size];
};
using big_32k = big<32 * 1024>;
using big_1m = big<1024 * 1024>;
constexpr std::size_t mebibyte = 1024 * 1024;

// Runs in a thread with this much stack.
template <class Body>
void with_stack(std::size_t bytes, Body body) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, bytes), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* p) -> void* {
                  (*static_cast<Body*>(p))();
                  return nullptr;
                },
                &body),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}
}  // namespace

template <std::size_t Size>
struct strait_test::sample<big<Size>> {
  static big<Size> make(int i) { return big<Size>(i); }
  static void check(big<Size>& m, int i) { EXPECT_TRUE(m.holds(i)); }
};

// semantics 17, pitfalls 6: 32 KiB and a megabyte, through every flavour
FLAVOUR_TEST(LargeMessages, TravelThroughEveryFlavour) {
  ship<big_32k>(flavour.template make<big_32k>(), 100);
  with_stack(64 * mebibyte, [this] { ship<big_1m>(flavour.template make<big_1m>(), 4); });
}

TEST(LargeMessagesOneshot, Travels) {
  auto [tx, rx] = strait::oneshot<big_1m>();
  auto p = std::make_unique<big_1m>(3);
  EXPECT_TRUE(tx.send(std::move(*p)));
  EXPECT_TRUE(rx.recv()->holds(3));
}

// semantics 17: not copied onto the stack more often than the caller's own: send's parameter and its
// result are two, a receive's result is one
FLAVOUR_TEST(LargeMessages, DoNotPileUpOnTheStack) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's frames are larger";
  auto [tx, rx] = flavour.template make<big_1m>();
  auto p = std::make_unique<big_1m>(5);
  worker sender([&] {
    with_stack(2 * mebibyte + mebibyte / 2, [&] {
      if (!tx.send(std::move(*p))) ADD_FAILURE();
    });
  });
  with_stack(mebibyte + mebibyte / 2, [&] {
    const auto m = rx.recv();
    if (!m || !m->holds(5)) ADD_FAILURE();
  });
  sender.join();
  worker again([&] {
    with_stack(2 * mebibyte + mebibyte / 2, [&] {
      if (!tx.send_for(std::move(*p), 1h)) ADD_FAILURE();
    });
  });
  with_stack(mebibyte + mebibyte / 2, [&] {
    const auto m = rx.recv_for(1h);
    if (!m || !m->holds(5)) ADD_FAILURE();
  });
}

// semantics 17: the same through the try forms, where there is a buffer
TEST(LargeMessagesStack, TryFormsDoNotPileUpOnTheStack) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's frames are larger";
  auto p = std::make_unique<big_1m>(5);
  const auto check = [&](auto ch) {
    with_stack(2 * mebibyte + mebibyte / 2, [&] {
      if (!ch.tx.try_send(std::move(*p))) ADD_FAILURE();
    });
    with_stack(mebibyte + mebibyte / 2, [&] {
      const auto m = ch.rx.try_recv();
      if (!m || !m->holds(5)) ADD_FAILURE();
    });
  };
  check(strait::bounded<big_1m>(1));
  check(strait::unbounded<big_1m>());
  check(strait::mpsc::bounded<big_1m>(1));
  check(strait::mpsc::unbounded<big_1m>());
  check(strait::spsc::bounded<big_1m>(1));
  check(strait::spsc::unbounded<big_1m>());
}

// semantics 17: a failed send gives the message back with one more, inside the expected type, at most
TEST(LargeMessagesStack, AFailedSendDoesNotPileUpEither) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's frames are larger";
  auto p = std::make_unique<big_1m>(5);
  const auto check = [&](auto ch) {
    with_stack(3 * mebibyte + mebibyte / 2, [&] {
      ch.rx.close();
      auto r = ch.tx.send(std::move(*p));
      if (r || !r.error().value().holds(5)) ADD_FAILURE();
    });
    with_stack(mebibyte + mebibyte / 2, [&] {
      if (ch.rx.try_recv()) ADD_FAILURE();
    });
  };
  check(strait::bounded<big_1m>(1));
  check(strait::unbounded<big_1m>());
  check(strait::rendezvous<big_1m>());
  check(strait::mpsc::bounded<big_1m>(1));
  check(strait::spsc::bounded<big_1m>(1));
}

// pitfalls 6: making a channel of large messages puts nothing large on the stack
TEST(LargeMessagesStack, MakingAChannelNeedsNoStack) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's frames are larger";
  with_stack(256 * 1024, [] {
    auto a = strait::unbounded<big_1m>();
    auto b = strait::bounded<big_1m>(2);
    auto c = strait::mpsc::unbounded<big_1m>();
    auto d = strait::spsc::unbounded<big_1m>();
    auto e = strait::rendezvous<big_1m>();
    auto f = strait::oneshot<big_1m>();
    if (!a.rx || !b.rx || !c.rx || !d.rx || !e.rx || !f.rx) ADD_FAILURE();
  });
}

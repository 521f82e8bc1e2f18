// SPDX-License-Identifier: BSL-1.0
//
// What may travel: move-only, over-aligned, empty, not default constructible, types that convert from
// everything; and that each message dies exactly once, however it goes.
#include <any>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "flavours.hpp"
#include "ship.hpp"
#include "support.hpp"

using namespace strait_test;

class Messages : public ::testing::Test {
 public:
  using flavours = every_flavour;

 protected:
  void SetUp() override { counted::start_over(); }
};

namespace {

template <std::size_t Alignment>
struct alignas(Alignment) aligned {
  explicit aligned(int v) noexcept : value(v) { check(); }
  aligned(aligned&& other) noexcept : value(other.value) { check(); }
  aligned& operator=(aligned&& other) noexcept {
    value = other.value;
    return *this;
  }
  ~aligned() { check(); }
  void check() const {
    if (reinterpret_cast<std::uintptr_t>(this) % Alignment != 0) misplaced = true;
  }
  int value;
  static inline std::atomic<bool> misplaced{false};
};

struct empty_type {};
struct awkward {  // no default, no assignment, an operator& of its own
  explicit awkward(int v) : value(v) {}
  awkward(awkward&& other) noexcept
      : value(other.value), text(std::move(const_cast<std::string&>(other.text))) {}
  awkward& operator=(awkward&&) = delete;
  awkward* operator&() { return nullptr; }
  const awkward* operator&() const { return nullptr; }
  const int value;
  const std::string text = "too long for any small buffer, so that it must move";
};
}  // namespace

namespace strait_test {
template <class T>
  requires requires(T& t, int i) {
    T(i);
    t.value;
  }
struct sample<T> {
  static T make(int i) { return T(i); }
  static void check(T& m, int i) { EXPECT_EQ(m.value, i); }
};
template <>
struct sample<std::unique_ptr<int>> {
  static std::unique_ptr<int> make(int i) { return std::make_unique<int>(i); }
  static void check(std::unique_ptr<int>& m, int i) { EXPECT_EQ(*m, i); }
};
template <>
struct sample<empty_type> {
  static empty_type make(int) { return {}; }
  static void check(empty_type&, int) {}
};
template <>
struct sample<bool> {
  static bool make(int i) { return i % 2 == 0; }
  static void check(bool& m, int i) { EXPECT_EQ(m, i % 2 == 0); }
};
template <>
struct sample<const char*> {
  static const char* make(int) { return nullptr; }
  static void check(const char*& m, int) { EXPECT_EQ(m, nullptr); }
};
template <>
struct sample<std::any> {
  static std::any make(int i) { return std::any(i); }
  static void check(std::any& m, int i) { EXPECT_EQ(std::any_cast<int>(m), i); }
};
template <>
struct sample<std::function<int()>> {
  static std::function<int()> make(int i) {
    return [i] { return i; };
  }
  static void check(std::function<int()>& m, int i) { EXPECT_EQ(m(), i); }
};
using either = std::variant<int, std::string>;
template <>
struct sample<either> {
  static either make(int i) { return either(i); }
  static void check(either& m, int i) { EXPECT_EQ(std::get<int>(m), i); }
};
using nested = strait::expected<int, errc>;
template <>
struct sample<nested> {
  static nested make(int) { return strait::unexpected<errc>(errc::closed); }
  static void check(nested& m, int) { EXPECT_TRUE(failed(m, errc::closed)); }
};
template <>
struct sample<errc> {
  static errc make(int) { return errc::closed; }
  static void check(errc& m, int) { EXPECT_EQ(m, errc::closed); }
};
template <>
struct sample<std::stop_token> {
  static std::stop_token make(int) { return {}; }
  static void check(std::stop_token& m, int) { EXPECT_FALSE(m.stop_possible()); }
};
template <>
struct sample<std::size_t> {
  static std::size_t make(int i) { return static_cast<std::size_t>(i); }
  static void check(std::size_t& m, int i) { EXPECT_EQ(m, static_cast<std::size_t>(i)); }
};
}  // namespace strait_test

// api: move-only
FLAVOUR_TEST(Messages, MoveOnly) {
  ship<std::unique_ptr<int>>(flavour.template make<std::unique_ptr<int>>(), 200);
}

// api: over-aligned; in the channel, too, every object lies where its type demands (threads wait: a coroutine's
// frame is not over-aligned)
FLAVOUR_TEST(Messages, OverAligned) {
  ship<aligned<128>>(flavour.template make<aligned<128>>(), 100);
  EXPECT_FALSE(aligned<128>::misplaced);
}

TEST(MessagesOneshot, OverAligned) {
  for (int i = 0; i < 20; ++i) {
    auto [tx, rx] = strait::oneshot<aligned<128>>();
    EXPECT_TRUE(tx.send(aligned<128>(i)));
    EXPECT_EQ(rx.recv()->value, i);
  }
  EXPECT_FALSE(aligned<128>::misplaced);
}

// api: empty, not default constructible, not assignable, with an operator& of its own
FLAVOUR_TEST(Messages, Shapes) {
  ship<empty_type>(flavour.template make<empty_type>(), 50);
  ship<awkward>(flavour.template make<awkward>(), 50);
}

TEST(MessagesTypes, OverAlignedToALine) {
  ship<aligned<64>>(strait::unbounded<aligned<64>>(), 100);
  ship<aligned<64>>(strait::bounded<aligned<64>>(5), 100);
  EXPECT_FALSE(aligned<64>::misplaced);
}

// api: bool, pointers, types that convert from everything, types that are results or error codes themselves
TEST(MessagesTypes, KeepTheirOwnType) {
  ship<bool>(strait::bounded<bool>(3), 50);
  ship<const char*>(strait::bounded<const char*>(3), 50);
  ship<std::any>(strait::bounded<std::any>(3), 50);
  ship<std::function<int()>>(strait::bounded<std::function<int()>>(3), 50);
  ship<either>(strait::bounded<either>(3), 50);
  ship<nested>(strait::bounded<nested>(3), 50);
  ship<errc>(strait::bounded<errc>(3), 50);
  ship<std::stop_token>(strait::bounded<std::stop_token>(3), 50);
  ship<std::size_t>(strait::bounded<std::size_t>(3), 50);
}

// ---- every message dies once --------------------------------------------------------------------

// semantics 6: received, left in the channel, refused, timed out: made as often as died
FLAVOUR_TEST(Messages, DieExactlyOnce) {
  {
    auto [tx, rx] = flavour.template make<counted>();
    const int n = flavour.room(40);
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
    for (int i = 0; i < n / 2; ++i) EXPECT_TRUE(got(rx.try_recv(), i));
    if (flavour.capacity <= 3) {
      (void)tx.send_for(counted(98), 1us);
    }
    EXPECT_TRUE(got(choose(strait::on_recv(rx), strait::otherwise([] {})), n > 0 ? 0U : 1U));
    rx.close();
    (void)tx.send(counted(99));
    EXPECT_EQ(static_cast<std::size_t>(counted::live()), rx.size());
  }
  EXPECT_EQ(counted::live(), 0);
  EXPECT_EQ(counted::made(), counted::died());
}

// semantics 6: with threads at work on all ends, and an end in the middle
FLAVOUR_TEST(Messages, DieExactlyOnceUnderLoad) {
  for (int round = 0; round < rounds(20); ++round) {
    {
      auto [tx, rx] = flavour.template make<counted>();
      auto txs = clones(std::move(tx), 2);
      auto rxs = clones(std::move(rx), 2);
      std::atomic<int> taken{0};
      std::vector<worker> workers;
      for (auto& t : txs) {
        workers.emplace_back([&, mine = std::move(t)] {
          for (int i = 0; i < 300; ++i) {
            if (!mine.send_for(counted(i), 20us) && mine.is_closed()) break;
          }
        });
      }
      for (auto& r : rxs) {
        workers.emplace_back([&, mine = std::move(r)] {
          for (int i = 0; i < 200; ++i) {
            auto m = mine.recv_for(20us);
            if (m) ++taken;
            if (!m && m.error() == errc::closed) break;
          }
        });
      }
    }
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
}

// a channel of channels whose messages are still inside when the outer one goes
TEST(MessagesNested, AChannelInAChannel) {
  counted::start_over();
  {
    auto outer = strait::unbounded<strait::receiver<counted>>();
    for (int i = 0; i < 5; ++i) {
      auto inner = strait::bounded<counted>(3);
      ASSERT_TRUE(inner.tx.send(counted(i)));
      ASSERT_TRUE(outer.tx.send(std::move(inner.rx)));
    }
    EXPECT_EQ(counted::live(), 5);
    auto one = outer.rx.recv();
    ASSERT_TRUE(one);
    EXPECT_TRUE(got(one->recv(), 0));
    outer.rx.reset();
    EXPECT_EQ(counted::live(), 0);
  }
  EXPECT_EQ(counted::made(), counted::died());
}

// cross-cutting: an answer without a value is a message, also when its error holds something
TEST(Messages, AResultWithoutAValue) {
  using answer = strait::send_result<std::string>;
  const auto check = [](auto ch) {
    auto failing = strait::bounded<std::string>(1);
    ASSERT_TRUE(failing.tx.send("fills it"));
    worker sender([&] {
      EXPECT_TRUE(ch.tx.send(answer()));
      EXPECT_TRUE(ch.tx.send(failing.tx.try_send("mine")));
    });
    auto first = ch.rx.recv();
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->has_value());
    auto second = ch.rx.recv();
    ASSERT_TRUE(second);
    EXPECT_TRUE(returned(*second, errc::full, "mine"));
  };
  check(strait::unbounded<answer>());
  check(strait::mpsc::bounded<answer>(1));
  check(strait::spsc::bounded<answer>(0));
}

// SPDX-License-Identifier: BSL-1.0
//
// Errors are values: their words, their codes, their exceptions, and the message a failed send keeps.
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

// api: the numbers start at 1; 0 is no error
static_assert(static_cast<int>(errc::empty) == 1 && static_cast<int>(errc::full) == 2 &&
              static_cast<int>(errc::closed) == 3 && static_cast<int>(errc::timeout) == 4 &&
              static_cast<int>(errc::cancelled) == 5);
static_assert(std::is_error_code_enum_v<errc>);
static_assert(std::is_same_v<strait::recv_result<int>, strait::expected<int, errc>>);
static_assert(
    std::is_same_v<strait::send_result<int>, strait::expected<void, strait::send_error<int>>>);
static_assert(
    std::is_same_v<decltype(strait::to_string(errc::full, strait::op::send)), std::string_view>);

// semantics 31, api: the field's texts
TEST(ErrorsText, SaysWhatTheFieldSays) {
  using strait::op;
  using strait::to_string;
  EXPECT_EQ(to_string(errc::closed, op::send), "sending on a closed channel");
  EXPECT_EQ(to_string(errc::closed, op::recv), "receiving on a closed channel");
  EXPECT_EQ(to_string(errc::full, op::send), "sending on a full channel");
  EXPECT_EQ(to_string(errc::empty, op::recv), "receiving on an empty channel");
  EXPECT_EQ(to_string(errc::timeout, op::send), "timed out waiting on send operation");
  EXPECT_EQ(to_string(errc::timeout, op::recv), "timed out waiting on receive operation");
  EXPECT_EQ(to_string(errc::cancelled, op::send), "send was cancelled");
  EXPECT_EQ(to_string(errc::cancelled, op::recv), "receive was cancelled");
}

// api: to_string(errc) tells the five apart
TEST(ErrorsText, ShortWordsDiffer) {
  std::set<std::string_view> words;
  for (errc e : {errc::empty, errc::full, errc::closed, errc::timeout, errc::cancelled}) {
    EXPECT_FALSE(strait::to_string(e).empty());
    words.insert(strait::to_string(e));
  }
  EXPECT_EQ(words.size(), 5U);
}

// api: an errc is an error_code
TEST(ErrorsCode, IsAnErrorCode) {
  const std::error_code code = errc::closed;
  EXPECT_TRUE(code);
  EXPECT_EQ(code.value(), 3);
  EXPECT_EQ(code, errc::closed);
  EXPECT_NE(code, errc::timeout);
  EXPECT_NE(code, std::make_error_code(std::errc::io_error));
  EXPECT_FALSE(code.message().empty());
  EXPECT_FALSE(std::string(code.category().name()).empty());
  std::set<std::string> messages;
  for (errc e : {errc::empty, errc::full, errc::closed, errc::timeout, errc::cancelled}) {
    messages.insert(std::error_code(e).message());
    EXPECT_EQ(&std::error_code(e).category(), &code.category());
  }
  EXPECT_EQ(messages.size(), 5U);
}

// api: a send error carries the reason and the message itself
TEST(ErrorsSend, KeepsTheMessage) {
  auto [tx, rx] = strait::bounded<std::unique_ptr<int>>(1);
  ASSERT_TRUE(tx.send(std::make_unique<int>(1)));
  auto full = tx.try_send(std::make_unique<int>(2));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().reason(), errc::full);
  EXPECT_STREQ(full.error().what(), "sending on a full channel");
  static_assert(std::is_same_v<decltype(full.error().value()), std::unique_ptr<int>&>);
  static_assert(std::is_same_v<decltype(std::move(full).error().value()), std::unique_ptr<int>&&>);
  EXPECT_EQ(*full.error().value(), 2);
  std::unique_ptr<int> back = std::move(full).error().value();
  EXPECT_EQ(*back, 2);
  rx.reset();
  auto closed = tx.send(std::make_unique<int>(3));
  ASSERT_FALSE(closed);
  EXPECT_STREQ(closed.error().what(), "sending on a closed channel");
  EXPECT_EQ(*closed.error().value(), 3);
}

// api: every reason of a send has its text
TEST(ErrorsSend, WhatSaysTheReason) {
  auto [tx, rx] = strait::bounded<int>(1);
  ASSERT_TRUE(tx.send(1));
  auto late = tx.send_for(2, 1ms);
  ASSERT_FALSE(late);
  EXPECT_STREQ(late.error().what(), "timed out waiting on send operation");
  auto cancelled = tx.send(3, stopped_token());
  ASSERT_FALSE(cancelled);
  EXPECT_STREQ(cancelled.error().what(), "send was cancelled");
  EXPECT_EQ(cancelled.error().value(), 3);
}

// a failed send can be tried again with the message it gave back, without end
TEST(ErrorsSend, TheMessageMakesTheRound) {
  auto [tx, rx] = strait::rendezvous<std::unique_ptr<int>>();
  auto message = std::make_unique<int>(5);
  const int* address = message.get();
  for (int i = 0; i < 100; ++i) {
    auto r = i % 2 == 0 ? tx.try_send(std::move(message)) : tx.send_for(std::move(message), 0s);
    ASSERT_FALSE(r);
    message = std::move(r.error()).value();
    ASSERT_EQ(message.get(), address);
  }
}

namespace {
template <class Function>
std::string what_of(Function function) {
  try {
    function();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing thrown";
}
}  // namespace

// api: value() on a failed receive throws bad_expected_access, whose what() is the text
TEST(ErrorsExceptions, AFailedReceive) {
  auto [tx, rx] = strait::unbounded<int>();
  EXPECT_EQ(what_of([&rx] { (void)rx.try_recv().value(); }), "receiving on an empty channel");
  EXPECT_EQ(what_of([&rx] { (void)rx.recv_for(1ms).value(); }),
            "timed out waiting on receive operation");
  EXPECT_EQ(what_of([&] { (void)rx.recv(stopped_token()).value(); }), "receive was cancelled");
  tx.close();
  EXPECT_EQ(what_of([&rx] { (void)rx.recv().value(); }), "receiving on a closed channel");
  const auto failed_result = rx.recv();
  EXPECT_EQ(what_of([&] { (void)failed_result.value(); }), "receiving on a closed channel");
  try {
    (void)rx.recv().value();
    FAIL();
  } catch (const strait::bad_expected_access<errc>& e) {  // it keeps the reason
    EXPECT_EQ(e.error(), errc::closed);
  }
}

// api: value() on a failed send, where the expected type has it; what() of the error where it has not
TEST(ErrorsExceptions, AFailedSend) {
  auto [tx, rx] = strait::unbounded<std::unique_ptr<int>>();
  rx.reset();
  auto r = tx.send(nullptr);
  ASSERT_FALSE(r);
  const auto check = [](auto& result) {
    if constexpr (requires { result.value(); }) {
      EXPECT_EQ(what_of([&] { result.value(); }), "sending on a closed channel");
    } else {
      EXPECT_STREQ(result.error().what(), "sending on a closed channel");
    }
  };
  check(r);
  const strait::bad_expected_access<strait::send_error<std::unique_ptr<int>>> thrown(r.error());
  const std::exception& e = thrown;
  EXPECT_STREQ(e.what(), "sending on a closed channel");
}

// api: a message that may be sent: an object type that moves and dies without throwing
namespace {
struct throwing_move {
  throwing_move(throwing_move&&) noexcept(false) {}
  throwing_move& operator=(throwing_move&&) = default;
};
struct copy_only {
  copy_only(const copy_only&) {}
};
struct immovable {
  immovable() = default;
  immovable(immovable&&) = delete;
};
struct throwing_destructor {
  throwing_destructor(throwing_destructor&&) noexcept {}
  ~throwing_destructor() noexcept(false) {}
};
struct no_default {
  explicit no_default(int) {}
};
struct alignas(128) wide {};
}  // namespace
static_assert(strait::message<int> && strait::message<std::string> &&
              strait::message<std::unique_ptr<int>>);
static_assert(strait::message<no_default> && strait::message<wide> && strait::message<void (*)()>);
static_assert(!strait::message<void> && !strait::message<int&> && !strait::message<int[3]> &&
              !strait::message<void()>);
static_assert(!strait::message<const int> && !strait::message<throwing_move> &&
              !strait::message<copy_only>);
static_assert(!strait::message<immovable> && !strait::message<throwing_destructor>);

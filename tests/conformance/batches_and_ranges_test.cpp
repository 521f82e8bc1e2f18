// SPDX-License-Identifier: BSL-1.0
//
// Many messages by one call, and the channel as a range.
#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;

class Batches : public ::testing::Test {
 public:
  using flavours = every_flavour;

 protected:
  void SetUp() override { counted::start_over(); }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

class BatchesBuffered : public Batches {
 public:
  using flavours = buffered_flavours;
};

namespace {
std::vector<counted> numbered(int n) {
  std::vector<counted> all;
  for (int i = 0; i < n; ++i) all.emplace_back(i);
  return all;
}
template <class Receiver>
std::vector<int> drain(const Receiver& rx) {
  std::vector<int> all;
  (void)rx.try_recv_many(std::back_inserter(all), 1'000'000);
  return all;
}
std::vector<int> count_up(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}
}  // namespace

// semantics 12: send_many from an rvalue container moves, waits, keeps the order and says how many
FLAVOUR_TEST(Batches, SendManyMovesInOrder) {
  auto [tx, rx] = flavour.template make<counted>();
  worker sender([&, mine = std::move(tx)]() mutable {
    auto all = numbered(500);
    EXPECT_EQ(mine.send_many(std::move(all)), 500U);
    for (const auto& c : all) EXPECT_EQ(c.value(), counted::nothing);
    mine.reset();
  });
  int next = 0;
  while (auto m = rx.recv()) EXPECT_TRUE(got(m, next++));
  EXPECT_EQ(next, 500);
}

// api: only accepted elements are touched
FLAVOUR_TEST(Batches, SendManyTouchesOnlyWhatIsAccepted) {
  auto [tx, rx] = flavour.template make<counted>();
  auto all = numbered(50);
  std::size_t accepted = 99;
  worker sender([&] { accepted = tx.send_many(std::move(all)); });
  int next = 0;
  for (; next < 7; ++next) EXPECT_TRUE(got(rx.recv(), next));
  rx.close();
  sender.join();
  while (auto m = rx.recv()) EXPECT_TRUE(got(m, next++));
  EXPECT_EQ(accepted, static_cast<std::size_t>(next));
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].value(), i < accepted ? counted::nothing : static_cast<int>(i));
  }
}

// api: from an lvalue range it copies
FLAVOUR_TEST(BatchesBuffered, SendManyCopiesFromAnLvalue) {
  auto [tx, rx] = flavour.template make<std::string>();
  std::vector<std::string> words{"one", "two", "three"};
  words.resize(static_cast<std::size_t>(flavour.room(3)));
  const auto before = words;
  EXPECT_EQ(tx.send_many(words), words.size());
  EXPECT_EQ(words, before);
  for (const auto& w : before) EXPECT_TRUE(got(rx.recv(), w));
  EXPECT_EQ(tx.send_many(std::as_const(words)), words.size());
  for (const auto& w : before) EXPECT_TRUE(got(rx.recv(), w));
}

// semantics 4: on a closed channel nothing is accepted; an empty range sends nothing and waits for nothing
FLAVOUR_TEST(Batches, NothingFromNothing) {
  auto [tx, rx] = flavour.template make<int>();
  EXPECT_EQ(tx.send_many(std::vector<int>{}), 0U);
  std::vector<int> all{1, 2};
  rx.close();
  EXPECT_EQ(tx.send_many(all), 0U);
  EXPECT_EQ(tx.send_many(std::vector<int>{}), 0U);
}

// api: any forward range; views act through their reference type
TEST(BatchesRanges, SendManyTakesEveryForwardRange) {
  auto [tx, rx] = strait::unbounded<int>();
  EXPECT_EQ(tx.send_many(std::views::iota(0, 5)), 5U);
  EXPECT_EQ(drain(rx), count_up(5));
  EXPECT_EQ(tx.send_many(std::list<int>{0, 1, 2}), 3U);
  EXPECT_EQ(drain(rx), count_up(3));
  EXPECT_EQ(tx.send_many(std::deque<int>{0, 1, 2, 3}), 4U);
  EXPECT_EQ(drain(rx), count_up(4));
  int raw[] = {0, 1, 2};
  EXPECT_EQ(tx.send_many(raw), 3U);
  EXPECT_EQ(drain(rx), count_up(3));
  EXPECT_EQ(tx.send_many(std::array{0, 1}), 2U);
  EXPECT_EQ(drain(rx), count_up(2));
  EXPECT_EQ(tx.send_many(std::span(raw)), 3U);
  EXPECT_EQ(tx.send_many(raw | std::views::transform([](int i) { return i + 3; })), 3U);
  EXPECT_EQ(drain(rx), count_up(6));
  std::vector<int> down{3, 2, 1, 0};
  EXPECT_EQ(tx.send_many(down | std::views::reverse), 4U);
  EXPECT_EQ(drain(rx), count_up(4));
  EXPECT_EQ(tx.send_many(down | std::views::filter([](int i) { return i == 0; })), 1U);
  EXPECT_EQ(drain(rx), count_up(1));
}

// api: moving a view does not move from what it shows
TEST(BatchesRanges, AViewOfAContainerCopies) {
  auto [tx, rx] = strait::unbounded<std::string>();
  std::vector<std::string> words{"alpha, too long for the small buffer",
                                 "beta, too long for the small buffer"};
  const auto before = words;
  EXPECT_EQ(tx.send_many(std::span(words)), 2U);
  EXPECT_EQ(tx.send_many(std::views::all(words)), 2U);
  EXPECT_EQ(words, before);
  for (int lap = 0; lap < 2; ++lap) {
    EXPECT_TRUE(got(rx.recv(), before[0]));
    EXPECT_TRUE(got(rx.recv(), before[1]));
  }
}

namespace {
struct throws_on_copy {
  explicit throws_on_copy(int v) : value(v) {}
  throws_on_copy(const throws_on_copy& other) : value(other.value) {
    if (value == bad) throw std::runtime_error("copy");
  }
  throws_on_copy(throws_on_copy&& other) noexcept : value(other.value) {}
  throws_on_copy& operator=(throws_on_copy&&) noexcept = default;
  ~throws_on_copy() = default;
  int value;
  static inline int bad = -1;
};
}  // namespace

// semantics 16: a throwing copy stops send_many; what was sent stays sent, and no place is lost
FLAVOUR_TEST(BatchesBuffered, AThrowingCopyKeepsThePlaces) {
  auto [tx, rx] = flavour.template make<throws_on_copy>();
  std::vector<throws_on_copy> all;
  for (int i = 0; i < 3; ++i) all.emplace_back(i);
  const int n = flavour.room(3);
  throws_on_copy::bad = n - 1;
  EXPECT_THROW((void)tx.send_many(all), std::runtime_error);
  const throws_on_copy& one = all[static_cast<std::size_t>(n - 1)];
  EXPECT_THROW((void)tx.send(one), std::runtime_error);
  EXPECT_THROW((void)tx.try_send(one), std::runtime_error);
  throws_on_copy::bad = -1;
  EXPECT_EQ(rx.size(), static_cast<std::size_t>(n - 1));
  EXPECT_TRUE(tx.try_send(one));
  for (int i = 0; i < n; ++i) {
    auto m = rx.try_recv();
    ASSERT_TRUE(m);
    EXPECT_EQ(m->value, i);
  }
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
}

FLAVOUR_TEST(BatchesBuffered, RecvManyWritesOneAfterTheOther) {
  auto [tx, rx] = flavour.template make<int>();
  const int n = flavour.room(3);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.send(i + 1));
  int out[3] = {0, 0, 0};
  EXPECT_EQ(rx.recv_many(static_cast<int*>(out), 3), static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) EXPECT_EQ(out[i], i + 1);
}

// api: recv_many waits for the first, then takes what is there, at most max
FLAVOUR_TEST(BatchesBuffered, RecvManyTakesWhatIsThere) {
  auto [tx, rx] = flavour.template make<int>();
  const int n = flavour.room(5);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(i));
  std::vector<int> all;
  const auto first = static_cast<std::size_t>(std::min(n, 3));
  EXPECT_EQ(rx.recv_many(std::back_inserter(all), 3), first);
  EXPECT_EQ(all, count_up(static_cast<int>(first)));
  if (n > 3) {
    EXPECT_EQ(rx.recv_many(std::back_inserter(all), 100), static_cast<std::size_t>(n - 3));
  }
  EXPECT_EQ(all, count_up(n));
  EXPECT_EQ(rx.try_recv_many(std::back_inserter(all), 100), 0U);
}

FLAVOUR_TEST(Batches, RecvManyWaitsForTheFirst) {
  auto [tx, rx] = flavour.template make<int>();
  flag about, through;
  worker receiver([&] {
    about.set();
    std::array<int, 4> out{};
    EXPECT_EQ(rx.recv_many(out.begin(), 4), 1U);
    EXPECT_EQ(out[0], 42);
    through.set();
  });
  about.wait();
  a_moment();
  EXPECT_FALSE(through.is_set());
  EXPECT_TRUE(tx.send(42));
}

// api: with max == 0 it returns 0 at once, open or closed, message or none
FLAVOUR_TEST(Batches, MaxZeroReturnsAtOnce) {
  auto [tx, rx] = flavour.template make<int>();
  int* nowhere = nullptr;
  EXPECT_EQ(rx.recv_many(nowhere, 0), 0U);
  EXPECT_EQ(rx.try_recv_many(nowhere, 0), 0U);
  if (flavour.capacity != 0) {
    ASSERT_TRUE(tx.try_send(1));
    EXPECT_EQ(rx.recv_many(nowhere, 0), 0U);
    EXPECT_EQ(rx.size(), 1U);
  }
  tx.close();
  EXPECT_EQ(rx.recv_many(nowhere, 0), 0U);
}

// semantics 12: whole streams by batches, both sides, in order
FLAVOUR_TEST(Batches, BatchesMeetBatches) {
  auto [tx, rx] = flavour.template make<counted>();
  worker sender([mine = std::move(tx)]() mutable {
    std::minstd_rand random(4);
    int next = 0;
    for (int i = 0; i < 200; ++i) {
      std::vector<counted> some;
      for (unsigned k = static_cast<unsigned>(random()) % 9; k > 0; --k) some.emplace_back(next++);
      const auto size = some.size();
      EXPECT_EQ(mine.send_many(std::move(some)), size);
    }
    EXPECT_EQ(mine.send_many(numbered(1)), 1U);
    mine.reset();
  });
  std::vector<counted> all;
  std::minstd_rand random(5);
  while (const auto n = rx.recv_many(std::back_inserter(all), 1 + random() % 6)) EXPECT_LE(n, 6U);
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back().value(), 0);
  all.pop_back();
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].value(), static_cast<int>(i));
}

// semantics 15: a batch taken makes room for as many blocked senders
TEST(BatchesWake, ABatchTakenWakesAllItMadeRoomFor) {
  const auto check = [](auto channel) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(channel.tx.try_send(i));
    std::atomic<int> about{0}, through{0};
    std::vector<worker> workers;
    for (int i = 0; i < 3; ++i) {
      workers.emplace_back([&, tx = channel.tx, i] {
        ++about;
        EXPECT_TRUE(tx.send(10 + i));
        ++through;
      });
    }
    eventually([&] { return about == 3; });
    a_moment();
    EXPECT_EQ(through, 0);
    std::vector<int> all;
    EXPECT_EQ(channel.rx.try_recv_many(std::back_inserter(all), 3), 3U);
    EXPECT_EQ(all, count_up(3));
    eventually([&] { return through == 3; });
    EXPECT_EQ(channel.rx.size(), 3U);
  };
  check(strait::bounded<int>(3));
  check(strait::mpsc::bounded<int>(3));
}

// semantics 15: a batch sent serves as many blocked receivers
TEST(BatchesWake, ABatchSentWakesAllItServes) {
  for (std::size_t capacity : {0U, 1U, 3U, 100U}) {
    auto [tx, rx] = capacity == 100 ? strait::unbounded<int>() : strait::bounded<int>(capacity);
    std::atomic<int> about{0}, sum{0};
    std::vector<worker> workers;
    for (int i = 0; i < 3; ++i) {
      workers.emplace_back([&, mine = rx] {
        ++about;
        sum += mine.recv().value_or(1000);
      });
    }
    eventually([&] { return about == 3; });
    a_moment();
    EXPECT_EQ(tx.send_many(std::vector{1, 2, 4}), 3U);
    workers.clear();
    EXPECT_EQ(sum, 7);
  }
}

namespace {
// Throws when the n-th message is put into it.
struct picky_output {
  using difference_type = std::ptrdiff_t;
  std::vector<int>* out = nullptr;
  int* left = nullptr;
  picky_output& operator*() { return *this; }
  picky_output& operator++() { return *this; }
  picky_output operator++(int) { return *this; }
  picky_output& operator=(counted&& c) {
    if ((*left)-- == 0) throw std::runtime_error("no more");
    out->push_back(c.value());
    return *this;
  }
};
}  // namespace

// api: if the output iterator throws, that one message is lost, the rest stay
FLAVOUR_TEST(BatchesBuffered, AThrowingOutputLosesOneMessage) {
  for (bool trying : {true, false}) {
    auto [tx, rx] = flavour.template make<counted>();
    const int n = flavour.room(40);
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(counted(i)));
    std::vector<int> out;
    int left = n / 2;
    const picky_output it{&out, &left};
    if (trying) {
      EXPECT_THROW((void)rx.try_recv_many(it, 1000), std::runtime_error);
    } else {
      EXPECT_THROW((void)rx.recv_many(it, 1000), std::runtime_error);
    }
    EXPECT_EQ(out, count_up(n / 2));
    EXPECT_EQ(counted::live(), n - n / 2 - 1);
    for (int i = n / 2 + 1; i < n; ++i) EXPECT_TRUE(got(rx.try_recv(), i));
    EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
    ASSERT_TRUE(tx.try_send(counted(7)));  // and the channel works on
    EXPECT_TRUE(got(rx.recv(), 7));
  }
}

// semantics 13: the loop waits, ends when closed and drained, and gives the messages away
FLAVOUR_TEST(Batches, TheLoopEndsWhenClosedAndDrained) {
  auto [tx, rx] = flavour.template make<std::unique_ptr<int>>();
  worker sender([mine = std::move(tx)]() mutable {
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(mine.send(std::make_unique<int>(i)));
    mine.reset();
  });
  std::vector<std::unique_ptr<int>> all;
  for (auto& m : rx) all.push_back(std::move(m));
  ASSERT_EQ(all.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(*all[static_cast<std::size_t>(i)], i);
  for ([[maybe_unused]] auto& m : rx) ADD_FAILURE();
}

// semantics 13: try_iter ends at the first empty and may yield again later
FLAVOUR_TEST(BatchesBuffered, TryIterEndsAtTheFirstEmpty) {
  auto [tx, rx] = flavour.template make<int>();
  const int n = flavour.room(10);
  auto range = rx.try_iter();
  for (int lap = 0; lap < 3; ++lap) {
    for ([[maybe_unused]] int& m : rx.try_iter()) ADD_FAILURE();
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(i));
    std::vector<int> all;
    for (int& m : rx.try_iter()) all.push_back(m);
    EXPECT_EQ(all, count_up(n));
    for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(i));
    all.clear();
    for (int& m : range) all.push_back(m);
    EXPECT_EQ(all, count_up(n));
  }
  tx.close();
  for ([[maybe_unused]] int& m : rx.try_iter()) ADD_FAILURE();
}

// A step takes a message even if nobody looked at it; an iterator assigned to gives its message up.
FLAVOUR_TEST(BatchesBuffered, TheIteratorTakesWhenItSteps) {
  auto [tx, rx] = flavour.template make<std::shared_ptr<int>>();
  auto first = std::make_shared<int>(1);
  ASSERT_TRUE(tx.send(first));
  auto it = rx.begin();
  ++it;
  EXPECT_EQ(rx.size(), 0U);
  EXPECT_EQ(first.use_count(), 1);
  ASSERT_TRUE(tx.send(first));
  EXPECT_EQ(*it, first);
  EXPECT_EQ(first.use_count(), 2);
  it = rx.begin();
  EXPECT_EQ(first.use_count(), 1) << "what it held is gone";
  ASSERT_TRUE(tx.send(std::make_shared<int>(2)));
  EXPECT_EQ(**it, 2);
}

// api: the iterator takes a message when compared or dereferenced, never in begin() or ++
FLAVOUR_TEST(BatchesBuffered, TheIteratorTakesWhenCompared) {
  if (flavour.capacity < 3) return;
  auto [tx, rx] = flavour.template make<int>();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(tx.try_send(i));
  auto it = rx.begin();
  EXPECT_EQ(rx.size(), 3U);
  EXPECT_EQ(*it, 0);
  EXPECT_EQ(rx.size(), 2U);
  EXPECT_EQ(*it, 0);
  EXPECT_FALSE(it == rx.end());
  EXPECT_EQ(rx.size(), 2U);
  ++it;
  EXPECT_EQ(rx.size(), 2U);
  EXPECT_TRUE(it != rx.end());
  EXPECT_EQ(rx.size(), 1U);
  EXPECT_EQ(*it, 1);
  it++;
  EXPECT_EQ(rx.size(), 1U);
  EXPECT_EQ(*it, 2);
  tx.close();
  ++it;
  EXPECT_TRUE(it == rx.end());
}

// api: so take(3) takes three
FLAVOUR_TEST(BatchesBuffered, TakeTakesExactlyThatMany) {
  if (flavour.capacity < 5) return;
  auto [tx, rx] = flavour.template make<int>();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(tx.try_send(i));
  std::vector<int> all;
  for (int m : rx | std::views::take(3)) all.push_back(m);
  EXPECT_EQ(all, count_up(3));
  EXPECT_EQ(rx.size(), 2U);
  for (int m : rx.try_iter() | std::views::take(1)) EXPECT_EQ(m, 3);
  EXPECT_EQ(rx.size(), 1U);
}

// api: and waits for them: how many lie in the channel is not how many there will be
FLAVOUR_TEST(Batches, TakeWaitsForWhatIsNotThereYet) {
  auto [tx, rx] = flavour.template make<int>();
  worker sender([&tx] {
    a_moment();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(tx.send(i));
  });
  std::vector<int> all;
  for (int m : rx | std::views::take(3)) all.push_back(m);
  EXPECT_EQ(all, count_up(3));
}

// api: leaving the loop keeps the rest in the channel
FLAVOUR_TEST(BatchesBuffered, LeavingTheLoopKeepsTheRest) {
  auto [tx, rx] = flavour.template make<int>();
  const int n = flavour.room(5);
  for (int i = 0; i < n; ++i) ASSERT_TRUE(tx.try_send(i));
  for (int& m : rx) {
    EXPECT_EQ(m, 0);
    break;
  }
  EXPECT_EQ(rx.size(), static_cast<std::size_t>(n - 1));
}

// api: receivers are input ranges, const ones too, and so is what try_iter gives
static_assert(std::ranges::input_range<strait::receiver<int>>);
static_assert(std::ranges::input_range<strait::receiver<std::unique_ptr<int>>>);
static_assert(std::ranges::input_range<const strait::receiver<int>>);
static_assert(std::ranges::input_range<strait::mpsc::receiver<int>>);
static_assert(std::ranges::input_range<strait::spsc::receiver<int>>);
static_assert(!std::ranges::forward_range<strait::receiver<int>>);
// size() is what lies there now, not the length of the range
static_assert(!std::ranges::sized_range<strait::receiver<int>>);
static_assert(!std::ranges::sized_range<strait::mpsc::receiver<int>>);
static_assert(!std::ranges::sized_range<strait::spsc::receiver<int>>);
static_assert(
    !std::ranges::sized_range<decltype(std::declval<strait::receiver<int>&>().try_iter())>);
static_assert(std::is_same_v<std::ranges::range_reference_t<strait::receiver<int>>, int&>);
static_assert(std::is_same_v<std::ranges::range_value_t<strait::receiver<int>>, int>);
static_assert(
    std::ranges::input_range<decltype(std::declval<strait::receiver<int>&>().try_iter())>);
static_assert(
    std::ranges::input_range<decltype(std::declval<strait::mpsc::receiver<int>&>().try_iter())>);
static_assert(
    std::ranges::input_range<decltype(std::declval<strait::spsc::receiver<int>&>().try_iter())>);

// api: the algorithms of std::ranges work on it
TEST(BatchesRanges, AlgorithmsWork) {
  auto [tx, rx] = strait::spsc::unbounded<int>();
  EXPECT_EQ(tx.send_many(std::views::iota(0, 10)), 10U);
  tx.reset();
  int sum = 0;
  std::ranges::for_each(rx | std::views::filter([](int i) { return i % 2 == 0; }),
                        [&](int i) { sum += i; });
  EXPECT_EQ(sum, 20);
}

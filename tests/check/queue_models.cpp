// SPDX-License-Identifier: BSL-1.0
//
// Models of the queues alone, from the first message and from just before their counters wrap around.
// A ring has two places here and a segment three; four messages cross the end of either.
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <strait/queue/mpsc_ring.hpp>
#include <strait/queue/mpsc_segments.hpp>
#include <strait/queue/oneshot_cell.hpp>
#include <strait/queue/place_line.hpp>
#include <strait/queue/ring.hpp>
#include <strait/queue/segments.hpp>
#include <strait/queue/spsc_ring.hpp>
#include <strait/queue/spsc_segments.hpp>

#include "models.hpp"

namespace strait::inline STRAIT_ABI::detail {

/// Puts an empty, unused queue to where it would be after so many laps (rings), places (segments) or
/// messages (spsc).
struct queue_start {
  template <class Ring>
  static void ring_at(Ring& q, std::uint64_t laps) {
    const std::uint64_t one_lap = q.words_.next(q.words_.next(0));  // two places make a lap
    const std::uint64_t at = laps * one_lap;
    std::uint64_t word = at;
    for (std::size_t i = 0; i < q.capacity(); ++i, word = q.words_.next(word))
      q.places_[q.words_.position(word)].turn.store(q.words_.turn(at), sync::relaxed);
    q.tail_.store(at, sync::relaxed);
    q.head_.store(at, sync::relaxed);
  }
  template <class T, class Shape>
  static void at(ring<T, Shape>& q, std::uint64_t laps) {
    ring_at(q, laps);
  }
  template <class T, class Shape>
  static void at(mpsc_ring<T, Shape>& q, std::uint64_t laps) {
    ring_at(q, laps);
  }
  /// Whether nobody is told any more that somebody was stopped in the middle.
  template <class T, class Shape>
  static bool at_rest(const segments<T, Shape>& q) {
    return q.sleepers_.load(sync::relaxed) == 0 && q.late_.load(sync::relaxed) == 0;
  }
  static bool at_rest(const auto&) { return true; }
  template <class T, class Shape>
  static void at(segments<T, Shape>& q, std::uint64_t places) {
    q.chain_.tail_.store(places << chain_words::index_shift, sync::relaxed);
    q.head_.store(places << chain_words::index_shift, sync::relaxed);
    q.tail_seen_.store(places << chain_words::index_shift, sync::relaxed);
  }
  template <class T, class Shape>
  static void at(mpsc_segments<T, Shape>& q, std::uint64_t places) {
    q.chain_.tail_.store(places << chain_words::index_shift, sync::relaxed);
    q.head_.store(places, sync::relaxed);
  }
  template <class Spsc>
  static void spsc_at(Spsc& q, std::uint64_t messages) {
    q.tail_.store(messages, sync::relaxed);
    q.intent_.store(messages, sync::relaxed);
    q.tail_seen_ = messages;
  }
  template <class T>
  static void at(spsc_ring<T>& q, std::uint64_t messages) {
    spsc_at(q, messages);
    q.head_->store(messages, sync::relaxed);
    q.head_seen_ = messages;
  }
  template <class T, std::size_t N>
  static void at(spsc_segments<T, N>& q, std::uint64_t messages) {
    spsc_at(q, messages);
    q.head_.store(messages, sync::relaxed);
  }
};

}  // namespace strait::inline STRAIT_ABI::detail

using namespace strait_test;
using strait::detail::queue_start;
using strait::detail::queue_status;

namespace {

// Three to a segment are one group; so here they are three.
template <class T>
using spsc_groups = strait::detail::spsc_segments<T, 1>;

// The places of the others lie in one line; here each has its own, with a position behind it that is no place.
// So a segment has two.
using apart = strait::detail::line_shape<2, 1>;
template <class T>
using ring_apart = strait::detail::ring<T, apart>;
template <class T>
using mpsc_ring_apart = strait::detail::mpsc_ring<T, apart>;
template <class T>
using segments_apart = strait::detail::segments<T, apart>;
template <class T>
using mpsc_segments_apart = strait::detail::mpsc_segments<T, apart>;

template <template <class> class Queue, std::uint64_t Start, bool ManyPush, bool ManyPop>
struct setup {
  using queue = Queue<parcel>;
  static constexpr std::uint64_t start = Start;
  static constexpr bool many_push = ManyPush, many_pop = ManyPop;
  static constexpr bool bounded = queue::is_bounded;

  struct holder {
    queue q;
    holder() : q(make()) {
      if constexpr (Start != 0) queue_start::at(q, Start);
    }
    static queue make() {
      if constexpr (bounded) {
        return queue(2);
      } else {
        return queue();
      }
    }
  };
};

using namespace strait::detail;
constexpr std::uint64_t turns_end = (std::uint64_t{1} << 7) - 1;   // of the 8 bits of a turn
constexpr std::uint64_t laps_end = (std::uint64_t{1} << 54) - 1;   // of the word of a ring of two
constexpr std::uint64_t index_end = (std::uint64_t{1} << 55) - 4;  // of the word of a chain
constexpr std::uint64_t count_end = ~std::uint64_t{0} - 1;         // of a plain counter

template <class Setup>
class Queue : public ::testing::Test {};
#ifdef STRAIT_MODEL_QUEUE
using all = ::testing::Types<STRAIT_MODEL_QUEUE>;
#else
using all = ::testing::Types<
    setup<ring, 0, true, true>, setup<ring, turns_end, true, true>,
    setup<ring, laps_end, true, true>, setup<mpsc_ring, 0, true, false>,
    setup<mpsc_ring, turns_end, true, false>, setup<mpsc_ring, laps_end, true, false>,
    setup<spsc_ring, 0, false, false>, setup<spsc_ring, count_end, false, false>,
    setup<segments, 0, true, true>, setup<segments, index_end, true, true>,
    setup<mpsc_segments, 0, true, false>, setup<mpsc_segments, index_end, true, false>,
    setup<spsc_segments, 0, false, false>, setup<spsc_segments, count_end, false, false>,
    setup<spsc_groups, 0, false, false>, setup<spsc_groups, count_end, false, false>,
    setup<ring_apart, turns_end, true, true>, setup<mpsc_ring_apart, turns_end, true, false>,
    setup<segments_apart, index_end, true, true>,
    setup<mpsc_segments_apart, index_end, true, false>>;
#endif

struct names {
  template <class S>
  static std::string GetName(int i) {
    static const char* const all_names[] = {
        "ring",           "mpsc_ring",          "spsc_ring",
        "segments",       "mpsc_segments",      "spsc_segments",
        "spsc_groups",    "ring_apart",         "mpsc_ring_apart",
        "segments_apart", "mpsc_segments_apart"};
    const int which[] = {0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10};
    std::string name = all_names[which[i]];
    if (S::start == turns_end && S::bounded) return name + "_turns_wrap";
    return S::start == 0 ? name : name + "_counters_wrap";
  }
};
TYPED_TEST_SUITE(Queue, all, names);

template <class Q>
void push_all(Q& q, int first, int n) {
  for (int i = 0; i < n;) {
    parcel p(first + i);
    switch (q.try_push(p)) {
      case queue_status::ok: ++i; break;
      case queue_status::closed: require(false, "nobody closes"); break;
      default: strait::check::yield();
    }
  }
}

// The next message, waiting for it.
template <class Q>
int pop_one(Q& q) {
  int got = -1;
  for (;;) {
    switch (q.try_pop([&](parcel&& p) noexcept { got = parcel(std::move(p)).value(); })) {
      case queue_status::ok: return got;
      case queue_status::closed: return -1;
      default: strait::check::yield();
    }
  }
}

}  // namespace

TYPED_TEST(Queue, OneToOne) {
  prove([] {
    typename TypeParam::holder h;
    thread t([&] { push_all(h.q, 0, 4); });
    for (int i = 0; i < 4; ++i) require(pop_one(h.q) == i, "in order");
    t.join();
    require(h.q.size() == 0, "empty");
  });
}

// size() never exceeds the bound and is exact when nobody is at work; what it counts is there, or about to be, and a
// finished push is seen.
TYPED_TEST(Queue, SizeAndFalseEmpty) {
  prove([] {
    typename TypeParam::holder h;
    thread t([&] { push_all(h.q, 0, 3); });
    int got = -1;
    const auto try_pop = [&] {
      return h.q.try_pop([&](parcel&& p) noexcept { got = parcel(std::move(p)).value(); });
    };
    const std::size_t seen = h.q.size();
    require(seen <= (TypeParam::bounded ? 2U : 3U), "within the bound");
    int next = 0;
    if (seen > 0) {
      const queue_status s = try_pop();
      require(s != queue_status::would_block, "what was counted is there");
      if (s == queue_status::ok) require(got == next++, "the first");
    }
    for (; next < 2; ++next) require(pop_one(h.q) == next, "in order");
    t.join();
    require(h.q.size() == 1, "exact");
    require(try_pop() == queue_status::ok, "a finished push is visible");
    require(got == 2, "the last");
    require(try_pop() == queue_status::would_block, "then empty");
  });
}

// A third thread looks: never more than the bound, never more than was pushed, never less than none.
TYPED_TEST(Queue, SizeByAnOnlooker) {
  prove([] {
    typename TypeParam::holder h;
    thread a([&] { push_all(h.q, 0, 3); });
    thread b([&] { require(h.q.size() <= (TypeParam::bounded ? 2U : 3U), "within the bound"); });
    for (int i = 0; i < 3; ++i) require(pop_one(h.q) == i, "in order");
    a.join();
    b.join();
  });
}

// With one message there are never two, nor less than none.
TYPED_TEST(Queue, SizeOfOneByAnOnlooker) {
  prove([] {
    typename TypeParam::holder h;
    thread a([&] { push_all(h.q, 0, 1); });
    thread b([&] {
      for (int i = 0; i < 2; ++i) require(h.q.size() <= 1, "one at most");
    });
    require(pop_one(h.q) == 0, "it arrives");
    a.join();
    b.join();
  });
}

// What is left is destroyed with the queue.
TYPED_TEST(Queue, DestroyedWithMessages) {
  prove([] {
    typename TypeParam::holder h;
    thread t([&] { push_all(h.q, 0, 2); });
    require(pop_one(h.q) == 0, "in order");
    t.join();
  });
}

// close() at any moment: what was accepted comes out, then closed; nothing is accepted after a refusal.
TYPED_TEST(Queue, Closed) {
  prove([] {
    typename TypeParam::holder h;
    int accepted = 0;
    thread t([&] {
      bool refused = false;
      for (int i = 0; i < 3; ++i) {
        parcel p(i);
        const queue_status s = h.q.try_push(p);
        require(!(refused && s == queue_status::ok), "closed is for good");
        refused |= s == queue_status::closed;
        accepted += s == queue_status::ok;
        if (s != queue_status::ok) require(p.value() == i, "untouched");
      }
    });
    h.q.close();
    int taken = 0;
    while (pop_one(h.q) >= 0) ++taken;
    t.join();
    require(taken == accepted, "what was accepted comes out before closed is said");
  });
}

TYPED_TEST(Queue, TwoPush) {
  if (!TypeParam::many_push) GTEST_SKIP() << "one sender";
  prove([] {
    typename TypeParam::holder h;
    thread a([&] { push_all(h.q, 10, 2); });
    thread b([&] { push_all(h.q, 20, 2); });
    int next[3] = {0, 10, 20};
    for (int n = 0; n < 4; ++n) {
      const int m = pop_one(h.q);
      require(m == next[m / 10]++, "each in order");
    }
    a.join();
    b.join();
    require(queue_start::at_rest(h.q), "at rest");
  });
}

TYPED_TEST(Queue, TwoPop) {
  if (!TypeParam::many_pop) GTEST_SKIP() << "one receiver";
  prove([] {
    typename TypeParam::holder h;
    int sums[2] = {0, 0};
    const auto take_two = [&](int who) {
      int last = 0;
      for (int i = 0; i < 2; ++i) {
        const int m = pop_one(h.q);
        require(m > last, "in order for each");
        last = m;
        sums[who] += m;
      }
    };
    thread a([&] { push_all(h.q, 1, 4); });
    thread b([&] { take_two(1); });
    take_two(0);
    a.join();
    b.join();
    require(sums[0] + sums[1] == 10, "each once");
    require(queue_start::at_rest(h.q), "at rest");
  });
}

// A promise counts: as a message for who wants room, as none for who wants a message.
TYPED_TEST(Queue, PromisesCount) {
  prove([] {
    typename TypeParam::holder h;
    auto& q = h.q;
    int got = -1;
    const auto sink = [&](parcel&& p) noexcept { got = parcel(std::move(p)).value(); };
    parcel one(1), two(2), three(3);
    require(q.reserve_push() == queue_status::ok && q.reserve_push() == queue_status::ok, "two");
    if constexpr (TypeParam::bounded) {
      require(q.reserve_push() == queue_status::would_block && !q.can_push(), "no third");
      require(q.try_push(three) == queue_status::would_block && three.value() == 3, "full");
    }
    q.cancel_push();
    require(q.can_push() && q.size() == 0, "room again, and no message yet");
    require(q.try_push(one) == queue_status::ok, "room");
    if constexpr (TypeParam::bounded) {
      require(q.try_push(three) == queue_status::would_block && !q.can_push(), "one is promised");
    }
    require(q.commit_push(two) == queue_status::ok && q.size() == 2, "as promised");
    if constexpr (TypeParam::bounded)
      require(q.reserve_push() == queue_status::would_block, "full");
    if constexpr (TypeParam::many_pop) {
      require(q.reserve_pop() == queue_status::ok && q.reserve_pop() == queue_status::ok, "two");
      require(q.reserve_pop() == queue_status::would_block && !q.can_pop(), "no third");
      require(q.try_pop(sink) == queue_status::would_block, "promised away");
      q.cancel_pop();
      require(q.can_pop(), "free again");
      require(q.try_pop(sink) == queue_status::ok && got == 1, "the first");
      require(q.commit_pop(sink) == queue_status::ok && got == 2, "as promised");
    } else {
      require(q.try_pop(sink) == queue_status::ok && got == 1, "the first");
      require(q.reserve_pop() == queue_status::ok, "the second");
      require(q.commit_pop(sink) == queue_status::ok && got == 2, "as promised");
    }
    require(q.reserve_pop() == queue_status::would_block && q.size() == 0, "empty");
    q.close();
    require(q.is_closed() && q.reserve_push() == queue_status::closed, "closed");
    require(q.reserve_pop() == queue_status::closed && q.can_pop() && q.can_push(), "closed");
    require(q.try_push(three) == queue_status::closed && three.value() == 3, "untouched");
  });
}

// Room is promised as soon as a message is claimed, which its receiver may still be taking.
TYPED_TEST(Queue, APromiseWaitsForTheReceiver) {
  if constexpr (TypeParam::bounded) {
    prove([] {
      typename TypeParam::holder h;
      push_all(h.q, 0, 2);
      thread receiver([&] { require(pop_one(h.q) == 0, "the first"); });
      queue_status s = h.q.reserve_push();
      while (s == queue_status::would_block) {
        strait::check::yield();
        s = h.q.reserve_push();
      }
      parcel p(2);
      require(s == queue_status::ok && h.q.commit_push(p) == queue_status::ok, "promised");
      receiver.join();
      require(pop_one(h.q) == 1 && pop_one(h.q) == 2, "in order");
    });
  } else {
    GTEST_SKIP() << "always room";
  }
}

// A promise to pop and a promise to push, given back or spent, beside plain operations.
TYPED_TEST(Queue, Promises) {
  if constexpr (TypeParam::many_push && TypeParam::many_pop) {
    prove([] {
      typename TypeParam::holder h;
      thread a([&] {
        if (h.q.reserve_push() == queue_status::ok) {
          parcel p(1);
          require(h.q.commit_push(p) == queue_status::ok, "promised room");
        } else {
          push_all(h.q, 1, 1);
        }
      });
      thread b([&] {
        if (h.q.reserve_pop() == queue_status::ok) h.q.cancel_pop();
      });
      push_all(h.q, 2, 1);
      int sum = pop_one(h.q);
      queue_status s = h.q.reserve_pop();
      while (s == queue_status::would_block) {
        strait::check::yield();
        s = h.q.reserve_pop();
      }
      require(s == queue_status::ok, "the second comes");
      const auto sink = [&](parcel&& p) noexcept { sum += parcel(std::move(p)).value(); };
      while ((s = h.q.commit_pop(sink)) == queue_status::busy) strait::check::yield();
      require(s == queue_status::ok && sum == 3, "both, once each");
      a.join();
      b.join();
    });
  } else {
    GTEST_SKIP() << "the promises of one thread are its own";
  }
}

// Whoever looks on sees sizes that there were: never more than one message is in it.
TYPED_TEST(Queue, SizeIsNeverMoreThanThereWere) {
  prove([] {
    typename TypeParam::holder h;
    thread t([&] {
      for (int i = 0; i < 3; ++i) {
        push_all(h.q, i, 1);
        require(pop_one(h.q) == i, "in order");
      }
    });
    for (int i = 0; i < 2; ++i) require(h.q.size() <= 1, "one at most");
    t.join();
    require(h.q.size() == 0, "none");
  });
}

// A receiver that goes by what another one has seen of the senders has seen as much itself.
TYPED_TEST(Queue, WhatOneReceiverSawTheOtherHasSeen) {
  if (!TypeParam::many_pop) GTEST_SKIP() << "one receiver";
  prove([] {
    typename TypeParam::holder h;
    int got[2] = {0, 0};
    thread a([&] { push_all(h.q, 1, 2); });
    thread b([&] { got[1] = pop_one(h.q); });
    got[0] = pop_one(h.q);
    require(h.q.size() <= 1, "one at most");
    a.join();
    b.join();
    require(got[0] + got[1] == 3, "each once");
    require(h.q.size() == 0, "none");
  });
}

// Two receivers are stopped in the middle of their pops, in two segments; others empty both.
TYPED_TEST(Queue, TwoReceiversAreLate) {
  if (!TypeParam::many_pop || TypeParam::bounded) GTEST_SKIP() << "no segments, or one receiver";
  prove([] {
    typename TypeParam::holder h;
    push_all(h.q, 1, 6);
    int sums[3] = {0, 0, 0};
    const auto take = [&](int who, int n) {
      for (int i = 0; i < n; ++i) sums[who] += pop_one(h.q);
    };
    thread a([&] { take(0, 1); });
    thread b([&] { take(1, 3); });
    thread c([&] { take(2, 2); });
    for (thread* t : {&a, &b, &c}) t->join();
    require(sums[0] + sums[1] + sums[2] == 21, "each once");
    require(queue_start::at_rest(h.q), "at rest");
  });
}

template <class Q>
void push_by_promise(Q& q, int value) {
  require(q.reserve_push() == queue_status::ok, "there is room");
  parcel p(value);
  require(q.commit_push(p) == queue_status::ok, "promised");
}
template <class Q>
void pop_by_promise(Q& q) {
  require(q.reserve_pop() == queue_status::ok, "there is a message");
  const auto drop = [](parcel&& p) noexcept { parcel dead(std::move(p)); };
  while (q.commit_pop(drop) == queue_status::busy) strait::check::yield();
}

// One message at a time moves through a queue that has room for two: a push is never told that it is full.
TYPED_TEST(Queue, APushIsNeverToldFullInVain) {
  if constexpr (TypeParam::bounded && TypeParam::many_push) {
    prove([] {
      typename TypeParam::holder h;
      const bool others_promise = strait::check::choose(2) != 0;
      thread t([&] {
        for (int i = 0; i < 3; ++i) {
          others_promise ? push_by_promise(h.q, i) : push_all(h.q, i, 1);
          (void)pop_one(h.q);
        }
      });
      parcel p(9);
      const bool promises = strait::check::choose(2) != 0;
      queue_status s = promises ? h.q.reserve_push() : h.q.try_push(p);
      while (s == queue_status::busy) {
        strait::check::yield();
        s = promises ? h.q.reserve_push() : h.q.try_push(p);
      }
      require(s == queue_status::ok, "there is room");
      t.join();
    });
  } else {
    GTEST_SKIP() << "bounded, for many senders";
  }
}

// There is a message at every instant: a pop is never told that it is empty.
TYPED_TEST(Queue, APopIsNeverToldEmptyInVain) {
  if constexpr (TypeParam::many_pop) {
    prove([] {
      typename TypeParam::holder h;
      push_all(h.q, 0, 1);
      const bool others_promise = strait::check::choose(2) != 0;
      thread t([&] {
        for (int i = 1; i < 3; ++i) {
          push_all(h.q, i, 1);
          if (others_promise) {
            pop_by_promise(h.q);
            continue;
          }
          const auto drop = [](parcel&& p) noexcept { parcel dead(std::move(p)); };
          while (h.q.try_pop(drop) == queue_status::busy) strait::check::yield();
        }
      });
      const bool promises = strait::check::choose(2) != 0;
      const auto take = [](parcel&& p) noexcept { parcel dead(std::move(p)); };
      queue_status s = promises ? h.q.reserve_pop() : h.q.try_pop(take);
      while (s == queue_status::busy) {
        strait::check::yield();
        s = promises ? h.q.reserve_pop() : h.q.try_pop(take);
      }
      require(s == queue_status::ok, "there is a message");
      if (promises) h.q.cancel_pop();
      t.join();
      while (h.q.try_pop(take) == queue_status::ok) {
      }
    });
  } else {
    GTEST_SKIP() << "one receiver";
  }
}

// Who counts a message that was pushed (popped) by promise sees what its thread did before, also after the
// promise was made: the room it left, the message it put in.
template <class Ring>
void a_spent_promise_shows_room() {
  prove([] {
    Ring q(3);
    push_all(q, 0, 2);
    thread t([&] {
      require(q.reserve_push() == queue_status::ok, "there is room");
      require(pop_one(q) == 0, "in order");
      parcel p(2);
      require(q.commit_push(p) == queue_status::ok, "promised");
    });
    while (q.pushes() < 3) strait::check::yield();
    parcel p(3);
    queue_status s = q.try_push(p);
    while (s == queue_status::busy) {
      strait::check::yield();
      s = q.try_push(p);
    }
    require(s == queue_status::ok, "two of three places are taken");
    t.join();
  });
}
TEST(QueuePromises, SpentShowRoom) { a_spent_promise_shows_room<strait::detail::ring<parcel>>(); }
TEST(QueuePromises, SpentShowRoomToManySenders) {
  a_spent_promise_shows_room<strait::detail::mpsc_ring<parcel>>();
}

// The promise was given when nobody had left yet; that its place is free only the other sender has seen.
template <class Ring>
void a_plain_push_leaves_room_to_a_promise() {
  prove([] {
    Ring q(2);
    push_all(q, 0, 1);
    require(q.reserve_push() == queue_status::ok, "there is room");
    thread receiver([&] { require(pop_one(q) == 0, "in order"); });
    thread sender([&] { push_all(q, 1, 1); });  // beside the promise: there is room once 0 is gone
    while (q.pushes() < 2) strait::check::yield();
    parcel p(2);
    require(q.commit_push(p) == queue_status::ok, "promised");
    receiver.join();
    sender.join();
    require(pop_one(q) == 1 && pop_one(q) == 2, "in order");
  });
}
TEST(QueuePromises, APlainPushLeavesRoom) {
  a_plain_push_leaves_room_to_a_promise<strait::detail::ring<parcel>>();
}
TEST(QueuePromises, APlainPushAmongManySendersLeavesRoom) {
  a_plain_push_leaves_room_to_a_promise<strait::detail::mpsc_ring<parcel>>();
}

TEST(QueuePromises, SpentShowMessages) {
  prove([] {
    strait::detail::ring<parcel> q(3);
    push_all(q, 0, 1);
    const auto drop = [](parcel&& p) noexcept { parcel dead(std::move(p)); };
    thread t([&] {
      require(q.reserve_pop() == queue_status::ok, "there is a message");
      push_all(q, 1, 1);
      require(q.commit_pop(drop) == queue_status::ok, "promised");
    });
    while (q.pops() < 1) strait::check::yield();
    queue_status s = q.try_pop(drop);
    while (s == queue_status::busy) {
      strait::check::yield();
      s = q.try_pop(drop);
    }
    require(s == queue_status::ok, "one is left");
    t.join();
  });
}

// Segments that come back, while the sender is a segment ahead and brings a new one: a receiver at the end
// of a used segment must not follow the link that it had when it was used before.
TYPED_TEST(Queue, ASegmentThatCameBackHasNoOldLink) {
  if constexpr (!TypeParam::bounded && TypeParam::many_pop) {
    prove([] {
      typename TypeParam::holder h;
      int pushed = 0, popped = 0;
      const auto push = [&](int n) { push_all(h.q, std::exchange(pushed, pushed + n), n); };
      const auto pop = [&](int n) {
        for (; n > 0; --n) require(pop_one(h.q) == popped++, "in order");
      };
      push(9);
      pop(9);
      push(3);  // at its end stands a segment that was used before
      pop(2);
      push(2);
      thread t([&] { push(1); });  // the last place of that one: a new segment comes behind it
      pop(4);
      t.join();
      push(1);
      pop(1);
    });
  } else {
    GTEST_SKIP() << "a chain of segments with many receivers";
  }
}

// Two receivers, two senders at the end of a segment (of a ring): with so few steps that all are explored.
TYPED_TEST(Queue, TwoReceiversAtTheEdge) {
  if constexpr (TypeParam::many_pop) {
    prove([] {
      typename TypeParam::holder h;
      push_all(h.q, 0, 2);
      (void)pop_one(h.q);
      (void)pop_one(h.q);
      push_all(h.q, 2, 2);
      int other = 0;
      thread t([&] { other = pop_one(h.q); });
      const int mine = pop_one(h.q);
      t.join();
      require(mine + other == 5 && mine != other, "each once");
    });
  } else {
    GTEST_SKIP() << "one receiver";
  }
}

TYPED_TEST(Queue, TwoSendersAtTheEdge) {
  if constexpr (TypeParam::many_push) {
    prove([] {
      typename TypeParam::holder h;
      push_all(h.q, 0, 2);
      (void)pop_one(h.q);
      (void)pop_one(h.q);
      thread t([&] { push_all(h.q, 2, 1); });
      push_all(h.q, 3, 1);
      t.join();
      require(pop_one(h.q) + pop_one(h.q) == 5, "each once");
    });
  } else {
    GTEST_SKIP() << "one sender";
  }
}

// Segments that were used before are linked anew.
TYPED_TEST(Queue, UsedSegmentsAreLinkedAnew) {
  prove([] {
    typename TypeParam::holder h;
    for (int i = 0; i < 8; ++i) {
      push_all(h.q, i, 1);
      require(pop_one(h.q) == i, "in order");
    }
    thread t([&] { push_all(h.q, 8, 2); });
    require(pop_one(h.q) == 8 && pop_one(h.q) == 9, "in order");
    t.join();
  });
}

// A send that brought a segment is refused; the segment goes back beside the one that the receiver empties.
TYPED_TEST(Queue, TheSegmentOfARefusedSend) {
  if constexpr (!TypeParam::bounded) {
    prove([] {
      typename TypeParam::holder h;
      push_all(h.q, 0, 6);
      bool sent = false;
      thread t([&] {
        parcel p(6);
        sent = h.q.try_push(p) == queue_status::ok;
      });
      h.q.close();
      for (int i = 0; i < 6; ++i) require(pop_one(h.q) == i, "in order");
      t.join();
      if (sent) require(pop_one(h.q) == 6, "sent");
    });
  } else {
    GTEST_SKIP() << "no segments";
  }
}

// The queue of a oneshot channel.
TEST(OneshotCell, HoldsOne) {
  prove([] {
    strait::detail::oneshot_cell<parcel> q(1);
    parcel one(1), two(2);
    require(q.can_push() && q.reserve_push() == queue_status::ok, "empty");
    require(q.reserve_pop() == queue_status::would_block && !q.can_pop(), "empty");
    require(q.try_push(one) == queue_status::ok && q.size() == 1, "one");
    require(!q.can_push() && q.reserve_push() == queue_status::would_block, "full");
    require(q.try_push(two) == queue_status::would_block && two.value() == 2, "untouched");
    require(q.can_pop() && q.reserve_pop() == queue_status::ok, "promised");
    // Destroyed with the message in it.
  });
}

TEST(OneshotCell, PushAgainstCloseAndPop) {
  prove([] {
    strait::detail::oneshot_cell<parcel> q(1);
    bool sent = false;
    thread t([&] {
      parcel p(1);
      sent = q.try_push(p) == queue_status::ok;
      if (!sent) require(p.value() == 1, "untouched");
    });
    const bool first = q.close();
    require(first && !q.close() && q.is_closed(), "once");
    int got = -1;
    const auto sink = [&](parcel&& p) noexcept { got = parcel(std::move(p)).value(); };
    queue_status s = q.try_pop(sink);
    while (s == queue_status::busy) {
      require(q.reserve_pop() != queue_status::closed, "one is on its way");
      strait::check::yield();
      s = q.try_pop(sink);
    }
    t.join();
    require((s == queue_status::ok) == sent && (s == queue_status::ok || s == queue_status::closed),
            "what was accepted comes out");
    require(q.try_pop(sink) == queue_status::closed, "once");
  });
}

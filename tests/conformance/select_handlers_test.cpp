// SPDX-License-Identifier: BSL-1.0
//
// What a handler and a message of a select arm may be, and what happens when they throw.
#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

using namespace strait_test;
using strait::on_recv;
using strait::on_send;
using strait::on_stop;
using strait::on_timeout;
using strait::otherwise;
using strait::recv_result;
using strait::select;
using strait::select_biased;
using strait::send_result;

namespace {

// A channel that is closed and one that has a message: tells whether a handler's arm sees closed.
template <class Handler>
bool sees_closed(Handler handler) {
  auto [tx, rx] = strait::unbounded<int>();
  tx.reset();
  const auto fired = choose(on_recv(rx, std::move(handler)));
  return fired.has_value();
}

int last_free = 0;
void free_function(int m) { last_free = m; }

struct overloaded {
  std::vector<std::string>* log;
  void operator()(int) { log->push_back("bare"); }
  void operator()(recv_result<int>) { log->push_back("result"); }
};
struct const_call {
  int* out;
  void operator()(int m) const { *out = m; }
};
}  // namespace

// api: a handler whose one declared parameter is T, without cv and reference, takes a bare T and drops out
TEST(SelectHandlers, BareForms) {
  EXPECT_FALSE(sees_closed([](int) {}));
  EXPECT_FALSE(sees_closed([](const int) {}));
  EXPECT_FALSE(sees_closed([](const int&) {}));
  EXPECT_FALSE(sees_closed([](int&&) {}));
  EXPECT_FALSE(sees_closed([](int) mutable {}));
  EXPECT_FALSE(sees_closed([](int) noexcept {}));
  EXPECT_FALSE(sees_closed([](int) -> int { return 3; }));
  EXPECT_FALSE(sees_closed(std::function<void(int)>([](int) {})));
  EXPECT_FALSE(sees_closed(&free_function));
  EXPECT_FALSE(sees_closed(const_call{nullptr}));
}

// api: otherwise it takes recv_result<T> if it can, and sees closed
TEST(SelectHandlers, ResultForms) {
  EXPECT_TRUE(sees_closed([](recv_result<int> m) { EXPECT_TRUE(failed(m, errc::closed)); }));
  EXPECT_TRUE(sees_closed([](const recv_result<int>& m) { EXPECT_TRUE(failed(m, errc::closed)); }));
  EXPECT_TRUE(sees_closed([](recv_result<int>&& m) { EXPECT_TRUE(failed(m, errc::closed)); }));
  EXPECT_TRUE(
      sees_closed([](auto m) { static_assert(std::is_same_v<decltype(m), recv_result<int>>); }));
  EXPECT_TRUE(sees_closed(
      [](auto&& m) { static_assert(std::is_same_v<decltype(m), recv_result<int>&&>); }));
  EXPECT_TRUE(sees_closed([](const auto& m) { EXPECT_TRUE(failed(m, errc::closed)); }));
  EXPECT_TRUE(sees_closed([](auto&&...) {}));
  EXPECT_TRUE(sees_closed([] {}));
  EXPECT_TRUE(sees_closed([]() noexcept {}));
  EXPECT_TRUE(sees_closed(std::function<void(recv_result<int>)>([](recv_result<int>) {})));
  std::vector<std::string> log;
  EXPECT_TRUE(sees_closed(overloaded{&log}));
  EXPECT_EQ(log, std::vector<std::string>{"result"});
}

// api: else a bare T: a parameter that T converts to and a result does not
TEST(SelectHandlers, AParameterTheMessageConvertsTo) {
  EXPECT_FALSE(sees_closed([](long) {}));
  auto [tx, rx] = strait::unbounded<int>();
  EXPECT_TRUE(tx.send(5));
  long seen = 0;
  choose(on_recv(rx, [&](long m) { seen = m; }));
  EXPECT_EQ(seen, 5);
  auto [stx, srx] = strait::unbounded<std::string>();
  EXPECT_TRUE(stx.send("text"));
  std::string text;
  choose(on_recv(srx, [&](std::string_view m) { text = m; }));
  EXPECT_EQ(text, "text");
}

// api: arguments are rvalues, so the message may be moved out; results are ignored
TEST(SelectHandlers, ArgumentsAreRvalues) {
  auto [tx, rx] = strait::unbounded<std::unique_ptr<int>>();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(tx.send(std::make_unique<int>(i)));
  std::vector<std::unique_ptr<int>> all;
  choose(on_recv(rx, [&](std::unique_ptr<int> m) { all.push_back(std::move(m)); }));
  choose(on_recv(rx, [&](std::unique_ptr<int>&& m) { all.push_back(std::move(m)); }));
  choose(on_recv(rx, [&](recv_result<std::unique_ptr<int>> m) { all.push_back(std::move(*m)); }));
  choose(on_recv(rx, [&](auto&& m) {
    all.push_back(*std::forward<decltype(m)>(m));
    return "ignored";
  }));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(*all[static_cast<std::size_t>(i)], i);
}

// api: no handler, or one without parameters: the message is taken all the same
TEST(SelectHandlers, NoHandlerTakesTheMessage) {
  auto [tx, rx] = strait::bounded<int>(2);
  EXPECT_TRUE(tx.send(1));
  EXPECT_TRUE(tx.send(2));
  EXPECT_TRUE(got(choose(on_recv(rx)), 0U));
  int calls = 0;
  EXPECT_TRUE(got(choose(on_recv(rx, [&] { ++calls; })), 0U));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(rx.empty());
  EXPECT_TRUE(got(choose(on_send(tx, 3, [&] { ++calls; })), 0U));
  EXPECT_TRUE(got(choose(on_send(tx, 4)), 0U));
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(got(rx.try_recv(), 3));
  EXPECT_TRUE(got(rx.try_recv(), 4));
}

// api: handlers that are lvalues are used, not copied; ones that cannot be copied are fine
TEST(SelectHandlers, MoveOnlyHandlers) {
  auto [tx, rx] = strait::unbounded<int>();
  EXPECT_TRUE(tx.send(5));
  int seen = 0;
  auto owner = std::make_unique<int>(7);
  choose(on_recv(rx, [&seen, owner = std::move(owner)](int m) { seen = m + *owner; }));
  EXPECT_EQ(seen, 12);
  EXPECT_TRUE(tx.send(6));
  free_function(0);
  choose(on_recv(rx, free_function));
  EXPECT_EQ(last_free, 6);
}

// api: what may be the message of a send arm: the value ...
TEST(SelectMessages, Values) {
  auto [tx, rx] = strait::unbounded<std::string>();
  std::string lvalue = "an lvalue stays as it is, however long it may be";
  const std::string constant = "so does a constant";
  choose(on_send(tx, lvalue));
  EXPECT_EQ(lvalue, "an lvalue stays as it is, however long it may be");
  EXPECT_TRUE(got(rx.try_recv(), lvalue));
  choose(on_send(tx, constant));
  EXPECT_TRUE(got(rx.try_recv(), constant));
  choose(on_send(tx, std::string("an rvalue is moved")));
  EXPECT_TRUE(got(rx.try_recv(), "an rvalue is moved"));
  choose(on_send(tx, "a literal converts"));
  EXPECT_TRUE(got(rx.try_recv(), "a literal converts"));
  auto [utx, urx] = strait::unbounded<std::unique_ptr<int>>();
  auto p = std::make_unique<int>(4);
  auto arm = on_send(utx, std::move(p));  // an rvalue is held by reference until the arm is chosen
  EXPECT_TRUE(p);
  choose(std::move(arm));
  EXPECT_FALSE(p);
  EXPECT_EQ(**urx.try_recv(), 4);
  auto [ltx, lrx] = strait::unbounded<long long>();
  choose(on_send(ltx, 5));
  EXPECT_TRUE(got(lrx.try_recv(), 5));
}

// semantics 27: ... or a callable, which runs only when its arm is chosen
TEST(SelectMessages, Makers) {
  auto [tx, rx] = strait::bounded<std::string>(1);
  int calls = 0;
  const auto make = [&] {
    ++calls;
    return std::string("made");
  };
  EXPECT_TRUE(got(choose(on_send(tx, make), otherwise([] { ADD_FAILURE(); })), 0U));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(got(choose(on_send(tx, make), otherwise([] {})), 1U));  // full
  EXPECT_TRUE(got(choose(on_send(tx, make), on_timeout(1ms, [] {})), 1U));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(got(rx.try_recv(), "made"));
  auto other = strait::unbounded<int>();
  EXPECT_TRUE(other.tx.send(1));
  EXPECT_TRUE(got(choose_biased(on_recv(other.rx, [](int) {}), on_send(tx, make)), 0U));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(rx.empty());
}

// api: a callable that is the message type itself is the value
TEST(SelectMessages, ACallableMessageIsAValue) {
  using task = std::function<int()>;
  auto [tx, rx] = strait::unbounded<task>();
  int calls = 0;
  task t = [&] { return ++calls; };
  choose(on_send(tx, t));
  choose(on_send(tx, std::move(t)));
  EXPECT_EQ(calls, 0);
  EXPECT_EQ((*rx.try_recv())(), 1);
  EXPECT_EQ((*rx.try_recv())(), 2);
  choose(on_send(tx, [] { return task([] { return 7; }); }));  // a maker of it
  EXPECT_EQ((*rx.try_recv())(), 7);
}

// semantics 22, 27: on a closed channel the arm is chosen too, and a send error carries the message
TEST(SelectMessages, AMakerOnAClosedChannel) {
  auto [tx, rx] = strait::bounded<std::string>(1);
  rx.reset();
  int handled = 0;
  EXPECT_TRUE(got(choose(on_send(
                             tx, [] { return std::string("lost?"); },
                             [&](send_result<std::string> r) {
                               EXPECT_TRUE(returned(r, errc::closed, "lost?"));
                               ++handled;
                             }),
                         otherwise([] { ADD_FAILURE(); })),
                  0U));
  EXPECT_EQ(handled, 1);
}

class SelectMakers : public ::testing::Test {
 public:
  using flavours = one_place_flavours;
};
class SelectMakersBuffered : public ::testing::Test {
 public:
  using flavours = list<with<mpmc, no_bound>, with<mpmc, 1>, with<mpmc, 2>, with<mpsc, no_bound>,
                        with<mpsc, 1>, with<mpsc, 2>, with<spsc, no_bound>, with<spsc, 2>>;
};
class SelectMakersRendezvous : public ::testing::Test {
 public:
  using flavours = rendezvous_flavours;
};

// semantics 27, pitfalls 5: a maker that throws gives the place back
FLAVOUR_TEST(SelectMakers, AThrowingMakerGivesThePlaceBack) {
  auto [tx, rx] = flavour.template make<std::string>();
  const auto bad = []() -> std::string { throw std::runtime_error("maker"); };
  for (int i = 0; i < 5; ++i) {
    EXPECT_THROW(choose(on_send(tx, bad)), std::runtime_error);
    EXPECT_THROW(choose(on_send(tx, bad), otherwise([] { ADD_FAILURE(); })), std::runtime_error);
    EXPECT_TRUE(rx.empty());
    EXPECT_EQ(rx.size(), 0U);
    EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
    EXPECT_TRUE(tx.try_send("good"));
    EXPECT_TRUE(got(rx.try_recv(), "good"));
  }
  EXPECT_THROW(choose(on_send(tx, bad)), std::runtime_error);
  tx.reset();
  EXPECT_TRUE(failed(rx.recv(), errc::closed));
}

// semantics 27, 15: also after a wait, and then the next waiting sender gets the place
FLAVOUR_TEST(SelectMakers, AThrowingMakerAfterAWait) {
  for (int round = 0; round < 30; ++round) {
    auto [tx, rx] = flavour.template make<std::string>();
    EXPECT_TRUE(tx.send("first"));
    auto txs = clones(std::move(tx), 2);
    flag about;
    worker thrower([&] {
      about.set();
      EXPECT_THROW(
          choose(on_send(txs.front(), []() -> std::string { throw std::runtime_error("maker"); })),
          std::runtime_error);
      if (txs.size() == 1) {
        EXPECT_TRUE(txs.front().send("second"));
      }
    });
    about.wait();
    std::this_thread::sleep_for(200us);
    if (txs.size() == 2) {
      worker other([&] { EXPECT_TRUE(txs.back().send("second")); });
      EXPECT_TRUE(got(rx.recv(), "first"));
      // The one place goes to the thrower, to the other, or back and then to the other.
      EXPECT_TRUE(got(rx.recv(), "second"));
      other.join();
      thrower.join();
    } else {
      EXPECT_TRUE(got(rx.recv(), "first"));
      EXPECT_TRUE(got(rx.recv(), "second"));
      thrower.join();
    }
    EXPECT_TRUE(rx.empty());
  }
}

// semantics 27, 10: a maker that throws after a rendezvous was found: the receiver goes on waiting
TEST(SelectMakersRendezvous, AThrowingMakerHangsNobody) {
  for (int round = 0; round < 30; ++round) {
    auto [tx, rx] = strait::rendezvous<std::string>();
    worker receiver(
        [&] { EXPECT_TRUE(got(round % 2 == 0 ? rx.recv() : rx.recv_for(1h), "good")); });
    EXPECT_THROW(choose(on_send(tx, []() -> std::string { throw std::runtime_error("maker"); })),
                 std::runtime_error);
    EXPECT_TRUE(tx.send("good"));
  }
}

// semantics 27: a maker runs with no lock held and may use the same channel; the bound holds
FLAVOUR_TEST(SelectMakers, AMakerMayUseTheSameChannel) {
  auto [tx, rx] = flavour.template make<std::string>();
  int sent = 0;
  EXPECT_TRUE(got(choose(on_send(
                      tx,
                      [&] {
                        (void)tx.size();
                        EXPECT_FALSE(rx.is_closed());
                        EXPECT_TRUE(failed(rx.try_recv(),
                                           errc::empty));  // its own place is not a message yet
                        sent += tx.try_send("inner").has_value();
                        return std::string("outer");
                      },
                      [&](send_result<std::string> r) { sent += r.has_value(); })),
                  0U));
  std::vector<std::string> all;
  while (auto m = rx.try_recv()) all.push_back(*m);
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(all.size(), 1U);
}

// semantics 27, 5: while a maker takes its time, other threads use the channel and nobody says closed
FLAVOUR_TEST(SelectMakersBuffered, AMakerMayTakeItsTime) {
  auto [tx, rx] = flavour.template make<std::string>();
  auto txs = clones(std::move(tx), 2);
  flag making, done;
  std::size_t arrived = 0;
  worker other([&] {
    making.wait();
    EXPECT_LE(rx.size(), 1U);
    EXPECT_FALSE(rx.is_closed());
    std::size_t sent = 0;
    if (txs.size() == 2) {
      auto r = txs[1].try_send("other");
      sent = r.has_value();
      if (!r) {
        EXPECT_TRUE(failed(r, errc::full));
        EXPECT_EQ(flavour.capacity, 1U);
      }
    }
    for (int i = 0; i < 3; ++i) {
      auto m = i == 0 ? rx.try_recv() : i == 1 ? rx.recv_for(1ms) : rx.recv_for(0ms);
      arrived += m.has_value();
      if (!m) {
        EXPECT_TRUE(failed(m, i == 0 ? errc::empty : errc::timeout));
      }
    }
    EXPECT_TRUE(
        got(choose(on_recv(rx, [&](std::string) { ++arrived; }), on_timeout(1ms, [] {})), 1U));
    EXPECT_LE(arrived, sent);
    arrived = sent - arrived;  // a message sent behind the promised place may have to wait for it
    done.set();
  });
  choose(on_send(txs[0], [&] {
    making.set();
    done.wait();
    return std::string("slowly made");
  }));
  other.join();
  bool found = false;
  for (std::size_t i = 0; i < arrived + 1; ++i) {
    auto m = rx.recv();
    ASSERT_TRUE(m);
    found |= *m == "slowly made";
  }
  EXPECT_TRUE(found);
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
}

// semantics 10: at capacity 0 who met a maker takes this very message, and can no longer time out
FLAVOUR_TEST(SelectMakersRendezvous, APartnerWaitsForTheMaker) {
  auto [tx, rx] = flavour.template make<std::string>();
  std::stop_source stop;
  for (int how = 0; how < 4; ++how) {
    flag making;
    strait::recv_result<std::string> m = strait::unexpected<errc>(errc::empty);
    worker receiver([&] {
      while (!m && !making.is_set()) {  // until it meets the maker
        if (how == 0) {
          m = rx.try_recv();
        } else if (how == 1) {
          m = rx.recv_for(5ms);
        } else if (how == 2) {
          m = rx.recv(stop.get_token());
        } else {
          choose(on_recv(rx, [&](std::string s) { m = std::move(s); }), otherwise([] {}));
        }
      }
    });
    bool sent = false;
    choose(on_send(
        tx,
        [&] {
          making.set();
          if (how == 2) stop.request_stop();
          std::this_thread::sleep_for(15ms);
          return std::string("made");
        },
        [&](send_result<std::string> r) { sent = r.has_value(); }));
    receiver.join();
    EXPECT_TRUE(sent) << how;
    EXPECT_TRUE(got(m, "made")) << how;
  }
}

// semantics 27: no lock is held while a handler runs: others use the channel meanwhile
FLAVOUR_TEST(SelectMakersBuffered, AHandlerMayTakeItsTime) {
  auto [tx, rx] = flavour.template make<std::string>();
  ASSERT_TRUE(tx.send("first"));
  flag handling, done;
  worker other([&] {
    handling.wait();
    EXPECT_TRUE(tx.try_send("second"));
    (void)tx.size();
    done.set();
  });
  choose(on_recv(rx, [&](std::string m) {
    EXPECT_EQ(m, "first");
    handling.set();
    done.wait();
  }));
  EXPECT_TRUE(got(rx.try_recv(), "second"));
}

// the same where there is room for both: both arrive
TEST(SelectMessages, AMakerMaySendIntoTheSameChannel) {
  const auto check = [](auto ch) {
    choose(on_send(ch.tx, [&] {
      EXPECT_TRUE(ch.tx.send("inner"));
      return std::string("outer");
    }));
    EXPECT_EQ(ch.rx.size(), 2U);
    // Which comes first is a matter of when the place was claimed.
    auto a = ch.rx.try_recv(), b = ch.rx.try_recv();
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->size() + b->size(), 10U);
    EXPECT_NE(*a, *b);
  };
  check(strait::unbounded<std::string>());
  check(strait::bounded<std::string>(5));
  check(strait::mpsc::unbounded<std::string>());
  check(strait::mpsc::bounded<std::string>(5));
}

// semantics 27: a maker may even close the channel; the send is then accepted or given back
TEST(SelectMessages, AMakerMayCloseTheChannel) {
  auto [tx, rx] = strait::bounded<std::string>(2);
  bool sent = false;
  choose(on_send(
      tx,
      [&rx] {
        rx.close();
        return std::string("message");
      },
      [&](send_result<std::string> r) {
        sent = r.has_value();
        if (!r) {
          EXPECT_TRUE(returned(r, errc::closed, "message"));
        }
      }));
  auto m = rx.try_recv();
  EXPECT_EQ(m.has_value(), sent);
}

// api: an exception of a handler propagates after the operation completed
TEST(SelectHandlers, ExceptionsComeAfterTheOperation) {
  auto [tx, rx] = strait::bounded<int>(1);
  EXPECT_TRUE(tx.send(1));
  EXPECT_THROW(choose(on_recv(rx, [](int m) { throw m; })), int);
  EXPECT_TRUE(rx.empty());
  EXPECT_THROW(choose(on_send(tx, 2, [](send_result<int>) { throw std::runtime_error("after"); })),
               std::runtime_error);
  EXPECT_TRUE(got(rx.try_recv(), 2));
  EXPECT_THROW(choose(on_recv(rx, [](int) {}), otherwise([] { throw 1; })), int);
  EXPECT_THROW(choose(on_recv(rx, [](int) {}), on_timeout(1ms, [] { throw 1; })), int);
  EXPECT_THROW(choose(on_recv(rx, [](int) {}), on_stop(stopped_token(), [] { throw 1; })), int);
  EXPECT_TRUE(tx.try_send(3));
  EXPECT_TRUE(got(rx.try_recv(), 3));
}

// the same when the operation was completed by the other side during a wait
TEST(SelectHandlers, ExceptionsAfterAWait) {
  auto [tx, rx] = strait::rendezvous<int>();
  worker sender([&tx] { EXPECT_TRUE(tx.send(1)); });
  EXPECT_THROW(choose(on_recv(rx, [](int m) { throw m; })), int);
  sender.join();
  worker receiver([&rx] { EXPECT_TRUE(got(rx.recv(), 2)); });
  EXPECT_THROW(choose(on_send(tx, 2, [](send_result<int>) { throw 2; })), int);
}

// api: a handler may use the same channels, and select again
TEST(SelectHandlers, HandlersMayUseTheSameChannels) {
  auto [tx, rx] = strait::bounded<int>(2);
  EXPECT_TRUE(tx.send(1));
  EXPECT_TRUE(tx.send(2));
  int sum = 0;
  choose(on_recv(rx, [&](int m) {
    sum += m;
    EXPECT_TRUE(tx.try_send(3));
    choose(on_recv(rx, [&](int inner) { sum += 10 * inner; }));
    rx.close();
  }));
  EXPECT_EQ(sum, 21);
  EXPECT_TRUE(got(rx.recv(), 3));
  EXPECT_TRUE(failed(tx.try_send(4), errc::closed));
}

// api: messages that convert from everything, and messages that are results, keep their own type
TEST(SelectHandlers, AwkwardMessageTypes) {
  auto [atx, arx] = strait::unbounded<std::any>();
  EXPECT_TRUE(atx.send(std::any(5)));
  int seen = 0;
  choose(on_recv(arx, [&](std::any m) { seen = std::any_cast<int>(m); }));
  EXPECT_EQ(seen, 5);
  choose(on_send(atx, std::any(6)));
  choose(on_recv(arx, [&](recv_result<std::any> m) { seen = std::any_cast<int>(*m); }));
  EXPECT_EQ(seen, 6);
  using nested = recv_result<int>;
  auto [ntx, nrx] = strait::unbounded<nested>();
  EXPECT_TRUE(ntx.send(nested(7)));
  EXPECT_TRUE(ntx.send(nested(strait::unexpected<errc>(errc::closed))));
  choose(on_recv(nrx, [&](nested m) { EXPECT_TRUE(got(m, 7)); }));  // its T: bare
  choose(on_recv(nrx, [&](recv_result<nested> m) {
    ASSERT_TRUE(m);
    EXPECT_TRUE(failed(*m, errc::closed));
  }));
  ntx.reset();
  EXPECT_TRUE(failed(choose(on_recv(nrx, [](nested) { ADD_FAILURE(); })), errc::closed));
  auto [etx, erx] = strait::unbounded<errc>();
  EXPECT_TRUE(etx.send(errc::closed));
  auto e = erx.try_recv();
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(*e, errc::closed);
}

// api: the result of a select without handlers is still the index; select need not be looked at
TEST(SelectHandlers, ResultsMayBeIgnored) {
  auto [tx, rx] = strait::unbounded<int>();
  choose(on_send(tx, 1));
  strait::expected<std::size_t, errc> fired = choose(on_recv(rx));
  EXPECT_TRUE(got(fired, 0U));
}

// SPDX-License-Identifier: BSL-1.0
//
// Select: over several channels of every kind, in both directions; against plain operations and against
// other selects; the same channel twice; both ends of a channel in one select; arms in opposite order;
// timeouts and stops; makers and handlers that throw.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "flavors.hpp"
#include "ops.hpp"
#include "payload.hpp"
#include "random.hpp"
#include "scale.hpp"
#include "team.hpp"

namespace {

using namespace strait_test;
using strait::errc;

/// Three channels under one select: capacities (no_bound: unbounded).
struct mix {
  const char* name;
  std::array<int, 3> capacity;
};
constexpr mix mixes[] = {
    {"unbounded", {no_bound, no_bound, no_bound}},
    {"rendezvous", {0, 0, 0}},
    {"one", {1, 1, 1}},
    {"mixed", {0, 2, no_bound}},
    {"mixed_small", {1, 0, 3}},
};

template <class M>
auto make_channel(int capacity) {
  return capacity == no_bound ? strait::unbounded<M>()
                              : strait::bounded<M>(static_cast<std::size_t>(capacity));
}

template <class M>
struct three {
  using channel = decltype(strait::unbounded<M>());
  std::array<channel, 3> ch;
  explicit three(const mix& m)
      : ch{make_channel<M>(m.capacity[0]), make_channel<M>(m.capacity[1]),
           make_channel<M>(m.capacity[2])} {}
};

class select_stress : public ::testing::TestWithParam<mix> {
 public:
  static std::uint64_t amount(std::uint64_t n) { return scaled(n, 50); }
};
INSTANTIATE_TEST_SUITE_P(every_mix, select_stress, ::testing::ValuesIn(mixes),
                         [](const auto& each) { return std::string(each.param.name); });

/// Sends through whichever of the three channels takes it. Returns the arm, or nothing for "not sent".
template <class M>
std::optional<std::size_t> send_any(const std::array<strait::sender<M>, 3>& tx, M& m,
                                    dice& chance) {
  std::optional<errc> failed;
  const auto note = [&](strait::send_result<M> r) {
    if (r) return;
    failed = r.error().reason();
    m = std::move(r.error()).value();
  };
  strait::expected<std::size_t, errc> fired = strait::unexpected(errc::closed);
  switch (chance.below(5)) {
    case 0:
      fired = strait::select(strait::on_send(tx[0], std::move(m), note),
                             strait::on_send(tx[1], std::move(m), note),
                             strait::on_send(tx[2], std::move(m), note));
      break;
    case 1: {
      // a maker is called only if its arm is chosen; the same channel stands twice
      const auto make = [&m] { return std::move(m); };
      fired =
          strait::select(strait::on_send(tx[0], make, note), strait::on_send(tx[1], make, note),
                         strait::on_send(tx[2], make, note), strait::on_send(tx[0], make, note));
      if (fired && *fired == 3) fired = std::size_t{0};
      break;
    }
    case 2:
      fired = strait::select_biased(strait::on_send(tx[0], std::move(m), note),
                                    strait::on_send(tx[1], std::move(m), note),
                                    strait::on_send(tx[2], std::move(m), note));
      break;
    case 3:
      fired = strait::select(strait::on_send(tx[0], std::move(m), note),
                             strait::on_send(tx[1], std::move(m), note),
                             strait::on_send(tx[2], std::move(m), note),
                             strait::on_timeout(chance.short_wait(), [] {}));
      break;
    default:
      fired = strait::select(strait::on_send(tx[0], std::move(m), note),
                             strait::on_send(tx[1], std::move(m), note),
                             strait::on_send(tx[2], std::move(m), note), strait::otherwise([] {}));
      break;
  }
  STRAIT_TEST_HOLDS(fired.has_value());
  STRAIT_TEST_HOLDS(!failed);  // nobody closes here
  if (!fired || *fired == 3 || failed) {
    STRAIT_TEST_HOLDS(message_traits<M>::intact(m));  // an arm that lost left its message untouched
    return std::nullopt;
  }
  return *fired;
}

/// Receives from any; the arm and the message. Nothing: timeout or otherwise. `closed` when all are.
template <class M>
strait::expected<std::pair<std::size_t, M>, errc> recv_any(
    const std::array<strait::receiver<M>, 3>& rx, dice& chance) {
  std::optional<M> got;
  const auto take = [&](M m) { got.emplace(std::move(m)); };
  strait::expected<std::size_t, errc> fired = strait::unexpected(errc::closed);
  switch (chance.below(4)) {
    case 0:
      fired = strait::select(strait::on_recv(rx[0], take), strait::on_recv(rx[1], take),
                             strait::on_recv(rx[2], take));
      break;
    case 1:
      fired = strait::select(strait::on_recv(rx[0], take), strait::on_recv(rx[1], take),
                             strait::on_recv(rx[2], take), strait::on_recv(rx[0], take),
                             strait::on_recv(rx[1], take));
      if (fired && *fired >= 3) *fired -= 3;
      break;
    case 2:
      fired = strait::select(strait::on_recv(rx[2], take), strait::on_recv(rx[1], take),
                             strait::on_recv(rx[0], take));
      if (fired) *fired = 2 - *fired;
      break;
    default: {
      bool late = false;
      fired = strait::select(strait::on_recv(rx[0], take), strait::on_recv(rx[1], take),
                             strait::on_recv(rx[2], take),
                             strait::on_timeout(chance.short_wait(), [&late] { late = true; }));
      STRAIT_TEST_HOLDS(fired.has_value() && (*fired == 3) == late && got.has_value() != late);
      if (late) {
        // a timeout never drops out, so ask whether anything can still come
        bool over = true;
        for (const auto& r : rx) over = over && r.is_closed() && r.empty();
        if (over) {
          const auto last =
              strait::select(strait::on_recv(rx[0], take), strait::on_recv(rx[1], take),
                             strait::on_recv(rx[2], take));
          if (!last) return strait::unexpected(errc::closed);
          fired = *last;
          break;
        }
        return strait::unexpected(errc::timeout);
      }
      break;
    }
  }
  STRAIT_TEST_HOLDS(fired.has_value() == got.has_value());
  if (!fired) return strait::unexpected(fired.error());
  return std::pair<std::size_t, M>(*fired, std::move(*got));
}

enum class manner { plain, selecting, both };

/// Senders and receivers over three channels; each side plain, selecting, or changing between the two.
template <class M>
void run_three(const mix& m, manner sending, manner receiving, std::size_t n_tx, std::size_t n_rx,
               std::uint64_t each) {
  const std::int64_t lived_before = ledger::live();
  std::vector<tally<M>> sent(n_tx, tally<M>(n_tx));
  std::vector<tally<M>> received(n_rx, tally<M>(n_tx));
  {
    three<M> channels(m);
    team people;
    for (std::size_t i = 0; i < n_tx; ++i) {
      people.add([&, i, tx = std::array{channels.ch[0].tx, channels.ch[1].tx, channels.ch[2].tx}](
                     dice& chance) {
        for (std::uint64_t seq = 1; seq <= each; ++seq) {
          auto message = message_traits<M>::make(static_cast<std::uint32_t>(i), seq);
          const auto name = message_traits<M>::make(static_cast<std::uint32_t>(i), seq);
          for (;;) {
            if (sending == manner::plain || (sending == manner::both && chance.once_in(2))) {
              // no untimed wait on one channel: the other side may be looking at another one for ever
              const auto failed = send_once(tx[static_cast<std::size_t>(chance.below(3))], message,
                                            by_try | for_a_while | by_select_timed, chance);
              STRAIT_TEST_HOLDS(failed != errc::closed);
              if (!failed) break;
            } else if (send_any(tx, message, chance)) {
              break;
            }
            std::this_thread::yield();
          }
          sent[i].note(name);
        }
      });
    }
    for (std::size_t i = 0; i < n_rx; ++i) {
      people.add([&, i, rx = std::array{channels.ch[0].rx, channels.ch[1].rx, channels.ch[2].rx}](
                     dice& chance) {
        std::array<tally<M>, 3> seen{tally<M>(n_tx), tally<M>(n_tx), tally<M>(n_tx)};
        std::array<bool, 3> over{};
        for (;;) {
          if (receiving == manner::plain || (receiving == manner::both && chance.once_in(2))) {
            const auto which = static_cast<std::size_t>(chance.below(3));
            const auto got =
                recv_once<M>(rx[which], by_try | for_a_while | by_select_timed, chance);
            if (got) {
              seen[which].take(*got);
            } else if (got.error() == errc::closed) {
              over[which] = true;
              if (over[0] && over[1] && over[2]) break;
            } else {
              std::this_thread::yield();
            }
          } else {
            const auto got = recv_any(rx, chance);
            if (got) {
              seen[got->first].take(got->second);
            } else if (got.error() == errc::closed) {
              break;
            }
          }
        }
        for (const auto& s : seen) received[i] += s;
      });
    }
    for (auto& c : channels.ch) {
      c.tx.reset();
      c.rx.reset();
    }
    people.join();
  }
  tally<M> all_sent(0), all_received(0);
  for (const auto& t : sent) all_sent += t;
  for (const auto& t : received) all_received += t;
  EXPECT_EQ(all_sent.count(), n_tx * each);
  EXPECT_EQ(all_sent.count(), all_received.count()) << "seed " << seed();
  EXPECT_EQ(all_sent.sum(), all_received.sum()) << "seed " << seed();
  EXPECT_EQ(ledger::live(), lived_before);
}

TEST_P(select_stress, receivers_select) {
  run_three<parcel>(GetParam(), manner::plain, manner::selecting, 2, 2, amount(800));
  run_three<std::uint64_t>(GetParam(), manner::plain, manner::selecting, 3, 1, amount(800));
}

TEST_P(select_stress, senders_select) {
  run_three<parcel>(GetParam(), manner::selecting, manner::plain, 2, 2, amount(800));
  run_three<std::uint64_t>(GetParam(), manner::selecting, manner::plain, 1, 3, amount(800));
}

TEST_P(select_stress, both_select) {
  run_three<parcel>(GetParam(), manner::selecting, manner::selecting, 1, 1, amount(1500));
  run_three<parcel>(GetParam(), manner::selecting, manner::selecting, 2, 2, amount(800));
  run_three<std::uint64_t>(GetParam(), manner::selecting, manner::selecting, 4, 4, amount(300));
}

TEST_P(select_stress, everybody_does_everything) {
  run_three<parcel>(GetParam(), manner::both, manner::both, 3, 3, amount(500));
}

// ---- relays: selects that send and receive ------------------------------------------------------

// Tokens go round through selects that hold at most one each and are ready to receive another: what is
// in flight is conserved, whoever pairs with whom.
TEST_P(select_stress, relays_keep_what_they_carry) {
  three<parcel> channels(GetParam());
  constexpr std::uint64_t tokens = 2;
  std::stop_source stop;
  std::atomic<std::uint64_t> moves{0};
  const std::uint64_t enough = amount(3'000);
  std::array<std::vector<parcel>, 4> kept;
  {
    team people;
    for (std::size_t i = 0; i < 4; ++i) {
      people.add(
          [&, i, tx = std::array{channels.ch[0].tx, channels.ch[1].tx, channels.ch[2].tx},
           rx = std::array{channels.ch[0].rx, channels.ch[1].rx, channels.ch[2].rx}](dice& chance) {
            auto& bag = kept[i];
            if (i < tokens) bag.emplace_back(static_cast<std::uint32_t>(i), 1);
            bool going = true;
            while (going) {
              const auto take = [&bag](parcel m) { bag.push_back(std::move(m)); };
              const auto give = [&bag] {
                parcel m = std::move(bag.back());
                bag.pop_back();
                return m;
              };
              const auto gave = [&](strait::send_result<parcel> r) {
                STRAIT_TEST_HOLDS(r.has_value());
                moves.fetch_add(1, std::memory_order_relaxed);
                watchdog::beat();
              };
              const auto a = static_cast<std::size_t>(chance.below(3)),
                         b = static_cast<std::size_t>(chance.below(3));
              const bool full_hands = !bag.empty();
              const auto fired = strait::select(
                  strait::on_send(tx[a], give, gave).when(full_hands), strait::on_recv(rx[b], take),
                  strait::on_send(tx[b], give, gave).when(full_hands), strait::on_recv(rx[a], take),
                  strait::on_timeout(chance.short_wait(), [] {}),
                  strait::on_stop(stop.get_token(), [&going] { going = false; }));
              STRAIT_TEST_HOLDS(fired.has_value());
              if (moves.load(std::memory_order_relaxed) >= enough) stop.request_stop();
            }
          });
    }
    people.join();
  }
  std::uint64_t left = 0;
  for (auto& bag : kept) {
    left += bag.size();
    for (const auto& m : bag) EXPECT_TRUE(m.intact());
    bag.clear();
  }
  for (auto& c : channels.ch) {
    while (c.rx.try_recv()) ++left;
  }
  EXPECT_EQ(left, tokens) << "seed " << seed();
  EXPECT_EQ(ledger::live(), 0);
}

// ---- both ends in one select --------------------------------------------------------------------

// Every thread offers to send and to receive on one channel. At capacity 0 a select never pairs with
// itself, so each move is between two threads; sends and receives are equal in number.
TEST_P(select_stress, both_ends_in_one_select) {
  for (const int capacity : GetParam().capacity) {
    auto ch = make_channel<parcel>(capacity);
    const std::uint64_t enough = amount(1'500);
    std::atomic<std::uint64_t> sent{0}, received{0};
    team people;
    for (std::uint32_t i = 0; i < 4; ++i) {
      people.add([&, i](dice& chance) {
        const auto& tx = ch.tx;
        const auto& rx = ch.rx;
        std::uint64_t my_sent = 0, my_received = 0;
        for (std::uint64_t seq = 1;; ++seq) {
          bool over = false;
          std::uint64_t id = 0;
          const auto sent_it = [&](strait::send_result<parcel> r) {
            r ? void(++my_sent) : void(over = true);
          };
          const auto got_it = [&](strait::recv_result<parcel> r) {
            if (r) {
              ++my_received;
              id = (std::uint64_t{r->producer()} << 32) | r->seq();
            } else {
              over = true;
            }
          };
          const bool opposite = chance.once_in(2);
          if (opposite) {
            (void)strait::select(strait::on_recv(rx, got_it),
                                 strait::on_send(tx, parcel(i, seq), sent_it));
          } else {
            (void)strait::select(strait::on_send(tx, parcel(i, seq), sent_it),
                                 strait::on_recv(rx, got_it));
          }
          if (capacity == 0 && id != 0) STRAIT_TEST_HOLDS((id >> 32) != i);  // never from oneself
          watchdog::beat();
          if (over) break;
          if (my_sent + my_received == enough / 4) ch.tx.close();
        }
        sent += my_sent;
        received += my_received;
      });
    }
    people.join();
    std::uint64_t left = 0;
    while (ch.rx.try_recv()) ++left;
    EXPECT_EQ(sent.load(), received.load() + left) << "seed " << seed();
  }
  EXPECT_EQ(ledger::live(), 0);
}

// ---- two selects that face each other -----------------------------------------------------------

// A: send a or receive b. B: send b or receive a. The arms in all orders, half of the time with a
// timeout. Without help from anybody else one of the two moves happens each time.
TEST_P(select_stress, facing_each_other_in_opposite_order) {
  for (std::size_t k = 0; k < 3; ++k) {
    auto a = make_channel<parcel>(GetParam().capacity[k]);
    auto b = make_channel<parcel>(GetParam().capacity[(k + 1) % 3]);
    std::atomic<std::uint64_t> a_sent{0}, b_sent{0}, a_received{0}, b_received{0};
    const std::uint64_t enough = amount(1'500);
    const auto member = [&](auto& mine, auto& theirs, auto& sent, auto& received,
                            std::uint32_t who) {
      return [&, who](dice& chance) {
        for (std::uint64_t seq = 1;; ++seq) {
          bool over = false;
          const auto gave = [&](strait::send_result<parcel> r) {
            r ? void(sent.fetch_add(1)) : void(over = true);
          };
          const auto took = [&](strait::recv_result<parcel> r) {
            r ? void(received.fetch_add(1)) : void(over = true);
          };
          switch (chance.below(4)) {
            case 0:
              strait::select(strait::on_send(mine.tx, parcel(who, seq), gave),
                             strait::on_recv(theirs.rx, took));
              break;
            case 1:
              strait::select(strait::on_recv(theirs.rx, took),
                             strait::on_send(mine.tx, parcel(who, seq), gave));
              break;
            case 2:
              strait::select_biased(strait::on_send(mine.tx, parcel(who, seq), gave),
                                    strait::on_recv(theirs.rx, took),
                                    strait::on_timeout(chance.short_wait(), [] {}));
              break;
            default:
              strait::select_biased(strait::on_timeout(chance.short_wait(), [] {}),
                                    strait::on_recv(theirs.rx, took),
                                    strait::on_send(mine.tx, parcel(who, seq), gave));
          }
          watchdog::beat();
          if (sent.load() + received.load() >= enough) {
            mine.tx.close();
            theirs.tx.close();
          }
          if (over) break;
        }
      };
    };
    team people;
    people.add(member(a, b, a_sent, b_received, 0));
    people.add(member(b, a, b_sent, a_received, 1));
    people.join();
    while (a.rx.try_recv()) ++a_received;
    while (b.rx.try_recv()) ++b_received;
    EXPECT_EQ(a_sent.load(), a_received.load()) << "seed " << seed();
    EXPECT_EQ(b_sent.load(), b_received.load()) << "seed " << seed();
  }
  EXPECT_EQ(ledger::live(), 0);
}

// The same without timeouts and without closing, a fixed number of rounds, rendezvous: each round moves
// exactly one message between the two, in one direction or the other.
TEST(select_facing, rendezvous_rounds) {
  auto a = strait::rendezvous<parcel>();
  auto b = strait::rendezvous<parcel>();
  const std::uint64_t rounds = scaled(15'000, 500);
  std::array<std::uint64_t, 2> sent{}, received{};
  team people;
  people.add([&](dice& chance) {
    for (std::uint64_t seq = 1; seq <= rounds; ++seq) {
      const auto gave = [&](strait::send_result<parcel> r) { sent[0] += r.has_value(); };
      const auto took = [&](parcel m) { received[0] += m.seq() == seq; };
      if (chance.once_in(2)) {
        strait::select(strait::on_send(a.tx, parcel(0, seq), gave), strait::on_recv(b.rx, took));
      } else {
        strait::select(strait::on_recv(b.rx, took), strait::on_send(a.tx, parcel(0, seq), gave));
      }
      watchdog::beat();
    }
  });
  people.add([&](dice& chance) {
    for (std::uint64_t seq = 1; seq <= rounds; ++seq) {
      const auto gave = [&](strait::send_result<parcel> r) { sent[1] += r.has_value(); };
      const auto took = [&](parcel m) { received[1] += m.seq() == seq; };
      if (chance.once_in(2)) {
        strait::select(strait::on_recv(a.rx, took), strait::on_send(b.tx, parcel(1, seq), gave));
      } else {
        strait::select(strait::on_send(b.tx, parcel(1, seq), gave), strait::on_recv(a.rx, took));
      }
      watchdog::beat();
    }
  });
  people.join();
  EXPECT_EQ(sent[0], received[1]);
  EXPECT_EQ(sent[1], received[0]);
  EXPECT_EQ(sent[0] + sent[1], rounds);
  EXPECT_EQ(ledger::live(), 0);
}

// Three selects in a ring of rendezvous channels: each may give to its right or take from its left.
TEST(select_facing, ring_of_three) {
  std::array ch{strait::rendezvous<std::uint64_t>(), strait::rendezvous<std::uint64_t>(),
                strait::rendezvous<std::uint64_t>()};
  const std::uint64_t enough = scaled(15'000, 500);
  std::atomic<std::uint64_t> sent{0}, received{0};
  team people;
  for (std::size_t i = 0; i < 3; ++i) {
    people.add([&, i](dice& chance) {
      const auto& right = ch[i].tx;
      const auto& left = ch[(i + 2) % 3].rx;
      bool over = false;
      while (!over) {
        const auto gave = [&](strait::send_result<std::uint64_t> r) {
          r ? void(sent.fetch_add(1)) : void(over = true);
        };
        const auto took = [&](strait::recv_result<std::uint64_t> r) {
          r ? void(received.fetch_add(1)) : void(over = true);
        };
        if (chance.once_in(2)) {
          strait::select(strait::on_send(right, 1U, gave), strait::on_recv(left, took));
        } else {
          strait::select(strait::on_recv(left, took), strait::on_send(right, 1U, gave));
        }
        watchdog::beat();
        if (sent.load() >= enough) {
          for (auto& c : ch) c.tx.close();
        }
      }
    });
  }
  people.join();
  EXPECT_EQ(sent.load(), received.load()) << "seed " << seed();
}

// ---- exceptions ---------------------------------------------------------------------------------

struct refused : std::runtime_error {
  refused() : std::runtime_error("no message today") {}
};

// A maker that throws gives its place back: nothing is lost, nothing is sent, nobody hangs, the room is
// there for others. Handlers that throw do so after the operation.
TEST_P(select_stress, makers_and_handlers_that_throw) {
  for (const int capacity : GetParam().capacity) {
    const std::uint64_t each = amount(700);
    std::atomic<std::uint64_t> sent{0}, received{0};
    {
      auto ch = make_channel<parcel>(capacity);
      team people;
      for (std::uint32_t i = 0; i < 2; ++i) {
        people.add([&, i, tx = ch.tx](dice& chance) {
          for (std::uint64_t seq = 1; seq <= each;) {
            const auto make = [&] {
              if (chance.once_in(3)) throw refused();
              return parcel(i, seq);
            };
            try {
              const auto fired = strait::select(strait::on_send(tx, make,
                                                                [&](strait::send_result<parcel> r) {
                                                                  STRAIT_TEST_HOLDS(r.has_value());
                                                                  ++seq;
                                                                  sent.fetch_add(1);
                                                                  if (chance.once_in(5))
                                                                    throw refused();
                                                                }),
                                                strait::on_timeout(chance.short_wait(), [] {}));
              STRAIT_TEST_HOLDS(fired.has_value());
            } catch (const refused&) {
            }
            watchdog::beat();
          }
        });
        people.add([&, rx = ch.rx](dice& chance) {
          tally<parcel> mine(2);
          for (;;) {
            try {
              const auto fired = strait::select(strait::on_recv(rx, [&](parcel m) {
                mine.take(m);
                if (chance.once_in(5)) throw refused();
              }));
              if (!fired) break;
            } catch (const refused&) {
            }
          }
          received += mine.count();
        });
      }
      ch.tx.reset();
      ch.rx.reset();
      people.join();
    }
    EXPECT_EQ(sent.load(), 2 * each);
    EXPECT_EQ(received.load(), 2 * each) << "seed " << seed();
  }
  EXPECT_EQ(ledger::live(), 0);
}

// A maker may use the very channel it makes a message for.
TEST_P(select_stress, makers_that_use_the_channel) {
  for (const int capacity : GetParam().capacity) {
    auto ch = make_channel<parcel>(capacity);
    const std::uint64_t each = amount(400);
    std::atomic<std::uint64_t> sent{0}, received{0};
    team people;
    for (std::uint32_t i = 0; i < 2; ++i) {
      people.add([&, i, tx = ch.tx, rx = ch.rx](dice& chance) {
        for (std::uint64_t seq = 1; seq <= each; ++seq) {
          strait::select(strait::on_send(
                             tx,
                             [&] {
                               (void)tx.size();
                               if (rx.try_recv()) received.fetch_add(1);
                               if (tx.try_send(parcel(i, seq))) sent.fetch_add(1);
                               return parcel(i, seq);
                             },
                             [&](strait::send_result<parcel> r) {
                               STRAIT_TEST_HOLDS(r.has_value());
                               sent.fetch_add(1);
                             }),
                         strait::on_timeout(chance.short_wait(), [] {}));
          watchdog::beat();
        }
      });
    }
    std::atomic<bool> over{false};
    std::thread drain([&] {
      while (!over.load()) {
        if (ch.rx.recv_for(std::chrono::microseconds(50))) received.fetch_add(1);
      }
    });
    people.join();
    over.store(true);
    drain.join();
    while (ch.rx.try_recv()) received.fetch_add(1);
    EXPECT_EQ(sent.load(), received.load()) << "seed " << seed();
  }
  EXPECT_EQ(ledger::live(), 0);
}

// ---- atomicity ----------------------------------------------------------------------------------

// Between the two meetings at least one of the two channels holds a message at every instant; a select
// over both never takes otherwise.
TEST(select_atomic, never_otherwise_while_one_is_ready) {
  auto a = strait::bounded<int>(1);
  auto b = strait::bounded<int>(1);
  const std::uint64_t rounds = scaled(20'000, 500);
  meeting start(2), end(2);
  std::uint64_t otherwise = 0;
  team people;
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      (void)a.tx.try_send(1);
      start.wait();
      chance.dither(40);
      strait::select(strait::on_recv(a.rx, [](int) {}), strait::on_recv(b.rx, [](int) {}),
                     strait::otherwise([&] { ++otherwise; }));
      end.wait();
      (void)b.rx.try_recv();
    }
  });
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(40);
      (void)b.tx.try_send(1);  // first the other one is filled,
      (void)a.rx.try_recv();   // then this one may be emptied
      end.wait();
    }
  });
  people.join();
  EXPECT_EQ(otherwise, 0U) << "of " << rounds << ", seed " << seed();
}

// The same for room: at every instant one of the two has a place.
TEST(select_atomic, never_otherwise_while_one_has_room) {
  auto a = strait::bounded<int>(1);
  auto b = strait::bounded<int>(1);
  const std::uint64_t rounds = scaled(20'000, 500);
  meeting start(2), end(2), again(2);
  std::uint64_t otherwise = 0;
  team people;
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      (void)a.rx.try_recv();   // a has room,
      (void)b.tx.try_send(1);  // b has none
      start.wait();
      chance.dither(40);
      strait::select(strait::on_send(a.tx, 1), strait::on_send(b.tx, 1),
                     strait::otherwise([&] { ++otherwise; }));
      end.wait();
      again.wait();
    }
  });
  people.add([&](dice& chance) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      start.wait();
      chance.dither(40);
      (void)b.rx.try_recv();
      (void)a.tx.try_send(1);
      end.wait();
      again.wait();
    }
  });
  people.join();
  EXPECT_EQ(otherwise, 0U) << "of " << rounds << ", seed " << seed();
}

// ---- closing and stopping selects ---------------------------------------------------------------

// Receiving selects wait on three channels, sending selects on three full ones; then all are closed,
// in any order, by anybody. Everybody ends with closed.
TEST_P(select_stress, close_while_selects_wait) {
  for (std::uint64_t round = scaled(100, 20); round != 0; --round) {
    three<parcel> empty(GetParam()), full(GetParam());
    bool any_unbounded = false;
    for (std::size_t k = 0; k < 3; ++k) {
      if (GetParam().capacity[k] == no_bound) {
        any_unbounded = true;
      } else {
        while (full.ch[k].tx.try_send(parcel(0, 1))) {
        }
      }
    }
    std::stop_source stop;
    team people;
    for (std::uint32_t i = 0; i < 2; ++i) {
      people.add([&](dice&) {
        const auto none = [](parcel) { complain("a message from nowhere"); };
        auto& c = empty.ch;
        const auto fired =
            strait::select(strait::on_recv(c[0].rx, none), strait::on_recv(c[1].rx, none),
                           strait::on_recv(c[2].rx, none));
        STRAIT_TEST_HOLDS(!fired && fired.error() == errc::closed);
      });
      people.add([&](dice&) {
        bool closed = false;
        auto& c = empty.ch;
        const auto fired = strait::select(
            strait::on_recv(
                c[0].rx,
                [&](strait::recv_result<parcel> m) { closed = !m && m.error() == errc::closed; }),
            strait::on_recv(c[1].rx, [](parcel) {}), strait::on_stop(stop.get_token(), [] {}));
        STRAIT_TEST_HOLDS(fired.has_value() && (*fired == 0 ? closed : *fired == 2));
      });
      if (!any_unbounded) {
        people.add([&, i](dice&) {
          std::optional<errc> failed;
          parcel back(7, 7);
          const auto note = [&](strait::send_result<parcel> r) {
            if (r) return;
            failed = r.error().reason();
            back = std::move(r.error()).value();
          };
          auto& c = full.ch;
          const auto fired = strait::select(strait::on_send(c[0].tx, parcel(i, 1), note),
                                            strait::on_send(c[1].tx, parcel(i, 2), note),
                                            strait::on_send(c[2].tx, parcel(i, 3), note));
          STRAIT_TEST_HOLDS(fired.has_value() && failed == errc::closed);
          STRAIT_TEST_HOLDS(back.intact() && back.producer() == i && back.seq() == *fired + 1);
        });
      }
    }
    people.add([&](dice& chance) {
      chance.dither(50'000);
      const std::size_t first = static_cast<std::size_t>(chance.below(3));
      for (std::size_t k = 0; k < 3; ++k) {
        full.ch[(first + k) % 3].rx.close();
        empty.ch[(first + k) % 3].tx.close();
      }
      stop.request_stop();
    });
    people.join();
  }
  EXPECT_EQ(ledger::live(), 0);
}

// Selects with a stop arm, stopped at random times, against plain traffic: nothing is lost.
TEST_P(select_stress, stopped_at_random_times) {
  three<parcel> channels(GetParam());
  const std::uint64_t each = amount(800);
  hazards tokens(4);
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> received{0};
  {
    team people;
    for (std::size_t i = 0; i < 2; ++i) {
      people.add(
          [&, i, tx = std::array{channels.ch[0].tx, channels.ch[1].tx, channels.ch[2].tx}](dice&) {
            for (std::uint64_t seq = 1; seq <= each;) {
              parcel m(static_cast<std::uint32_t>(i), seq);
              const auto note = [&](strait::send_result<parcel> r) { seq += r.has_value(); };
              const auto fired = strait::select(strait::on_stop(tokens.token(i), [] {}),
                                                strait::on_send(tx[0], std::move(m), note),
                                                strait::on_send(tx[1], std::move(m), note),
                                                strait::on_send(tx[2], std::move(m), note));
              STRAIT_TEST_HOLDS(fired.has_value());
              if (fired && *fired == 0) STRAIT_TEST_HOLDS(m.intact());
              watchdog::beat();
            }
          });
      people.add(
          [&, i, rx = std::array{channels.ch[0].rx, channels.ch[1].rx, channels.ch[2].rx}](dice&) {
            std::array<tally<parcel>, 3> seen{tally<parcel>(2), tally<parcel>(2), tally<parcel>(2)};
            for (;;) {
              std::size_t which = 0;
              bool closed = false;
              const auto take = [&](std::size_t k) {
                return [&, k](strait::recv_result<parcel> m) {
                  which = k;
                  m ? seen[k].take(*m) : void(closed = true);
                };
              };
              strait::select(strait::on_recv(rx[0], take(0)), strait::on_recv(rx[1], take(1)),
                             strait::on_recv(rx[2], take(2)),
                             strait::on_stop(tokens.token(2 + i), [] {}));
              if (closed) {  // one is closed, so all are soon: drain them
                for (std::size_t k = 0; k < 3; ++k) {
                  while (const auto m = rx[k].recv()) seen[k].take(*m);
                }
                break;
              }
            }
            for (const auto& s : seen) received += s.count();
          });
    }
    for (auto& c : channels.ch) {
      c.tx.reset();
      c.rx.reset();
    }
    std::thread striker([&] {
      dice chance(99);
      while (!over.load()) {
        tokens.strike(chance);
        chance.dither(3'000);
        if (chance.once_in(4)) std::this_thread::yield();
      }
    });
    people.join();
    over.store(true);
    striker.join();
  }
  EXPECT_EQ(received.load(), 2 * each) << "seed " << seed();
  EXPECT_EQ(ledger::live(), 0);
}

// Eight threads over three channels, unevenly.
TEST_P(select_stress, a_crowd) {
  run_three<std::uint64_t>(GetParam(), manner::both, manner::both, 2, 6, amount(600));
  run_three<std::uint64_t>(GetParam(), manner::both, manner::both, 6, 2, amount(200));
}

}  // namespace

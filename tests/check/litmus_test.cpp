// SPDX-License-Identifier: BSL-1.0
//
// Litmus programs: small programs whose outcomes RC11 fixes, with the exact set of them. More than these
// would be a memory model that is too weak (false alarms), fewer one that is too strong (missed bugs).
//
// A program is written in a line, threads between bars:
//   x=1.rel       stores 1 into x             a=x.acq        loads x into register a
//   a=x+1.rlx     fetch_add, old value to a   a=x!2.rlx      exchange
//   a=x?0:1.acq   compare_exchange_strong(0, 1), the value it saw to a; its failure order is the load part
//   F.sc          a fence
// An outcome is the registers in the order of their names, then the final values of `finals`. What is
// expected was derived by hand; the line behind each says why.
//
// Sources: Lahav et al., "Repairing Sequential Consistency in C/C++11" (PLDI 2017); the shapes and their
// names are those of Alglave, Maranget, Tautschnig, "Herding Cats" (TOPLAS 2014).
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <strait/base/sync.hpp>
#include <strait/check/check.hpp>

using namespace strait::check;
namespace seam = strait::sync;
using order = rt::order;

namespace {

struct instruction {
  enum { store, load, add, swap, cas, barrier } what;
  int location = 0, reg = -1, value = 0, expected = 0;
  order o = order::relaxed;
};
using program = std::vector<std::vector<instruction>>;

order order_named(const std::string& s) {
  static const std::map<std::string, order> names = {{"rlx", order::relaxed},
                                                     {"acq", order::acquire},
                                                     {"rel", order::release},
                                                     {"ar", order::acq_rel},
                                                     {"sc", order::seq_cst}};
  return names.at(s);
}

instruction parse_one(const std::string& text) {
  instruction i{};
  const std::size_t dot = text.find('.');
  i.o = order_named(text.substr(dot + 1));
  if (text[0] == 'F') {
    i.what = instruction::barrier;
    return i;
  }
  if (text[0] >= 'x') {  // x=1
    i.what = instruction::store;
    i.location = text[0] - 'x';
    i.value = text[2] - '0';
    return i;
  }
  i.reg = text[0] - 'a';
  i.location = text[2] - 'x';
  switch (text[3]) {
    case '.': i.what = instruction::load; break;
    case '+':
      i.what = instruction::add;
      i.value = text[4] - '0';
      break;
    case '!':
      i.what = instruction::swap;
      i.value = text[4] - '0';
      break;
    default:
      i.what = instruction::cas;
      i.expected = text[4] - '0';
      i.value = text[6] - '0';
  }
  return i;
}

program parse(const std::string& text) {
  program p;
  std::istringstream threads(text);
  for (std::string t; std::getline(threads, t, '|');) {
    p.emplace_back();
    std::istringstream parts(t);
    for (std::string part; std::getline(parts, part, ';');) {
      part.erase(std::remove(part.begin(), part.end(), ' '), part.end());
      p.back().push_back(parse_one(part));
    }
  }
  return p;
}

order failure_of(order o) {
  if (o == order::acq_rel) return order::acquire;
  return o == order::release ? order::relaxed : o;
}

struct finding {
  std::set<std::string> outcomes;
  result r;
};

finding outcomes_of(const program& p, const std::string& finals, bool reduce) {
  finding f;
  options o;
  o.preemptions = -1;
  o.stale_reads = -1;
  o.rmw_newest = false;
  o.reduce = reduce;
  std::string outcome;
  f.r = explore(o, [&] {
    seam::atomic<int> memory[3] = {{0}, {0}, {0}};
    int registers[8] = {};
    bool used[8] = {};
    {
      std::vector<thread> threads;
      threads.reserve(p.size());
      for (const auto& code : p) {
        threads.emplace_back([&] {
          for (const instruction& i : code) {
            seam::atomic<int>& m = memory[i.location];
            int old = 0;
            switch (i.what) {
              case instruction::store: m.store(i.value, i.o); break;
              case instruction::load: old = m.load(i.o); break;
              case instruction::add: old = m.fetch_add(i.value, i.o); break;
              case instruction::swap: old = m.exchange(i.value, i.o); break;
              case instruction::cas:
                old = i.expected;
                (void)m.compare_exchange_strong(old, i.value, i.o, failure_of(i.o));
                break;
              case instruction::barrier: fence(i.o); break;
            }
            if (i.reg >= 0) {
              registers[i.reg] = old;
              used[i.reg] = true;
            }
          }
        });
      }
    }
    outcome.clear();
    for (int i = 0; i < 8; ++i) {
      if (used[i]) outcome += static_cast<char>('0' + registers[i]);
    }
    // Everything happened before this, so only the newest store can be read.
    for (char c : finals) outcome += static_cast<char>('0' + memory[c - 'x'].load(seam::relaxed));
    f.outcomes.insert(outcome);
  });
  return f;
}

struct litmus {
  const char* name;
  const char* code;
  const char* finals;
  const char* expected;  // outcomes; "all but ..." counts from every combination of 0 and 1
};

void PrintTo(const litmus& l, std::ostream* out) { *out << l.name << ": " << l.code; }

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> all;
  for (std::string w; in >> w;) all.insert(w);
  return all;
}

std::set<std::string> expected_of(const litmus& l) {
  const std::string text = l.expected;
  if (text.rfind("all", 0) != 0) return words(text);
  const program p = parse(l.code);
  std::set<int> registers;
  for (const auto& t : p) {
    for (const instruction& i : t) {
      if (i.reg >= 0) registers.insert(i.reg);
    }
  }
  std::set<std::string> all;
  for (unsigned bits = 0; bits < 1U << registers.size(); ++bits) {
    std::string w;
    for (std::size_t i = registers.size(); i-- > 0;) w += (bits >> i & 1U) != 0 ? '1' : '0';
    all.insert(w);
  }
  if (text.size() > 8) {
    for (const std::string& w : words(text.substr(8))) all.erase(w);
  }
  return all;
}

std::string difference(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::string text;
  for (const std::string& w : a) {
    if (b.count(w) == 0) text += " " + w;
  }
  return text.empty() ? " none" : text;
}

class Litmus : public ::testing::TestWithParam<litmus> {};

const litmus all_programs[] = {
    // Message passing: x is the message, y the flag.
    {"MP", "x=1.rlx; y=1.rlx | a=y.rlx; b=x.rlx", "", "all"},  // nothing orders
    {"MP_release_acquire", "x=1.rlx; y=1.rel | a=y.acq; b=x.rlx", "",
     "all but 10"},  // synchronizes
    {"MP_release_only", "x=1.rlx; y=1.rel | a=y.rlx; b=x.rlx", "",
     "all"},  // the reader does not acquire
    {"MP_acquire_only", "x=1.rlx; y=1.rlx | a=y.acq; b=x.rlx", "", "all"},  // nothing was released
    {"MP_fences", "x=1.rlx; F.rel; y=1.rlx | a=y.rlx; F.acq; b=x.rlx", "", "all but 10"},
    {"MP_release_fence", "x=1.rlx; F.rel; y=1.rlx | a=y.acq; b=x.rlx", "", "all but 10"},
    {"MP_acquire_fence", "x=1.rlx; y=1.rel | a=y.rlx; F.acq; b=x.rlx", "", "all but 10"},
    {"MP_release_fence_only", "x=1.rlx; F.rel; y=1.rlx | a=y.rlx; b=x.rlx", "", "all"},
    {"MP_acquire_fence_only", "x=1.rlx; y=1.rlx | a=y.rlx; F.acq; b=x.rlx", "", "all"},
    {"MP_fence_too_late", "x=1.rlx; y=1.rlx; F.rel | a=y.acq; b=x.rlx", "",
     "all"},  // after the flag
    {"MP_fence_too_early", "F.rel; x=1.rlx; y=1.rlx | a=y.acq; b=x.rlx", "",
     "all"},  // before the message
    {"MP_sc", "x=1.sc; y=1.sc | a=y.sc; b=x.sc", "", "all but 10"},
    {"MP_full_fences", "x=1.rlx; F.sc; y=1.rlx | a=y.rlx; F.sc; b=x.rlx", "", "all but 10"},

    // Store buffering: what "is anyone asleep?" is about.
    {"SB", "x=1.rlx; a=y.rlx | y=1.rlx; b=x.rlx", "", "all"},
    {"SB_release_acquire", "x=1.rel; a=y.acq | y=1.rel; b=x.acq", "",
     "all"},                                                         // no cycle is excluded
    {"SB_sc", "x=1.sc; a=y.sc | y=1.sc; b=x.sc", "", "all but 00"},  // one total order
    {"SB_sc_loads_only", "x=1.rlx; a=y.sc | y=1.rlx; b=x.sc", "",
     "all"},  // the stores are not in it
    {"SB_sc_stores_only", "x=1.sc; a=y.rlx | y=1.sc; b=x.rlx", "", "all"},
    {"SB_full_fences", "x=1.rlx; F.sc; a=y.rlx | y=1.rlx; F.sc; b=x.rlx", "", "all but 00"},
    {"SB_one_fence", "x=1.rlx; F.sc; a=y.rlx | y=1.rlx; b=x.rlx", "", "all"},
    {"SB_release_fences", "x=1.rlx; F.ar; a=y.rlx | y=1.rlx; F.ar; b=x.rlx", "", "all"},
    // Read-modify-writes of one word are in one order, and the second synchronizes with the first.
    {"SB_through_a_word", "x=1.rlx; c=z+1.ar; a=y.rlx | y=1.rlx; d=z+1.ar; b=x.rlx", "",
     "0101 1101 1010 1110"},

    // Load buffering: po and rf together have no cycle.
    {"LB", "a=x.rlx; y=1.rlx | b=y.rlx; x=1.rlx", "", "all but 11"},

    // Independent reads of independent writes.
    {"IRIW", "x=1.rlx | y=1.rlx | a=x.rlx; b=y.rlx | c=y.rlx; d=x.rlx", "", "all"},
    {"IRIW_release_acquire", "x=1.rel | y=1.rel | a=x.acq; b=y.acq | c=y.acq; d=x.acq", "", "all"},
    {"IRIW_sc", "x=1.sc | y=1.sc | a=x.sc; b=y.sc | c=y.sc; d=x.sc", "", "all but 1010"},
    {"IRIW_full_fences", "x=1.rlx | y=1.rlx | a=x.rlx; F.sc; b=y.rlx | c=y.rlx; F.sc; d=x.rlx", "",
     "all but 1010"},

    // Two writers of two words; finals x, y. 11: each thread's first store is the last of its word.
    {"W22", "x=1.rlx; y=2.rlx | y=1.rlx; x=2.rlx", "xy", "11 12 21 22"},
    {"W22_release", "x=1.rel; y=2.rel | y=1.rel; x=2.rel", "xy", "11 12 21 22"},
    {"W22_sc", "x=1.sc; y=2.sc | y=1.sc; x=2.sc", "xy", "12 21 22"},
    {"W22_full_fences", "x=1.rlx; F.sc; y=2.rlx | y=1.rlx; F.sc; x=2.rlx", "xy", "12 21 22"},

    // Three threads: what the first wrote reaches the third through the second.
    {"WRC", "x=1.rlx | a=x.rlx; y=1.rlx | b=y.rlx; c=x.rlx", "", "all"},
    {"WRC_release_acquire", "x=1.rel | a=x.acq; y=1.rel | b=y.acq; c=x.rlx", "", "all but 110"},
    {"WRC_middle_relaxed", "x=1.rel | a=x.rlx; y=1.rel | b=y.acq; c=x.rlx", "",
     "all but 110"},  // coherence
    {"ISA2", "x=1.rlx; y=1.rel | a=y.acq; z=1.rel | b=z.acq; c=x.rlx", "", "all but 110"},
    {"ISA2_middle_relaxed", "x=1.rlx; y=1.rel | a=y.rlx; z=1.rel | b=z.acq; c=x.rlx", "", "all"},
    {"RWC_full_fences", "x=1.rlx | a=x.rlx; F.sc; b=y.rlx | y=1.rlx; F.sc; c=x.rlx", "",
     "all but 100"},
    {"RWC_release_acquire", "x=1.rel | a=x.acq; b=y.acq | y=1.rel; c=x.acq", "", "all"},

    // Coherence: one word, one order of its stores, never seen backwards.
    {"CoRR", "x=1.rlx | a=x.rlx; b=x.rlx", "", "00 01 11"},
    {"CoRR_two_stores", "x=1.rlx; x=2.rlx | a=x.rlx; b=x.rlx", "", "00 01 02 11 12 22"},
    {"CoWW", "x=1.rlx; x=2.rlx", "x", "2"},
    {"CoWR", "x=1.rlx; a=x.rlx | x=2.rlx", "x", "11 12 22"},  // who reads 2 has it after its own
    {"CoRW", "a=x.rlx; x=1.rlx | x=2.rlx", "x", "01 02 21"},  // who read 2 writes after it
    {"own_store", "x=1.rlx; a=x.rlx", "", "1"},

    // S and R: a store that must come behind, a load that must see.
    {"S", "x=2.rlx; y=1.rlx | a=y.rlx; x=1.rlx", "x", "01 02 11 12"},
    {"S_release_acquire", "x=2.rlx; y=1.rel | a=y.acq; x=1.rlx", "x", "01 02 11"},
    {"R", "x=1.rlx; y=1.rlx | y=2.rlx; a=x.rlx", "y", "01 02 11 12"},
    {"R_sc", "x=1.sc; y=1.sc | y=2.sc; a=x.sc", "y", "01 11 12"},
    {"R_full_fences", "x=1.rlx; F.sc; y=1.rlx | y=2.rlx; F.sc; a=x.rlx", "y", "01 11 12"},

    // Read-modify-writes are atomic, relaxed or not.
    {"two_adds", "a=x+1.rlx | b=x+1.rlx", "x", "012 102"},
    {"two_swaps", "a=x!1.rlx | b=x!2.rlx", "x", "012 201"},
    {"one_winner", "a=x?0:1.ar | b=x?0:2.ar", "x", "011 202"},
    {"add_against_store", "a=x+1.rlx | x=5.rlx", "x", "05 56"},  // before the store, or after it
    {"add_is_not_split", "a=x+1.rlx | x=5.rlx | b=x+1.rlx", "x", "015 105 056 506 567 657"},

    // Release sequences: read-modify-writes continue them, C++20's plain stores do not.
    {"sequence_by_rmw", "x=1.rlx; y=5.rel | a=y+1.rlx | b=y.acq; c=x.rlx", "",
     "000 001 010 011 051 500 501 551 561"},
    {"no_sequence_by_store", "x=1.rlx; y=1.rel; y=2.rlx | a=y.acq; b=x.rlx", "", "00 01 11 20 21"},
    {"fence_before_two_stores", "x=1.rlx; F.rel; y=1.rlx; y=2.rlx | a=y.acq; b=x.rlx", "",
     "00 01 11 21"},
    {"fence_after_rmw", "x=1.rlx; y=1.rel | a=y+1.rlx; F.acq; b=x.rlx", "", "00 01 11"},
    {"chain_of_rmw", "x=1.rlx; a=y+1.ar | b=y+1.ar; c=x.rlx", "", "011 100 101"},
    {"chain_of_relaxed_rmw", "x=1.rlx; a=y+1.rlx | b=y+1.rlx; c=x.rlx", "", "010 011 100 101"},

    // A compare-exchange that fails is a load of its failure order.
    {"failed_cas_acquires", "x=1.rlx; y=1.rel | a=y?7:9.acq; b=x.rlx", "", "00 01 11"},
    {"failed_cas_relaxed", "x=1.rlx; y=1.rel | a=y?7:9.rlx; b=x.rlx", "", "00 01 10 11"},
};

INSTANTIATE_TEST_SUITE_P(Programs, Litmus, ::testing::ValuesIn(all_programs),
                         [](const auto& l) { return std::string(l.param.name); });

}  // namespace

TEST_P(Litmus, HasExactlyTheseOutcomes) {
  const litmus& l = GetParam();
  const std::set<std::string> expected = expected_of(l);
  const finding f = outcomes_of(parse(l.code), l.finals, true);
  ASSERT_TRUE(f.r.ok() && f.r.complete) << f.r.report;
  EXPECT_EQ(f.outcomes, expected) << l.code << "\n  missing:" << difference(expected, f.outcomes)
                                  << "\n  not allowed:" << difference(f.outcomes, expected);
}

// All agree on the order of two stores to one word: 1 2 here and 2 1 there is not possible.
TEST(LitmusMore, ReadersAgreeOnOneOrder) {
  std::set<std::string> expected;
  const char* const pairs[] = {"00", "01", "02", "11", "12", "21", "22"};
  for (const std::string a : pairs) {
    for (const std::string b : pairs) {
      if (!((a == "12" && b == "21") || (a == "21" && b == "12"))) expected.insert(a + b);
    }
  }
  const finding f =
      outcomes_of(parse("x=1.rlx | x=2.rlx | a=x.rlx; b=x.rlx | c=x.rlx; d=x.rlx"), "", true);
  ASSERT_TRUE(f.r.ok() && f.r.complete) << f.r.report;
  EXPECT_EQ(f.outcomes, expected);
}

// With every order of independent steps the outcomes are the same (the smaller half of the programs).
TEST(LitmusMore, WithoutReduction) {
  int n = 0;
  for (const litmus& l : all_programs) {
    const program p = parse(l.code);
    std::size_t size = 0;
    for (const auto& t : p) size += t.size();
    if (size > 4) continue;
    ++n;
    const finding f = outcomes_of(p, l.finals, false);
    ASSERT_TRUE(f.r.ok() && f.r.complete) << f.r.report;
    EXPECT_EQ(f.outcomes, expected_of(l)) << l.name;
  }
  EXPECT_GE(n, 20);
}

TEST(LitmusMore, AWeakExchangeMayFail) {
  std::set<bool> seen;
  const result r = explore([&] {
    seam::atomic<int> x{0};
    int expected = 0;
    seen.insert(x.compare_exchange_weak(expected, 1, seam::relaxed, seam::relaxed));
    require(expected == 0, "what it saw is what was expected");
  });
  EXPECT_TRUE(r.ok() && r.complete);
  EXPECT_EQ(seen.size(), 2U);
}

namespace {

// The message is plain data; whether that is a race is the whole question.
template <class Write, class Read>
verdict passing(Write write, Read read) {
  options o;
  o.preemptions = -1;
  o.stale_reads = -1;
  return explore(o,
                 [&] {
                   var<int> data(0);
                   seam::atomic<int> flag{0};
                   thread t([&] {
                     data.set(1);
                     write(flag);
                   });
                   if (read(flag)) require(data.get() == 1, "the message");
                 })
      .what;
}

}  // namespace

TEST(LitmusRaces, PlainDataBehindAFlag) {
  const auto store = [](order o) { return [o](seam::atomic<int>& f) { f.store(1, o); }; };
  const auto load = [](order o) { return [o](seam::atomic<int>& f) { return f.load(o) == 1; }; };
  EXPECT_EQ(passing(store(order::release), load(order::acquire)), verdict::ok);
  EXPECT_EQ(passing(store(order::seq_cst), load(order::seq_cst)), verdict::ok);
  EXPECT_EQ(passing(store(order::relaxed), load(order::acquire)), verdict::race);
  EXPECT_EQ(passing(store(order::release), load(order::relaxed)), verdict::race);
  const auto fenced_store = [](order o) {
    return [o](seam::atomic<int>& f) {
      fence(o);
      f.store(1, order::relaxed);
    };
  };
  const auto fenced_load = [](order o) {
    return [o](seam::atomic<int>& f) {
      const bool there = f.load(order::relaxed) == 1;
      fence(o);
      return there;
    };
  };
  EXPECT_EQ(passing(fenced_store(order::release), fenced_load(order::acquire)), verdict::ok);
  EXPECT_EQ(passing(fenced_store(order::seq_cst), fenced_load(order::seq_cst)), verdict::ok);
  EXPECT_EQ(passing(fenced_store(order::release), load(order::relaxed)), verdict::race);
  EXPECT_EQ(passing(store(order::relaxed), fenced_load(order::acquire)), verdict::race);
  const auto exchange = [](order o) {
    return [o](seam::atomic<int>& f) { return f.exchange(2, o) == 1; };
  };
  EXPECT_EQ(passing(store(order::release), exchange(order::acquire)), verdict::ok);
  EXPECT_EQ(passing(store(order::release), exchange(order::release)), verdict::race);
}

TEST(LitmusRaces, StartAndJoinOrder) {
  const result r = explore([] {
    var<int> data(0);
    data.set(1);
    thread t([&] { data.set(data.get() + 1); });
    t.join();
    require(data.get() == 2, "both");
  });
  EXPECT_TRUE(r.ok() && r.complete) << r.report;
  EXPECT_EQ(explore([] {
              var<int> data(0);
              thread t([&] { data.set(1); });
              (void)data.get();
            }).what,
            verdict::race);
}

TEST(LitmusRaces, ASpinlockProtects) {
  const auto with = [](order taking, order giving) {
    return explore([&] {
             var<int> data(0);
             seam::atomic<int> lock{0};
             const auto work = [&] {
               while (lock.exchange(1, taking) != 0) strait::check::yield();
               data.set(data.get() + 1);
               lock.store(0, giving);
             };
             thread t(work);
             work();
             t.join();
             require(data.get() == 2, "both");
           })
        .what;
  };
  EXPECT_EQ(with(order::acquire, order::release), verdict::ok);
  EXPECT_EQ(with(order::relaxed, order::release), verdict::race);
  EXPECT_EQ(with(order::acquire, order::relaxed), verdict::race);
}

// Two publish, one wins; a third thread may read through the pointer at any time.
TEST(LitmusRaces, PublishedOnce) {
  const auto with = [](order publish, order read) {
    return explore([&] {
             var<int> mine[2];
             seam::atomic<int> which{0};
             const auto make = [&](int i) {
               mine[i].set(7);
               int none = 0;
               (void)which.compare_exchange_strong(none, i + 1, publish, order::relaxed);
             };
             thread a([&] { make(0); });
             thread b([&] { make(1); });
             if (const int w = which.load(read); w != 0) require(mine[w - 1].get() == 7, "made");
           })
        .what;
  };
  EXPECT_EQ(with(order::release, order::acquire), verdict::ok);
  EXPECT_EQ(with(order::relaxed, order::acquire), verdict::race);
  EXPECT_EQ(with(order::release, order::relaxed), verdict::race);
}

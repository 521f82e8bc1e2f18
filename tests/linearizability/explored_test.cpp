// SPDX-License-Identifier: BSL-1.0
//
// Every schedule of small programs, every flavour: each history must be a run of the sequential channel.
// The programs are all that a sender and a receiver of two calls each can be, and those of three threads;
// STRAIT_MODEL_PROGRAMS says how many of them, taken at even distances (12 unless told otherwise; 0: all).
#include <string>
#include <vector>

#include "../check/models.hpp"
#include "judge.hpp"
#include "programs.hpp"

using namespace strait_test;

namespace {

template <class F>
class Linearizable : public model_of<F> {};
using every_flavour =
    ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 1>, flavour<mpmc, 2>, flavour<mpmc, 0>,
                     flavour<mpsc, no_bound>, flavour<mpsc, 1>, flavour<mpsc, 2>, flavour<mpsc, 0>,
                     flavour<spsc, no_bound>, flavour<spsc, 1>, flavour<spsc, 2>, flavour<spsc, 0>,
                     flavour<awake, 0>>;
TYPED_TEST_SUITE(Linearizable, every_flavour, flavour_names);

using calls = std::vector<call>;

std::vector<calls> pairs_of(const calls& menu) {
  std::vector<calls> all;
  for (call a : menu) {
    for (call b : menu) all.push_back({a, b});
  }
  return all;
}
const calls sending = {call::send, call::try_send, call::send_for, call::size};
const calls receiving = {call::recv, call::try_recv, call::recv_for, call::size};

std::vector<program> two_threads() {
  static const std::vector<calls> s = pairs_of(sending), r = pairs_of(receiving);
  std::vector<program> all;
  for (const calls& a : s) {
    for (const calls& b : r) all.push_back({{a, {}}, {b, {}}});
  }
  return all;
}

// The third thread makes one call; the others one or two.
std::vector<program> three_threads(bool sender) {
  static const std::vector<calls> ones = {{call::send}, {call::try_send}, {call::send_for}};
  static const std::vector<calls> takes = {{call::recv}, {call::try_recv}, {call::recv_for}};
  static const std::vector<calls> s = pairs_of(sending), r = pairs_of(receiving);
  std::vector<program> all;
  if (sender) {
    for (const calls& a : ones) {
      for (const calls& b : ones) {
        for (const calls& c : r) all.push_back({{a, b}, {c, {}}});
      }
    }
  } else {
    for (const calls& a : s) {
      for (const calls& b : takes) {
        for (const calls& c : takes) all.push_back({{a, {}}, {b, c}});
      }
    }
  }
  return all;
}

std::string text_of(const program& p) {
  static const char* const names[] = {"send",     "try_send", "send_for", "recv",
                                      "try_recv", "recv_for", "size"};
  std::string text;
  for (const auto* side : {p.senders, p.receivers}) {
    for (int i = 0; i < 2; ++i) {
      if (side[i].empty()) continue;
      text += text.empty() ? "" : " | ";
      for (call c : side[i]) text += std::string(names[static_cast<int>(c)]) + " ";
    }
  }
  return text;
}

template <class F>
void explore_some(const std::vector<program>& all, std::size_t share) {
  const auto wish = static_cast<std::size_t>(from_environment("STRAIT_MODEL_PROGRAMS", 12)) / share;
  const std::size_t step = wish == 0 || wish > all.size() ? 1 : all.size() / wish;
  options o;
  o.processors = strait_test::processors;
  o.preemptions = from_environment("STRAIT_MODEL_PREEMPTIONS", 2);
  o.stale_reads = from_environment("STRAIT_MODEL_STALE", 1);
  const double for_each = seconds_from_environment();
  std::uint64_t schedules = 0;
  std::size_t programs = 0, complete = 0;
  double seconds = 0;
  std::string bad;
  linearizable({}, F::capacity);  // what it allocates is not the model's
  for (std::size_t i = step / 2; i < all.size(); i += step) {
    const program& p = all[i];
    // What one program leaves of its time is for those that follow.
    o.seconds = for_each > 0 ? for_each * static_cast<double>(programs + 1) - seconds : 0;
    const result r = strait::check::explore(o, [&] {
      const auto ends = F::template make<int>();
      const history h = run<thread>(p, ends);
      if (!linearizable(h, F::capacity)) {
        bad = to_text(h);
        require(false, "the history is a run of the sequential channel");
      }
    });
    ++programs;
    schedules += r.schedules;
    seconds += r.seconds;
    complete += r.complete;
    ASSERT_TRUE(r.ok()) << text_of(p) << "\n" << bad << r.report;
  }
  report_model(schedules, seconds, 0, o, complete == programs, "ok");
  std::printf("    %zu programs, %zu of them complete\n", programs, complete);
}

}  // namespace

TYPED_TEST(Linearizable, TwoThreads) { explore_some<TypeParam>(two_threads(), 1); }

TYPED_TEST(Linearizable, TwoSenders) {
  if (!TypeParam::family::many_senders) GTEST_SKIP() << "one sender";
  explore_some<TypeParam>(three_threads(true), 2);
}

TYPED_TEST(Linearizable, TwoReceivers) {
  if (!TypeParam::family::many_receivers) GTEST_SKIP() << "one receiver";
  explore_some<TypeParam>(three_threads(false), 2);
}

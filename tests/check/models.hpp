// SPDX-License-Identifier: BSL-1.0
//
// What the models share: how far they are explored, a message whose lives are counted, flavours, and the
// figures that docs/verification.md shows.
//
//   STRAIT_MODEL_PREEMPTIONS, STRAIT_MODEL_STALE   the bounds (2 and 1 unless told otherwise)
//   STRAIT_MODEL_SECONDS                           at most so long for a model; 0 (the default): to the end
//   STRAIT_MODEL_REDUCE                            0: without partial-order reduction
//   STRAIT_MODEL_RMW_NEWEST                        0: a read-modify-write may come before newer stores
//   STRAIT_MODEL_ASYMMETRIC                        0: as on a system without membarrier
//   STRAIT_MODEL_FIGURES                           a file to which each model appends a line
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <strait/check/check.hpp>
#include <strait/strait.hpp>

namespace strait_test {

using strait::errc;
using strait::check::body;
using strait::check::options;
using strait::check::require;
using strait::check::result;
using strait::check::thread;

inline int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::atoi(text);
}

inline double seconds_from_environment() {
  const char* text = std::getenv("STRAIT_MODEL_SECONDS");
  return text == nullptr ? 0 : std::atof(text);
}

/// A message that counts how many are alive; a move leaves an empty shell, which does not count.
class parcel {
 public:
  explicit parcel(int value) noexcept : value_(value) { ++live; }
  parcel(parcel&& other) noexcept : value_(std::exchange(other.value_, none)) {}
  parcel& operator=(parcel&& other) noexcept {
    if (this != &other) {
      drop();
      value_ = std::exchange(other.value_, none);
    }
    return *this;
  }
  ~parcel() { drop(); }
  int value() const noexcept { return value_; }

  static inline int live = 0;

 private:
  static constexpr int none = -1;
  void drop() noexcept {
    if (value_ != none) --live;
    value_ = none;
  }
  int value_;
};

/// Prints what an exploration did, and appends it to the file of figures.
inline void report_model(std::uint64_t schedules, double seconds, std::uint64_t longest,
                         const options& o, bool complete, const char* how) {
  const ::testing::TestInfo& test = *::testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = std::string(test.test_suite_name()) + "." + test.name();
  std::printf("  %-52s %9llu schedules, %6.2f s, longest %llu steps, bound %d, stale %d%s\n",
              name.c_str(), static_cast<unsigned long long>(schedules), seconds,
              static_cast<unsigned long long>(longest), o.preemptions, o.stale_reads,
              complete ? ", complete" : "");
  std::fflush(stdout);
  if (const char* path = std::getenv("STRAIT_MODEL_FIGURES")) {
    if (std::FILE* f = std::fopen(path, "a")) {
      std::fprintf(f, "%s\t%llu\t%.2f\t%llu\t%d\t%d\t%s\t%s\n", name.c_str(),
                   static_cast<unsigned long long>(schedules), seconds,
                   static_cast<unsigned long long>(longest), o.preemptions, o.stale_reads,
                   complete ? "yes" : "no", how);
      std::fclose(f);
    }
  }
}

/// What the models of a suite go by where they do not say otherwise: see model_of.
inline int processors = 1, bad_odds = 0;

/// Explores the model to the end within the bounds and expects that nothing goes wrong.
inline void prove(const body& b, options o = {}) {
  if (o.preemptions == options().preemptions)
    o.preemptions = from_environment("STRAIT_MODEL_PREEMPTIONS", o.preemptions);
  if (o.processors == 1) o.processors = processors;
  if (o.bad_odds == 0) o.bad_odds = bad_odds;
  o.stale_reads = from_environment("STRAIT_MODEL_STALE", 1);
  o.seconds = seconds_from_environment();
  o.reduce = from_environment("STRAIT_MODEL_REDUCE", 1) != 0;
  o.rmw_newest = from_environment("STRAIT_MODEL_RMW_NEWEST", 1) != 0;
  if (o.asymmetric) o.asymmetric = from_environment("STRAIT_MODEL_ASYMMETRIC", 1) != 0;
  const result r = strait::check::explore(o, [&] {
    parcel::live = 0;
    b();
    require(parcel::live == 0, "every message has died once");
  });
  EXPECT_TRUE(r.ok()) << r.report;
  if (o.seconds <= 0) {
    EXPECT_TRUE(r.complete || !r.ok());
  }
  report_model(r.schedules, r.seconds, r.longest, o, r.complete, r.ok() ? "ok" : to_string(r.what));
}

// ---- flavours -----------------------------------------------------------------------------------

inline constexpr std::size_t no_bound = static_cast<std::size_t>(-1);

struct mpmc {
  static constexpr bool many_senders = true, many_receivers = true;
  template <class T>
  static auto make(std::size_t n) {
    return n == no_bound ? strait::unbounded<T>() : strait::bounded<T>(n);
  }
};
struct mpsc {
  static constexpr bool many_senders = true, many_receivers = false;
  template <class T>
  static auto make(std::size_t n) {
    return n == no_bound ? strait::mpsc::unbounded<T>() : strait::mpsc::bounded<T>(n);
  }
};
struct spsc {
  static constexpr bool many_senders = false, many_receivers = false;
  template <class T>
  static auto make(std::size_t n) {
    return n == no_bound ? strait::spsc::unbounded<T>() : strait::spsc::bounded<T>(n);
  }
};

/// On two processors: who waits looks around awake first, so threads may meet without a line.
struct awake : mpmc {
  static constexpr int processors = 2;
};

/// The same where one of the waits does not look around, as after many in vain.
struct weary : awake {
  static constexpr int bad_odds = 1;
};

template <class Family, std::size_t Capacity>
struct flavour {
  using family = Family;
  static constexpr std::size_t capacity = Capacity;
  template <class T>
  static auto make() {
    return Family::template make<T>(Capacity);
  }
};

template <class Flavour>
class model_of : public ::testing::Test {
 protected:
  model_of() {
    if constexpr (requires { Flavour::family::processors; })
      processors = Flavour::family::processors;
    if constexpr (requires { Flavour::family::bad_odds; }) bad_odds = Flavour::family::bad_odds;
  }
  ~model_of() override {
    processors = 1;
    bad_odds = 0;
  }
};

struct flavour_names {
  template <class F>
  static std::string GetName(int) {
    std::string name = std::is_same_v<typename F::family, awake>   ? "awake"
                       : std::is_same_v<typename F::family, weary> ? "weary"
                       : std::is_same_v<typename F::family, mpmc>  ? "mpmc"
                       : std::is_same_v<typename F::family, mpsc>  ? "mpsc"
                                                                   : "spsc";
    if (F::capacity == no_bound) return name + "_unbounded";
    return name + "_" + std::to_string(F::capacity);
  }
};

}  // namespace strait_test

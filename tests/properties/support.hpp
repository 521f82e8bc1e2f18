// SPDX-License-Identifier: BSL-1.0
//
// What the property tests share: rapidcheck's settings, a tape of choices, and the model of a channel.
//
// A random test reads its choices from a `tape`, a vector of numbers that rapidcheck generates and
// shrinks: a shorter tape is a shorter sequence of operations, smaller numbers are simpler operations.
// STRAIT_SEED repeats a run (it is printed); STRAIT_STRESS multiplies the number of cases; RC_PARAMS, if
// set, has the last word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <strait/strait.hpp>

#include "../stress/flavors.hpp"
#include "../stress/payload.hpp"
#include "../stress/random.hpp"
#include "../stress/scale.hpp"

namespace strait_test {

/// Numbers to decide by; ends when it is used up.
class tape {
 public:
  explicit tape(const std::vector<std::uint32_t>& numbers) : numbers_(numbers) {}

  bool ended() const noexcept { return at_ >= numbers_.size(); }
  std::uint32_t next() noexcept { return ended() ? 0 : numbers_[at_++]; }
  /// In [0, n); small numbers on the tape give small results.
  std::uint32_t below(std::uint32_t n) noexcept { return next() % n; }
  bool once_in(std::uint32_t n) noexcept { return below(n) == n - 1; }

 private:
  const std::vector<std::uint32_t>& numbers_;
  std::size_t at_ = 0;
};

inline rc::Gen<std::vector<std::uint32_t>> tapes(int length) {
  return rc::gen::resize(length, rc::gen::container<std::vector<std::uint32_t>>(
                                     rc::gen::inRange<std::uint32_t>(0, 1U << 20)));
}

/// What a channel should be: a queue, a bound, an end. `ids` are what the messages carry.
struct channel_model {
  std::optional<std::size_t> capacity;  // nullopt: unbounded
  std::deque<std::uint64_t> queue;
  bool closed = false;

  bool is_full() const { return capacity && queue.size() >= *capacity; }
  std::optional<strait::errc> send_failure() const {
    if (closed) return strait::errc::closed;
    if (is_full()) return strait::errc::full;
    return std::nullopt;
  }
  std::optional<strait::errc> recv_failure() const {
    if (!queue.empty()) return std::nullopt;
    return closed ? strait::errc::closed : strait::errc::empty;
  }
  bool can_send() const { return !send_failure() || closed; }  // would not block
  bool can_recv() const { return !queue.empty() || closed; }
  std::uint64_t pop() {
    const std::uint64_t id = queue.front();
    queue.pop_front();
    return id;
  }
};

inline parcel make_parcel(std::uint64_t id) { return parcel(0, id); }

/// Rapidcheck reads its settings from the environment, once, at the first property.
class property_settings : public ::testing::Environment {
 public:
  void SetUp() override {
    const std::string params =
        "seed=" + std::to_string(seed()) + " max_success=" + std::to_string(scaled(400, 20));
    ::setenv("RC_PARAMS", params.c_str(), 0);
    std::printf("STRAIT_SEED=%llu RC_PARAMS=\"%s\"\n", static_cast<unsigned long long>(seed()),
                std::getenv("RC_PARAMS"));
  }
};
inline const auto* const settings = ::testing::AddGlobalTestEnvironment(new property_settings);

}  // namespace strait_test

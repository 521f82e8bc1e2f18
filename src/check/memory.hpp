// SPDX-License-Identifier: BSL-1.0
//
// The memory of the explored program: RC11 as views.
//
// A location keeps its stores in modification order. A view says, for each location, the newest store
// that is known, and for each thread, how much of it has happened before (a vector clock). Each thread
// has three: what it knows (now), what it would know after an acquire fence (acquired), and what its
// relaxed stores hand on since the last release fence (fenced). A store carries the view it releases.
//
// Sources: Lahav, Vafeiadis, Kang, Hur, Dreyer, "Repairing Sequential Consistency in C/C++11" (PLDI
// 2017); Kang et al., "A promising semantics for relaxed-memory concurrency" (POPL 2017) for the views.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <strait/check/runtime.hpp>

namespace strait::check::detail {

using rt::where;
using rt::word;

inline word mask_of(unsigned size) noexcept {
  return size >= 8 ? ~word{0} : (word{1} << (8 * size)) - 1;
}
inline word read_raw(const void* p, unsigned size) noexcept {
  word w = 0;
  std::memcpy(&w, p, size);
  return w;
}
inline void write_raw(void* p, unsigned size, word w) noexcept { std::memcpy(p, &w, size); }

inline word apply(rt::rmw how, word a, word b) noexcept {
  switch (how) {
    case rt::rmw::exchange: return b;
    case rt::rmw::add: return a + b;
    case rt::rmw::sub: return a - b;
    case rt::rmw::bit_or: return a | b;
    case rt::rmw::bit_and: return a & b;
    case rt::rmw::bit_xor: return a ^ b;
  }
  return a;
}

inline constexpr int max_threads = 8;
inline constexpr unsigned max_locations = 512;

struct view {
  std::array<std::uint32_t, max_threads> clock;
  std::array<std::uint32_t, max_locations> seen;

  void join_clock(const view& o) noexcept {
    for (int i = 0; i < max_threads; ++i) clock[i] = std::max(clock[i], o.clock[i]);
  }
  void join_seen(const view& o, unsigned locations) noexcept {
    for (unsigned i = 0; i < locations; ++i) seen[i] = std::max(seen[i], o.seen[i]);
  }
  void join(const view& o, unsigned locations) noexcept {
    join_clock(o);
    join_seen(o, locations);
  }
  void copy(const view& o, unsigned locations) noexcept {
    clock = o.clock;
    std::copy_n(o.seen.begin(), locations, seen.begin());
  }
  // Beyond `locations` nothing counts: a new location is set in every view (machine::at_location).
  void reset(std::uint32_t base, unsigned locations) noexcept {
    clock.fill(base);
    std::fill_n(seen.begin(), locations, 0U);
  }
};

struct written {
  word value;
  std::uint32_t stamp;  // place in the modification order; neighbours leave room between them
  bool joined;          // a read-modify-write: nothing comes between it and the store before it
  view released;
};

struct location {
  static constexpr std::uint32_t gap = 1U << 12;

  const void* address = nullptr;
  unsigned size = 0;
  unsigned count = 0;            // stores in use
  std::vector<written> history;  // in modification order

  written& newest() noexcept { return history[count - 1]; }

  /// Inserts a store behind place `after`; its stamp lies between its neighbours'. Null: no room.
  written* insert(unsigned after) {
    if (count == history.size()) history.emplace_back();
    const std::uint32_t low = history[after].stamp;
    const bool at_end = after + 1 == count;
    const std::uint32_t high = at_end ? low + 2 * gap : history[after + 1].stamp;
    if (high - low < 2) return nullptr;
    if (!at_end) {
      std::rotate(history.begin() + after + 1, history.begin() + count,
                  history.begin() + count + 1);
    }
    ++count;
    written& w = history[after + 1];
    w.stamp = low + (high - low) / 2;
    return &w;
  }
};

}  // namespace strait::check::detail

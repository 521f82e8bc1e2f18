// SPDX-License-Identifier: BSL-1.0
//
// Who has accessed which bytes last, and whether that happened before: data races.
//
// One record for each four bytes as long as they are accessed together, one for each byte of those that are not.
// Clocks go on from one execution to the next (machine::execute), so the records of the last one are the past.
//
// Source: Flanagan and Freund, "FastTrack" (PLDI 2009).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "memory.hpp"
#include "pages.hpp"
#include "region.hpp"

namespace strait::check::detail {

class plain_memory {
 public:
  /// An access that a later one races with.
  struct conflict {
    bool write;
    int thread;
    where at;
  };

  struct access {
    bool write;
    bool atomic;  // it races with plain writes alone
    int thread;   // of `threads`
    int threads;
    const view& known;  // what has happened before, for that thread
    where at;
  };

  void forget() noexcept {
    together_.zero();
    apart_.zero();
  }

  /// Of `size` bytes at an offset in the region: null, or what it races with.
  const conflict* touch(std::size_t offset, std::size_t size, const access& a) {
    const std::size_t end = offset + size;
    for (std::size_t i = offset; i < end;) {
      record& four = together_[i / group];
      record* const each = &apart_[i / group * group];
      const std::size_t last = std::min(end, (i / group + 1) * group);
      const bool whole = last - i == group;
      if (whole && !four.apart) {
        if (!touch(four, a)) return &found_;
      } else {
        if (!four.apart) {
          std::fill_n(each, group, four);
          four.apart = true;
        }
        for (std::size_t k = i; k < last; ++k) {
          if (!touch(apart_[k], a)) return &found_;
        }
        // Whatever comes after this write comes after what was there before it.
        if (whole && a.write && !a.atomic) {
          four = *each;
          four.apart = false;
        }
      }
      i = last;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t group = 4;

  struct record {
    std::uint32_t write;  // the writer's clock
    std::uint8_t writer;
    bool apart;  // of four bytes: each has its own
    std::array<std::uint32_t, max_threads> reads;
    where wrote;
    where read;
  };

  bool touch(record& r, const access& a) noexcept {
    if (r.write > a.known.clock[r.writer]) {
      found_ = {true, r.writer, r.wrote};
      return false;
    }
    const std::uint32_t mine = a.known.clock[a.thread];
    if (a.write && !a.atomic) {
      for (int u = 0; u < a.threads; ++u) {
        if (r.reads[u] > a.known.clock[u]) {
          found_ = {false, u, r.read};
          return false;
        }
      }
      r.write = mine;
      r.writer = static_cast<std::uint8_t>(a.thread);
      r.wrote = a.at;
    } else {
      r.reads[a.thread] = mine;
      r.read = a.at;
    }
    return true;
  }

  pages<record> together_{region::bytes / group};  // one for each four bytes,
  pages<record> apart_{region::bytes};             // and for each byte
  conflict found_{};
};

}  // namespace strait::check::detail

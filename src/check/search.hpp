// SPDX-License-Identifier: BSL-1.0
//
// Who decides: one list of choices for each execution. Depth-first search changes the last choice that
// has something left, random search and PCT roll dice, replay reads the list from a string.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory.hpp"

namespace strait::check::detail {

struct choice {
  std::uint16_t taken;
  std::uint16_t of;
};

class search {
 public:
  virtual ~search() = default;

  /// Before each execution; false: there is none left.
  virtual bool next() = 0;
  /// One of n > 1. Whoever goes first in the order given is preferred.
  virtual unsigned choose(unsigned n) = 0;
  /// The same among threads.
  virtual unsigned choose_thread(const int* threads, unsigned n) {
    (void)threads;
    return choose(n);
  }
  /// The program did not offer what it offered before.
  virtual bool diverged() const { return false; }

  const std::vector<choice>& taken() const noexcept { return taken_; }

 protected:
  unsigned note(unsigned k, unsigned n) {
    taken_.push_back({static_cast<std::uint16_t>(k), static_cast<std::uint16_t>(n)});
    return k;
  }
  std::vector<choice> taken_;
};

class depth_first final : public search {
 public:
  bool next() override {
    if (first_) {
      first_ = false;
    } else {
      while (!taken_.empty() && taken_.back().taken + 1 == taken_.back().of) taken_.pop_back();
      if (taken_.empty()) return false;
      ++taken_.back().taken;
    }
    at_ = 0;
    return true;
  }
  unsigned choose(unsigned n) override {
    if (at_ == taken_.size()) {
      ++at_;
      return note(0, n);
    }
    if (taken_[at_].of != n) diverged_ = true;
    return taken_[at_++].taken;
  }
  bool diverged() const override { return diverged_ || at_ < taken_.size(); }

 private:
  std::size_t at_ = 0;
  bool first_ = true;
  bool diverged_ = false;
};

class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed * 0x9E3779B97F4A7C15U + 1) {}
  std::uint64_t next() noexcept {  // splitmix64 (Steele, Lea, Flood 2014)
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  unsigned below(unsigned n) noexcept { return static_cast<unsigned>(((next() >> 32) * n) >> 32); }

 private:
  std::uint64_t state_;
};

class at_random : public search {
 public:
  at_random(std::uint64_t seed, std::uint64_t n) noexcept : dice_(seed), left_(n) {}
  bool next() override {
    taken_.clear();
    return left_ != 0 && left_-- != 0;
  }
  unsigned choose(unsigned n) override { return note(dice_.below(n), n); }

 protected:
  dice dice_;

 private:
  std::uint64_t left_;
};

/// Random priorities; at depth - 1 steps the running thread falls behind all others.
class by_priority final : public at_random {
 public:
  by_priority(int depth, std::uint64_t n, std::uint64_t seed) noexcept
      : at_random(seed, n), changes_(static_cast<std::size_t>(depth > 1 ? depth - 1 : 0)) {}

  bool next() override {
    if (!at_random::next()) return false;
    if (step_ > longest_) longest_ = step_;
    step_ = 0;
    low_ = 0;
    for (std::uint64_t& p : priority_) p = (std::uint64_t{1} << 40) + dice_.next() % 1'000'000;
    for (std::uint64_t& c : changes_) c = dice_.next() % longest_;
    return true;
  }
  unsigned choose_thread(const int* threads, unsigned n) override {
    unsigned best = 0;
    for (unsigned i = 1; i < n; ++i) {
      if (priority_[threads[i]] > priority_[threads[best]]) best = i;
    }
    ++step_;
    for (const std::uint64_t c : changes_) {
      if (c == step_) priority_[threads[best]] = (std::uint64_t{1} << 30) - ++low_;
    }
    return note(best, n);
  }

 private:
  std::uint64_t priority_[max_threads] = {};
  std::vector<std::uint64_t> changes_;
  std::uint64_t step_ = 0, longest_ = 50, low_ = 0;
};

class from_list final : public search {
 public:
  explicit from_list(std::vector<choice> list) : list_(std::move(list)) {}
  bool next() override {
    taken_.clear();
    const bool first = !done_;
    done_ = true;
    return first;
  }
  unsigned choose(unsigned n) override {
    std::uint16_t k = 0;
    if (taken_.size() < list_.size()) k = list_[taken_.size()].taken;
    if (k >= n) k = 0, diverged_ = true;
    return note(k, n);
  }
  bool diverged() const override { return diverged_; }

 private:
  std::vector<choice> list_;
  bool done_ = false;
  bool diverged_ = false;
};

}  // namespace strait::check::detail

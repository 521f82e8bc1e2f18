// SPDX-License-Identifier: BSL-1.0
//
// Who decides: one list of choices for each execution. Depth-first search changes the last choice that
// has something left, random search and PCT roll dice, replay reads the list from a string.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
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
  // What the execution does, for a search that learns from it.
  /// A thread begins a step; `free`: whoever went before it could not, or would not, go on.
  virtual void begins(int thread, bool free) { (void)thread, (void)free; }
  /// Its step looks at an object, or changes it.
  virtual void touches(int thread, unsigned object, bool changes) {
    (void)thread, (void)object, (void)changes;
  }
  /// Its step gives up a lock: who takes it next comes after, but could not have come before.
  virtual void hands_on(int thread, unsigned object) { (void)thread, (void)object; }
  /// Instead of this step, `thread` could have gone on (a deadline), which this step prevents.
  virtual void could_go(int thread) { (void)thread; }
  /// What `thread` does from now on comes after what `other` did.
  virtual void follows(int thread, int other) { (void)thread, (void)other; }

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

/// Every schedule, or of those that differ only in the order of independent steps at least one.
///
/// Partial-order reduction after Flanagan and Godefroid (POPL 2005): two steps of different threads that
/// touch one object, one of them changing it, and that nothing orders, are a race; the other order is
/// explored by letting the second thread go where the first one went. With a bound on preemptions that
/// place may be out of reach, so the thread is also let go where the first one's turn began (Coons,
/// Musuvathi, McKinley, OOPSLA 2013).
class depth_first final : public search {
 public:
  depth_first(bool reduce, bool bounded) noexcept : reduce_(reduce), bounded_(bounded) {}

  bool next() override {
    if (first_) {
      first_ = false;
    } else {
      while (!nodes_.empty() && !advance(nodes_.back(), taken_.back())) {
        nodes_.pop_back();
        taken_.pop_back();
      }
      if (nodes_.empty()) return false;
    }
    at_ = 0;
    steps_.clear();
    for (auto& c : clocks_) c.fill(0);
    ++execution_;
    return true;
  }

  unsigned choose(unsigned n) override {
    if (at_ < nodes_.size()) {
      if (taken_[at_].of != n || nodes_[at_].threads != 0) diverged_ = true;
      return taken_[at_++].taken;
    }
    ++at_;
    nodes_.push_back({});
    return note(0, n);
  }

  unsigned choose_thread(const int* threads, unsigned n) override {
    here_ = static_cast<int>(at_);
    if (at_ < nodes_.size()) {
      if (taken_[at_].of != n || nodes_[at_].threads != mask_of(threads, n)) diverged_ = true;
      return taken_[at_++].taken;
    }
    ++at_;
    node fresh;
    fresh.threads = mask_of(threads, n);
    fresh.done = bit(threads[0]);
    fresh.todo = reduce_ ? 0 : fresh.threads;
    for (unsigned i = 0; i < n; ++i) fresh.order[i] = static_cast<std::int8_t>(threads[i]);
    nodes_.push_back(fresh);
    return note(0, n);
  }

  bool diverged() const override { return diverged_ || at_ < nodes_.size(); }

  // ---- what the execution does ----

  void begins(int thread, bool free) override {
    if (!reduce_) return;
    const int turn = !free && !steps_.empty() && steps_.back().thread == thread
                         ? steps_.back().turn
                         : static_cast<int>(steps_.size());
    steps_.push_back({thread, std::exchange(here_, -1), turn});
    threads_ = std::max(threads_, thread + 1);
    clocks_[thread][thread] = static_cast<std::uint32_t>(steps_.size());
  }

  void touches(int thread, unsigned object, bool changes) override {
    if (!reduce_ || steps_.empty()) return;
    object_state& o = state_of(object);
    clock& mine = clocks_[thread];
    const auto now = static_cast<std::uint32_t>(steps_.size());
    for (int q = 0; q < threads_; ++q) {
      if (q == thread) continue;
      const std::uint32_t last = changes ? std::max(o.changed[q], o.looked[q]) : o.changed[q];
      if (last > mine[q]) other_order(last - 1, thread);
    }
    join(mine, o.by_changes);
    if (changes) {
      join(mine, o.by_looks);
      o.changed[thread] = now;
      o.by_changes = mine;
    } else {
      o.looked[thread] = now;
      join(o.by_looks, mine);
    }
  }

  void hands_on(int thread, unsigned object) override {
    if (!reduce_ || steps_.empty()) return;
    state_of(object).by_changes = clocks_[thread];
  }

  void could_go(int thread) override {
    if (reduce_ && !steps_.empty()) other_order(steps_.size() - 1, thread);
  }

  void follows(int thread, int other) override {
    if (reduce_) join(clocks_[thread], clocks_[other]);
  }

 private:
  using clock = std::array<std::uint32_t, max_threads>;

  struct node {
    std::uint8_t threads = 0;  // who could go; none: a choice of something else
    std::uint8_t todo = 0, done = 0;
    std::array<std::int8_t, max_threads> order{};
  };
  struct step {
    int thread;
    int node;  // where it was chosen; -1: there was no choice
    int turn;  // the first step of this thread's turn
  };
  struct object_state {
    clock changed{}, looked{};  // each thread's last step there, counted from 1
    clock by_changes{}, by_looks{};
    std::uint64_t execution = 0;  // of which this is
  };

  object_state& state_of(unsigned object) {
    if (object >= objects_.size()) objects_.resize(object + 1);
    object_state& o = objects_[object];
    if (o.execution != execution_) {
      o = object_state();
      o.execution = execution_;
    }
    return o;
  }

  static std::uint8_t bit(int thread) noexcept { return static_cast<std::uint8_t>(1U << thread); }
  static std::uint8_t mask_of(const int* threads, unsigned n) noexcept {
    std::uint8_t m = 0;
    for (unsigned i = 0; i < n; ++i) m = static_cast<std::uint8_t>(m | bit(threads[i]));
    return m;
  }
  static void join(clock& a, const clock& b) noexcept {
    for (int i = 0; i < max_threads; ++i) a[i] = std::max(a[i], b[i]);
  }

  static bool advance(node& n, choice& c) noexcept {
    if (n.threads == 0) {
      if (c.taken + 1 == c.of) return false;
      ++c.taken;
      return true;
    }
    for (std::uint16_t i = 0; i < c.of; ++i) {
      const std::uint8_t b = bit(n.order[i]);
      if ((n.todo & b) == 0 || (n.done & b) != 0) continue;
      n.done = static_cast<std::uint8_t>(n.done | b);
      c.taken = i;
      return true;
    }
    return false;
  }

  // `thread` shall also go before step i.
  void other_order(std::size_t i, int thread) noexcept {
    ask(steps_[i].node, thread);
    if (bounded_) ask(steps_[static_cast<std::size_t>(steps_[i].turn)].node, thread);
  }
  void ask(int at, int thread) noexcept {
    if (at < 0) return;
    node& n = nodes_[static_cast<std::size_t>(at)];
    n.todo = static_cast<std::uint8_t>(n.todo |
                                       ((n.threads & bit(thread)) != 0 ? bit(thread) : n.threads));
  }

  const bool reduce_, bounded_;
  std::vector<node> nodes_;
  std::vector<step> steps_;
  std::vector<object_state> objects_;
  std::array<clock, max_threads> clocks_{};
  std::uint64_t execution_ = 0;
  std::size_t at_ = 0;
  int here_ = -1;
  int threads_ = 0;  // those with a smaller number have taken a step, in some execution
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

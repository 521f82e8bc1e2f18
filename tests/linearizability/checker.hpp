// SPDX-License-Identifier: BSL-1.0
//
// Whether a history is linearizable: whether its calls, each at one instant between its beginning and its
// end, are a run of the sequential channel (Herlihy and Wing, "Linearizability", TOPLAS 1990).
//
// The search is Wing and Gong's ("Testing and verifying concurrent objects", JPDC 1993): choose a call that
// no other had finished before it began, let it happen if the specification allows its answer, go on with
// the rest. With Lowe's memo ("Testing for linearizability", CCPE 2017): a set of calls that happened and a
// state of the channel that were reached together before, and led nowhere, are not tried again.
//
// A rendezvous is a dual data structure (Scherer and Scott, "Nonblocking concurrent data structures with
// condition synchronization", DISC 2004): a call that finds no partner stands in line at one instant and is
// met at a later one. Who stands in line is part of the specification's state: a try that answers
// "nothing" while somebody stands there is an error, and so is a meeting out of turn.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "history.hpp"

namespace strait_test {

class checker {
 public:
  static constexpr std::size_t unbounded = static_cast<std::size_t>(-1);

  /// Capacity 0 is a rendezvous.
  explicit checker(std::size_t capacity) : capacity_(capacity), memo_(memo_places) {}

  bool linearizable(const history& h) {
    h_ = &h;
    ++generation_;
    state first{};
    return search(first);
  }

  /// States looked at since the checker was made.
  std::uint64_t states() const { return states_; }

 private:
  enum phase : std::uint8_t { before, in_line, done };

  // The messages in the channel, or the calls that stand in line: numbers of calls, the first in the lowest
  // four bits.
  struct state {
    std::uint32_t phases = 0;  // two bits a call
    std::uint8_t length = 0;
    bool closed = false;
    bool senders = false;  // at a rendezvous: who stands in line
    std::uint64_t line = 0;

    phase of(std::size_t i) const { return static_cast<phase>((phases >> (2 * i)) & 3U); }
    void set(std::size_t i, phase p) {
      phases = (phases & ~(3U << (2 * i))) | (static_cast<std::uint32_t>(p) << (2 * i));
    }
    std::size_t first() const { return line & 15U; }
    void push(std::size_t i) { line |= static_cast<std::uint64_t>(i) << (4 * length++); }
    std::size_t pop() {
      const std::size_t i = first();
      line >>= 4;
      --length;
      return i;
    }
    void leave(std::size_t i) {
      std::uint64_t rest = 0;
      std::uint8_t n = 0;
      for (std::uint8_t k = 0; k < length; ++k) {
        const std::uint64_t one = (line >> (4 * k)) & 15U;
        if (one != i) rest |= one << (4 * n++);
      }
      line = rest;
      length = n;
    }
    friend bool operator==(const state&, const state&) = default;
  };

  struct seen {
    std::uint64_t generation = 0;
    state s;
  };

  bool search(const state& s) {
    // Until when a call may still begin to happen: the first end among those that have not happened.
    int until = operation::never;
    bool all = true;
    for (std::size_t i = 0; i < h_->count; ++i) {
      if (s.of(i) == done) continue;
      all = false;
      const operation& o = h_->calls[i];
      until = std::min(until, s.of(i) == before ? std::min(o.end, o.asleep) : o.end);
    }
    if (all) return true;
    if (!remember(s)) return false;
    for (std::size_t i = 0; i < h_->count; ++i) {
      if (s.of(i) == done || (s.of(i) == before && h_->calls[i].begin > until)) continue;
      if (capacity_ == 0 ? meets(s, i) : happens(s, i)) return true;
    }
    return false;
  }

  // A channel that holds messages.
  bool happens(state s, std::size_t i) {
    const operation& o = h_->calls[i];
    s.set(i, done);
    const bool full = capacity_ != unbounded && s.length >= capacity_;
    if (o.what == call::close) {
      s.closed = true;
      return search(s);
    }
    if (o.what == call::size) return o.value == s.length && search(s);
    if (o.how == answer::closed) return s.closed && (sends(o.what) || s.length == 0) && search(s);
    if (sends(o.what)) {
      if (s.closed) return false;
      if (o.how != answer::ok) return full && search(s);
      if (full) return false;
      s.push(i);
      return search(s);
    }
    if (o.how != answer::ok) return s.length == 0 && !s.closed && search(s);
    return s.length != 0 && h_->calls[s.pop()].value == o.value && search(s);
  }

  // A rendezvous.
  bool meets(state s, std::size_t i) {
    const operation& o = h_->calls[i];
    if (o.what == call::size) {
      s.set(i, done);
      return o.value == 0 && search(s);
    }
    if (o.what == call::close) {
      s.closed = true;
      s.set(i, done);
      while (s.length != 0) {
        const std::size_t other = s.pop();
        if (h_->calls[other].how != answer::closed) return false;
        s.set(other, done);
      }
      return search(s);
    }
    if (s.of(i) == in_line) {  // it can only give up; the rest happens to it
      s.set(i, done);
      s.leave(i);
      return o.how == answer::timeout && search(s);
    }
    const bool partner = s.length != 0 && s.senders != sends(o.what);
    if (o.how == answer::closed) {
      if (s.closed) {
        s.set(i, done);
        return search(s);
      }
    } else if (s.closed) {
      return false;
    }
    if (partner) {
      const std::size_t other = s.pop();
      const operation& p = h_->calls[other];
      if (o.how != answer::ok || p.how != answer::ok || o.value != p.value) return false;
      s.set(i, done);
      s.set(other, done);
      return search(s);
    }
    if (o.how == answer::nothing) {
      s.set(i, done);
      return search(s);
    }
    if (o.what == call::try_send || o.what == call::try_recv) return false;  // nobody to meet
    if (o.how == answer::timeout && o.asleep == operation::never) {
      state gone = s;
      gone.set(i, done);
      if (search(gone)) return true;
    }
    s.set(i, in_line);
    s.senders = sends(o.what);
    s.push(i);
    return search(s);
  }

  // False: it was here before. A state that finds no room is tried again: slower, never wrong.
  bool remember(const state& s) {
    ++states_;
    std::uint64_t hash = (s.line ^ (std::uint64_t{s.phases} << 20U)) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29U;
    for (std::size_t k = 0; k < 8; ++k) {
      seen& place = memo_[(hash + k) % memo_places];
      if (place.generation != generation_) {
        place = {generation_, s};
        return true;
      }
      if (place.s == s) return false;
    }
    return true;
  }

  static constexpr std::size_t memo_places = std::size_t{1} << 12U;

  std::size_t capacity_;
  std::vector<seen> memo_;
  std::uint64_t generation_ = 0;
  std::uint64_t states_ = 0;
  const history* h_ = nullptr;
};

}  // namespace strait_test

// SPDX-License-Identifier: BSL-1.0
//
// Deadlines, the earliest first. A pairing heap (Fredman, Sedgewick, Sleator and Tarjan, Algorithmica
// 1986) whose nodes live in the frames that wait: adding is O(1), taking out O(log n) amortised, and
// nothing is allocated. The caller holds the lock that guards it.
#pragma once

#include <strait/coro/scheduler.hpp>

namespace strait::inline STRAIT_ABI::detail {

class timer_heap {
 public:
  timer_entry* earliest() const noexcept { return root_; }

  void add(timer_entry& t) noexcept {
    t.child = t.sibling = t.previous = nullptr;
    t.linked = true;
    root_ = root_ == nullptr ? &t : merge(root_, &t);
  }

  void remove(timer_entry& t) noexcept {
    t.linked = false;
    timer_entry* rest = merge_pairs(t.child);
    if (&t == root_) {
      root_ = rest;
      return;
    }
    if (t.previous->child == &t) {
      t.previous->child = t.sibling;
    } else {
      t.previous->sibling = t.sibling;
    }
    if (t.sibling != nullptr) t.sibling->previous = t.previous;
    if (rest != nullptr) root_ = merge(root_, rest);
  }

 private:
  // Both are roots without siblings; the later one becomes a child of the other.
  static timer_entry* merge(timer_entry* a, timer_entry* b) noexcept {
    if (b->when < a->when) return merge(b, a);
    b->sibling = a->child;
    if (b->sibling != nullptr) b->sibling->previous = b;
    b->previous = a;
    a->child = b;
    return a;
  }

  // A list of siblings into one tree: in pairs from the left, then together from the right.
  static timer_entry* merge_pairs(timer_entry* first) noexcept {
    timer_entry* pairs = nullptr;  // the last pair first
    while (first != nullptr) {
      timer_entry* a = first;
      timer_entry* b = a->sibling;
      first = b != nullptr ? b->sibling : nullptr;
      a->sibling = a->previous = nullptr;
      if (b != nullptr) {
        b->sibling = b->previous = nullptr;
        a = merge(a, b);
      }
      a->sibling = pairs;
      pairs = a;
    }
    timer_entry* whole = nullptr;
    while (pairs != nullptr) {
      timer_entry* next = pairs->sibling;
      pairs->sibling = nullptr;
      whole = whole == nullptr ? pairs : merge(whole, pairs);
      pairs = next;
    }
    return whole;
  }

  timer_entry* root_ = nullptr;
};

}  // namespace strait::inline STRAIT_ABI::detail

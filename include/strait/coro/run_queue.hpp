// SPDX-License-Identifier: BSL-1.0
//
// What is ready to run: a list in the order of arrival, and one place before it for what was made ready
// last (it most likely continues what the worker just did, and its data is in the cache).
//
// The list is under the queue's lock. A runnable knows the queue it is in, so that it can be taken out
// of the middle when its coroutine is destroyed; it may move between queues (stealing) meanwhile.
//
// The place before the list is one word, which the owner of the queue fills and empties by exchanges, and
// which somebody who withdraws what stands there empties by a compare-exchange: whoever takes the pointer out
// has it. Others never take from there.
//
// Invariants
//   Q1 A runnable is in one list, or in one front place, or in somebody's hands.
//   Q2 front_ names the front place that it is in, or it is in somebody's hands; it is null before the
//      runnable runs, since the queue may be gone when it is posted again. (Who withdraws it ends its life.)
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/coro/scheduler.hpp>

namespace strait::inline STRAIT_ABI::detail {

class run_queue {
 public:
  run_queue() noexcept = default;
  run_queue(const run_queue&) = delete;
  run_queue& operator=(const run_queue&) = delete;

  void push_back(runnable& r) noexcept {
    sync::lock_guard lock(mutex_);
    append(r);
  }

  /// Runs next. True if something had to make way for it. By the owner only.
  bool push_next(runnable& r) noexcept {
    r.front_.store(this, sync::release);  // R1 release: the queue is there; pairs with RA
    // F1 release: what the runnable is about; pairs with FA. FA acquire: the same of who makes way.
    runnable* const displaced = next_.exchange(&r, sync::acq_rel);
    if (displaced == nullptr) return false;
    in_hand(*displaced);
    sync::lock_guard lock(mutex_);
    append(*displaced);
    return true;
  }

  /// The first of the list, or null. By any thread.
  runnable* pop() noexcept {
    if (looks_empty()) return nullptr;
    sync::lock_guard lock(mutex_);
    return first_ != nullptr ? forget(unlink(*first_)) : nullptr;
  }

  /// The next to run, or null: what is before the list, but after `longest_streak` times in a row the first of
  /// the list; then what had to wait is at its end, where others may take it, and `shared` is set. By the owner
  /// only.
  runnable* pop_next(bool& shared) noexcept {
    // relaxed: only the owner fills it, and the exchange decides
    runnable* const r = next_.load(sync::relaxed) != nullptr ? take_next() : nullptr;
    if (r == nullptr) {
      streak_ = 0;
      return pop();
    }
    if (++streak_ <= longest_streak || looks_empty()) return r;
    streak_ = 0;
    shared = true;
    sync::lock_guard lock(mutex_);
    append(*r);
    return forget(unlink(*first_));
  }

  /// Moves what is before the list to its end; whether there was anything. By the owner only.
  bool share_next() noexcept {
    // relaxed: as in pop_next
    runnable* const r = next_.load(sync::relaxed) != nullptr ? take_next() : nullptr;
    if (r != nullptr) push_back(*r);
    return r != nullptr;
  }

  /// Half of the list (all of one), never what runs next: the first is returned, the others are put into
  /// `thief`, the queue of the worker that calls.
  runnable* steal(run_queue& thief) noexcept {
    runnable* loot[most_at_once];
    const std::size_t n = take_from_front(loot, 2);
    thief.put_back({loot, n}, 1);
    return n > 0 ? loot[0] : nullptr;
  }

  /// Moves the list, or much of it, to the end of another queue, the calling worker's.
  void move_to(run_queue& to) noexcept {
    runnable* moved[most_at_once];
    to.put_back({moved, take_from_front(moved, 1)}, 0);
  }

  /// How much there is to steal: a hint, for who is about to sleep; the fence pair orders it.
  std::size_t size_hint() const noexcept {
    return size_hint_.load(sync::relaxed);  // relaxed: see above
  }
  bool looks_empty() const noexcept { return size_hint() == 0; }

  /// Takes `r` out of the queue it is in; waits while it is on its way into one.
  static void withdraw(runnable& r) noexcept {
    for (backoff b;; b.wait()) {
      run_queue* const before = r.front_.load(sync::acquire);  // RA acquire: pairs with R1
      if (before != nullptr && before->take_front(r)) return;
      run_queue* const q = r.where_.load(sync::acquire);  // RA acquire: pairs with R1
      if (q != nullptr && q->take_out(r)) return;
    }
  }

 private:
  static constexpr unsigned longest_streak = 16;
  static constexpr std::size_t most_at_once = 64;

  // The n-th part, rounded up; how many. On their way they are in no queue (withdraw waits).
  std::size_t take_from_front(runnable** out, std::size_t part) noexcept {
    sync::lock_guard lock(mutex_);
    const std::size_t wanted = std::min((size_ + part - 1) / part, most_at_once);
    for (std::size_t i = 0; i < wanted; ++i) out[i] = forget(unlink(*first_));
    return wanted;
  }
  void put_back(std::span<runnable*> list, std::size_t from) noexcept {
    if (list.size() <= from) return;
    sync::lock_guard lock(mutex_);
    for (runnable* r : list.subspan(from)) append(*r);
  }

  bool take_out(runnable& r) noexcept {
    sync::lock_guard lock(mutex_);
    if (r.where_.load(sync::relaxed) != this)
      return false;  // relaxed: under the lock, if it is ours
    forget(unlink(r));
    return true;
  }

  bool take_front(runnable& r) noexcept {
    runnable* expected = &r;
    // FA acquire: pairs with F1; relaxed on failure: it is somewhere else
    return next_.compare_exchange_strong(expected, nullptr, sync::acquire, sync::relaxed);
  }

  runnable* take_next() noexcept {
    runnable* const r = next_.exchange(nullptr, sync::acquire);  // FA acquire: pairs with F1
    if (r != nullptr) in_hand(*r);
    return r;
  }

  static void in_hand(runnable& r) noexcept {
    r.front_.store(nullptr, sync::relaxed);  // relaxed: Q2; who withdraws it looks again
  }

  void append(runnable& r) noexcept {
    r.previous_ = last_;
    r.next_ = nullptr;
    (last_ != nullptr ? last_->next_ : first_) = &r;
    last_ = &r;
    ++size_;
    r.where_.store(this, sync::release);  // R1 release: `withdraw` finds the lock; pairs with RA
    hint();
  }

  runnable* unlink(runnable& r) noexcept {
    (r.previous_ != nullptr ? r.previous_->next_ : first_) = r.next_;
    (r.next_ != nullptr ? r.next_->previous_ : last_) = r.previous_;
    --size_;
    return &r;
  }

  runnable* forget(runnable* r) noexcept {
    r->where_.store(nullptr, sync::relaxed);  // relaxed: who needs it takes the lock
    hint();
    return r;
  }

  // relaxed: only the lock's holder writes
  void hint() noexcept { size_hint_.store(size_, sync::relaxed); }

  sync::atomic<runnable*> next_{nullptr};  // before the list
  sync::mutex mutex_;
  runnable* first_ = nullptr;
  runnable* last_ = nullptr;
  std::size_t size_ = 0;
  unsigned streak_ = 0;
  sync::atomic<std::size_t> size_hint_{0};
};

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// One operation of a select, and the select itself. Written once for the static form (select.hpp) and
// the run-time list (selector.hpp): both hand over a list of operations and learn which one was chosen.
//
// A select is four passes over its operations, the later ones only while nothing is ready:
//   1 attempt   each without waiting, in random order (or as given): the first that succeeds is it
//   2 enlist    one waiter, with a node in every line
//   3 ready     the second look (wait/wait_queue.hpp); what was missed ends the wait
//   4 sleep     until somebody selects the waiter, the deadline, a stop token, or a timer is due
// then delist, and again from 1. At a rendezvous enlist may itself meet a partner, and whoever selects
// us there has done, or is promised, the whole operation: then the select is over.
//
// An operation that makes its message when it is chosen then makes and commits it (commit).
//
// The select never sleeps itself: `advance` returns either that it is over or what to wait for, and is
// called again when that waiter is decided. A thread parks on it (below), a coroutine suspends (coro/).
// Besides `asleep` there are three short waits, for a partner that was met at a rendezvous but must come
// first: in an attempt, while lining up, and in commit.
//
// Wake-ups: a select that was notified by one channel and finishes elsewhere passes the notification on
// (N2 in wait/wait_queue.hpp), also when an exception leaves it: `token` below.
//
// Not waiting (otherwise, try_select). "Nothing is ready" must be true of one instant, not of one
// instant an arm: a message that moves from a channel looked at later to one looked at earlier would be
// missed. Every channel counts what can make it ready; a second round that finds the counts from before the
// first round's attempts proves that between the rounds nothing was ready (a double collect, Afek et al.
// 1993). An attempt that met somebody in the middle of his push or pop says nothing, and does not count.
//
// All state lives in the select_run, on the caller's stack or in its frame; nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/dice.hpp>
#include <strait/channel/party.hpp>
#include <strait/channel/patience.hpp>
#include <strait/error.hpp>
#include <strait/wait/deadline.hpp>
#include <strait/wait/waiter.hpp>

namespace strait::inline STRAIT_ABI::detail {

class select_op {
 public:
  select_op() noexcept = default;
  select_op(const select_op&) = delete;
  select_op& operator=(const select_op&) = delete;

  /// `here`: decided when a partner that must come first has done so (attempt::bound).
  virtual attempt try_now(waiter& here) = 0;
  /// Lines up. Chosen, bound: it met a partner on the way.
  virtual attempt enlist(waiter& owner, place where, waiter& here) noexcept = 0;
  virtual void delist() noexcept = 0;
  virtual bool ready() const noexcept = 0;
  /// A partner selected us at a rendezvous: it is done or promised.
  virtual void selected() noexcept = 0;
  /// After it was chosen: makes its message if that was left until now. Chosen, or bound.
  virtual attempt commit(waiter&) { return attempt::chosen; }
  /// The wait for `here` is over. done: the message has changed hands; else the partner gave up.
  virtual void met(bool) noexcept {}
  /// The owner goes for good while a partner holds it. True: taken back; false: it is being finished.
  virtual bool unbind() noexcept = 0;
  /// The operation was done, and the owner goes without having learnt of it.
  virtual void leave_behind() noexcept {}
  virtual void pass_on() noexcept = 0;
  virtual std::uint64_t version() const noexcept = 0;
  virtual deadline due() const noexcept = 0;

  std::uint32_t position = 0;  // in the caller's list of arms
  std::uint64_t seen = 0;      // its version before the last attempt

 protected:
  ~select_op() = default;
};

/// A stop token that ends a select, registered while it sleeps.
struct stop_arm_state {
  const stop_token* token = nullptr;
  std::optional<stop_guard> guard;
};

enum class select_end : std::uint8_t { chosen, nothing_ready, no_arms, timeout, stopped };

struct select_outcome {
  select_end how = select_end::no_arms;
  select_op* op = nullptr;
};

/// Asks the clock that a deadline is about, once the wait for it is over: that clock may have been set back.
class deadline_check {
 public:
  /// False: not yet; then `until` is what is left.
  virtual bool passed(deadline& until) noexcept = 0;

 protected:
  ~deadline_check() = default;
};

struct select_plan {
  std::span<select_op*> ops;  // reordered
  std::span<stop_arm_state> stops{};
  deadline until = deadline::never();
  deadline_check* check = nullptr;  // null: the steady clock, which `until` is on
  bool wait = true;
  bool fair = true;
  bool may_be_empty = false;  // without operations, wait for the deadline or a stop
  bool attempted = false;     // the caller has attempted them all just now
};

class select_run {
 public:
  /// `elsewhere`: who is woken if the owner suspends; null: a thread, which parks.
  explicit select_run(const select_plan& plan, sleeper* elsewhere = nullptr) noexcept
      : plan_(plan),
        live_(plan.ops),
        limit_(plan.until),
        attempted_(plan.attempted),
        waiter_(waiter::waiting, elsewhere),
        here_(waiter::waiting, elsewhere) {}
  select_run(const select_run&) = delete;
  select_run& operator=(const select_run&) = delete;
  ~select_run() {
    if (select_op* done = end_wait()) done->leave_behind();  // only if it was abandoned
    pass_token_on();
  }

  enum class step : std::uint8_t {
    over,  ///< see outcome()
    wait,  ///< until waits_for() is decided, or waits_until(), then advance again
    yield  ///< let others go first, then advance again
  };

  /// Goes on as far as it can. Throws what making, copying or storing a message throws; then it is over.
  STRAIT_NOINLINE step advance() {
    const bool committed = phase_ == phase::committing;
    select_op* const met = end_wait();
    if (committed) return end(select_end::chosen, op_);  // what came of it, the operation knows
    if (met != nullptr) return choose(*met);
    for (;;) {
      if (plan_.fair) shuffle();
      if (std::exchange(attempted_, false)) {
        // nothing was ready
      } else if (bool same; select_op* op = attempt_all(same)) {
        return chosen_or_bound(*op);
      }
      vain_ = std::exchange(token_, nullptr);  // that channel had nothing: the wake-up is spent
      if (live_.empty() && !plan_.may_be_empty) return end(select_end::no_arms);
      for (const stop_arm_state& s : plan_.stops) {
        if (s.token->stop_requested()) return end(select_end::stopped);
      }
      if (limit_.passed() && (plan_.check == nullptr || plan_.check->passed(limit_))) {
        return end(select_end::timeout);
      }
      if (!plan_.wait) {
        if (select_op* op = attempt_again()) return chosen_or_bound(*op);
        return end(select_end::nothing_ready);
      }
      if (std::exchange(in_vain_, false)) return step::yield;
      return lie_down();  // at once: another select meets us only in the lines, and there a thread spins (park)
    }
  }

  const select_outcome& outcome() const noexcept { return outcome_; }
  waiter& waits_for() noexcept { return phase_ == phase::asleep ? waiter_ : here_; }
  deadline waits_until() const noexcept {
    return phase_ == phase::asleep ? until_ : deadline::never();
  }

  /// For a thread, which has waited with `b` already: to the end.
  const select_outcome& operator()(backoff b = {}) {
    const sync::operation here;
    for (;;) {
      switch (advance()) {
        case step::over: return outcome_;
        case step::wait:
          waits_for().park(waits_until(), b);
          b = {};
          break;
        case step::yield: sync::yield(); break;
      }
    }
  }

  /// For an owner that goes for good while it is suspended. True: nobody has woken it, nor will. False: a
  /// wake-up is on its way (once waits_for() is decided).
  bool abandon() noexcept {
    if (phase_ != phase::asleep) return op_->unbind();
    if (waiter_.leave()) return true;
    return !waiter_.decided() && find(waiter_.arm())->unbind();
  }

 private:
  enum class phase : std::uint8_t {
    running,
    asleep,     // in the lines, on waiter_
    meeting,    // op_ is bound to a partner that must come first, on here_
    committing  // as meeting, and op_ was chosen already
  };

  step end(select_end how, select_op* op = nullptr) noexcept {
    outcome_ = {how, op};
    return step::over;
  }

  step choose(select_op& op) {
    pass_token_on();  // now: what is run for the message may give up handles
    op_ = &op;
    if (op.commit(here_) == attempt::bound) return wait_for_partner(phase::committing);
    return end(select_end::chosen, &op);
  }

  step chosen_or_bound(select_op& op) {
    if (!is_bound_) return choose(op);
    is_bound_ = false;
    op_ = &op;
    return wait_for_partner(phase::meeting);
  }

  step wait_for_partner(phase which) noexcept {
    pass_token_on();  // now: the partner may be waiting for what it is about
    phase_ = which;
    return step::wait;
  }

  void pass_token_on() noexcept {
    if (token_ != nullptr) std::exchange(token_, nullptr)->pass_on();
  }

  // Uniform over all orders (Fisher and Yates), so uniform over whichever arms are ready.
  void shuffle() noexcept {
    if (live_.size() < 2) return;
    dice d;
    for (std::size_t i = live_.size() - 1; i > 0; --i) std::swap(live_[i], live_[d.below(i + 1)]);
  }

  void drop(std::size_t i) noexcept {  // keeps the order of the rest
    for (std::size_t k = i + 1; k < live_.size(); ++k) live_[k - 1] = live_[k];
    live_ = live_.first(live_.size() - 1);
  }

  // The operation that is chosen, or bound (is_bound_); null: none is ready. `same`, for a select that does
  // not wait: nothing has become ready since the round before.
  select_op* attempt_all(bool& same) {
    same = !plan_.wait;
    for (std::size_t i = 0; i < live_.size();) {
      select_op* op = live_[i];
      if (!plan_.wait) {
        const std::uint64_t seen = op->version();
        same = same && seen == op->seen;
        op->seen = seen;
      }
      switch (op->try_now(here_)) {
        case attempt::bound: is_bound_ = true; return op;
        case attempt::chosen: return op;
        case attempt::dropped: drop(i); break;
        case attempt::busy:
          op->seen = ~op->seen;
          [[fallthrough]];  // no answer: not "nothing" either
        default: ++i;
      }
    }
    return nullptr;
  }

  select_op* attempt_again() {
    for (backoff b;; b.wait()) {
      bool same;
      if (select_op* op = attempt_all(same)) return op;
      if (same) return nullptr;
    }
  }

  STRAIT_NOINLINE step lie_down() {
    waiter_.renew();
    until_ = limit_;
    phase_ = phase::asleep;
    for (enlisted_ = 0; enlisted_ < live_.size() && !waiter_.decided();) {
      select_op* op = live_[enlisted_++];
      const attempt a = op->enlist(waiter_, op == vain_ ? place::front : place::back, here_);
      const deadline due = op->due();  // read once: another clone may take the timer meanwhile
      if (due < until_) until_ = due;
      if (a == attempt::chosen || a == attempt::bound) {
        rise();
        is_bound_ = a == attempt::bound;
        return chosen_or_bound(*op);
      }
    }
    if (!waiter_.decided()) {
      sync::full_fence();
      for (std::size_t i = 0; i < enlisted_; ++i) {
        if (live_[i]->ready()) {
          in_vain_ = waiter_.leave();
          break;
        }
      }
      for (stop_arm_state& s : plan_.stops) {
        if (s.token->stop_possible()) s.guard.emplace(*s.token, cancel_waiter{&waiter_});
      }
    }
    return step::wait;
  }

  void rise() noexcept {
    for (stop_arm_state& s : plan_.stops) s.guard.reset();
    const waiter::state how = waiter_.current();
    for (std::size_t i = 0; i < enlisted_; ++i) {
      // Who notified us has taken that arm out of its line before.
      if (how == waiter::notified && live_[i]->position == waiter_.arm()) continue;
      live_[i]->delist();
    }
    phase_ = phase::running;
  }

  // After a wait: the operation that was chosen by it, or null.
  STRAIT_NOINLINE select_op* end_wait() noexcept {
    switch (phase_) {
      case phase::running: return nullptr;
      case phase::asleep: {
        rise();
        const waiter::state how = waiter_.current();
        if (how == waiter::notified) token_ = find(waiter_.arm());
        if (how != waiter::done && how != waiter::called) return nullptr;
        select_op* op = find(waiter_.arm());
        op->selected();
        return op;
      }
      default: {
        phase_ = phase::running;
        const bool done = here_.current() == waiter::done;
        op_->met(done);
        if (done) return op_;
        vain_ = op_;
        return nullptr;
      }
    }
  }

  select_op* find(std::uint32_t position) const noexcept {
    for (select_op* op : live_) {
      if (op->position == position) return op;
    }
    return nullptr;
  }

  const select_plan& plan_;
  std::span<select_op*> live_;
  deadline limit_;  // the caller's
  bool attempted_;
  phase phase_ = phase::running;
  bool is_bound_ = false;  // what an attempt found is bound, not chosen
  bool in_vain_ = false;   // the last sleep ended at once, because an operation looked ready
  std::size_t enlisted_ = 0;
  deadline until_ = deadline::never();  // of this sleep: the limit, or a timer that is an operation
  select_op* op_ = nullptr;             // bound or chosen
  select_op* token_ = nullptr;          // whose notification we hold
  select_op* vain_ = nullptr;           // which was called in vain: it keeps its turn
  select_outcome outcome_;
  waiter waiter_;
  waiter here_;
};

}  // namespace strait::inline STRAIT_ABI::detail

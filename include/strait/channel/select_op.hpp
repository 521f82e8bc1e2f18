// SPDX-License-Identifier: BSL-1.0
//
// One operation of a select, and the select itself. Written once for the static form (select.hpp) and
// the run-time list (selector.hpp): both hand over a list of operations and learn which one was chosen.
//
// A select is four passes over its operations, the later ones only while nothing is ready:
//   1 attempt   each without waiting, in random order (or as given): the first that succeeds is it
//   2 enlist    one waiter, with a node in every line
//   3 ready     the second look (wait/wait_queue.hpp); what was missed ends the wait
//   4 park      until somebody selects the waiter, the deadline, a stop token, or a timer is due
// then delist, and again from 1. At a rendezvous enlist may itself meet a partner, and whoever selects
// us there has done, or is promised, the whole operation: then the select is over.
//
// Wake-ups: a select that was notified by one channel and finishes elsewhere passes the notification on
// (N2 in wait/wait_queue.hpp), also when an exception leaves it: `token` below.
//
// Not waiting (otherwise, try_select). "Nothing is ready" must be true of one instant, not of one
// instant an arm: a message that moves from a channel looked at later to one looked at earlier would be
// missed. Every channel counts what can make it ready; two rounds of attempts with the same counts
// around them prove that between the rounds nothing was ready (a double collect, Afek et al. 1993).
//
// All state lives on the caller's stack; nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/patience.hpp>
#include <strait/error.hpp>
#include <strait/wait/deadline.hpp>
#include <strait/wait/waiter.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// What an operation says when it is tried.
enum class attempt : std::uint8_t {
  not_ready,
  busy,    ///< neither: another thread is in the middle of its own operation there
  chosen,  ///< it happened, or is promised
  dropped  ///< it takes no part any more (its channel is closed and its handler wants messages only)
};

class select_op {
 public:
  select_op() noexcept = default;
  select_op(const select_op&) = delete;
  select_op& operator=(const select_op&) = delete;

  virtual attempt try_now() = 0;
  virtual bool enlist(waiter& owner) noexcept = 0;  ///< true: chosen on the way
  virtual void delist() noexcept = 0;
  virtual bool ready() const noexcept = 0;
  virtual void
  selected() noexcept = 0;  ///< a partner selected us at a rendezvous: it is done or promised
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
  select_end how;
  select_op* op = nullptr;
};

struct select_plan {
  std::span<select_op*> ops;  // reordered
  std::span<stop_arm_state> stops{};
  deadline until = deadline::never();
  bool wait = true;
  bool fair = true;
  bool may_be_empty = false;  // without operations, wait for the deadline or a stop
};

class select_run {
 public:
  explicit select_run(const select_plan& plan) noexcept : plan_(plan), live_(plan.ops) {}
  select_run(const select_run&) = delete;
  select_run& operator=(const select_run&) = delete;
  ~select_run() { pass_token_on(); }

  STRAIT_NOINLINE select_outcome operator()() {
    const sync::operation here;
    for (backoff b;;) {
      if (plan_.fair) shuffle();
      if (select_op* op = attempt_all()) return {select_end::chosen, op};
      token_ = nullptr;  // that channel had nothing: the wake-up is spent
      if (live_.empty() && !plan_.may_be_empty) return {select_end::no_arms};
      for (const stop_arm_state& s : plan_.stops) {
        if (s.token->stop_requested()) return {select_end::stopped};
      }
      if (plan_.until.passed()) return {select_end::timeout};
      if (!plan_.wait) {
        if (select_op* op = attempt_again()) return {select_end::chosen, op};
        if (live_.empty() && !plan_.may_be_empty) return {select_end::no_arms};
        return {select_end::nothing_ready};
      }
      if (b.spin()) continue;
      if (in_vain_) sync::yield();  // it looked ready, and was not: somebody holds a promise there
      if (select_op* op = sleep()) return {select_end::chosen, op};
    }
  }

 private:
  // Uniform over all orders (Fisher and Yates), so uniform over whichever arms are ready.
  void shuffle() noexcept {
    if (live_.size() < 2) return;
    std::uint64_t dice = sync::random();
    for (std::size_t i = live_.size() - 1; i > 0; --i) {
      // Multiply and shift (Lemire 2019): the bias is below 2^-32 a pick.
      if (i % 8 == 7) dice = sync::random();
      dice = dice * 0xD1342543DE82EF95U + 0x9E3779B97F4A7C15U;
      const auto j = static_cast<std::size_t>(((dice >> 32) * (i + 1)) >> 32);
      std::swap(live_[i], live_[j]);
    }
  }

  select_op* attempt_all() {
    std::size_t kept = 0;
    select_op* chosen = nullptr;
    for (std::size_t i = 0; i < live_.size(); ++i) {
      select_op* op = live_[i];
      op->seen = op->version();
      const attempt a = op->try_now();
      if (a == attempt::dropped) continue;
      live_[kept++] = op;
      if (a == attempt::chosen) {
        chosen = op;
        break;
      }
    }
    if (chosen == nullptr) live_ = live_.first(kept);
    return chosen;
  }

  select_op* attempt_again() {
    for (backoff b;; b.wait()) {
      bool same = true;
      for (std::size_t i = 0; i < live_.size(); ++i) {
        select_op* op = live_[i];
        const std::uint64_t before = op->version();
        same = same && before == op->seen;
        op->seen = before;
        switch (op->try_now()) {
          case attempt::chosen: return op;
          case attempt::dropped: {  // keep the order of the rest
            for (std::size_t k = i + 1; k < live_.size(); ++k) live_[k - 1] = live_[k];
            live_ = live_.first(live_.size() - 1);
            --i;
            break;
          }
          case attempt::busy: same = false; break;  // no answer yet
          case attempt::not_ready: same = same && op->version() == op->seen; break;
        }
      }
      if (same) return nullptr;
    }
  }

  // The chosen operation, or null: try again.
  STRAIT_NOINLINE select_op* sleep() noexcept {
    waiter w;
    select_op* chosen = nullptr;
    std::size_t enlisted = 0;
    deadline until = plan_.until;
    for (; enlisted < live_.size() && chosen == nullptr && !w.decided(); ++enlisted) {
      select_op* op = live_[enlisted];
      if (op->enlist(w)) chosen = op;
      const deadline due = op->due();  // read once: another clone may take the timer meanwhile
      if (due < until) until = due;
    }
    waiter::state how = waiter::left;
    in_vain_ = false;
    if (chosen == nullptr && !w.decided()) {
      sync::heavy_fence();
      for (std::size_t i = 0; i < enlisted; ++i) {
        if (live_[i]->ready()) {
          in_vain_ = w.leave();
          break;
        }
      }
    }
    if (chosen == nullptr) {
      for (stop_arm_state& s : plan_.stops) {
        if (s.token->stop_possible()) s.guard.emplace(*s.token, cancel_waiter{&w});
      }
      how = w.park(until, true);
      for (stop_arm_state& s : plan_.stops) s.guard.reset();
    }
    for (std::size_t i = 0; i < enlisted; ++i) live_[i]->delist();
    if (chosen != nullptr) return chosen;
    switch (how) {
      case waiter::done:
      case waiter::called:
        chosen = find(w.arm());
        chosen->selected();
        return chosen;
      case waiter::notified: token_ = find(w.arm()); return nullptr;
      default: return nullptr;
    }
  }

  select_op* find(std::uint32_t position) const noexcept {
    for (select_op* op : live_) {
      if (op->position == position) return op;
    }
    return nullptr;
  }

  void pass_token_on() noexcept {
    if (token_ != nullptr) token_->pass_on();
  }

  const select_plan& plan_;
  std::span<select_op*> live_;
  select_op* token_ = nullptr;  // whose notification we hold
  bool in_vain_ = false;        // the last sleep ended at once, because an operation looked ready
};

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// The waiters of one side of one channel: first come, first served, and a word that says whether
// anybody is there, so that a channel nobody waits for costs its users one load.
//
// The rule of the two looks (no lost wake-up)
//   actor:   changes the channel      waiter:  add(node)
//            awaited()? notify_one()           full_fence()
//                                              looks at the channel again, then parks
// Either the actor sees the count, or the waiter sees the change. Actors look once a message, so on a side
// where nobody ever waits the look must be free; where waits are as frequent as messages a wait must not cost
// microseconds. So a side is in one of two modes:
//   quiet    The actor's half is a light fence (base/sync.hpp), and `word_` is 0. A waiter that comes makes
//            it lively, with a heavy fence, under the lock.
//   lively   Both halves are full fences. When actors have seen nobody many times in a row (sync::streak), one
//            makes it quiet again, under the lock, if there is nobody. Some sides are lively for good.
// Why a waiter W that finds the side lively needs no heavy fence of its own: it was lively from the start,
// or made so by some W0 and not made quiet since, for both happens under the lock. Take an actor A, and the
// place where W0's heavy fence took effect in it. If that is before A's look, A reads what W0 wrote or what
// came later: not 0, so it is behind a full fence when it looks again, as W is. (A 0 that came later was
// written when W was in the line no more.) If it is behind A's look, A's change came before it: W0 sees it
// from there on, and hands it to W with the lock.
// This is about "change, look, notify". Who notifies only if it then finds the channel able (a promise that
// is given back) has a full fence of its own between its change and both looks.
//
// Wake-ups are conserved. Call a channel's side "able" when one of its waiters could finish now.
// Whenever the side is able and a waiter is parked, somebody is obliged to look:
//   N1 the actor between its change and its look;
//   N2 a notified waiter that has not yet tried again;
//   N3 a waiter between add and its second look.
// An obligation ends only where the side is not able, or nobody waits, or by notifying the next:
//   - an actor looks after its change (N1 becomes N2, or nobody is there);
//   - a notified waiter that succeeds passes on if the side is still able (so one notification
//     serves a batch, and a message published behind a slow sender's place);
//   - a notified waiter that finishes elsewhere (another arm, an exception) passes on likewise;
//   - an actor that does what the first waiter waits to do looks again, as that one would; where nobody stood
//     behind that one it need not: who comes later takes the lock behind it, and its second look finds what
//     actors did who called the first one in vain; nor where one place is all there is, and it was used for
//     the first one: who changes it again is an actor behind that;
//   - a notified waiter that finds nothing proves the side was not able, and waits again, in front.
//
// A node is unlinked under the lock by whoever selects its waiter, or takes it out to serve it; the owner unlinks the
// others. The lock is held while a node is looked at, or its owner waits until it has been served, so a node leaves its
// owner's stack only when nobody looks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <strait/base/hints.hpp>
#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/wait/waiter.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// One place in one queue, for one arm of one waiter. Lives on the waiter's stack.
struct wait_node {
  wait_node* previous = nullptr;
  wait_node* next = nullptr;
  waiter* owner = nullptr;
  std::uint32_t arm = 0;
  bool linked = false;  // guarded by the lock of the list it is for
  // What its owner would do others can do for it (W5 and W6 in waiter.hpp). Guarded by the lock while it is linked.
  bool offers = false;
};

/// An intrusive list; the caller holds the lock that guards it.
class wait_list {
 public:
  wait_node* front() const noexcept { return first_; }

  void push_back(wait_node& node) noexcept {
    node.previous = last_;
    node.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &node;
    last_ = &node;
    node.linked = true;
  }

  void push_front(wait_node& node) noexcept {
    node.previous = nullptr;
    node.next = first_;
    (first_ != nullptr ? first_->previous : last_) = &node;
    first_ = &node;
    node.linked = true;
  }

  void remove(wait_node& node) noexcept {
    (node.previous != nullptr ? node.previous->next : first_) = node.next;
    (node.next != nullptr ? node.next->previous : last_) = node.previous;
    node.linked = false;
  }

 private:
  wait_node* first_ = nullptr;
  wait_node* last_ = nullptr;
};

/// Where a waiter lines up: newcomers at the back; who was called in vain keeps its turn.
enum class place : std::uint8_t { back, front };

class wait_queue {
 public:
  /// Changing: quiet at first. Always lively: for sides with so few looks that no heavy fence is worth it.
  enum class mode : std::uint32_t { changing = 0, always_lively = 3 };

  explicit wait_queue(mode m = mode::changing) noexcept : word_(static_cast<std::uint32_t>(m)) {}

  /// Followed by full_fence() and a second look at the channel (see above).
  void add(wait_node& node, place where) noexcept {
    sync::lock_guard lock(mutex_);
    link(node, where);
  }

  /// The same with the second look taken before anybody can find the node: false if `ready` says that it need
  /// not wait, and the node is not there. True: whoever selects its waiter may have done so already.
  template <class Ready>
  bool add_unless(wait_node& node, place where, Ready ready) noexcept {
    sync::lock_guard lock(mutex_);
    link(node, where);
    sync::full_fence();
    if (!ready()) return true;
    unlink(node);
    return false;
  }

  /// After the wait: takes the node out unless whoever selected us did; whether it was there.
  bool remove(wait_node& node) noexcept {
    sync::lock_guard lock(mutex_);
    if (!node.linked) return false;
    unlink(node);
    return true;
  }

  /// From now on its owner's affair alone: it is notified when its turn comes. False: it has been taken out.
  STRAIT_COLD bool take_back(wait_node& node) noexcept {
    sync::lock_guard lock(mutex_);
    node.offers = false;
    return node.linked;
  }

  /// The actor's look, after its change: whether anybody waits who may not have seen it.
  STRAIT_INLINE bool awaited() noexcept {
    sync::light_fence();
    const std::uint32_t seen = word_.load(sync::relaxed);  // relaxed: the fences order it (above)
    if (seen == 0) [[likely]]
      return false;
    return seen >= one || awaited_lively();
  }

  /// Whether somebody stands here, or did a moment ago. Nothing follows from it.
  bool has_waiters() const noexcept { return word_.load(sync::relaxed) >= one; }  // relaxed: a hint

  /// Selects the first waiter that can still be selected and wakes it. Waits for nobody but the lock.
  STRAIT_NOINLINE void notify_one() noexcept {
    wakeup owed;
    {
      sync::lock_guard lock(mutex_);
      while (wait_node* node = list_.front()) {
        if (select(*node, owed)) break;
      }
    }
    owed.deliver();
  }

  struct taken {
    wait_node* node = nullptr;
    bool more = false;  ///< others stood behind it
  };
  /// The same, but a first node that offers is taken out for the caller, who does what it waits to do, or not, and
  /// finishes its waiter.
  STRAIT_NOINLINE taken take_or_notify_one() noexcept {
    wakeup owed;
    {
      sync::lock_guard lock(mutex_);
      while (wait_node* node = list_.front()) {
        if (node->offers) {
          unlink(*node);
          return {node, list_.front() != nullptr};
        }
        if (select(*node, owed)) break;
      }
    }
    owed.deliver();
    return {};
  }

  /// Selects and wakes everybody that waits now.
  STRAIT_COLD void notify_all() noexcept {
    constexpr std::size_t batch = 16;
    for (bool more = true; more;) {
      std::array<wakeup, batch> owed;
      std::size_t n = 0;
      {
        sync::lock_guard lock(mutex_);
        while (n < batch && list_.front() != nullptr) {
          if (select(*list_.front(), owed[n])) ++n;
        }
        more = list_.front() != nullptr;
      }
      for (std::size_t i = 0; i < n; ++i) owed[i].deliver();
    }
  }

 private:
  bool select(wait_node& node, wakeup& owed) noexcept {
    waiter& owner = *node.owner;
    const std::uint32_t arm = node.arm;
    unlink(node);
    node.offers = false;  // W6: an owner that leaves just now need not wait for us
    auto result = owner.try_select(waiter::notified, arm, owed);
    for (backoff b; result == waiter::claim::busy;
         result = owner.try_select(waiter::notified, arm, owed)) {
      b.wait();  // its owner decides within a few instructions, without a lock
    }
    return result == waiter::claim::won;
  }

  // `word_`: only the lock's holder writes, so all orders but that of the fences are relaxed.
  void link(wait_node& node, place where) noexcept {
    looks_in_vain_.end();
    where == place::back ? list_.push_back(node) : list_.push_front(node);
    const std::uint32_t before = word_.load(sync::relaxed);  // relaxed: we hold the lock
    if ((before & lively) != 0 || !sync::asymmetric()) {
      word_.store(before + one, sync::relaxed);  // relaxed: a fence of the caller's follows
      return;
    }
    word_.store((before + one) | lively, sync::relaxed);  // relaxed: the fence follows
    sync::heavy_fence();
  }

  void unlink(wait_node& node) noexcept {
    list_.remove(node);
    // relaxed: we hold the lock; a stale larger value costs a useless look
    word_.store(word_.load(sync::relaxed) - one, sync::relaxed);
  }

  STRAIT_NOINLINE bool awaited_lively() noexcept {
    sync::full_fence();
    const std::uint32_t seen = word_.load(sync::relaxed);  // relaxed: behind the fence
    if (seen >= one) return true;
    if (seen == lively && looks_in_vain_.is_long()) {
      sync::lock_guard lock(mutex_);
      // relaxed: we hold the lock
      if (word_.load(sync::relaxed) == lively) word_.store(0, sync::relaxed);
    }
    return false;
  }

  // Bit 0 lively, bit 1 for good; `one` for each node.
  static constexpr std::uint32_t lively = 1, one = 4;

  sync::atomic<std::uint32_t> word_;
  sync::streak looks_in_vain_;
  sync::mutex mutex_;
  wait_list list_;
};

}  // namespace strait::inline STRAIT_ABI::detail

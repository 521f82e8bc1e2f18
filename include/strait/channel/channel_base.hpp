// SPDX-License-Identifier: BSL-1.0
//
// What every channel is, whatever its flavour: a kind, counts of handles, an end.
//
// Ownership: senders_ and receivers_ count the handles of each end; a count that reached zero stays
// zero. owners_ counts what keeps the memory: one for each end that still has handles, one for each weak
// handle. The last sender closes the channel; the last receiver closes it and destroys what is queued.
//
// Order edges
//   D1 release: a handle's last use comes before its end's end; pairs with D2
//   D2 acquire: who ends an end, or frees the channel, has seen all that was done with it; pairs with D1
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include <strait/base/cache_line.hpp>
#include <strait/base/heap_object.hpp>
#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

enum class channel_kind : std::uint8_t { bounded, unbounded, rendezvous, timer };

class channel_base : public heap_object {
 public:
  /// `owners`: the ends that have handles (a timer has no sender).
  explicit channel_base(channel_kind kind, std::size_t owners = 2) noexcept
      : kind_(kind), owners_(owners) {}
  channel_base(const channel_base&) = delete;
  channel_base& operator=(const channel_base&) = delete;

  channel_kind kind() const noexcept { return kind_; }

  std::size_t sender_count() const noexcept { return senders_.load(sync::acquire); }  // D2 acquire
  std::size_t receiver_count() const noexcept {
    return receivers_.load(sync::acquire);
  }  // D2 acquire

  // relaxed: the caller holds a handle of that end, so the count cannot reach zero meanwhile
  void add_sender() noexcept { senders_.fetch_add(1, sync::relaxed); }
  void add_receiver() noexcept { receivers_.fetch_add(1, sync::relaxed); }  // relaxed: as above
  void add_weak() noexcept { owners_.fetch_add(1, sync::relaxed); }         // relaxed: as above

  void drop_sender() noexcept {
    const sync::operation here;
    if (senders_.fetch_sub(1, sync::acq_rel) != 1)
      return;  // D1 release: pairs with D2, also acquired here
    last_sender_gone();
    drop_owner();
  }
  void drop_receiver() noexcept {
    const sync::operation here;
    if (receivers_.fetch_sub(1, sync::acq_rel) != 1)
      return;  // D1 release: pairs with D2, also acquired here
    last_receiver_gone();
    drop_owner();
  }
  void drop_owner() noexcept {
    if (owners_.fetch_sub(1, sync::acq_rel) == 1)
      delete this;  // D1 release: pairs with D2, also acquired here
  }

  /// For weak handles: one more handle of an end that still has some.
  bool revive_sender() noexcept { return revive(senders_); }
  bool revive_receiver() noexcept { return revive(receivers_); }

 protected:
  virtual ~channel_base() = default;

 private:
  virtual void last_sender_gone() noexcept = 0;
  virtual void last_receiver_gone() noexcept = 0;

  static bool revive(sync::atomic<std::size_t>& count) noexcept {
    std::size_t n = count.load(sync::relaxed);  // relaxed: the exchange below decides
    while (n != 0) {
      // relaxed: one more handle, as add_sender()
      if (count.compare_exchange_weak(n, n + 1, sync::relaxed, sync::relaxed)) return true;
    }
    return false;
  }

  const channel_kind kind_;
  sync::atomic<std::size_t> senders_{1};
  sync::atomic<std::size_t> receivers_{1};
  sync::atomic<std::size_t> owners_;
};

}  // namespace strait::inline STRAIT_ABI::detail

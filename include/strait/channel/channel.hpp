// SPDX-License-Identifier: BSL-1.0
//
// Making a channel: pick how many stand at each end, and how much the channel may hold.
//
//   auto [tx, rx] = strait::unbounded<T>();        many senders, many receivers
//   auto [tx, rx] = strait::bounded<T>(n);         n exact; n == 0 is a rendezvous
//   auto [tx, rx] = strait::rendezvous<T>();       the same as bounded(0)
//   auto [tx, rx] = strait::mpsc::unbounded<T>();  one receiver, by type: move-only, and faster for it
//   auto [tx, rx] = strait::mpsc::bounded<T>(n);
//   auto [tx, rx] = strait::spsc::unbounded<T>();  one of each, both move-only
//   auto [tx, rx] = strait::spsc::bounded<T>(n);
//   auto [tx, rx] = strait::oneshot<T>();          one message, both ends consumed by use
//
// All throw std::bad_alloc (without exceptions: terminate) where there is no memory for the capacity,
// before anything is built.
#pragma once

#include <cstddef>
#include <utility>

#include <strait/base/config.hpp>
#include <strait/channel/flavors.hpp>
#include <strait/channel/oneshot.hpp>
#include <strait/channel/receiver.hpp>
#include <strait/channel/sender.hpp>
#include <strait/error.hpp>
#include <strait/fwd.hpp>

namespace strait::inline STRAIT_ABI {

/// The two ends of a new channel. To hand one out of a function, name the pair and move the member:
/// `auto ch = strait::unbounded<int>(); return std::move(ch.rx);`
template <class Tx, class Rx>
struct channel {
  Tx tx;
  Rx rx;
};

namespace detail {

template <class T, class Topology>
using channel_of = channel<basic_sender<T, Topology>, basic_receiver<T, Topology>>;

template <class Channel>
Channel ends_of(channel_base* core) noexcept {
  return Channel{access::make<decltype(Channel::tx)>(core),
                 access::make<decltype(Channel::rx)>(core)};
}

// Not inlined: where GCC 12 sees how large the new object is, it warns of the layouts that its kind excludes.
template <class T, class Topology>
STRAIT_NOINLINE channel_of<T, Topology> make_rendezvous() {
  static_assert(require_message<T>::value);
  return ends_of<channel_of<T, Topology>>(new rendezvous_core<T>());
}
template <class T, class Topology>
STRAIT_NOINLINE channel_of<T, Topology> make_bounded(std::size_t n) {
  static_assert(require_message<T>::value);
  if (n == 0) return make_rendezvous<T, Topology>();
  return ends_of<channel_of<T, Topology>>(new typename Topology::template bounded<T>(n));
}
template <class T, class Topology>
STRAIT_NOINLINE channel_of<T, Topology> make_unbounded() {
  static_assert(require_message<T>::value);
  return ends_of<channel_of<T, Topology>>(new typename Topology::template unbounded<T>());
}

}  // namespace detail

/// Many senders, many receivers, no limit. Rust: crossbeam_channel::unbounded.
template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> unbounded() {
  return detail::make_unbounded<T, detail::mpmc_topology>();
}

/// Many senders, many receivers, at most `n` messages; 0 is a rendezvous. Rust: crossbeam_channel::bounded.
template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> bounded(std::size_t n) {
  return detail::make_bounded<T, detail::mpmc_topology>(n);
}

/// From hand to hand: a send returns when a receiver is bound to take the message.
template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> rendezvous() {
  return detail::make_rendezvous<T, detail::mpmc_topology>();
}

/// Many senders, one receiver, by type.
namespace mpsc {

/// Rust: std::sync::mpsc::channel.
template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> unbounded() {
  return detail::make_unbounded<T, detail::mpsc_topology>();
}

/// Rust: std::sync::mpsc::sync_channel. 0 is a rendezvous.
template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> bounded(std::size_t n) {
  return detail::make_bounded<T, detail::mpsc_topology>(n);
}

template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> rendezvous() {
  return detail::make_rendezvous<T, detail::mpsc_topology>();
}

}  // namespace mpsc

/// One sender, one receiver, by type.
namespace spsc {

template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> unbounded() {
  return detail::make_unbounded<T, detail::spsc_topology>();
}

/// 0 is a rendezvous.
template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> bounded(std::size_t n) {
  return detail::make_bounded<T, detail::spsc_topology>(n);
}

template <class T>
[[nodiscard]] channel<sender<T>, receiver<T>> rendezvous() {
  return detail::make_rendezvous<T, detail::spsc_topology>();
}

}  // namespace spsc

/// One message from one sender to one receiver: a reply, a result.
template <class T>
[[nodiscard]] channel<oneshot_sender<T>, oneshot_receiver<T>> oneshot() {
  static_assert(detail::require_message<T>::value);
  return detail::ends_of<channel<oneshot_sender<T>, oneshot_receiver<T>>>(
      new detail::core<T, detail::oneshot_cell<T>>(std::size_t{1}));
}

}  // namespace strait::inline STRAIT_ABI

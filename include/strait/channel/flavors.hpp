// SPDX-License-Identifier: BSL-1.0
//
// The table of flavors: which queue stands behind which kind of channel, and the one place where a
// handle finds its core. A handle knows its topology (how many at each end) by type and its kind
// (bounded, unbounded, rendezvous, timer) at run time.
#pragma once

#include <chrono>
#include <utility>

#include <strait/channel/channel_base.hpp>
#include <strait/channel/core.hpp>
#include <strait/channel/rendezvous.hpp>
#include <strait/channel/timer.hpp>
#include <strait/queue/mpsc_ring.hpp>
#include <strait/queue/mpsc_segments.hpp>
#include <strait/queue/oneshot_cell.hpp>
#include <strait/queue/ring.hpp>
#include <strait/queue/segments.hpp>
#include <strait/queue/spsc_ring.hpp>
#include <strait/queue/spsc_segments.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// Many senders, many receivers.
struct mpmc_topology {
  static constexpr bool many_senders = true, many_receivers = true, timers = true;
  template <class T>
  using bounded = core<T, ring<T>>;
  template <class T>
  using unbounded = core<T, segments<T>>;
};

/// Many senders, one receiver.
struct mpsc_topology {
  static constexpr bool many_senders = true, many_receivers = false, timers = false;
  template <class T>
  using bounded = core<T, mpsc_ring<T>>;
  template <class T>
  using unbounded = core<T, mpsc_segments<T>>;
};

/// One sender, one receiver.
struct spsc_topology {
  static constexpr bool many_senders = false, many_receivers = false, timers = false;
  template <class T>
  using bounded = core<T, spsc_ring<T>>;
  template <class T>
  using unbounded = core<T, spsc_segments<T>>;
};

/// One sender, one receiver, one message.
struct oneshot_topology {
  static constexpr bool many_senders = false, many_receivers = false, timers = false;
  template <class T>
  using bounded = core<T, oneshot_cell<T>>;
};

/// Calls `f` with the core that a sender of this topology leads to.
template <class Topology, class T, class F>
decltype(auto) with_sender_core(channel_base& c, F&& f) {
  if constexpr (requires { typename Topology::template unbounded<T>; }) {
    switch (c.kind()) {
      case channel_kind::bounded: return f(static_cast<typename Topology::template bounded<T>&>(c));
      case channel_kind::unbounded:
        return f(static_cast<typename Topology::template unbounded<T>&>(c));
      default: return f(static_cast<rendezvous_core<T>&>(c));
    }
  } else {
    return f(static_cast<typename Topology::template bounded<T>&>(c));
  }
}

/// Calls `f` with the core that a receiver of this topology leads to.
template <class Topology, class T, class F>
decltype(auto) with_receiver_core(channel_base& c, F&& f) {
  if constexpr (Topology::timers) {
    if (c.kind() == channel_kind::timer) [[unlikely]]
      return f(static_cast<timer_core<T>&>(c));
  }
  return with_sender_core<Topology, T>(c, std::forward<F>(f));
}

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// The names of the public types, without their definitions.
#pragma once

#include <strait/base/config.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {
struct mpmc_topology;
struct mpsc_topology;
struct spsc_topology;
struct oneshot_topology;
}  // namespace detail

template <class T, class Topology>
class basic_sender;
template <class T, class Topology>
class basic_receiver;
template <class T, class Topology>
class basic_weak_sender;
template <class T, class Topology>
class basic_weak_receiver;

template <class T>
using sender = basic_sender<T, detail::mpmc_topology>;
template <class T>
using receiver = basic_receiver<T, detail::mpmc_topology>;
template <class T>
using weak_sender = basic_weak_sender<T, detail::mpmc_topology>;
template <class T>
using weak_receiver = basic_weak_receiver<T, detail::mpmc_topology>;

namespace mpsc {
template <class T>
using sender = basic_sender<T, detail::mpsc_topology>;
template <class T>
using receiver = basic_receiver<T, detail::mpsc_topology>;
template <class T>
using weak_sender = basic_weak_sender<T, detail::mpsc_topology>;
}  // namespace mpsc

namespace spsc {
template <class T>
using sender = basic_sender<T, detail::spsc_topology>;
template <class T>
using receiver = basic_receiver<T, detail::spsc_topology>;
}  // namespace spsc

template <class T>
class oneshot_sender;
template <class T>
class oneshot_receiver;

template <class Tx, class Rx>
struct channel;

}  // namespace strait::inline STRAIT_ABI

// SPDX-License-Identifier: BSL-1.0
//
// Everything: channels, select, timers, coroutines.
#pragma once

#include <strait/channel/channel.hpp>
#include <strait/channel/select.hpp>
#include <strait/channel/selector.hpp>
#include <strait/channel/timers.hpp>
#include <strait/coro/async_ops.hpp>
#include <strait/coro/async_select.hpp>
#include <strait/coro/scope.hpp>
#include <strait/coro/sleep.hpp>
#include <strait/coro/sync_wait.hpp>
#include <strait/coro/task.hpp>
#include <strait/coro/thread_pool.hpp>
#include <strait/coro/when_all.hpp>
#include <strait/error.hpp>
#include <strait/version.hpp>

// SPDX-License-Identifier: BSL-1.0
//
// Everything: channels, select, timers.
#pragma once

#include <strait/channel/channel.hpp>
#include <strait/channel/select.hpp>
#include <strait/channel/selector.hpp>
#include <strait/channel/timers.hpp>
#include <strait/error.hpp>
#include <strait/version.hpp>

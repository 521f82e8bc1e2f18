// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

#include "machine.hpp"

namespace strait::check::detail {

/// The failed execution, one line an event, one column a thread.
std::string report_of(const machine& m, const result& r);

}  // namespace strait::check::detail

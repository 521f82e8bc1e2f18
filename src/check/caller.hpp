// SPDX-License-Identifier: BSL-1.0
//
// Which line of the user's called us: for reports only, it asks another program (binutils' addr2line).
#pragma once

#include <deque>
#include <map>
#include <string>

#include <strait/check/runtime.hpp>

namespace strait::check::detail {

/// Where in the user's program the running operation was called: the first line, from the inside out, that
/// is neither strait's own nor the system's. `inside` is a place in strait's headers; it is the answer when
/// no line can be found. Not thread-safe.
class caller_names {
 public:
  rt::where caller(rt::where inside);

 private:
  std::map<const void*, rt::where> known_;  // by return address; no file: not the user's
  std::deque<std::string> files_;           // what `known_` points into
};

}  // namespace strait::check::detail

// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*void
#include <strait/strait.hpp>

auto channel = strait::bounded<void>(1);

// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait: coroutine frames are not over-aligned
#include <strait/strait.hpp>

struct alignas(64) line {
  int value;
};

strait::task<> receives(strait::receiver<line> rx) {
  auto m = co_await rx.async_recv();
  (void)m;
}

// SPDX-License-Identifier: BSL-1.0
// expect-first-error, GCC before 13: strait: name this operation.*async_select
#include <string>

#include <strait/strait.hpp>

strait::task<> selects(strait::receiver<int> rx, std::string text) {
  auto fired = co_await strait::async_select(strait::on_recv(rx, [text](int) {}));
  (void)fired;
}

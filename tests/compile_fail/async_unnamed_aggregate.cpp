// SPDX-License-Identifier: BSL-1.0
// expect-first-error, GCC before 13: strait: name this operation.*async_send
#include <string>

#include <strait/strait.hpp>

struct order {
  std::string text;
};

strait::task<> sends(strait::sender<order> tx) {
  auto sent = co_await tx.async_send(order{"two pizzas"});
  (void)sent;
}

// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait: .*std::move
#include <strait/strait.hpp>

int main() {
  auto ch = strait::unbounded<int>();
  auto arm = strait::on_recv(ch.rx, [](int) {});
  strait::select(arm, strait::otherwise([] {}));
}

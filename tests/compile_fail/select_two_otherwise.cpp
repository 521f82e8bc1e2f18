// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait: .*otherwise
#include <strait/strait.hpp>

int main() {
  auto ch = strait::unbounded<int>();
  strait::select(strait::on_recv(ch.rx), strait::otherwise([] {}), strait::otherwise([] {}));
}

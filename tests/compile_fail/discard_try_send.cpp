// SPDX-License-Identifier: BSL-1.0
// expect-first-error: ignoring return value.*nodiscard
#include <strait/strait.hpp>

int main() {
  auto ch = strait::unbounded<int>();
  ch.tx.try_send(1);
}

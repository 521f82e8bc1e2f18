// SPDX-License-Identifier: BSL-1.0
// expect-first-error: (deleted|rvalue reference|no matching constructor).*sender
#include <strait/strait.hpp>

int main() {
  auto ch = strait::spsc::unbounded<int>();
  auto copy = ch.tx;
  copy.close();
}

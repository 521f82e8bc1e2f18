// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait: .*arm
#include <strait/strait.hpp>

int main() {
  auto ch = strait::unbounded<int>();
  strait::select(ch.rx);
}

// SPDX-License-Identifier: BSL-1.0
// expect-first-error: (deleted|rvalue reference|no matching constructor).*receiver
#include <strait/strait.hpp>

int main() {
  auto ch = strait::spsc::bounded<int>(1);
  auto copy = ch.rx;
  copy.close();
}

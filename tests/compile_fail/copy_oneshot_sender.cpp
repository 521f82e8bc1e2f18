// SPDX-License-Identifier: BSL-1.0
// expect-first-error: (deleted|implicitly-deleted).*sender
#include <strait/strait.hpp>

int main() {
  auto ch = strait::oneshot<int>();
  auto copy = ch.tx;
  copy.close();
}

// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait: .*on_send
#include <string>

#include <strait/strait.hpp>

int main() {
  auto ch = strait::unbounded<int>();
  strait::select(strait::on_send(ch.tx, std::string("not a number")));
}

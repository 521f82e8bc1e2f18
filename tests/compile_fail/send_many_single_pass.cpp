// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait: send_many .*forward_range
#include <ranges>
#include <sstream>

#include <strait/strait.hpp>

int main() {
  auto ch = strait::unbounded<int>();
  std::istringstream text("1 2 3");
  auto numbers = std::views::istream<int>(text);  // what a refused element would have been, is gone
  return static_cast<int>(ch.tx.send_many(numbers));
}

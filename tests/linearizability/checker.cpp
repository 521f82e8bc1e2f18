// SPDX-License-Identifier: BSL-1.0
#include "checker.hpp"

#include "judge.hpp"

namespace strait_test {

bool linearizable(const history& h, std::size_t capacity) {
  static checker unbounded(checker::unbounded), rendezvous(0), one(1), two(2), three(3);
  checker& c = capacity == 0   ? rendezvous
               : capacity == 1 ? one
               : capacity == 2 ? two
               : capacity == 3 ? three
                               : unbounded;
  return c.linearizable(h);
}

}  // namespace strait_test

// SPDX-License-Identifier: BSL-1.0
// expect-first-error: could not convert|no viable conversion
#include <strait/strait.hpp>

strait::task<int> number() { co_return 1; }

int main() {
  strait::thread_pool pool;
  strait::spawn(pool, number());
}

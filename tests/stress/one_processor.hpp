// SPDX-License-Identifier: BSL-1.0
//
// A test on one of the processors that there are.
#pragma once

#include <sched.h>

namespace strait_test {

// While it lives, this thread and those it starts run on one processor.
class one_processor {
 public:
  one_processor() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &before_)) {
        CPU_SET(i, &one);
        break;
      }
    }
    sched_setaffinity(0, sizeof one, &one);
  }
  ~one_processor() { sched_setaffinity(0, sizeof before_, &before_); }
  one_processor(const one_processor&) = delete;
  one_processor& operator=(const one_processor&) = delete;

 private:
  cpu_set_t before_;
};

}  // namespace strait_test

// SPDX-License-Identifier: BSL-1.0
//
// The stress tests' main: `--pin N` puts the whole process on processor N before anything else runs,
// so that every wait has to give the processor away; prints the seed; starts the watchdog.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include "random.hpp"
#include "scale.hpp"
#include "watchdog.hpp"

namespace {

bool pin_to(int processor) {
#if defined(__linux__)
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  if (!CPU_ISSET(processor, &allowed)) {  // not ours: take the first that is
    processor = 0;
    while (processor < CPU_SETSIZE && !CPU_ISSET(processor, &allowed)) ++processor;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  return ::sched_setaffinity(0, sizeof one, &one) == 0;
#else
  (void)processor;
  return false;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--pin") == 0 && i + 1 < argc) {
      if (!pin_to(std::atoi(argv[++i]))) {
        std::fprintf(stderr, "cannot pin to one processor\n");
        return 2;
      }
    } else {
      std::fprintf(stderr, "usage: %s [gtest options] [--pin processor]\n", argv[0]);
      return 2;
    }
  }
  std::printf("STRAIT_SEED=%llu scale=%g\n", static_cast<unsigned long long>(strait_test::seed()),
              strait_test::scale());
  std::fflush(stdout);
  ::testing::UnitTest::GetInstance()->listeners().Append(new strait_test::watchdog);
  return RUN_ALL_TESTS();
}

// SPDX-License-Identifier: BSL-1.0
//
// Which mutant lives, and which places each test reached.
//
//   STRAIT_MUTANT=number       this one
//   STRAIT_MUTANT_COVER=file   appends, per test: name, seconds, the numbers whose places it reached
#include "mutant.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

namespace strait_mutant {
namespace {

constexpr int most = 8192;
std::array<std::atomic<bool>, most> reached;
int alive = -1;
bool watching = false;

class cover : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override {
    for (auto& r : reached) r.store(false, std::memory_order_relaxed);
  }
  void OnTestEnd(const ::testing::TestInfo& test) override {
    std::FILE* f = std::fopen(std::getenv("STRAIT_MUTANT_COVER"), "a");
    if (f == nullptr) return;
    std::fprintf(f, "%s.%s\t%.3f\t%s\t", test.test_suite_name(), test.name(),
                 static_cast<double>(test.result()->elapsed_time()) / 1000,
                 test.result()->Passed()    ? "passed"
                 : test.result()->Skipped() ? "skipped"
                                            : "failed");
    for (int n = 0; n < most; ++n) {
      if (reached[static_cast<std::size_t>(n)].load(std::memory_order_relaxed))
        std::fprintf(f, "%d ", n);
    }
    std::fputc('\n', f);
    std::fclose(f);
  }
};

const bool begun = [] {
  if (const char* text = std::getenv("STRAIT_MUTANT")) alive = std::atoi(text);
  if (std::getenv("STRAIT_MUTANT_COVER") != nullptr) {
    watching = true;
    ::testing::UnitTest::GetInstance()->listeners().Append(new cover);
  }
  return true;
}();

}  // namespace

bool lives(int n) noexcept {
  if (watching) reached[static_cast<std::size_t>(n)].store(true, std::memory_order_relaxed);
  return n == alive;
}

}  // namespace strait_mutant

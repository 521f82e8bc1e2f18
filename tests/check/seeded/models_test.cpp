// SPDX-License-Identifier: BSL-1.0
//
// The same models as tests, for tools/mutate.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "models.hpp"

namespace {

class Seeded : public ::testing::Test {
 public:
  explicit Seeded(const model& m) : m_(m) {}
  void TestBody() override {
    options o;
    o.stale_reads = 1;
    if (const char* text = std::getenv("STRAIT_MODEL_SECONDS")) o.seconds = std::atof(text);
    const result r = strait::check::explore(o, [&] {
      parcel::live = 0;
      m_.body();
      require(parcel::live == 0, "every message has died once");
    });
    EXPECT_TRUE(r.ok()) << r.report;
  }

 private:
  model m_;
};

[[maybe_unused]] const bool registered = [] {
  for (const model& m : every_model<std::vector<model>>()) {
    std::string name = m.name;
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
    ::testing::RegisterTest("Seeded", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [m]() -> Seeded* { return new Seeded(m); });
  }
  return true;
}();

}  // namespace

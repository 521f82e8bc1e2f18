// SPDX-License-Identifier: BSL-1.0
//
//   models NAME        explores one; 0: nothing found, 1: a failure, 2: no such model
//   models --list
#include "models.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

int number(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::atoi(text);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc == 2 ? argv[1] : "--list";
  for (const model& m : every_model<std::vector<model>>()) {
    if (name == "--list") {
      std::puts(m.name);
      continue;
    }
    if (name != m.name) continue;
    options o;
    if (name.starts_with("awake")) o.processors = 2;
    o.preemptions = number("STRAIT_MODEL_PREEMPTIONS", 2);
    o.stale_reads = number("STRAIT_MODEL_STALE", 1);
    o.seconds = number("STRAIT_MODEL_SECONDS", 60);
    const result r = strait::check::explore(o, [&] {
      parcel::live = 0;
      m.body();
      require(parcel::live == 0, "every message has died once");
    });
    std::printf("%s: %s%s, %llu schedules, %.2f s\n", m.name, to_string(r.what),
                r.ok() && !r.complete ? " (not complete)" : "",
                static_cast<unsigned long long>(r.schedules), r.seconds);
    if (r.ok()) return 0;
    std::fputs(r.report.c_str(), stderr);
    return 1;
  }
  return name == "--list" ? 0 : 2;
}

// SPDX-License-Identifier: BSL-1.0
//
// A program that uses the installed model checker.
#include <cstdio>

#include <strait/check/check.hpp>
#include <strait/strait.hpp>

int main() {
  const auto r = strait::check::explore([] {
    auto [tx, rx] = strait::bounded<int>(1);
    strait::check::thread t([tx = std::move(tx)] { (void)tx.send(1); });
    strait::check::require(rx.recv() == 1, "the message arrives");
  });
  if (!r.ok() || !r.complete) {
    std::fputs(r.report.c_str(), stderr);
    return 1;
  }
  std::printf("%llu schedules\n", static_cast<unsigned long long>(r.schedules));
}

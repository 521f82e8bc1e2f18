// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait: .*on_readable.*handler
#include <strait/interop/readable.hpp>
#include <strait/strait.hpp>

int main() {
  strait::select(strait::on_readable(0, [](int) {}));
}

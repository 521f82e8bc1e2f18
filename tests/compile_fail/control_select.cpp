// SPDX-License-Identifier: BSL-1.0
// expect: compiles
#include <string>
#include <utility>

#include <strait/strait.hpp>

// The select_* and on_* cases, done right.
int main() {
  auto ch = strait::unbounded<std::string>();
  auto arm = strait::on_recv(ch.rx, [](std::string) {});
  strait::select(std::move(arm), strait::otherwise([] {}));
  strait::select(strait::on_recv(ch.rx, [](strait::recv_result<std::string>) {}),
                 strait::on_recv(ch.rx, [](auto&&) {}), strait::on_recv(ch.rx, [] {}),
                 strait::on_recv(ch.rx), strait::on_send(ch.tx, "converted"),
                 strait::on_send(ch.tx, [] { return std::string("made"); }),
                 strait::otherwise([] {}));
}

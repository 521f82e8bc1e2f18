// SPDX-License-Identifier: BSL-1.0
// expect: compiles
#include <string>

#include <strait/strait.hpp>

struct order {
  std::string text;
};

strait::task<> works(strait::sender<order> tx, strait::receiver<int> rx, std::string text) {
  auto send = tx.async_send(order{text});
  auto sent = co_await send;
  auto select = strait::async_select(strait::on_recv(rx, [text](int) {}));
  auto fired = co_await select;
  auto one = co_await rx.async_recv();
  auto two = co_await strait::async_select(strait::on_recv(rx, [&](int) {}));
  (void)sent, (void)fired, (void)one, (void)two;
}

int main() {}

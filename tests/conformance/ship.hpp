// SPDX-License-Identifier: BSL-1.0
//
// Messages of any type through a channel, by send and by select, both ways.
#pragma once

#include <utility>

#include <gtest/gtest.h>

#include "support.hpp"

namespace strait_test {

// How to make the i-th message of a type, and how to know it again.
template <class T>
struct sample;

// Ships n of them by send and by select, both ways, and sees each. Not a template over the flavour, so
// that flavours with the same ends share it.
template <class T, class Channel>
void ship(Channel channel, int n) {
  worker sender([&, tx = std::move(channel.tx)]() mutable {
    for (int i = 0; i < n; ++i) {
      if (i % 3 == 0) {
        choose(strait::on_send(
            tx, [&] { return sample<T>::make(i); },
            [](strait::send_result<T> r) { EXPECT_TRUE(r); }));
      } else {
        EXPECT_TRUE(tx.send(sample<T>::make(i)));
      }
    }
    tx.reset();
  });
  auto& rx = channel.rx;
  int next = 0;
  for (bool open = true; open;) {
    if (next % 2 == 0) {
      auto m = rx.recv();
      open = m.has_value();
      if (m) sample<T>::check(*m, next++);
    } else {
      open = choose(strait::on_recv(rx, [&](T m) { sample<T>::check(m, next++); })).has_value();
    }
  }
  EXPECT_EQ(next, n);
}

}  // namespace strait_test

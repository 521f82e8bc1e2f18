// SPDX-License-Identifier: BSL-1.0
//
// Models with faults: every allocation fails in turn, sleeps end for no reason, what the user wrote throws.
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "models.hpp"

using namespace strait_test;
using namespace std::chrono_literals;

namespace {

template <class F>
class Faults : public ::testing::Test {};
using every_flavour = ::testing::Types<flavour<mpmc, no_bound>, flavour<mpmc, 2>, flavour<mpmc, 0>,
                                       flavour<mpsc, no_bound>, flavour<mpsc, 2>,
                                       flavour<spsc, no_bound>, flavour<spsc, 2>>;
TYPED_TEST_SUITE(Faults, every_flavour, flavour_names);

options failing_allocations(int n) {
  options o;
  o.failed_allocations = n;
  return o;
}
options spurious(int n) {
  options o;
  o.spurious_wakes = n;
  return o;
}

}  // namespace

// Making a channel, and each send: a failure leaves everything as it was, and the next try succeeds.
TYPED_TEST(Faults, AllocationsFail) {
  prove(
      [] {
        try {
          auto [tx, rx] = TypeParam::template make<parcel>();
          int sent = 0;
          thread sender([&, tx = std::move(tx)] {
            for (int i = 0; i < 5;) {
              try {
                require(tx.send(parcel(i)).has_value(), "the receiver is there");
                ++i;
                ++sent;
              } catch (const std::bad_alloc&) {
              }
            }
          });
          for (int i = 0; i < 5; ++i) {
            auto m = rx.recv();
            require(m && m->value() == i, "in order, none lost, none twice");
          }
          sender.join();
          require(sent == 5, "all were accepted");
        } catch (const std::bad_alloc&) {
        }
      },
      failing_allocations(2));
}

// Sleeps that end without a reason (signals): nobody takes it for a wake-up.
TYPED_TEST(Faults, SleepsEndForNoReason) {
  prove(
      [] {
        auto [tx, rx] = TypeParam::template make<parcel>();
        thread sender([tx = std::move(tx)] {
          for (int i = 0; i < 3; ++i) require(tx.send(parcel(i)).has_value(), "sent");
        });
        for (int i = 0; i < 3; ++i) {
          auto m = rx.recv();
          require(m && m->value() == i, "in order");
        }
        require(!rx.recv(), "then closed");
      },
      spurious(2));
}

TYPED_TEST(Faults, SleepsOfASelectEndForNoReason) {
  prove(
      [] {
        auto a = TypeParam::template make<parcel>();
        auto b = TypeParam::template make<parcel>();
        thread sender([tx = std::move(a.tx)] { require(tx.send(parcel(1)).has_value(), "sent"); });
        int taken = 0;
        const auto take = [&](parcel) { ++taken; };
        const auto fired = strait::select(strait::on_recv(a.rx, take), strait::on_recv(b.rx, take));
        require(fired == 0U && taken == 1, "the only message there is");
      },
      spurious(2));
}

// A maker that throws gives its place back to whoever waits for it.
TYPED_TEST(Faults, AMakerThrows) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread receiver([rx = std::move(rx)] {
      auto m = rx.recv();
      require(m && m->value() == 1, "only the second was made");
    });
    bool thrown = false;
    try {
      strait::select(strait::on_send(tx, []() -> parcel { throw std::runtime_error("maker"); }));
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    require(thrown, "it reaches the caller");
    require(tx.send(parcel(1)).has_value(), "the place is free");
  });
}

// A handler that throws has taken its message; a wake-up it held for others goes on.
TYPED_TEST(Faults, AHandlerThrows) {
  prove([] {
    auto [tx, rx] = TypeParam::template make<parcel>();
    thread sender([tx = std::move(tx)] {
      for (int i = 1; i <= 2; ++i) require(tx.send(parcel(i)).has_value(), "sent");
    });
    bool thrown = false;
    try {
      strait::select(strait::on_recv(rx, [](parcel) { throw std::runtime_error("handler"); }));
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    require(thrown, "it reaches the caller");
    auto m = rx.recv();
    require(m && m->value() == 2, "the next");
  });
}

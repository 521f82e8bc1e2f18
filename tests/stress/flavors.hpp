// SPDX-License-Identifier: BSL-1.0
//
// Every flavor of channel, so that a test is written once and run over all of them. A family says who
// may stand at the ends (mpmc, mpsc, spsc); a flavor is a family and a capacity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "scale.hpp"

namespace strait_test {

struct mpmc {
  static constexpr const char* name = "mpmc";
  static constexpr bool many_senders = true;
  static constexpr bool many_receivers = true;
  template <class T>
  static auto unbounded() {
    return strait::unbounded<T>();
  }
  template <class T>
  static auto bounded(std::size_t n) {
    return strait::bounded<T>(n);
  }
};

struct mpsc {
  static constexpr const char* name = "mpsc";
  static constexpr bool many_senders = true;
  static constexpr bool many_receivers = false;
  template <class T>
  static auto unbounded() {
    return strait::mpsc::unbounded<T>();
  }
  template <class T>
  static auto bounded(std::size_t n) {
    return strait::mpsc::bounded<T>(n);
  }
};

struct spsc {
  static constexpr const char* name = "spsc";
  static constexpr bool many_senders = false;
  static constexpr bool many_receivers = false;
  template <class T>
  static auto unbounded() {
    return strait::spsc::unbounded<T>();
  }
  template <class T>
  static auto bounded(std::size_t n) {
    return strait::spsc::bounded<T>(n);
  }
};

inline constexpr int no_bound = -1;

/// A flavor in a test's hands. The family is a type, because the handles' types depend on it; the
/// capacity is not, so that a test is compiled three times and not once a capacity.
template <class Family>
struct flavor_of : Family {
  int capacity;  // no_bound, 0 (rendezvous) or more

  explicit flavor_of(int c) : capacity(c) {}
  bool is_rendezvous() const noexcept { return capacity == 0; }
  bool is_unbounded() const noexcept { return capacity == no_bound; }

  template <class T>
  auto make() const {
    if (is_unbounded()) return Family::template unbounded<T>();
    return Family::template bounded<T>(static_cast<std::size_t>(capacity));
  }
};

/// The ends of a flavor's channel.
template <class Flavor, class T>
using sender_of = decltype(std::declval<const Flavor&>().template make<T>().tx);
template <class Flavor, class T>
using receiver_of = decltype(std::declval<const Flavor&>().template make<T>().rx);

/// A flavor as a test's parameter.
struct flavor_name {
  const char* family;
  int capacity;

  std::string operator()() const {
    return std::string(family) + (capacity == no_bound ? "_unbounded"
                                  : capacity == 0      ? "_rendezvous"
                                                       : "_bounded_" + std::to_string(capacity));
  }
  friend void PrintTo(const flavor_name& name, std::ostream* out) { *out << name(); }
};

/// Calls f with the flavor.
template <class F>
void with_flavor(const flavor_name& name, F f) {
  if (std::string_view(name.family) == mpmc::name) return f(flavor_of<mpmc>(name.capacity));
  if (std::string_view(name.family) == mpsc::name) return f(flavor_of<mpsc>(name.capacity));
  return f(flavor_of<spsc>(name.capacity));
}

inline std::vector<flavor_name> flavors(std::initializer_list<const char*> families,
                                        std::initializer_list<int> capacities) {
  std::vector<flavor_name> all;
  for (const char* family : families) {
    for (const int capacity : capacities) all.push_back({family, capacity});
  }
  return all;
}
inline std::vector<flavor_name> every_flavor() {
  return flavors({mpmc::name, mpsc::name, spsc::name}, {no_bound, 0, 1, 2, 3, 64});
}
inline std::vector<flavor_name> one_of_each() {
  return flavors({mpmc::name, mpsc::name, spsc::name}, {no_bound, 0, 1, 5});
}
inline std::vector<flavor_name> every_mpmc() {
  return flavors({mpmc::name}, {no_bound, 0, 1, 2, 5, 64});
}

class flavor_test : public ::testing::TestWithParam<flavor_name> {};

/// STRAIT_FLAVOR_SUITE(suite, names): a suite that runs over the flavors with these names.
#define STRAIT_FLAVOR_SUITE(suite, names)                            \
  class suite : public ::strait_test::flavor_test {};                \
  INSTANTIATE_TEST_SUITE_P(every, suite, ::testing::ValuesIn(names), \
                           [](const auto& each) { return each.param(); })

/// STRAIT_FLAVOR_TEST(suite, name) { ... }: a test over flavors; inside, `Flavor` is the type and
/// `flavor` the value.
#define STRAIT_FLAVOR_TEST(suite, name)                                                         \
  template <class Flavor>                                                                       \
  void suite##_##name(const Flavor& flavor);                                                    \
  TEST_P(suite, name) {                                                                         \
    ::strait_test::with_flavor(GetParam(), [](const auto& flavor) { suite##_##name(flavor); }); \
  }                                                                                             \
  template <class Flavor>                                                                       \
  void suite##_##name([[maybe_unused]] const Flavor& flavor)

/// The same for suites over mpmc flavors only.
#define STRAIT_MPMC_TEST(suite, name)                                                   \
  void suite##_##name(const ::strait_test::flavor_of<::strait_test::mpmc>& flavor);     \
  TEST_P(suite, name) {                                                                 \
    suite##_##name(::strait_test::flavor_of<::strait_test::mpmc>(GetParam().capacity)); \
  }                                                                                     \
  void suite##_##name([[maybe_unused]] const ::strait_test::flavor_of<::strait_test::mpmc>& flavor)

/// Another handle of the same end where the type allows it, else the handle itself.
template <class Handle>
Handle another(Handle& handle) {
  if constexpr (std::is_copy_constructible_v<Handle>) {
    return handle;
  } else {
    return std::move(handle);
  }
}

/// A hand-over at a small capacity may cost a sleep; a deep queue costs next to nothing.
template <class Flavor>
std::uint64_t amount(const Flavor& flavor, std::uint64_t n) {
  return scaled(flavor.capacity >= 0 && flavor.capacity < 4 ? n / 8 : n, 50);
}

}  // namespace strait_test

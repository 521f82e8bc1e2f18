// SPDX-License-Identifier: BSL-1.0
//
// Every flavour of channel, so that a fact is written once and holds for all of them. A family says who may
// stand at the ends (mpmc, mpsc, spsc); a flavour is a family and a capacity. FLAVOUR_TEST writes a test
// over a list of them.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <strait/strait.hpp>

#include "awaiting.hpp"

namespace strait_test {

struct mpmc {
  static constexpr const char* family_name = "mpmc";
  static constexpr bool many_senders = true;
  static constexpr bool many_receivers = true;
  template <class T>
  static auto make_unbounded() {
    return strait::unbounded<T>();
  }
  template <class T>
  static auto make_bounded(std::size_t n) {
    return n == 0 ? strait::rendezvous<T>() : strait::bounded<T>(n);
  }
};

struct mpsc {
  static constexpr const char* family_name = "mpsc";
  static constexpr bool many_senders = true;
  static constexpr bool many_receivers = false;
  template <class T>
  static auto make_unbounded() {
    return strait::mpsc::unbounded<T>();
  }
  template <class T>
  static auto make_bounded(std::size_t n) {
    return strait::mpsc::bounded<T>(n);
  }
};

struct spsc {
  static constexpr const char* family_name = "spsc";
  static constexpr bool many_senders = false;
  static constexpr bool many_receivers = false;
  template <class T>
  static auto make_unbounded() {
    return strait::spsc::unbounded<T>();
  }
  template <class T>
  static auto make_bounded(std::size_t n) {
    return strait::spsc::bounded<T>(n);
  }
};

inline constexpr std::size_t no_bound = static_cast<std::size_t>(-1);

/// A family with a capacity: what a test is run with.
template <class Family>
struct flavour_of {
  std::size_t capacity;

  bool unbounded() const { return capacity == no_bound; }
  bool rendezvous() const { return capacity == 0; }

  template <class T>
  auto make() const {
    return ends_of(unbounded() ? Family::template make_unbounded<T>()
                               : Family::template make_bounded<T>(capacity));
  }
  /// How many of `wish` messages fit while nobody receives.
  int room(int wish) const {
    return unbounded() || static_cast<std::size_t>(wish) <= capacity ? wish
                                                                     : static_cast<int>(capacity);
  }
  std::string name() const {
    const std::string family = Family::family_name;
    if (unbounded()) return family + "_unbounded";
    if (rendezvous()) return family + "_rendezvous";
    return family + "_" + std::to_string(capacity);
  }
};

/// The same as a type, for the lists below.
template <class Family, std::size_t Capacity>
struct with {
  using family = Family;
  static constexpr flavour_of<Family> flavour{Capacity};
};
template <class...>
struct list {};

using every_flavour =
    list<with<mpmc, no_bound>, with<mpmc, 1>, with<mpmc, 3>, with<mpmc, 1000>, with<mpmc, 0>,
         with<mpsc, no_bound>, with<mpsc, 1>, with<mpsc, 3>, with<mpsc, 0>, with<spsc, no_bound>,
         with<spsc, 1>, with<spsc, 3>, with<spsc, 0>>;
/// A message can wait in the channel.
using buffered_flavours =
    list<with<mpmc, no_bound>, with<mpmc, 1>, with<mpmc, 3>, with<mpmc, 1000>, with<mpsc, no_bound>,
         with<mpsc, 1>, with<mpsc, 3>, with<spsc, no_bound>, with<spsc, 1>, with<spsc, 3>>;
/// A sender can wait.
using bounded_flavours =
    list<with<mpmc, 1>, with<mpmc, 3>, with<mpmc, 1000>, with<mpmc, 0>, with<mpsc, 1>,
         with<mpsc, 3>, with<mpsc, 0>, with<spsc, 1>, with<spsc, 3>, with<spsc, 0>>;
using unbounded_flavours = list<with<mpmc, no_bound>, with<mpsc, no_bound>, with<spsc, no_bound>>;
using rendezvous_flavours = list<with<mpmc, 0>, with<mpsc, 0>, with<spsc, 0>>;
using one_place_flavours = list<with<mpmc, 1>, with<mpsc, 1>, with<spsc, 1>>;

template <template <class> class Test, class Fixture, class... With>
bool register_flavours(const char* suite, const char* name, list<With...>, const char* file,
                       int line) {
  const auto add = [&]<class W>(W) {
    const std::string flavour = W::flavour.name();
    ::testing::RegisterTest((suite + ("/" + flavour)).c_str(), name, nullptr, nullptr, file, line,
                            []() -> Fixture* { return new Test<typename W::family>(W::flavour); });
  };
  (add(With{}), ...);
  return true;
}

/// FLAVOUR_TEST(Suite, Name) { ... } is a test over every flavour in the fixture's list `flavours`; its body
/// knows `Family` and `flavour`. The body is compiled once for a family, not once for a capacity, which is
/// why this is not a TYPED_TEST.
#define FLAVOUR_TEST(Suite, Name)                                                               \
  template <class Family>                                                                       \
  class Suite##_##Name : public Suite {                                                         \
   public:                                                                                      \
    explicit Suite##_##Name(::strait_test::flavour_of<Family> f) : flavour(f) {}                \
    void TestBody() override;                                                                   \
                                                                                                \
   private:                                                                                     \
    const ::strait_test::flavour_of<Family> flavour;                                            \
  };                                                                                            \
  [[maybe_unused]] const bool Suite##_##Name##_registered =                                     \
      ::strait_test::register_flavours<Suite##_##Name, Suite>(#Suite, #Name, Suite::flavours{}, \
                                                              __FILE__, __LINE__);              \
  template <class Family>                                                                       \
  void Suite##_##Name<Family>::TestBody()

/// The handle, and as many copies as make `n`, where its type allows copies; else the handle alone.
template <class Handle>
std::vector<Handle> clones(Handle handle, int n) {
  std::vector<Handle> all;
  all.reserve(static_cast<std::size_t>(n));
  if constexpr (std::is_copy_constructible_v<Handle>) {
    for (int i = 1; i < n; ++i) all.push_back(handle);
  }
  all.push_back(std::move(handle));
  return all;
}

}  // namespace strait_test

// SPDX-License-Identifier: BSL-1.0
//
// Pitfalls 13, 22, 23, 24, 28: memory goes back as it was taken, blocks are not kept after bursts, and
// waits that end leave nothing. The program's operator new keeps book of every block.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

namespace {
struct alignas(16) label {
  std::size_t size;
  std::size_t alignment;
};
std::atomic<long long> live_bytes{0};
std::atomic<long long> allocations{0};

[[maybe_unused, gnu::noinline]] void* take(std::size_t size, std::size_t alignment) {
  if (alignment < alignof(label)) alignment = alignof(label);
  const std::size_t front = alignment < sizeof(label) ? sizeof(label) : alignment;
  void* raw = std::aligned_alloc(alignment, (front + size + alignment - 1) / alignment * alignment);
  if (raw == nullptr) throw std::bad_alloc();
  char* user = static_cast<char*>(raw) + front;
  new (user - sizeof(label)) label{size, alignment};
  live_bytes += static_cast<long long>(size);
  ++allocations;
  return user;
}
[[maybe_unused, gnu::noinline]] void give(void* p, std::size_t size, std::size_t alignment) {
  if (p == nullptr) return;
  label* l = reinterpret_cast<label*>(static_cast<char*>(p) - sizeof(label));
  if (alignment != 0 && alignment < alignof(label)) alignment = alignof(label);
  if ((size != 0 && size != l->size) || (alignment != 0 && alignment != l->alignment)) {
    std::fprintf(stderr, "freed as %zu bytes aligned to %zu, allocated as %zu aligned to %zu\n",
                 size, alignment, l->size, l->alignment);
    std::abort();
  }
  live_bytes -= static_cast<long long>(l->size);
  const std::size_t front = l->alignment < sizeof(label) ? sizeof(label) : l->alignment;
  std::free(static_cast<char*>(p) - front);
}
}  // namespace

#if STRAIT_TEST_OWN_NEW
[[gnu::noinline]] void* operator new(std::size_t n) { return take(n, alignof(label)); }
[[gnu::noinline]] void* operator new[](std::size_t n) { return take(n, alignof(label)); }
[[gnu::noinline]] void* operator new(std::size_t n, std::align_val_t a) {
  return take(n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void* operator new[](std::size_t n, std::align_val_t a) {
  return take(n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return take(n, alignof(label));
}
[[gnu::noinline]] void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return take(n, alignof(label));
}
[[gnu::noinline]] void* operator new(std::size_t n, std::align_val_t a,
                                     const std::nothrow_t&) noexcept {
  return take(n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void* operator new[](std::size_t n, std::align_val_t a,
                                       const std::nothrow_t&) noexcept {
  return take(n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { give(p, 0, 0); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { give(p, 0, 0); }
[[gnu::noinline]] void operator delete(void* p, std::size_t n) noexcept { give(p, n, 0); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t n) noexcept { give(p, n, 0); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t a) noexcept {
  give(p, 0, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void operator delete[](void* p, std::align_val_t a) noexcept {
  give(p, 0, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void operator delete(void* p, std::size_t n, std::align_val_t a) noexcept {
  give(p, n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void operator delete[](void* p, std::size_t n, std::align_val_t a) noexcept {
  give(p, n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void operator delete(void* p, const std::nothrow_t&) noexcept { give(p, 0, 0); }
[[gnu::noinline]] void operator delete[](void* p, const std::nothrow_t&) noexcept { give(p, 0, 0); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t a,
                                       const std::nothrow_t&) noexcept {
  give(p, 0, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void operator delete[](void* p, std::align_val_t a,
                                         const std::nothrow_t&) noexcept {
  give(p, 0, static_cast<std::size_t>(a));
}
#endif

using namespace strait_test;

class Allocation : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!STRAIT_TEST_OWN_NEW) GTEST_SKIP() << "the sanitizer's operator new cannot be replaced";
  }
};

namespace {
struct alignas(64) wide {
  char bytes[64];
};
}  // namespace

// pitfalls 13: every block goes back with the size and alignment it was taken with, and all of them go back
TEST_F(Allocation, EveryBlockGoesBackAsItWasTaken) {
  const auto use = [](auto ch, int n) {
    for (int i = 0; i < n; ++i) {
      if (!ch.tx.try_send({})) break;
    }
    for (int i = 0; i < n / 2; ++i) (void)ch.rx.try_recv();
  };
  const auto all = [&]<class T>(T) {
    for (std::size_t capacity : {1U, 2U, 3U, 31U, 32U, 33U, 100U}) {
      use(strait::bounded<T>(capacity), 200);
      use(strait::mpsc::bounded<T>(capacity), 200);
      use(strait::spsc::bounded<T>(capacity), 200);
    }
    use(strait::unbounded<T>(), 200);
    use(strait::mpsc::unbounded<T>(), 200);
    use(strait::spsc::unbounded<T>(), 200);
    use(strait::rendezvous<T>(), 1);
    use(strait::mpsc::bounded<T>(0), 1);
    use(strait::spsc::bounded<T>(0), 1);
    use(strait::oneshot<T>(), 1);
  };
  all('c');  // what a thread's or the program's first use sets up
  const long long before = live_bytes;
  all('c');
  all(1L);
  all(wide{});
  all(std::unique_ptr<int>());
  EXPECT_EQ(live_bytes, before);
}

// pitfalls 23: after a burst the memory goes back while the channel lives
TEST_F(Allocation, NothingIsKeptAfterABurst) {
  const auto check = [](auto ch) {
    (void)ch.tx.send(0);
    (void)ch.rx.recv();
    const long long before = live_bytes;
    for (int burst = 0; burst < 3; ++burst) {
      for (int i = 0; i < 50'000; ++i) ASSERT_TRUE(ch.tx.send(i));
      const long long during = live_bytes;
      EXPECT_GT(during - before, 50'000 * 4);
      for (int i = 0; i < 50'000; ++i) ASSERT_TRUE(got(ch.rx.try_recv(), i));
      EXPECT_LT(live_bytes - before, 16 * 1024);
    }
  };
  check(strait::unbounded<int>());
  check(strait::mpsc::unbounded<int>());
  check(strait::spsc::unbounded<int>());
}

// pitfalls 23: an unbounded channel in steady use does not grow
TEST_F(Allocation, ASteadyStreamDoesNotGrow) {
  const auto check = [](auto ch) {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(ch.tx.send(i));
    const long long before = live_bytes;
    for (int i = 0; i < 50'000; ++i) {
      ASSERT_TRUE(ch.tx.send(100 + i));
      ASSERT_TRUE(got(ch.rx.recv(), i));
    }
    EXPECT_LT(live_bytes - before, 16 * 1024);
  };
  check(strait::unbounded<int>());
  check(strait::mpsc::unbounded<int>());
  check(strait::spsc::unbounded<int>());
}

// pitfalls 22, 24, 28: waits that end by themselves take no memory and keep none
TEST_F(Allocation, WaitsThatEndKeepNothing) {
  const auto check = [](auto ch) {
    auto other = strait::unbounded<int>();
    const auto wait = [&] {
      (void)ch.rx.recv_for(1us);
      (void)ch.rx.try_recv();
      (void)ch.rx.recv(stopped_token());
      strait::select(strait::on_recv(ch.rx), strait::on_recv(other.rx),
                     strait::on_timeout(1us, [] {}));
    };
    wait();
    const long long bytes = live_bytes;
    for (int i = 0; i < rounds(300); ++i) wait();
    EXPECT_EQ(live_bytes, bytes);
    EXPECT_TRUE(other.tx.send(1));
    EXPECT_TRUE(got(other.rx.recv(), 1));
  };
  check(strait::unbounded<int>());
  check(strait::bounded<int>(1));
  check(strait::rendezvous<int>());
  check(strait::mpsc::unbounded<int>());
  check(strait::spsc::bounded<int>(2));
}

// pitfalls 22: nor does a crowd of waiters leave anything behind
TEST_F(Allocation, ACrowdOfWaitersLeavesNothing) {
  auto [tx, rx] = strait::bounded<int>(1);
  const auto crowd = [&] {
    std::vector<worker> workers;
    for (int i = 0; i < 16; ++i) {
      workers.emplace_back([&rx] { EXPECT_TRUE(failed(rx.recv_for(5ms), errc::timeout)); });
    }
  };
  crowd();
  const long long before = live_bytes;
  crowd();
  EXPECT_EQ(live_bytes, before);
}

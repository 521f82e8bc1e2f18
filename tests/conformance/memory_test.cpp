// SPDX-License-Identifier: BSL-1.0
//
// Memory: an unbounded send that gets none, selects that need none, and the steady state of a bound.
// The program's operator new is replaced to count and to fail on demand (not inlined: GCC would see malloc
// meet delete and warn).
#include <cstdlib>
#include <new>
#include <vector>

#include "flavours.hpp"
#include "support.hpp"

namespace {
thread_local bool fail_allocations = false;
thread_local long allocations = 0;

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  if (fail_allocations) return nullptr;
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
[[maybe_unused]] void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* p = allocate(size, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

#if STRAIT_TEST_OWN_NEW
[[gnu::noinline]] void* operator new(std::size_t n) { return allocate_or_throw(n, 1); }
[[gnu::noinline]] void* operator new[](std::size_t n) { return allocate_or_throw(n, 1); }
[[gnu::noinline]] void* operator new(std::size_t n, std::align_val_t a) {
  return allocate_or_throw(n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void* operator new[](std::size_t n, std::align_val_t a) {
  return allocate_or_throw(n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return allocate(n, 1);
}
[[gnu::noinline]] void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return allocate(n, 1);
}
[[gnu::noinline]] void* operator new(std::size_t n, std::align_val_t a,
                                     const std::nothrow_t&) noexcept {
  return allocate(n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void* operator new[](std::size_t n, std::align_val_t a,
                                       const std::nothrow_t&) noexcept {
  return allocate(n, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete[](void* p, std::align_val_t,
                                         const std::nothrow_t&) noexcept {
  std::free(p);
}
#endif

using namespace strait_test;

class Memory : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!STRAIT_TEST_OWN_NEW) GTEST_SKIP() << "the sanitizer's operator new cannot be replaced";
  }
};

namespace {
class no_memory {
 public:
  no_memory() { fail_allocations = true; }
  ~no_memory() { fail_allocations = false; }
  no_memory(const no_memory&) = delete;
  no_memory& operator=(const no_memory&) = delete;
};
template <class Body>
long allocations_of(Body body) {
  const long before = allocations;
  body();
  return allocations - before;
}
enum class how { sent, threw };
}  // namespace

class MemoryUnbounded : public Memory {
 public:
  using flavours = unbounded_flavours;

 protected:
  void SetUp() override {
    Memory::SetUp();
    counted::start_over();
  }
  void TearDown() override {
    EXPECT_EQ(counted::live(), 0);
    EXPECT_EQ(counted::made(), counted::died());
  }
};

// api: an unbounded send that gets no memory throws bad_alloc before a place is claimed; the channel is unchanged
FLAVOUR_TEST(MemoryUnbounded, ASendWithoutMemoryChangesNothing) {
  auto [tx, rx] = flavour.template make<counted>();
  int sent = 0, refused = 0;
  for (int i = 0; i < 2000; ++i) {
    how outcome = how::sent;
    {
      const no_memory none;
      try {
        auto r = i % 3 == 0   ? tx.try_send(counted(sent))
                 : i % 3 == 1 ? tx.send(counted(sent))
                              : tx.send_for(counted(sent), 1h);
        if (!r) std::abort();
      } catch (const std::bad_alloc&) {
        outcome = how::threw;
      }
    }
    if (outcome == how::sent) {
      ++sent;
      ASSERT_EQ(rx.size(), static_cast<std::size_t>(sent));
      continue;
    }
    ++refused;
    ASSERT_EQ(rx.size(), static_cast<std::size_t>(sent));
    ASSERT_EQ(counted::live(), sent);
    ASSERT_FALSE(tx.is_closed());
    ASSERT_TRUE(tx.send(counted(sent)));  // with memory it goes on
    ++sent;
  }
  EXPECT_GT(refused, 0) << "2000 messages needed no memory?";
  for (int i = 0; i < sent; ++i) ASSERT_TRUE(got(rx.try_recv(), i));
  EXPECT_TRUE(failed(rx.try_recv(), errc::empty));
}

// the same for a send arm of a select: no place is lost, and the other arms live on
FLAVOUR_TEST(MemoryUnbounded, ASelectWithoutMemoryChangesNothing) {
  auto [tx, rx] = flavour.template make<counted>();
  int sent = 0, refused = 0;
  for (int i = 0; i < 1000; ++i) {
    how outcome = how::sent;
    {
      const no_memory none;
      try {
        strait::select(strait::on_send(tx, counted(sent)));
      } catch (const std::bad_alloc&) {
        outcome = how::threw;
      }
    }
    if (outcome == how::threw) {
      ++refused;
      ASSERT_EQ(rx.size(), static_cast<std::size_t>(sent));
      ASSERT_TRUE(tx.send(counted(sent)));
    }
    ++sent;
  }
  EXPECT_GT(refused, 0);
  for (int i = 0; i < sent; ++i) ASSERT_TRUE(got(rx.try_recv(), i));
}

// receiving needs no memory
FLAVOUR_TEST(MemoryUnbounded, ReceivingAllocatesNothing) {
  auto [tx, rx] = flavour.template make<counted>();
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(tx.send(counted(i)));
  int next = 0;
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 250; ++i) next += rx.try_recv().has_value();
              for (int i = 0; i < 250; ++i) next += rx.recv().has_value();
            }),
            0);
  EXPECT_EQ(next, 500);
}

// api: select allocates nothing, waiting or not
TEST_F(Memory, SelectAllocatesNothing) {
  auto a = strait::bounded<int>(1);
  auto b = strait::rendezvous<int>();
  auto c = strait::mpsc::bounded<int>(2);
  auto d = strait::spsc::bounded<int>(2);
  std::stop_source stop;
  auto token = stop.get_token();
  int handled = 0;
  const auto once = [&](std::chrono::microseconds wait) {
    strait::select(strait::on_recv(a.rx, [&](int) { ++handled; }),
                   strait::on_recv(b.rx, [&](int) { ++handled; }),
                   strait::on_recv(c.rx, [&](int) { ++handled; }),
                   strait::on_recv(d.rx, [&](int) { ++handled; }), strait::on_send(b.tx, 1),
                   strait::on_stop(token, [] {}), strait::on_timeout(wait, [] {}));
    strait::select(strait::on_send(a.tx, 1), strait::otherwise([] {}));
  };
  once(1us);  // a thread's first select may set the thread up
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 50; ++i) once(20us);
            }),
            0);
  EXPECT_GT(handled, 0);
}

// the waits of plain operations allocate nothing, either
TEST_F(Memory, WaitAllocatesNothing) {
  const auto check = [](auto ch) {
    (void)ch.rx.recv_for(1us);
    EXPECT_EQ(allocations_of([&] {
                for (int i = 0; i < 20; ++i) {
                  (void)ch.rx.recv_for(20us);
                  (void)ch.tx.send_for(1, 20us);
                  (void)ch.tx.send_for(1, 20us);
                  (void)ch.rx.try_recv();
                }
              }),
              0);
  };
  check(strait::bounded<int>(1));
  check(strait::rendezvous<int>());
  check(strait::mpsc::bounded<int>(1));
  check(strait::mpsc::bounded<int>(0));
  check(strait::spsc::bounded<int>(1));
  check(strait::spsc::bounded<int>(0));
}

// a handle's copies and moves allocate nothing
TEST_F(Memory, HandlesCopiesAllocateNothing) {
  auto [tx, rx] = strait::unbounded<int>();
  EXPECT_EQ(allocations_of([&] {
              auto a = tx;
              auto b = std::move(a);
              auto c = rx;
              auto w = tx.downgrade();
              auto l = w.lock();
            }),
            0);
}

// making a channel without memory throws, and leaks nothing
TEST_F(Memory, MakingWithoutMemoryThrows) {
  int thrown = 0;
  const auto attempt = [&](auto make) {
    const no_memory none;
    try {
      auto ch = make();
    } catch (const std::bad_alloc&) {
      ++thrown;
    }
  };
  attempt([] { return strait::unbounded<int>(); });
  attempt([] { return strait::bounded<int>(5); });
  attempt([] { return strait::rendezvous<int>(); });
  attempt([] { return strait::mpsc::unbounded<int>(); });
  attempt([] { return strait::mpsc::bounded<int>(5); });
  attempt([] { return strait::spsc::unbounded<int>(); });
  attempt([] { return strait::spsc::bounded<int>(5); });
  attempt([] { return strait::oneshot<int>(); });
  EXPECT_EQ(thrown, 8);
}

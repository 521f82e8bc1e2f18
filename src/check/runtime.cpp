// SPDX-License-Identifier: BSL-1.0
//
// The functions that the program under check calls: to the machine, or outside an exploration the plain thing.
#include <strait/check/runtime.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "machine.hpp"

namespace strait::check::rt {

// What lies below the caller's frame on the stack of this thread is not the program's.
static detail::machine* running(const void* frame = __builtin_frame_address(0)) noexcept {
  detail::machine* m = detail::running();
  if (m != nullptr) m->entered(frame);
  return m;
}

void construct(void* object, unsigned size, where at) noexcept {
  if (auto* m = running()) m->construct(object, size, at);
}
word load(const void* object, unsigned size, order o, where at) noexcept {
  if (auto* m = running()) return m->load(object, size, o, at);
  return detail::read_raw(object, size);
}
void store(void* object, unsigned size, word value, order o, where at) noexcept {
  if (auto* m = running()) return m->store(object, size, value, o, at);
  detail::write_raw(object, size, value);
}
word modify(void* object, unsigned size, rmw how, word operand, order o, where at) noexcept {
  if (auto* m = running()) return m->modify(object, size, how, operand, o, at);
  const word before = detail::read_raw(object, size);
  detail::write_raw(object, size, detail::apply(how, before, operand));
  return before;
}
bool compare_exchange(void* object, unsigned size, word& expected, word desired, order success,
                      order failure, bool weak, where at) noexcept {
  if (auto* m = running())
    return m->compare_exchange(object, size, expected, desired, success, failure, weak, at);
  const word seen = detail::read_raw(object, size);
  if (seen != (expected & detail::mask_of(size))) {
    expected = seen;
    return false;
  }
  detail::write_raw(object, size, desired);
  return true;
}
void light_fence(where at) noexcept {
  if (auto* m = running()) m->light_fence(at);
}
void heavy_fence(where at) noexcept {
  if (auto* m = running()) m->heavy_fence(at);
}
bool asymmetric() noexcept {
  auto* m = running();
  return m == nullptr || m->asymmetric();
}
void fence(order o, where at) noexcept {
  if (auto* m = running()) m->fence(o, at);
}
void lock(void* mutex, where at) noexcept {
  if (auto* m = running()) m->lock(mutex, at);
}
void unlock(void* mutex, where at) noexcept {
  if (auto* m = running()) m->unlock(mutex, at);
}
void futex_wait(void* object, std::uint32_t expected, std::int64_t until, where at) noexcept {
  if (auto* m = running()) m->futex_wait(object, expected, until, at);
}
void futex_wake(void* object, bool all, where at) noexcept {
  if (auto* m = running()) m->futex_wake(object, all, at);
}
std::int64_t now() noexcept {
  auto* m = running();
  return m != nullptr ? m->now() : 0;
}
void advance(std::int64_t nanoseconds) noexcept {
  if (auto* m = running()) m->advance(nanoseconds);
}
void yield(where at) noexcept {
  if (auto* m = running()) m->yield(at);
}
unsigned processors() noexcept {
  auto* m = running();
  return m != nullptr ? m->processors() : 1;
}
word random() noexcept { return 0x2545F4914F6CDD1DU; }
void* allocate(std::size_t bytes, std::size_t align, bool zeroed, where at) {
  if (auto* m = running()) return m->allocate(bytes, align, zeroed, at);
  void* p = std::aligned_alloc(std::max<std::size_t>(align, 16), (bytes + align + 15) / 16 * 16);
  if (p != nullptr && zeroed) std::memset(p, 0, bytes);
  return p;
}
void deallocate(void* p, where at) noexcept {
  if (auto* m = running()) return m->deallocate(p, at);
  std::free(p);
}
void plain_read(const void* object, std::size_t size, where at) noexcept {
  if (auto* m = running()) m->plain(object, size, false, at);
}
void plain_write(void* object, std::size_t size, where at) noexcept {
  if (auto* m = running()) m->plain(object, size, true, at);
}
void operation_begin(where at) noexcept {
  if (auto* m = running()) m->operation_begin(at);
}
void operation_end() noexcept {
  if (auto* m = running()) m->operation_end();
}
int spawn(entry f, void* argument, where at) {
  if (auto* m = running()) return m->spawn(f, argument, at);
  f(argument);
  return -1;
}
void join(int thread, where at) noexcept {
  if (auto* m = running()) m->join(thread, at);
}
bool asleep(int thread) noexcept {
  auto* m = running();
  return m != nullptr && thread >= 0 && m->asleep(thread);
}
int self() noexcept {
  const auto* m = running();
  return m != nullptr ? m->self() : -1;
}
void*& local() noexcept {
  static thread_local void* outside = nullptr;
  auto* m = running();
  return m != nullptr ? m->local() : outside;
}
unsigned choose(unsigned n, where at) noexcept {
  auto* m = running();
  return m != nullptr ? m->choose_value(n, at) : 0;
}
bool often(where at) noexcept {
  auto* m = running();
  return m != nullptr && m->often(at);
}
bool bad_odds(where at) noexcept {
  auto* m = running();
  return m != nullptr && m->bad_odds(at);
}
void require(bool condition, const char* sentence, where at) noexcept {
  if (auto* m = running()) return m->require(condition, sentence, at);
  if (condition) return;
  std::fprintf(stderr, "%s:%d: strait::check: %s\n", at.file, at.line, sentence);
  std::abort();
}
bool exploring() noexcept { return running() != nullptr; }

}  // namespace strait::check::rt

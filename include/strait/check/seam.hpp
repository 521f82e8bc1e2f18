// SPDX-License-Identifier: BSL-1.0
//
// The stand-in for base/sync.hpp in a model build (STRAIT_CHECK=1): the same names, each of them a step
// that the explorer orders, delays, or lets fail. base/sync.hpp says what the names mean.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <strait/base/config.hpp>
#include <strait/check/runtime.hpp>

namespace strait::inline STRAIT_ABI {

namespace sync {

namespace rt = strait::check::rt;

inline constexpr rt::order relaxed = rt::order::relaxed;
inline constexpr rt::order acquire = rt::order::acquire;
inline constexpr rt::order release = rt::order::release;
inline constexpr rt::order acq_rel = rt::order::acq_rel;
inline constexpr rt::order seq_cst = rt::order::seq_cst;

/// As std::atomic, for what fits in 64 bits; the order is never defaulted. Memory full of zero bytes is
/// an atomic whose value is zero, as with the real one.
template <class T>
class atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(rt::word));
  using where = rt::where;

 public:
  atomic(where at = where::here()) noexcept : atomic(T(), at) {}
  atomic(T value, where at = where::here()) noexcept : value_(value) {
    rt::construct(&value_, sizeof(T), at);
  }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(rt::order o, where at = where::here()) const noexcept {
    return as_value(rt::load(&value_, sizeof(T), o, at));
  }
  void store(T value, rt::order o, where at = where::here()) noexcept {
    rt::store(&value_, sizeof(T), as_word(value), o, at);
  }
  T exchange(T value, rt::order o, where at = where::here()) noexcept {
    return modify(rt::rmw::exchange, value, o, at);
  }
  T fetch_add(T value, rt::order o, where at = where::here()) noexcept {
    return modify(rt::rmw::add, value, o, at);
  }
  T fetch_sub(T value, rt::order o, where at = where::here()) noexcept {
    return modify(rt::rmw::sub, value, o, at);
  }
  T fetch_or(T value, rt::order o, where at = where::here()) noexcept {
    return modify(rt::rmw::bit_or, value, o, at);
  }
  T fetch_and(T value, rt::order o, where at = where::here()) noexcept {
    return modify(rt::rmw::bit_and, value, o, at);
  }
  T fetch_xor(T value, rt::order o, where at = where::here()) noexcept {
    return modify(rt::rmw::bit_xor, value, o, at);
  }
  bool compare_exchange_weak(T& expected, T desired, rt::order success, rt::order failure,
                             where at = where::here()) noexcept {
    return exchange_if(expected, desired, success, failure, true, at);
  }
  bool compare_exchange_strong(T& expected, T desired, rt::order success, rt::order failure,
                               where at = where::here()) noexcept {
    return exchange_if(expected, desired, success, failure, false, at);
  }

  void* address() noexcept { return &value_; }

 private:
  static rt::word as_word(T value) noexcept {
    rt::word w = 0;
    std::memcpy(&w, &value, sizeof(T));
    return w;
  }
  static T as_value(rt::word w) noexcept {
    T value;
    std::memcpy(&value, &w, sizeof(T));
    return value;
  }
  T modify(rt::rmw how, T operand, rt::order o, where at) noexcept {
    return as_value(rt::modify(&value_, sizeof(T), how, as_word(operand), o, at));
  }
  bool exchange_if(T& expected, T desired, rt::order success, rt::order failure, bool weak,
                   where at) noexcept {
    rt::word seen = as_word(expected);
    const bool done = rt::compare_exchange(&value_, sizeof(T), seen, as_word(desired), success,
                                           failure, weak, at);
    if (!done) expected = as_value(seen);
    return done;
  }

  T value_;
};

struct seam_counts {
  std::uint64_t locks = 0;
  std::uint64_t syscalls = 0;
  std::uint64_t yields = 0;
  std::uint64_t allocations = 0;
};
inline seam_counts counts() noexcept { return {}; }
namespace detail {
inline void count_lock() noexcept {}
}  // namespace detail

inline void full_fence(rt::where at = rt::where::here()) noexcept { rt::fence(seq_cst, at); }
inline void light_fence(rt::where at = rt::where::here()) noexcept { rt::light_fence(at); }
inline void heavy_fence(rt::where at = rt::where::here()) noexcept { rt::heavy_fence(at); }
inline bool asymmetric() noexcept { return rt::asymmetric(); }
template <class What, class>
What& own() noexcept {
  static What any;  // there is nothing in it
  return any;
}

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

inline time_point now() noexcept { return time_point(std::chrono::nanoseconds(rt::now())); }
inline void pause(unsigned = 1, rt::where at = rt::where::here()) noexcept { rt::yield(at); }
inline void yield(rt::where at = rt::where::here()) noexcept { rt::yield(at); }
constexpr unsigned looks_before_yields() noexcept { return 1; }
inline constexpr unsigned yields_before_sleep = 0;  // the sleep is a scheduling point
inline unsigned processors() noexcept { return rt::processors(); }
constexpr unsigned this_processor() noexcept { return 0; }
inline std::uint64_t random() noexcept { return rt::random(); }

using futex_word = atomic<std::uint32_t>;

inline void futex_wait(futex_word& word, std::uint32_t expected, time_point until,
                       rt::where at = rt::where::here()) noexcept {
  const auto ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(until.time_since_epoch()).count();
  rt::futex_wait(word.address(), expected, until == time_point::max() ? rt::no_deadline : ns, at);
}
inline void futex_wake_one(futex_word* word, rt::where at = rt::where::here()) noexcept {
  rt::futex_wake(word, false, at);
}
inline void futex_wake_all(futex_word* word, rt::where at = rt::where::here()) noexcept {
  rt::futex_wake(word, true, at);
}

class ideal_mutex {
 public:
  ideal_mutex() noexcept = default;
  ideal_mutex(const ideal_mutex&) = delete;
  ideal_mutex& operator=(const ideal_mutex&) = delete;
  void lock(rt::where at = rt::where::here()) noexcept { rt::lock(this, at); }
  void unlock(rt::where at = rt::where::here()) noexcept { rt::unlock(this, at); }

 private:
  [[maybe_unused]] std::uint32_t place_ = 0;  // the explorer knows the lock by its address
};
template <class>
using lock_for = ideal_mutex;  // the real one has models of its own

[[noreturn]] STRAIT_COLD inline void no_memory() {
#if STRAIT_EXCEPTIONS
  throw std::bad_alloc();
#else
  std::terminate();
#endif
}

inline void* allocate(std::size_t bytes, std::size_t align, rt::where at = rt::where::here()) {
  void* p = rt::allocate(bytes, align, false, at);
  if (p == nullptr) no_memory();
  return p;
}
inline void* allocate_another(std::size_t bytes, std::size_t align, auto&&,
                              rt::where at = rt::where::here()) {
  return allocate(bytes, align, at);
}
inline void deallocate(void* p, std::size_t, rt::where at = rt::where::here()) noexcept {
  rt::deallocate(p, at);
}
inline void* allocate_zeroed(std::size_t bytes, std::size_t align,
                             rt::where at = rt::where::here()) {
  void* p = rt::allocate(bytes, align, true, at);
  if (p == nullptr) no_memory();
  return p;
}
inline void deallocate_zeroed(void* p, std::size_t, std::size_t,
                              rt::where at = rt::where::here()) noexcept {
  rt::deallocate(p, at);
}

/// One operation of a channel, for explorations that switch threads between operations only.
class operation {
 public:
  explicit operation(rt::where at = rt::where::here()) noexcept { rt::operation_begin(at); }
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() { rt::operation_end(); }
};

}  // namespace sync

// ---- stop tokens: std's compare thread identities, which fibers share -------------------------------

namespace detail {

struct stop_callback_base {
  stop_callback_base* previous = nullptr;
  stop_callback_base* next = nullptr;
  bool listed = false;
  virtual void run() noexcept = 0;

 protected:
  ~stop_callback_base() = default;
};

class stop_state {
 public:
  bool requested() const noexcept { return requested_.load(sync::acquire); }  // pairs with request

  bool request() noexcept {
    mutex_.lock();
    if (requested_.load(sync::relaxed)) {  // relaxed: under the lock
      mutex_.unlock();
      return false;
    }
    requested_.store(true, sync::release);  // pairs with requested
    runner_ = sync::rt::self();
    while (stop_callback_base* c = first_) {
      unlink(*c);
      running_ = c;
      mutex_.unlock();
      c->run();
      mutex_.lock();
      running_ = nullptr;
      // release: a destructor that waited goes on; relaxed look: under the lock
      turns_.store(turns_.load(sync::relaxed) + 1, sync::release);
      sync::futex_wake_all(&turns_);
    }
    mutex_.unlock();
    return true;
  }

  bool add(stop_callback_base& c) noexcept {
    mutex_.lock();
    const bool late = requested_.load(sync::relaxed);  // relaxed: under the lock
    if (!late) {
      c.next = first_;
      if (first_ != nullptr) first_->previous = &c;
      first_ = &c;
      c.listed = true;
    }
    mutex_.unlock();
    return !late;
  }

  void remove(stop_callback_base& c) noexcept {
    mutex_.lock();
    if (c.listed) unlink(c);
    while (running_ == &c && runner_ != sync::rt::self()) {
      const std::uint32_t turn = turns_.load(sync::relaxed);  // relaxed: under the lock
      mutex_.unlock();
      sync::futex_wait(turns_, turn, sync::time_point::max());
      mutex_.lock();
    }
    mutex_.unlock();
  }

 private:
  void unlink(stop_callback_base& c) noexcept {
    (c.previous != nullptr ? c.previous->next : first_) = c.next;
    if (c.next != nullptr) c.next->previous = c.previous;
    c.previous = c.next = nullptr;
    c.listed = false;
  }

  sync::ideal_mutex mutex_;
  sync::atomic<bool> requested_{false};
  sync::futex_word turns_{0};
  stop_callback_base* first_ = nullptr;
  stop_callback_base* running_ = nullptr;
  int runner_ = -1;
};

}  // namespace detail

class stop_token {
 public:
  stop_token() noexcept = default;
  bool stop_requested() const noexcept { return state_ != nullptr && state_->requested(); }
  bool stop_possible() const noexcept { return state_ != nullptr; }

 private:
  friend class stop_source;
  template <class>
  friend class stop_callback;
  std::shared_ptr<detail::stop_state> state_;
};

class stop_source {
 public:
  stop_source() : state_(std::make_shared<detail::stop_state>()) {}
  stop_token get_token() const noexcept {
    stop_token t;
    t.state_ = state_;
    return t;
  }
  bool request_stop() noexcept { return state_->request(); }
  bool stop_requested() const noexcept { return state_->requested(); }

 private:
  std::shared_ptr<detail::stop_state> state_;
};

template <class F>
class stop_callback final : private detail::stop_callback_base {
 public:
  template <class C>
  explicit stop_callback(const stop_token& token, C&& f)
      : f_(std::forward<C>(f)), state_(token.state_) {
    if (state_ != nullptr && !state_->add(*this)) run();
  }
  stop_callback(const stop_callback&) = delete;
  stop_callback& operator=(const stop_callback&) = delete;
  ~stop_callback() {
    if (state_ != nullptr) state_->remove(*this);
  }

 private:
  void run() noexcept override { f_(); }

  F f_;
  std::shared_ptr<detail::stop_state> state_;
};

}  // namespace strait::inline STRAIT_ABI

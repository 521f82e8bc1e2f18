// SPDX-License-Identifier: BSL-1.0
//
// Messages that notice. A `parcel` counts its instances, knows whether it is alive, and owns memory, so
// that a message which is lost, doubled, torn or destroyed twice shows up: in the ledger, in its own
// check, or in the allocator. `wide` shows tearing over many words. Plain integers keep the machine
// fast; all three answer the same questions through `message_traits`.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace strait_test {

/// How many parcels live. Spread over lines, so that counting does not put threads in step.
class ledger {
 public:
  static void born() noexcept { mine().born.fetch_add(1, std::memory_order_relaxed); }
  static void died() noexcept { mine().died.fetch_add(1, std::memory_order_relaxed); }

  /// Exact when no thread is at work on parcels (and whoever was has been joined).
  static std::int64_t live() noexcept {
    std::int64_t sum = 0;
    for (const auto& line : lines_) {
      sum += line.born.load(std::memory_order_relaxed) - line.died.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  struct alignas(128) line {
    std::atomic<std::int64_t> born, died;  // zero from the start (C++20)
  };
  static line& mine() noexcept {
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t index =
        threads.fetch_add(1, std::memory_order_relaxed) % lines_.size();
    return lines_[index];
  }
  static inline std::array<line, 32> lines_{};
};

[[noreturn]] inline void payload_broken(const char* what) {
  std::fprintf(stderr, "payload: %s\n", what);
  std::abort();
}

/// Move-only, owns memory, counted. A moved-from parcel is alive and holds nothing.
class parcel {
 public:
  parcel(std::uint32_t producer, std::uint64_t seq)
      : producer_(producer), seq_(seq), body_(std::make_unique<std::uint64_t>(mix(producer, seq))) {
    ledger::born();
  }
  parcel(parcel&& other) noexcept
      : producer_(other.producer_), seq_(other.seq_), body_(std::move(other.body_)) {
    other.expect_alive();
    ledger::born();
  }
  parcel& operator=(parcel&& other) noexcept {
    expect_alive();
    other.expect_alive();
    producer_ = other.producer_;
    seq_ = other.seq_;
    body_ = std::move(other.body_);
    return *this;
  }
  parcel(const parcel&) = delete;
  parcel& operator=(const parcel&) = delete;
  ~parcel() {
    expect_alive();
    alive_ = dead;
    ledger::died();
  }

  std::uint32_t producer() const noexcept { return producer_; }
  std::uint64_t seq() const noexcept { return seq_; }
  bool holds() const noexcept { return body_ != nullptr; }
  bool intact() const noexcept {
    expect_alive();
    return body_ != nullptr && *body_ == mix(producer_, seq_);
  }

 private:
  static constexpr std::uint32_t living = 0xA11FE5E1U;
  static constexpr std::uint32_t dead = 0xDEADDEADU;

  static std::uint64_t mix(std::uint32_t producer, std::uint64_t seq) noexcept {
    return (seq + 1) * 0x9E3779B97F4A7C15U ^ producer;
  }
  void expect_alive() const noexcept {
    if (alive_ != living) payload_broken("used or destroyed while not alive");
  }

  volatile std::uint32_t alive_ = living;  // volatile: the store in the destructor must happen
  std::uint32_t producer_;
  std::uint64_t seq_;
  std::unique_ptr<std::uint64_t> body_;
};

/// 200 bytes without an allocation: tearing over several cache lines shows.
class wide {
 public:
  wide(std::uint32_t producer, std::uint64_t seq) noexcept {
    words_.fill(seq);
    words_[0] = producer;
  }
  std::uint32_t producer() const noexcept { return static_cast<std::uint32_t>(words_[0]); }
  std::uint64_t seq() const noexcept { return words_[1]; }
  bool intact() const noexcept {
    for (std::size_t i = 2; i < words_.size(); ++i) {
      if (words_[i] != words_[1]) return false;
    }
    return true;
  }

 private:
  std::array<std::uint64_t, 25> words_;
};

/// What a test asks of a message. `seq` starts at 1, so 0 is "none yet".
template <class M>
struct message_traits {
  static M make(std::uint32_t producer, std::uint64_t seq) { return M(producer, seq); }
  static std::uint32_t producer(const M& m) noexcept { return m.producer(); }
  static std::uint64_t seq(const M& m) noexcept { return m.seq(); }
  static bool intact(const M& m) noexcept { return m.intact(); }
};

template <>
struct message_traits<std::uint64_t> {
  static std::uint64_t make(std::uint32_t producer, std::uint64_t seq) noexcept {
    return (std::uint64_t{producer} << 48) | seq;
  }
  static std::uint32_t producer(std::uint64_t m) noexcept {
    return static_cast<std::uint32_t>(m >> 48);
  }
  static std::uint64_t seq(std::uint64_t m) noexcept { return m & ((std::uint64_t{1} << 48) - 1); }
  static bool intact(std::uint64_t m) noexcept { return seq(m) != 0; }
};

}  // namespace strait_test

// SPDX-License-Identifier: BSL-1.0
//
// The arithmetic and the memory that the rings with turns share: see queue/ring.hpp for what they mean.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// Reads and advances a word [ lap | position | reserved:8 | closed:1 ].
class ring_words {
 public:
  static constexpr std::uint64_t closed = 1;
  static constexpr std::uint64_t one_reserved = 2;
  static constexpr std::uint64_t most_reserved = 255;
  static constexpr std::uint64_t flags = 0x1FF;

  explicit ring_words(std::size_t capacity) noexcept
      : capacity_(capacity), position_bits_(static_cast<unsigned>(std::bit_width(capacity - 1))) {}

  std::size_t capacity() const noexcept { return capacity_; }

  std::size_t position(std::uint64_t word) const noexcept {
    return static_cast<std::size_t>((word >> flag_bits) &
                                    ((std::uint64_t{1} << position_bits_) - 1));
  }
  std::uint64_t lap(std::uint64_t word) const noexcept {
    return word >> flag_bits >> position_bits_;
  }

  std::uint32_t turn(std::uint64_t word) const noexcept {
    return static_cast<std::uint32_t>(lap(word) << 1);
  }
  std::uint32_t turn_after(std::uint64_t word) const noexcept { return turn(word + one_lap()); }

  /// One place further; the flags stay.
  std::uint64_t next(std::uint64_t word) const noexcept {
    const std::size_t p = position(word);
    if (p + 1 < capacity_) [[likely]]
      return word + (std::uint64_t{1} << flag_bits);
    return word - (std::uint64_t{p} << flag_bits) + one_lap();
  }

  /// Without the flags: grows with every claim.
  static std::uint64_t index(std::uint64_t word) noexcept { return word >> flag_bits; }

  std::size_t reserved(std::uint64_t word) const noexcept {
    return static_cast<std::size_t>((word >> 1) & most_reserved);
  }
  bool same_place(std::uint64_t a, std::uint64_t b) const noexcept {
    return (a >> flag_bits) == (b >> flag_bits);
  }

  /// From `head` to `tail`, where head is not older than a whole lap. A head read before the tail may be
  /// old and give more than the capacity; a head read after it may have passed it, which counts as 0.
  std::size_t count(std::uint64_t tail, std::uint64_t head) const noexcept {
    const std::size_t t = position(tail), h = position(head);
    if (lap(tail) == lap(head)) return t > h ? t - h : 0;
    if (lap(tail) == lap(head + one_lap())) return capacity_ + t - h;
    // More than a lap apart: the two were not read at one time. Behind counts as full, ahead as empty.
    return static_cast<std::int64_t>(tail - head) > 0 ? capacity_ : 0;
  }

 private:
  static constexpr unsigned flag_bits = 9;
  std::uint64_t one_lap() const noexcept { return std::uint64_t{1} << flag_bits << position_bits_; }

  std::size_t capacity_;
  unsigned position_bits_;
};

template <class T>
struct ring_place {
  sync::atomic<std::uint32_t> turn;
  slot<T> message;
};

/// The places of a ring with turns: zeroed memory, which is what an empty ring looks like.
template <class T>
class ring_places {
 public:
  explicit ring_places(std::size_t capacity) : size_(capacity) {
    // positions need a lap bit beside them, and pointers must be able to count bytes
    constexpr std::size_t most =
        static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) /
        sizeof(ring_place<T>);
    if (capacity > most) sync::no_memory();
    first_ = static_cast<ring_place<T>*>(
        sync::allocate_zeroed(capacity * sizeof(ring_place<T>), alignof(ring_place<T>)));
  }
  ring_places(const ring_places&) = delete;
  ring_places& operator=(const ring_places&) = delete;
  ~ring_places() {
    sync::deallocate_zeroed(first_, size_ * sizeof(ring_place<T>), alignof(ring_place<T>));
  }

  ring_place<T>& operator[](std::size_t i) const noexcept { return first_[i]; }

  /// Ends the life of every message from `head` on; nobody else is there any more.
  void destroy_from(const ring_words& words, std::uint64_t head) noexcept {
    for (std::size_t i = 0; i < size_; ++i, head = words.next(head)) {
      ring_place<T>& p = first_[words.position(head)];
      // acquire as A1, by the last owner of the channel
      if (p.turn.load(sync::acquire) != words.turn(head) + 1) return;
      p.message.take([](T&&) noexcept {});
    }
  }

 private:
  ring_place<T>* first_ = nullptr;
  std::size_t size_;
};

}  // namespace strait::inline STRAIT_ABI::detail

// SPDX-License-Identifier: BSL-1.0
//
// The arithmetic and the memory that the rings with turns share: see queue/ring.hpp for what they mean.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <strait/base/slot.hpp>
#include <strait/base/sync.hpp>
#include <strait/queue/place_line.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// A word [ lap | position | reserved:8 | closed:1 ].
struct ring_words {
  static constexpr std::uint64_t closed = 1;
  static constexpr std::uint64_t one_reserved = 2;
  static constexpr std::uint64_t most_reserved = 255;
  static constexpr std::uint64_t flags = 0x1FF;

  /// Without the flags: grows with every claim.
  static std::uint64_t index(std::uint64_t word) noexcept { return word >> flag_bits; }

  static std::size_t reserved(std::uint64_t word) noexcept {
    return static_cast<std::size_t>((word >> 1) & most_reserved);
  }
  static bool same_place(std::uint64_t a, std::uint64_t b) noexcept {
    return (a >> flag_bits) == (b >> flag_bits);
  }

 protected:
  static constexpr unsigned flag_bits = 9;
};

/// Reads and advances the words of a ring whose places lie in lines of a shape.
template <class Shape>
class ring_laps : public ring_words {
 public:
  explicit ring_laps(std::size_t capacity) noexcept
      : capacity_(capacity),
        last_(Shape::position(capacity - 1)),
        position_bits_(static_cast<unsigned>(std::bit_width(last_))) {}

  std::size_t capacity() const noexcept { return capacity_; }

  std::size_t position(std::uint64_t word) const noexcept {
    return static_cast<std::size_t>((word >> flag_bits) &
                                    ((std::uint64_t{1} << position_bits_) - 1));
  }
  std::uint64_t lap(std::uint64_t word) const noexcept {
    return word >> flag_bits >> position_bits_;
  }

  /// Of a place that is free for the sender of this lap; even.
  std::uint8_t turn(std::uint64_t word) const noexcept {
    return static_cast<std::uint8_t>(lap(word) << 1);
  }
  /// Of a place that holds this lap's message.
  std::uint8_t turn_of_message(std::uint64_t word) const noexcept {
    return static_cast<std::uint8_t>(turn(word) + 1);
  }
  std::uint8_t turn_after(std::uint64_t word) const noexcept { return turn(word + one_lap()); }

  /// One place further; the flags stay.
  std::uint64_t next(std::uint64_t word) const noexcept {
    const std::uint64_t p = position(word);
    if (p != last_) [[likely]]
      return word + ((Shape::next(p) - p) << flag_bits);
    return word - (p << flag_bits) + one_lap();
  }

  /// From `head` to `tail`, where head is not older than a whole lap. A head read before the tail may be
  /// old and give more than the capacity; a head read after it may have passed it, which counts as 0.
  std::size_t count(std::uint64_t tail, std::uint64_t head) const noexcept {
    const std::size_t t = places_before(tail), h = places_before(head);
    if (lap(tail) == lap(head)) return t > h ? t - h : 0;
    if (lap(tail) == lap(head + one_lap())) return capacity_ + t - h;
    // More than a lap apart: the two were not read at one time. Behind counts as full, ahead as empty.
    return static_cast<std::int64_t>(tail - head) > 0 ? capacity_ : 0;
  }

 private:
  std::uint64_t one_lap() const noexcept { return std::uint64_t{1} << flag_bits << position_bits_; }
  std::size_t places_before(std::uint64_t word) const noexcept {
    return static_cast<std::size_t>(Shape::places_before(position(word)));
  }

  std::size_t capacity_;
  std::uint64_t last_;  // the last place's position
  unsigned position_bits_;
};

template <class T>
struct ring_place {
  sync::atomic<std::uint8_t>& turn;
  slot<T>& message;
};

/// The places of a ring with turns: zeroed memory, which is what an empty ring looks like.
template <class T, class Shape>
class ring_places {
  using line = place_line<T, sync::atomic<std::uint8_t>, Shape>;
  struct none {};

 public:
  /// Stands in the ring, where places share lines: a ring of no more than a line's places needs no memory of its own.
  using own_line = std::conditional_t<(Shape::places > 1), line, none>;

  ring_places(std::size_t capacity, own_line& own) : lines_((capacity - 1) / Shape::places + 1) {
    if constexpr (Shape::places > 1) {
      if (lines_ == 1) {
        first_ = &own;
        return;
      }
    }
    // positions need a lap bit beside them, and pointers must be able to count bytes
    constexpr std::size_t most =
        static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(line);
    if (capacity > most) sync::no_memory();
    first_ = static_cast<line*>(sync::allocate_zeroed(lines_ * sizeof(line), alignof(line)));
  }
  ring_places(const ring_places&) = delete;
  ring_places& operator=(const ring_places&) = delete;
  ~ring_places() {
    if (Shape::places == 1 || lines_ > 1)
      sync::deallocate_zeroed(first_, lines_ * sizeof(line), alignof(line));
  }

  ring_place<T> operator[](std::size_t position) const noexcept {
    line& l = first_[position / Shape::step];
    return {l.states[position % Shape::step], l.messages[position % Shape::step]};
  }

  /// Ends the life of every message from `head` on; nobody else is there any more.
  void destroy_from(const ring_laps<Shape>& words, std::uint64_t head) noexcept {
    for (std::size_t i = 0; i < words.capacity(); ++i, head = words.next(head)) {
      const ring_place<T> p = (*this)[words.position(head)];
      // acquire as A1, by the last owner of the channel
      if (p.turn.load(sync::acquire) != words.turn_of_message(head)) return;
      p.message.take([](T&&) noexcept {});
    }
  }

 private:
  line* first_ = nullptr;
  std::size_t lines_;
};

}  // namespace strait::inline STRAIT_ABI::detail

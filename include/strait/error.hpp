// SPDX-License-Identifier: BSL-1.0
//
// Errors are values. A receive gives `recv_result<T>`: the message or an errc. A send gives
// `send_result<T>`: nothing, or a `send_error<T>` that carries the reason and the message itself, so
// that a failed send never loses it.
//
// `expected` is std::expected where the standard library has the 2022 version (C++23), else
// tl::expected; the inline namespace differs, so that a mix of the two does not link.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <strait/base/config.hpp>
#include <strait/base/object.hpp>

#if STRAIT_STD_EXPECTED
#include <expected>
#else
#include <tl/expected.hpp>
#endif

namespace strait::inline STRAIT_ABI {

#if STRAIT_STD_EXPECTED
namespace expected_lib = ::std;
#else
namespace expected_lib = ::tl;
#endif
using expected_lib::bad_expected_access;
using expected_lib::expected;
using expected_lib::unexpect;
using expected_lib::unexpected;

/// Why an operation did not happen.
enum class errc {
  empty = 1,  ///< nothing to receive now
  full,       ///< no room now (at capacity 0: nobody is receiving now)
  closed,     ///< the channel is closed: by close(), or because the other end is gone
  timeout,    ///< the deadline passed
  cancelled   ///< the stop token was asked to stop
};

/// Which operation a text is about.
enum class op { send, recv };

/// The field's text for an error of an operation. Never blocks, never fails; the view is static.
constexpr std::string_view to_string(errc reason, op operation) noexcept {
  const bool sending = operation == op::send;
  switch (reason) {
    case errc::closed:
      return sending ? "sending on a closed channel" : "receiving on a closed channel";
    case errc::empty:
    case errc::full: return sending ? "sending on a full channel" : "receiving on an empty channel";
    case errc::timeout:
      return sending ? "timed out waiting on send operation"
                     : "timed out waiting on receive operation";
    case errc::cancelled: return sending ? "send was cancelled" : "receive was cancelled";
  }
  return sending ? "send failed" : "receive failed";
}

/// The plain word for an error: "empty", "full", "closed", "timeout", "cancelled".
constexpr std::string_view to_string(errc reason) noexcept {
  switch (reason) {
    case errc::empty: return "empty";
    case errc::full: return "full";
    case errc::closed: return "closed";
    case errc::timeout: return "timeout";
    case errc::cancelled: return "cancelled";
  }
  return "unknown";
}

namespace detail {
class category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "strait"; }
  std::string message(int value) const override {
    return std::string(to_string(static_cast<errc>(value)));
  }
};
}  // namespace detail

/// The category of strait's error codes ("strait"). Thread-safe.
inline const std::error_category& category() noexcept {
  static const detail::category_type instance;
  return instance;
}

inline std::error_code make_error_code(errc reason) noexcept {
  return {static_cast<int>(reason), category()};
}

// ---- what may be a message ----------------------------------------------------------------------

namespace detail {
template <class T>
inline constexpr bool moves_without_throwing = std::is_nothrow_move_constructible_v<T>;
// tl::expected 1.0.0 asks whether a void can be moved, and so says that such a result may throw.
template <class E>
inline constexpr bool moves_without_throwing<tl::expected<void, E>> =
    std::is_nothrow_move_constructible_v<E>;
}  // namespace detail

/// What may travel through a channel: an object type that moves and dies without throwing. Move-only,
/// over-aligned, empty and not default-constructible types are fine.
template <class T>
concept message =
    std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T> &&
    detail::moves_without_throwing<T> && std::is_nothrow_destructible_v<T>;

namespace detail {
// Instantiated before anything else that needs a T, so that its sentence is the first error. The shape can
// be told of a type that is not complete yet (a message may hold a sender of its own kind), the rest
// where a channel is made and used.
template <class T>
struct require_message_shape {
  static_assert(std::is_object_v<T>,
                "strait::message: a message is an object, not a reference, function or void");
  static_assert(!std::is_array_v<T>,
                "strait::message: an array cannot be moved; send a std::array or a vector");
  static_assert(
      !std::is_const_v<T> && !std::is_volatile_v<T>,
      "strait::message: a message is moved from, so its type cannot be const or volatile");
  static constexpr bool value = std::is_object_v<T> && !std::is_array_v<T>;
};

template <class T>
struct require_message : require_message_shape<T> {
  static_assert(!require_message_shape<T>::value || std::is_nothrow_destructible_v<T>,
                "strait::message: the destructor must be accessible and must not throw");
  static_assert(
      !require_message_shape<T>::value || !std::is_nothrow_destructible_v<T> ||
          detail::moves_without_throwing<T>,
      "strait::message: moving this type may throw or is not possible; send a unique_ptr<T>");
  static constexpr bool value = message<T>;
};
}  // namespace detail

// ---- results ------------------------------------------------------------------------------------

namespace detail {
template <class T>
struct rejected {  // the two halves of a send_error, not yet moved into it
  errc reason;
  T& value;
};
}  // namespace detail

/// A send that did not happen: why, and the message, unharmed.
template <class T>
class send_error {
 public:
  send_error(errc reason, T&& value) noexcept : reason_(reason), value_(std::move(value)) {}
  send_error(detail::rejected<T> r) noexcept : reason_(r.reason), value_(std::move(r.value)) {}
  // Written out, although they do what the defaults would: tl::expected 1.0.0 copies what it thinks
  // moves trivially, and assignment must not ask for more than a message promises.
  send_error(const send_error&) = default;
  send_error(send_error&& other) noexcept
      : reason_(other.reason_), value_(std::move(other.value_)) {}
  send_error& operator=(const send_error&) = default;
  send_error& operator=(send_error&& other) noexcept {
    if (this != &other) {
      reason_ = other.reason_;
      detail::destroy(value_);
      detail::construct(value_, std::move(other.value_));
    }
    return *this;
  }

  errc reason() const noexcept { return reason_; }
  T& value() & noexcept { return value_; }
  const T& value() const& noexcept { return value_; }
  T&& value() && noexcept { return std::move(value_); }
  /// The field's text, for example "sending on a closed channel". Static storage.
  const char* what() const noexcept { return to_string(reason_, op::send).data(); }

 private:
  errc reason_;
  T value_;
};

/// The message, or why there was none.
template <class T>
using recv_result = expected<T, errc>;

/// Nothing, or the reason together with the message.
template <class T>
using send_result = expected<void, send_error<T>>;

namespace detail {

// `result` holds an error; afterwards it holds the message. In place, because a message may be too
// large to pass through the stack once more, and need not be assignable.
template <class T>
void fill(recv_result<T>& result, T&& value) noexcept {
  detail::destroy(result);
#if STRAIT_STD_EXPECTED
  detail::construct(result, std::in_place, std::move(value));
#else
  detail::construct(result, tl::in_place, std::move(value));
#endif
}

template <class T>
recv_result<T> recv_failed(errc reason) noexcept {
  return recv_result<T>(unexpect, reason);
}

// errc{} (no enumerator) means success everywhere inside the library.
inline constexpr errc success{};

template <class T>
send_result<T> send_outcome(errc reason, T& value) noexcept {
  if (reason == success) [[likely]]
    return send_result<T>();
  return send_result<T>(unexpect, rejected<T>{reason, value});
}

}  // namespace detail
}  // namespace strait::inline STRAIT_ABI

template <>
struct std::is_error_code_enum<strait::errc> : std::true_type {};

// value() on a failed result throws these: they keep the reason, not the message.
#if STRAIT_STD_EXPECTED
namespace std {
#else
namespace tl {
#endif

#if !STRAIT_STD_EXPECTED
// tl::expected 1.0.0 has no move constructor for a T that moves trivially but cannot be copied: it takes
// the branch for trivial types, whose base copies. Send it to the other branch.
namespace detail {
template <class T>
  requires(!std::is_copy_constructible_v<T>)
struct expected_move_base<T, strait::errc, true> : expected_move_base<T, strait::errc, false> {
  using expected_move_base<T, strait::errc, false>::expected_move_base;
};
}  // namespace detail
#endif

template <>
class bad_expected_access<strait::errc>
#if STRAIT_STD_EXPECTED
    : public bad_expected_access<void>
#else
    : public std::exception
#endif
{
 public:
  explicit bad_expected_access(strait::errc reason) noexcept : reason_(reason) {}
  const char* what() const noexcept override {
    return strait::to_string(reason_, strait::op::recv).data();
  }
  const strait::errc& error() const noexcept { return reason_; }

 private:
  strait::errc reason_;
};

template <class T>
class bad_expected_access<strait::send_error<T>>
#if STRAIT_STD_EXPECTED
    : public bad_expected_access<void>
#else
    : public std::exception
#endif
{
 public:
  explicit bad_expected_access(const strait::send_error<T>& error) noexcept
      : reason_(error.reason()) {}
  const char* what() const noexcept override {
    return strait::to_string(reason_, strait::op::send).data();
  }
  strait::errc reason() const noexcept { return reason_; }
  const strait::errc& error() const noexcept { return reason_; }

 private:
  strait::errc reason_;
};

}  // namespace std or tl

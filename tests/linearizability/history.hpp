// SPDX-License-Identifier: BSL-1.0
//
// What threads did to a channel, when each call began and ended, and what it answered.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace strait_test {

enum class call : std::uint8_t { send, try_send, send_for, recv, try_recv, recv_for, size, close };
enum class answer : std::uint8_t {
  ok,       // a message went in or came out; the channel was closed; a size
  nothing,  // full or empty
  timeout,
  closed
};

/// A call. The times are those of one counter that every beginning and every end moves on.
struct operation {
  call what = call::close;
  answer how = answer::ok;
  int value = 0;  // the message, the size
  int begin = 0;
  int end = 0;
  int asleep = never;  // from then on it was known to wait in line; only where that can be seen

  static constexpr int never = 1'000'000;
};

constexpr bool sends(call c) { return c <= call::send_for; }
constexpr bool receives(call c) { return c >= call::recv && c <= call::recv_for; }

constexpr std::size_t most_operations = 16;

/// The calls of all threads, in any order.
struct history {
  std::array<operation, most_operations> calls{};
  std::size_t count = 0;

  void add(const operation& o) { calls.at(count++) = o; }
};

inline std::string to_text(const history& h) {
  static const char* const names[] = {"send",     "try_send", "send_for", "recv",
                                      "try_recv", "recv_for", "size",     "close"};
  static const char* const answers[] = {"ok", "nothing", "timeout", "closed"};
  std::string text;
  for (std::size_t i = 0; i < h.count; ++i) {
    const operation& o = h.calls[i];
    text += "  [" + std::to_string(o.begin) + ", " + std::to_string(o.end) + "] " +
            names[static_cast<int>(o.what)];
    if (sends(o.what)) text += "(" + std::to_string(o.value) + ")";
    text += std::string(": ") + answers[static_cast<int>(o.how)];
    if (!sends(o.what) && o.how == answer::ok && o.what != call::close)
      text += " " + std::to_string(o.value);
    if (o.asleep != operation::never) text += ", asleep at " + std::to_string(o.asleep);
    text += "\n";
  }
  return text;
}

}  // namespace strait_test

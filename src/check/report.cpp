// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <map>

namespace strait::check::detail {

namespace {

constexpr std::size_t column = 44;

std::string number(word w) {
  char text[32];
  if (w < 1'000'000) {
    std::snprintf(text, sizeof text, "%" PRIu64, w);
  } else {
    std::snprintf(text, sizeof text, "0x%" PRIx64, w);
  }
  return text;
}

// file.hpp:12, without the folders
std::string short_place(where at) {
  if (at.file == nullptr || at.line < 0) return "";
  const char* slash = std::strrchr(at.file, '/');
  return std::string(slash != nullptr ? slash + 1 : at.file) + ":" + std::to_string(at.line);
}

bool is(const event& e, const char* what) { return std::strcmp(e.what, what) == 0; }

std::string describe(const event& e, const std::string& name) {
  if (is(e, "load")) {
    std::string text = name + " = " + number(e.value);
    if (e.age != 0) text += " (old by " + std::to_string(e.age) + ")";
    return text;
  }
  if (std::strncmp(e.what, "store", 5) == 0) {
    return name + " <- " + number(e.value) + (e.what[5] != '\0' ? " behind newer" : "");
  }
  if (is(e, "modify")) return name + ": " + number(e.before) + " -> " + number(e.value);
  if (is(e, "compare_exchange")) return name + ": " + number(e.before) + " => " + number(e.value);
  if (is(e, "compare_exchange, other value")) {
    return name + " is " + number(e.value) + ", not " + number(e.before);
  }
  if (is(e, "compare_exchange, spurious failure")) return name + ": exchange fails spuriously";
  if (is(e, "fence"))
    return e.value == static_cast<word>(rt::order::seq_cst) ? "full fence" : "fence";
  if (is(e, "starts") || is(e, "joins")) return std::string(e.what) + " thread " + number(e.value);
  if (is(e, "wakes all") || is(e, "wakes one")) {
    return std::string(e.what) + " on " + name + " (" + number(e.value) + " asleep)";
  }
  if (is(e, "allocates")) return "allocates " + number(e.value) + " bytes: " + name;
  if (is(e, "chooses")) return "chooses " + number(e.value) + " of " + number(e.before);
  return std::string(e.what) + (name.empty() ? "" : " " + name);
}

}  // namespace

std::string report_of(const machine& m, const result& r) {
  // Short names in the order of appearance: A, B, ... Z, A1, ...
  std::map<const void*, std::string> names;
  std::string legend;
  const auto name_of = [&](const void* object) -> std::string {
    if (object == nullptr) return "";
    auto [it, fresh] = names.try_emplace(object);
    if (fresh) {
      const std::size_t i = names.size() - 1;
      it->second = std::string(1, static_cast<char>('A' + i % 26));
      if (i >= 26) it->second += std::to_string(i / 26);
      legend += "  " + it->second + "  " + m.name_of(object) + "\n";
    }
    return it->second;
  };

  std::string text = std::string(to_string(r.what)) + ": " + r.message + "\n\n";
  const auto threads = static_cast<std::size_t>(m.threads());
  std::string line = "      ";
  for (std::size_t t = 0; t < threads; ++t) {
    std::string head = "thread " + std::to_string(t);
    head.resize(column, ' ');
    line += head;
  }
  const auto put = [&] {
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  put();
  for (std::size_t i = 0; i < m.events().size(); ++i) {
    const event& e = m.events()[i];
    char head[32];
    std::snprintf(head, sizeof head, "%4zu  ", i);
    line = head;
    line.append(static_cast<std::size_t>(e.thread) * column, ' ');
    std::string what = describe(e, name_of(e.object));
    const std::string at = short_place(e.at);
    if (!at.empty()) {
      if (what.size() + at.size() + 2 < column) what.resize(column - at.size() - 2, ' ');
      what += " " + at;
    }
    line += what;
    put();
  }
  text += "\nin the end\n";
  for (std::size_t t = 0; t < threads; ++t) {
    text += "  thread " + std::to_string(t) + " " + m.state_of(static_cast<int>(t)) + "\n";
  }
  if (!legend.empty()) text += "names\n" + legend;
  text += "replay\n  " + r.schedule + "\n";
  return text;
}

}  // namespace strait::check::detail

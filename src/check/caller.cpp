// SPDX-License-Identifier: BSL-1.0
#include "caller.hpp"

#include <dlfcn.h>
#include <execinfo.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace strait::check::detail {

namespace {

/// The folder of the headers, with a slash at the end, as the compiler was told of it (perhaps relative).
std::string headers_of(const char* file) {
  const std::string path = file;
  const std::size_t at = path.rfind("/strait/");
  return at == std::string::npos ? path : path.substr(0, at + 8);
}

}  // namespace

rt::where caller_names::caller(rt::where inside) {
  void* frames[48];
  const int n = ::backtrace(frames, 48);
  const std::string ours = headers_of(inside.file);
  for (int i = 0; i < n; ++i) {
    auto [it, fresh] = known_.try_emplace(frames[i], rt::where{nullptr, 0});
    if (fresh) {
      Dl_info object;
      if (::dladdr(frames[i], &object) == 0 || object.dli_fname == nullptr) continue;
      const auto offset = reinterpret_cast<std::uintptr_t>(frames[i]) -
                          reinterpret_cast<std::uintptr_t>(object.dli_fbase) - 1;
      char text[512];
      std::snprintf(text, sizeof text, "addr2line -i -e '%s' 0x%zx 2>/dev/null", object.dli_fname,
                    static_cast<std::size_t>(offset));
      std::FILE* lines = ::popen(text, "r");
      if (lines == nullptr) continue;
      while (std::fgets(text, sizeof text, lines) != nullptr) {
        char* colon = std::strrchr(text, ':');
        if (colon == nullptr || text[0] == '?' || it->second.file != nullptr) continue;
        *colon = '\0';
        const std::string file = text;
        const int line = std::atoi(colon + 1);
        if (line == 0 || file.find(ours) != std::string::npos || file.rfind("/usr/", 0) == 0 ||
            file.find("/src/check/") != std::string::npos) {
          continue;
        }
        it->second = {files_.emplace_back(file).c_str(), line};
      }
      ::pclose(lines);
    }
    if (it->second.file != nullptr) return it->second;
  }
  return inside;
}

}  // namespace strait::check::detail

// SPDX-License-Identifier: BSL-1.0
//
// Runs the body again and again under the choices of a search, and tells what happened.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "crash.hpp"
#include "machine.hpp"
#include "report.hpp"

namespace strait::check {

namespace {

using detail::choice;
using detail::machine;

machine& the_machine() {
  static machine m;
  return m;
}

// The options that shape the list of choices, then the choices that were not the first offered.
std::string schedule_of(const options& o, const std::vector<choice>& taken) {
  char text[200];
  std::snprintf(text, sizeof text,
                "p%d s%d w%d l%d c%d b%d u%d a%d t%d n%d m%d o%d :", o.preemptions, o.stale_reads,
                o.weak_failures, o.long_streaks, o.processors, o.bad_odds, o.spurious_wakes,
                o.failed_allocations, o.failed_threads, o.rmw_newest ? 1 : 0, o.asymmetric ? 1 : 0,
                o.operations ? 1 : 0);
  std::string s = text;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (taken[i].taken == 0) continue;
    std::snprintf(text, sizeof text, " %zu=%u", i, unsigned{taken[i].taken});
    s += text;
  }
  return s;
}

bool read_schedule(const std::string& text, options& o, std::vector<choice>& list) {
  int n = 0, newest = 0, asymmetric = 0, operations = 0;
  if (std::sscanf(text.c_str(), "p%d s%d w%d l%d c%d b%d u%d a%d t%d n%d m%d o%d :%n",
                  &o.preemptions, &o.stale_reads, &o.weak_failures, &o.long_streaks, &o.processors,
                  &o.bad_odds, &o.spurious_wakes, &o.failed_allocations, &o.failed_threads, &newest,
                  &asymmetric, &operations, &n) != 12 ||
      n == 0) {
    return false;
  }
  o.rmw_newest = newest != 0;
  o.asymmetric = asymmetric != 0;
  o.operations = operations != 0;
  const char* p = text.c_str() + n;
  for (;;) {
    unsigned long at = 0;
    unsigned taken = 0;
    int used = 0;
    if (std::sscanf(p, " %lu=%u%n", &at, &taken, &used) != 2 || used == 0) break;
    if (at > 10'000'000 || taken > 0xFFFF) return false;
    if (list.size() <= at) list.resize(at + 1, choice{0, 0});
    list[at].taken = static_cast<std::uint16_t>(taken);
    p += used;
  }
  while (*p == ' ') ++p;
  return *p == '\0';
}

/// What this thread has used of a processor: an exploration goes as far on a busy machine as on an idle one.
double processor_seconds() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Executes until the search or a limit ends it; false: a failure, described in `r`.
bool run(const options& o, detail::search& s, const body& b, double until, result& r) {
  machine& m = the_machine();
  r.complete = false;
  while (s.next()) {
    if (r.schedules >= o.schedules ||
        (until > 0 && r.schedules % 256 == 0 && processor_seconds() > until))
      return true;
    const bool good = m.execute(o, s, b);
    ++r.schedules;
    r.steps += m.steps();
    r.longest = std::max(r.longest, m.steps());
    if (good) continue;
    r.what = m.what();
    r.message = m.message();
    r.schedule = schedule_of(o, s.taken());
    r.report = detail::report_of(m, r);
    // Once more, with the user's lines; a body that does not repeat itself keeps the first report.
    detail::from_list same(s.taken());
    same.next();
    m.trace(true);
    const bool other = m.execute(o, same, b) || m.what() != r.what;
    m.trace(false);
    if (!other) r.report = detail::report_of(m, r);
    return false;
  }
  r.complete = true;
  return true;
}

template <class F>
result timed(F&& f) {
  if (rt::exploring()) {
    std::fputs("strait::check: an exploration cannot start another\n", stderr);
    std::abort();
  }
  result r;
  const detail::crash_trap trap;
  const double begin = processor_seconds();
  f(r, begin);
  r.seconds = processor_seconds() - begin;
  return r;
}

}  // namespace

const char* to_string(verdict v) noexcept {
  switch (v) {
    case verdict::ok: return "ok";
    case verdict::failed: return "a requirement does not hold";
    case verdict::deadlock: return "deadlock";
    case verdict::lost_wakeup: return "lost wake-up";
    case verdict::livelock: return "livelock";
    case verdict::race: return "data race";
    case verdict::bad_memory: return "bad use of memory";
    case verdict::leak: return "memory leak";
    case verdict::exception: return "escaped exception";
    case verdict::nondeterminism: return "nondeterminism";
  }
  return "?";
}

result explore(const options& o, const body& b) {
  return timed([&](result& r, double begin) {
    const double until = o.seconds > 0 ? begin + o.seconds : 0;
    // Few preemptions and stale reads first: a failure then has the shortest explanation.
    for (int level = 0;; ++level) {
      options now = o;
      const bool last_p = o.preemptions >= 0 ? level >= o.preemptions : level >= 2;
      const bool last_s = o.stale_reads >= 0 ? level >= o.stale_reads : level >= 2;
      if (!last_p) now.preemptions = level;
      if (!last_s) now.stale_reads = level;
      detail::depth_first s(o.reduce, now.preemptions >= 0);
      if (!run(now, s, b, until, r) || !r.complete || (last_p && last_s)) return;
    }
  });
}

result random(std::uint64_t seed, std::uint64_t n, const body& b, options o) {
  return timed([&](result& r, double begin) {
    o.preemptions = -1;
    detail::at_random s(seed, n);
    run(o, s, b, o.seconds > 0 ? begin + o.seconds : 0, r);
    r.complete = false;
  });
}

result pct(int depth, std::uint64_t n, const body& b, std::uint64_t seed, options o) {
  return timed([&](result& r, double begin) {
    o.preemptions = -1;
    detail::by_priority s(depth, n, seed);
    run(o, s, b, o.seconds > 0 ? begin + o.seconds : 0, r);
    r.complete = false;
  });
}

result replay(const std::string& schedule, const body& b) {
  return timed([&](result& r, double) {
    options o;
    std::vector<choice> list;
    if (!read_schedule(schedule, o, list)) {
      r.what = verdict::nondeterminism;
      r.message = "this is not a schedule: " + schedule;
      r.report = r.message + "\n";
      return;
    }
    detail::from_list s(std::move(list));
    run(o, s, b, 0, r);
    r.complete = false;
  });
}

}  // namespace strait::check

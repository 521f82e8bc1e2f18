// SPDX-License-Identifier: BSL-1.0
#include "machine.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include <dlfcn.h>

namespace strait::check::detail {

namespace {

machine* active = nullptr;

bool acquires(rt::order o) noexcept {
  return o == rt::order::acquire || o == rt::order::acq_rel || o == rt::order::seq_cst;
}
bool releases(rt::order o) noexcept {
  return o == rt::order::release || o == rt::order::acq_rel || o == rt::order::seq_cst;
}

word mask_of(unsigned size) noexcept { return size >= 8 ? ~word{0} : (word{1} << (8 * size)) - 1; }
word read_raw(const void* p, unsigned size) noexcept {
  word w = 0;
  std::memcpy(&w, p, size);
  return w;
}
void write_raw(void* p, unsigned size, word w) noexcept { std::memcpy(p, &w, size); }

word apply(rt::rmw how, word a, word b) noexcept {
  switch (how) {
    case rt::rmw::exchange: return b;
    case rt::rmw::add: return a + b;
    case rt::rmw::sub: return a - b;
    case rt::rmw::bit_or: return a | b;
    case rt::rmw::bit_and: return a & b;
    case rt::rmw::bit_xor: return a ^ b;
  }
  return a;
}

template <class T>
T* reserve_pages(std::size_t bytes) {
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    std::fprintf(stderr, "strait::check: no address space for %zu bytes\n", bytes);
    std::abort();
  }
  return static_cast<T*>(p);
}

// file:line of an address in the code, if binutils is there to ask.
std::string line_of_code(const void* code) {
  char text[512];
  std::snprintf(text, sizeof text, "code at %p", code);
  std::string answer = text;
  Dl_info object;
  if (::dladdr(code, &object) == 0 || object.dli_fname == nullptr) return answer;
  // The return address: one back is within the access.
  const auto offset = reinterpret_cast<std::uintptr_t>(code) -
                      reinterpret_cast<std::uintptr_t>(object.dli_fbase) - 1;
  std::snprintf(text, sizeof text, "addr2line -e '%s' 0x%zx 2>/dev/null", object.dli_fname,
                static_cast<std::size_t>(offset));
  if (std::FILE* f = ::popen(text, "r")) {
    if (std::fgets(text, sizeof text, f) != nullptr && text[0] != '?') {
      answer = text;
      answer.erase(answer.find_first_of(" \n"));
    }
    ::pclose(f);
  }
  return answer;
}

std::string place_of(where at) {
  if (at.file == nullptr) return "?";
  if (at.line < 0) return line_of_code(at.file);  // from the compiler's instrumentation
  return std::string(at.file) + ":" + std::to_string(at.line);
}

}  // namespace

machine* running() noexcept { return active; }

machine::machine() {
  region_ = reserve_pages<char>(region_bytes);
  shadow_ = reserve_pages<shadow>(shadow_bytes);
  shadow_apart_ = reserve_pages<shadow>(shadow_apart_bytes);
  block_at_ = reserve_pages<std::uint32_t>(block_at_bytes);
  places_ = reserve_pages<place>(region_bytes / 4 * sizeof(place));
  for (int i = 0; i < max_threads; ++i) {
    threads_[i].context.prepare(stack_of(i), stack_bytes, &machine::fiber_loop);
    ::mprotect(stack_of(i), guard_bytes, PROT_NONE);
  }
}

machine::~machine() {
  ::munmap(region_, region_bytes);
  ::munmap(shadow_, shadow_bytes);
  ::munmap(shadow_apart_, shadow_apart_bytes);
  ::munmap(block_at_, block_at_bytes);
  ::munmap(places_, region_bytes / 4 * sizeof(place));
}

bool machine::in_region(const void* p) const noexcept {
  const auto* c = static_cast<const char*>(p);
  return c >= region_ && c < region_ + region_bytes;
}

// ---- one execution ------------------------------------------------------------------------------

bool machine::execute(const options& o, search& s, const body& b) {
  options_ = o;
  search_ = &s;
  body_ = &b;
  // Clocks go on from one execution to the next, so that the shadow of the last one is the past.
  if (base_clock_ > 0xF0000000U || run_ == UINT32_MAX) {
    std::memset(static_cast<void*>(shadow_), 0, shadow_bytes);
    std::memset(static_cast<void*>(shadow_apart_), 0, shadow_apart_bytes);
    std::memset(static_cast<void*>(places_), 0, region_bytes / 4 * sizeof(place));
    base_clock_ = 0;
    run_ = 0;
  }
  ++run_;
  arena_used_ = 0;
  blocks_.clear();
  location_count_ = 0;
  lock_count_ = 0;
  elsewhere_.clear();
  for (view* v : {&sc_, &light_, &heavy_}) v->reset(base_clock_, location_count_);
  steps_ = progress_ = idle_ = 0;
  preemptions_ = stale_ = weak_ = streaks_ = spurious_ = allocations_failed_ = threads_failed_ = 0;
  now_ = 1'000'000'000;
  random_ = 0;
  events_.clear();
  what_ = verdict::ok;
  message_.clear();
  over_ = false;
  count_ = 0;

  active = this;
  spawn([](void* p) { (*static_cast<machine*>(p)->body_)(); }, this, {__FILE__, __LINE__});
  current_ = 0;
  host_.switch_to(threads_[0].context);
  active = nullptr;

  std::uint32_t top = base_clock_;
  for (int t = 0; t < count_; ++t) top = std::max(top, threads_[t].known.clock[t]);
  base_clock_ = top + 1;
  if (what_ == verdict::ok) {
    for (const block& k : blocks_) {
      if (!k.live) continue;
      what_ = verdict::leak;
      message_ = std::to_string(k.bytes) + " bytes were not freed, allocated at " + place_of(k.at);
      break;
    }
  }
  if (what_ == verdict::ok && s.diverged()) {
    what_ = verdict::nondeterminism;
    message_ = "the body did not repeat what it did: it must depend on nothing but the explorer";
  }
  return what_ == verdict::ok;
}

void machine::fiber_loop() {
  for (;;) active->run_job();
}

void machine::run_job() {
  thread_state& t = threads_[current_];
  try {
    t.run(t.argument);
  } catch (const std::exception& e) {
    fail(verdict::exception, std::string("an exception left the thread: ") + e.what());
  } catch (...) {
    fail(verdict::exception, "an exception left the thread");
  }
  machine& m = *active;
  thread_state& done = m.me();
  m.note("ends", nullptr, 0, 0, 0, {nullptr, 0});
  m.changes(first_end + static_cast<unsigned>(m.current_));
  done.now = state::finished;
  done.stack_used = reinterpret_cast<std::uintptr_t>(m.stack_of(m.current_)) + stack_bytes;
  ++done.known.clock[m.current_];
  m.progress();
  for (int i = 0; i < m.count_; ++i) {
    thread_state& other = m.threads_[i];
    if (other.now == state::joining && other.joins == m.current_) other.now = state::ready;
  }
  m.leave_to_others(true);
}

// Gives the processor back to the host; the fibers of this execution are forgotten.
void machine::stop() {
  over_ = true;
  for (int i = 0; i < count_; ++i) threads_[i].context.abandon();
  fiber dummy;
  dummy.switch_to(host_);
  __builtin_trap();
}

void machine::fail(verdict v, std::string message) {
  what_ = v;
  message_ = std::move(message);
  stop();
}

// Called by the handler of a signal.
void machine::crashed(int signal, const void* address, const void* code) {
  char text[64];
  std::snprintf(text, sizeof text, "%p", address);
  const std::string what = signal == SIGFPE ? "division by zero or the like"
                           : signal == SIGILL
                               ? "the program ran into a trap"
                               : std::string("access to ") + text + ", where there is no memory";
  fail(verdict::bad_memory, what + ", at " + place_of({static_cast<const char*>(code), -1}));
}

// ---- scheduling -----------------------------------------------------------------------------------

bool machine::enabled(int i) const noexcept {
  const thread_state& t = threads_[i];
  switch (t.now) {
    case state::ready: return !t.yielded || t.progress_seen != progress_;
    case state::sleeping: return t.until != rt::no_deadline || spurious_ < options_.spurious_wakes;
    default: return false;
  }
}

void machine::switch_to(int next) {
  thread_state& from = threads_[current_];
  thread_state& to = threads_[next];
  if (to.now == state::sleeping) wake_from_timeout(next);
  to.yielded = false;
  if (next == current_) return;
  current_ = next;
  from.context.switch_to(to.context);
}

void machine::wake_from_timeout(int thread) {
  thread_state& t = threads_[thread];
  search_->touches(thread, object_of_sleepers(at_location(t.waits_for, 4)), true);
  if (t.until != rt::no_deadline) {
    search_->touches(thread, the_clock, true);
    now_ = std::max(now_, t.until);
  } else {
    ++spurious_;
  }
  t.now = state::ready;
  t.fresh = true;
}

// A step that others can see comes next.
void machine::point(const char* what, where at) {
  thread_state& t = me();
  t.at = at;
  if (++steps_ > options_.steps) {
    fail(verdict::livelock, "no end after " + std::to_string(options_.steps) + " steps; thread " +
                                std::to_string(current_) + " is at " + what + ", " + place_of(at));
  }
  if (options_.operations && t.in_operation > 0) return;
  if (options_.preemptions >= 0 && preemptions_ >= options_.preemptions) {
    search_->begins(current_, false);
    return;
  }
  int who[max_threads];
  unsigned n = 0;
  who[n++] = current_;
  for (int i = 0; i < count_; ++i) {
    if (i != current_ && enabled(i)) who[n++] = i;
  }
  const unsigned k = n == 1 ? 0 : search_->choose_thread(who, n);
  if (k >= n) fail(verdict::nondeterminism, "the body did not repeat what it did");
  search_->begins(who[k], false);
  if (who[k] == current_) return;
  ++preemptions_;
  switch_to(who[k]);
}

// The running thread cannot go on (or will not, now): somebody else does.
void machine::leave_to_others(bool for_good) {
  for (;;) {
    int who[max_threads];
    unsigned n = 0;
    for (int i = 0; i < count_; ++i) {
      if ((i != current_ || !for_good) && enabled(i)) who[n++] = i;
    }
    if (n == 0) {
      bool waiting = false, yielded = false;
      for (int i = 0; i < count_; ++i) {
        waiting |= threads_[i].now != state::finished;
        yielded |= threads_[i].now == state::ready && threads_[i].yielded;
      }
      if (!waiting) {  // the end; each fiber stays in its loop, ready for the next execution
        over_ = true;
        threads_[current_].context.switch_to(host_);
        return;
      }
      if (yielded) {
        if (++idle_ > 200) {
          fail(verdict::livelock, "threads wait in loops for something that nobody will do");
        }
        for (int i = 0; i < count_; ++i) threads_[i].yielded = false;
        continue;
      }
      for (int i = 0; i < count_; ++i) {
        const thread_state& t = threads_[i];
        if (t.now == state::sleeping &&
            static_cast<std::uint32_t>(read_raw(t.waits_for, 4)) != t.expected) {
          fail(verdict::lost_wakeup, "thread " + std::to_string(i) + " sleeps at " +
                                         place_of(t.at) +
                                         " though the word it sleeps on has changed");
        }
      }
      fail(verdict::deadlock, "nobody can go on");
    }
    const unsigned k = n == 1 ? 0 : search_->choose_thread(who, n);
    if (k >= n) fail(verdict::nondeterminism, "the body did not repeat what it did");
    search_->begins(who[k], true);
    switch_to(who[k]);
    return;
  }
}

void machine::block_current(state s, where at) {
  thread_state& t = me();
  t.now = s;
  t.at = at;
  leave_to_others(false);
}

void machine::yield(where at) {
  thread_state& t = me();
  t.at = at;
  if (options_.operations && t.in_operation > 0) {
    // Within an operation nobody else is in the middle of one: only a sleeper's owner can be waited for.
  }
  if (++steps_ > options_.steps) {
    fail(verdict::livelock, "no end after " + std::to_string(options_.steps) + " steps; thread " +
                                std::to_string(current_) + " waits at " + place_of(at));
  }
  t.yielded = true;
  t.progress_seen = progress_;
  t.fresh = true;
  leave_to_others(false);
}

unsigned machine::decide(unsigned n) {
  if (n < 2) return 0;
  const unsigned k = search_->choose(n);
  if (k >= n) fail(verdict::nondeterminism, "the body did not repeat what it did");
  return k;
}

unsigned machine::choose_value(unsigned n, where at) {
  const unsigned k = decide(n);
  note("chooses", nullptr, k, n, 0, at);
  return k;
}

// Bounded for the whole execution, as preemptions are: one choice each time would double the schedules with
// every look at a channel that nobody waits for.
bool machine::often(where at) {
  const bool budget = options_.long_streaks < 0 || streaks_ < options_.long_streaks;
  if (!budget || decide(2) == 0) return false;
  ++streaks_;
  note("has happened often", nullptr, 0, 0, 0, at);
  return true;
}

void machine::require(bool condition, const char* sentence, where at) {
  if (condition) return;
  note("fails", nullptr, 0, 0, 0, at);
  fail(verdict::failed, std::string(sentence) + " (" + place_of(at) + ")");
}

void machine::note(const char* what, const void* object, word value, word before, unsigned age,
                   where at) {
  // Where an operation is one step, what it does inside is left out, but that it sleeps.
  if (options_.operations && me().in_operation > 0 && std::strncmp(what, "sleeps", 6) != 0 &&
      std::strcmp(what, "is awake") != 0) {
    return;
  }
  events_.push_back({current_, what, object, value, before, age, at});
}

// ---- memory: plain ----------------------------------------------------------------------------------

void machine::check_alive(const void* object, std::size_t size, where at, const char* what) {
  const auto a = reinterpret_cast<std::uintptr_t>(object);
  const auto arena = reinterpret_cast<std::uintptr_t>(region_);
  if (a < arena || a >= arena + region_bytes) return;
  if (a >= arena + arena_bytes) {
    const auto owner = static_cast<int>((a - arena - arena_bytes) / stack_bytes);
    if (owner != current_ && a < threads_[owner].stack_used) {
      fail(verdict::bad_memory, std::string(what) + " at " + place_of(at) +
                                    " of what was on the stack of thread " + std::to_string(owner) +
                                    ", which has left that function");
    }
    return;
  }
  const std::uint32_t number = block_at_[(a - arena) / block_alignment];
  if (number >= blocks_.size() || a < blocks_[number].first ||
      a + size > blocks_[number].first + blocks_[number].bytes) {
    fail(verdict::bad_memory,
         std::string(what) + " outside every allocated block, at " + place_of(at));
  }
  const block& b = blocks_[number];
  if (!b.live) {
    fail(verdict::bad_memory, std::string(what) + " after the memory was freed, at " +
                                  place_of(at) + "; freed at " + place_of(b.freed) +
                                  ", allocated at " + place_of(b.at));
  }
}

void machine::touch(const void* object, std::size_t size, bool write, bool atomic, where at) {
  if (!in_region(object)) return;
  check_alive(object, size, at, write ? "write" : "read");
  constexpr std::size_t together = shadow::together;
  const auto first = static_cast<std::size_t>(static_cast<const char*>(object) - region_);
  const std::size_t end = first + size;
  for (std::size_t i = first; i < end;) {
    shadow& four = shadow_[i / together];
    shadow* const each = shadow_apart_ + i / together * together;
    const std::size_t last = std::min(end, (i / together + 1) * together);
    const bool whole = last - i == together;
    if (whole && !four.apart) {
      touch(four, write, atomic, at);
    } else {
      if (!four.apart) {
        std::fill_n(each, together, four);
        four.apart = true;
      }
      for (std::size_t k = i; k < last; ++k) touch(shadow_apart_[k], write, atomic, at);
      // Whatever comes after this write comes after what was there before it.
      if (whole && write && !atomic) {
        four = *each;
        four.apart = false;
      }
    }
    i = last;
  }
}

void machine::touch(shadow& s, bool write, bool atomic, where at) {
  const view& known = me().known;
  if (s.write > known.clock[s.writer]) {
    fail(verdict::race, std::string(write ? "write" : "read") + " at " + place_of(at) +
                            " races with the write of thread " + std::to_string(s.writer) + " at " +
                            place_of(s.wrote));
  }
  const std::uint32_t mine = known.clock[current_];
  if (write && !atomic) {
    for (int u = 0; u < count_; ++u) {
      if (s.reads[u] > known.clock[u]) {
        fail(verdict::race, "write at " + place_of(at) + " races with the access of thread " +
                                std::to_string(u) + " at " + place_of(s.read));
      }
    }
    s.write = mine;
    s.writer = static_cast<std::uint8_t>(current_);
    s.wrote = at;
  } else {  // an atomic access only races with plain writes
    s.reads[current_] = mine;
    s.read = at;
  }
}

void machine::plain(const void* object, std::size_t size, bool write, where at) {
  if (over_) return;
  touch(object, size, write, false, at);
}

// ---- memory: atomics ----------------------------------------------------------------------------------

unsigned* machine::location_slot(const void* object) {
  place* p = in_region(object) ? &places_[(static_cast<const char*>(object) - region_) / 4]
                               : &elsewhere_[object];
  if (p->run != run_) {
    p->run = run_;
    p->index = 0;
  }
  return &p->index;
}

void machine::construct(void* object, unsigned size, where at) {
  touch(object, size, true, false, at);
  *location_slot(object) = 0;  // the next access finds the value it was constructed with
}

unsigned machine::at_location(const void* object, unsigned size) {
  unsigned* slot = location_slot(object);
  if (*slot != 0) return *slot - 1;
  if (location_count_ == max_locations) {
    fail(verdict::nondeterminism,
         "more than " + std::to_string(max_locations) + " atomics: make the scenario smaller");
  }
  if (location_count_ == locations_.size()) locations_.emplace_back();
  const unsigned index = location_count_++;
  location& l = locations_[index];
  l.address = object;
  l.size = size;
  l.count = 1;
  if (l.history.empty()) l.history.emplace_back();
  written& first = l.history[0];
  first.value = read_raw(object, size);
  first.stamp = location::gap;
  first.joined = false;
  first.released.reset(base_clock_, location_count_);
  // Every view has to know about the new location: nothing of it is seen yet.
  for (int i = 0; i < count_; ++i) {
    threads_[i].known.seen[index] = 0;
    threads_[i].acquired.seen[index] = 0;
    threads_[i].fenced.seen[index] = 0;
  }
  for (view* v : {&sc_, &light_, &heavy_}) v->seen[index] = 0;
  for (unsigned k = 0; k < location_count_; ++k) {
    for (unsigned m = 0; m < locations_[k].count; ++m) {
      locations_[k].history[m].released.seen[index] = 0;
    }
  }
  for (std::size_t k = 0; k < lock_count_; ++k) locks_[k].released.seen[index] = 0;
  *slot = index + 1;
  return index;
}

// Whether a read-modify-write may come right behind store i: nothing else is joined to it already.
static bool can_follow(const location& l, unsigned i, std::uint32_t floor) {
  return l.history[i].stamp >= floor && (i + 1 == l.count || !l.history[i + 1].joined);
}

// Which store is read: the newest, or one not older than what the thread knows (`floor`). For a
// read-modify-write (`follow`) only those that it can follow. For a compare-exchange that goes for stores
// of the value it expects; with another value, or failing spuriously (`may_fail`), it is a load with the
// floor of its failure order.
unsigned machine::pick_read(location& l, std::uint32_t floor, bool follow, const word* expected,
                            std::uint32_t failure_floor, bool may_fail) {
  thread_state& t = me();
  const unsigned newest = l.count - 1;
  const bool budget = options_.stale_reads < 0 || stale_ < options_.stale_reads;
  if (!budget || t.fresh || (options_.operations && t.in_operation > 0)) return newest;
  if (expected == nullptr) failure_floor = floor;
  unsigned candidates[64];
  unsigned n = 0;
  for (unsigned i = l.count; i-- > 0 && n < 64;) {
    if (l.history[i].stamp < std::min(floor, failure_floor)) break;
    const bool follows = follow && (expected == nullptr || l.history[i].value == *expected);
    const bool as_load = l.history[i].stamp >= failure_floor && (!follows || may_fail);
    if (!as_load && !(follows ? can_follow(l, i, floor) : !follow && l.history[i].stamp >= floor))
      continue;
    candidates[n++] = i;
  }
  const unsigned k = decide(n);
  if (candidates[k] != newest) ++stale_;
  return candidates[k];
}

void machine::after_read(unsigned index, const written& w, rt::order o) {
  thread_state& t = me();
  t.known.seen[index] = std::max(t.known.seen[index], w.stamp);
  t.acquired.join(w.released, location_count_);
  if (acquires(o)) t.known.join(w.released, location_count_);
  if (o == rt::order::seq_cst) sc_.seen[index] = std::max(sc_.seen[index], w.stamp);
}

void machine::release_into(written& w, unsigned index, rt::order o, const view* joined) {
  thread_state& t = me();
  t.known.seen[index] = std::max(t.known.seen[index], w.stamp);
  w.released.copy(releases(o) ? t.known : t.fenced, location_count_);
  w.released.seen[index] = std::max(w.released.seen[index], w.stamp);
  if (joined != nullptr) w.released.join(*joined, location_count_);
  if (o == rt::order::seq_cst) sc_.seen[index] = std::max(sc_.seen[index], w.stamp);
  ++t.known.clock[current_];
  t.fresh = false;
  progress();
}

word machine::load(const void* object, unsigned size, rt::order o, where at) {
  point("load", at);
  touch(object, size, false, true, at);
  const unsigned index = at_location(object, size);
  location& l = locations_[index];
  std::uint32_t floor = me().known.seen[index];
  if (o == rt::order::seq_cst) floor = std::max(floor, sc_.seen[index]);
  looks_at(object_of_location(index));
  if (o == rt::order::seq_cst) changes(all_fences);
  const unsigned k = pick_read(l, floor, false, nullptr);
  after_read(index, l.history[k], o);
  note("load", object, l.history[k].value, 0, l.count - 1 - k, at);
  return l.history[k].value;
}

void machine::store(void* object, unsigned size, word value, rt::order o, where at) {
  point("store", at);
  touch(object, size, true, true, at);
  const unsigned index = at_location(object, size);
  location& l = locations_[index];
  std::uint32_t floor = me().known.seen[index];
  if (o == rt::order::seq_cst) floor = std::max(floor, sc_.seen[index]);
  changes(object_of_location(index));
  if (o == rt::order::seq_cst) changes(all_fences);
  // At the end of the modification order, or before stores that this thread does not know of.
  unsigned after = l.count - 1;
  const bool budget = options_.stale_reads < 0 || stale_ < options_.stale_reads;
  if (budget && !(options_.operations && me().in_operation > 0)) {
    unsigned candidates[64];
    unsigned n = 0;
    for (unsigned i = l.count; i-- > 0 && n < 64;) {
      if (l.history[i].stamp < floor) break;
      const bool last = i + 1 == l.count;
      if (!last && (l.history[i + 1].joined || l.history[i + 1].stamp - l.history[i].stamp < 2))
        continue;
      candidates[n++] = i;
    }
    const unsigned k = decide(n);
    if (k != 0) ++stale_;
    after = candidates[k];
  }
  const bool newest = after + 1 == l.count;
  const word before = l.newest().value;
  written* w = l.insert(after);
  w->value = value & mask_of(size);
  w->joined = false;
  release_into(*w, index, o, nullptr);
  if (newest) write_raw(object, size, value);
  note(newest ? "store" : "store (behind newer ones)", object, value, before, 0, at);
}

word machine::modify(void* object, unsigned size, rt::rmw how, word operand, rt::order o,
                     where at) {
  point("modify", at);
  touch(object, size, true, true, at);
  const unsigned index = at_location(object, size);
  location& l = locations_[index];
  std::uint32_t floor = me().known.seen[index];
  if (o == rt::order::seq_cst) floor = std::max(floor, sc_.seen[index]);
  changes(object_of_location(index));
  if (o == rt::order::seq_cst) changes(all_fences);
  unsigned k = options_.rmw_newest ? l.count - 1 : pick_read(l, floor, true, nullptr);
  const bool newest = k + 1 == l.count;
  written* w = l.insert(k);
  if (w == nullptr) {
    k = l.count - 1;
    w = l.insert(k);
  }
  const written& seen = l.history[k];
  const word before = seen.value;
  after_read(index, seen, o);
  w->value = apply(how, before, operand) & mask_of(size);
  w->joined = true;
  release_into(*w, index, o, &seen.released);
  if (newest) write_raw(object, size, w->value);
  note("modify", object, w->value, before, 0, at);
  return before;
}

bool machine::compare_exchange(void* object, unsigned size, word& expected, word desired,
                               rt::order success, rt::order failure, bool weak, where at) {
  point("compare_exchange", at);
  touch(object, size, true, true, at);
  const unsigned index = at_location(object, size);
  location& l = locations_[index];
  const std::uint32_t known = me().known.seen[index];
  const std::uint32_t with_sc = std::max(known, sc_.seen[index]);
  const std::uint32_t floor = success == rt::order::seq_cst ? with_sc : known;
  const std::uint32_t failure_floor = failure == rt::order::seq_cst ? with_sc : known;
  changes(object_of_location(index));
  if (success == rt::order::seq_cst || failure == rt::order::seq_cst) changes(all_fences);
  const word wanted = expected & mask_of(size);
  const bool may_fail = weak && !(options_.operations && me().in_operation > 0) && !me().fresh &&
                        (options_.weak_failures < 0 || weak_ < options_.weak_failures);
  const unsigned k = options_.rmw_newest
                         ? l.count - 1
                         : pick_read(l, floor, true, &wanted, failure_floor, may_fail);
  bool equal = l.history[k].value == wanted;
  const char* what = "compare_exchange, other value";
  if (equal && !can_follow(l, k, floor)) {  // read by a weak one that fails
    ++weak_;
    equal = false;
    what = "compare_exchange, spurious failure";
  } else if (equal && weak && !(options_.operations && me().in_operation > 0) &&
             (options_.weak_failures < 0 || weak_ < options_.weak_failures) && !me().fresh &&
             decide(2) == 1) {
    ++weak_;
    equal = false;
    what = "compare_exchange, spurious failure";
  }
  if (!equal) {
    const written& seen = l.history[k];
    after_read(index, seen, failure);
    note(what, object, seen.value, expected, l.count - 1 - k, at);
    expected = seen.value;
    return false;
  }
  const bool newest = k + 1 == l.count;
  written* w = l.insert(k);
  const written& seen = l.history[k];
  after_read(index, seen, success);
  w->value = desired & mask_of(size);
  w->joined = true;
  release_into(*w, index, success, &seen.released);
  if (newest) write_raw(object, size, desired);
  note("compare_exchange", object, desired, expected, 0, at);
  return true;
}

void machine::fence(rt::order o, where at) {
  if (o == rt::order::seq_cst) {
    point("fence", at);
    changes(all_fences);
  }
  thread_state& t = me();
  if (acquires(o)) t.known.join(t.acquired, location_count_);
  if (o == rt::order::seq_cst) {
    // Sequentially consistent fences order what is seen; they make nothing happen before anything.
    t.known.join_seen(sc_, location_count_);
    sc_.join_seen(t.known, location_count_);
  }
  if (releases(o)) t.fenced.copy(t.known, location_count_);
  ++t.known.clock[current_];
  note("fence", nullptr, static_cast<word>(o), 0, 0, at);
}

// Of two fences, one light and one heavy, the later one shows its thread what the other one's thread had seen and
// written: before the light one, the heavy one was a full fence in that thread, too, or it comes behind. Two light
// ones show each other nothing, so the order of two of them makes no difference.
void machine::light_fence(where at) {
  if (!options_.asymmetric) return fence(rt::order::seq_cst, at);
  point("light fence", at);
  looks_at(all_fences);
  thread_state& t = me();
  t.known.join_seen(heavy_, location_count_);
  light_.join_seen(t.known, location_count_);
  ++t.known.clock[current_];
  note("light fence", nullptr, 0, 0, 0, at);
}

// A heavy one takes effect in one thread after another, so what it learns from one it does not bring to the next.
void machine::heavy_fence(where at) {
  fence(rt::order::seq_cst, at);
  if (!options_.asymmetric) return;
  thread_state& t = me();
  heavy_.join_seen(t.known, location_count_);
  t.known.join_seen(light_, location_count_);
}

// ---- locks ------------------------------------------------------------------------------------------

machine::lock_state& machine::lock_of(const void* mutex) {
  for (std::size_t i = 0; i < lock_count_; ++i) {
    if (locks_[i].address == mutex) return locks_[i];
  }
  if (lock_count_ == locks_.size()) locks_.emplace_back();
  lock_state& l = locks_[lock_count_++];
  l.address = mutex;
  l.held = false;
  l.released.reset(base_clock_, location_count_);
  return l;
}

void machine::lock(void* mutex, where at) {
  point("lock", at);
  check_alive(mutex, 1, at, "lock");
  while (lock_of(mutex).held) {
    me().waits_for = mutex;
    block_current(state::locking, at);
  }
  lock_state& l = lock_of(mutex);
  changes(object_of_lock(l));
  l.held = true;
  me().known.join(l.released, location_count_);
  note("lock", mutex, 0, 0, 0, at);
}

void machine::unlock(void* mutex, where at) {
  check_alive(mutex, 1, at, "unlock");
  lock_state& l = lock_of(mutex);
  if (!l.held) fail(verdict::failed, "unlock of a lock that is not held, at " + place_of(at));
  thread_state& t = me();
  search_->hands_on(current_, object_of_lock(l));
  l.held = false;
  l.released.copy(t.known, location_count_);
  ++t.known.clock[current_];
  progress();
  for (int i = 0; i < count_; ++i) {
    if (threads_[i].now == state::locking && threads_[i].waits_for == mutex)
      threads_[i].now = state::ready;
  }
  note("unlock", mutex, 0, 0, 0, at);
}

// ---- sleeping -----------------------------------------------------------------------------------------

void machine::futex_wait(void* object, std::uint32_t expected, std::int64_t until, where at) {
  point("sleep", at);
  check_alive(object, 4, at, "sleep");
  const unsigned index = at_location(object, 4);
  looks_at(object_of_location(index));
  changes(object_of_sleepers(index));
  thread_state& t = me();
  if (static_cast<std::uint32_t>(read_raw(object, 4)) != expected) {
    t.fresh = true;
    note("does not sleep, value changed", object, read_raw(object, 4), expected, 0, at);
    return;
  }
  if (until <= now_) {
    t.fresh = true;
    note("does not sleep, too late", object, expected, 0, 0, at);
    return;
  }
  note(until == rt::no_deadline ? "sleeps" : "sleeps, with a deadline", object, expected, 0, 0, at);
  t.waits_for = object;
  t.expected = expected;
  t.until = until;
  block_current(state::sleeping, at);
  me().fresh = true;
  me().until = rt::no_deadline;
  note("is awake", object, read_raw(object, 4), 0, 0, at);
}

void machine::futex_wake(void* object, bool all, where at) {
  point("wake", at);
  int who[max_threads];
  unsigned n = 0;
  for (int i = 0; i < count_; ++i) {
    if (threads_[i].now != state::sleeping || threads_[i].waits_for != object) continue;
    if (enabled(i)) search_->could_go(i);  // by its deadline, before this
    who[n++] = i;
  }
  changes(object_of_sleepers(at_location(object, 4)));
  note(all ? "wakes all" : "wakes one", object, n, 0, 0, at);
  if (n == 0) return;
  progress();
  if (all) {
    for (unsigned i = 0; i < n; ++i) threads_[who[i]].now = state::ready;
  } else {
    threads_[who[decide(n)]].now = state::ready;
  }
}

std::int64_t machine::now() {
  looks_at(the_clock);
  return now_;
}

void machine::advance(std::int64_t ns) {
  point("time passes", {nullptr, 0});
  changes(the_clock);
  now_ += ns;
  progress();
  note("time passes", nullptr, static_cast<word>(ns), 0, 0, {nullptr, 0});
}

// ---- heap -----------------------------------------------------------------------------------------------

void* machine::allocate(std::size_t bytes, std::size_t align, bool zeroed, where at) {
  if (allocations_failed_ < options_.failed_allocations && decide(2) == 1) {
    ++allocations_failed_;
    note("allocation fails", nullptr, bytes, 0, 0, at);
    return nullptr;
  }
  align = std::max(align, block_alignment);
  const std::size_t first =
      (arena_used_ + block_alignment + align - 1) / align * align;  // so many bytes in between
  if (bytes > arena_bytes - first || first > arena_bytes) {
    fail(verdict::bad_memory, "more than " + std::to_string(arena_bytes >> 20) +
                                  " MiB allocated: make the scenario smaller");
  }
  arena_used_ = first + bytes;
  char* p = region_ + first;
  std::memset(p, zeroed ? 0 : 0xA5, bytes);
  std::fill_n(block_at_ + first / block_alignment, bytes / block_alignment + 1,
              static_cast<std::uint32_t>(blocks_.size()));
  blocks_.push_back({reinterpret_cast<std::uintptr_t>(p), bytes, true, at, {nullptr, 0}});
  touch(p, bytes, true, false, at);
  note("allocates", p, bytes, 0, 0, at);
  return p;
}

void machine::deallocate(void* p, where at) {
  if (p == nullptr) return;
  const auto a = reinterpret_cast<std::uintptr_t>(p);
  auto b = std::lower_bound(blocks_.begin(), blocks_.end(), a,
                            [](const block& k, std::uintptr_t x) { return k.first < x; });
  if (b == blocks_.end() || b->first != a) {
    fail(verdict::bad_memory, "free of something that was not allocated, at " + place_of(at));
  }
  if (!b->live) {
    fail(verdict::bad_memory, "freed twice: at " + place_of(b->freed) + " and at " + place_of(at));
  }
  touch(p, b->bytes, true, false, at);  // whoever used it must have done so before
  b->live = false;
  b->freed = at;
  note("frees", p, 0, 0, 0, at);
}

// ---- operations and threads -----------------------------------------------------------------------------

void machine::operation_begin(where at) {
  if (me().in_operation == 0) {
    if (options_.operations) point("operation", at);
    if (tracing_) at = callers_.caller(at);
    if (options_.operations || tracing_) note("uses a channel", nullptr, 0, 0, 0, at);
  }
  ++me().in_operation;
}
void machine::operation_end() { --me().in_operation; }

int machine::spawn(rt::entry f, void* argument, where at) {
  if (count_ == max_threads) {
    fail(verdict::nondeterminism,
         "more than " + std::to_string(max_threads) + " threads: make the scenario smaller");
  }
  if (count_ > 0 && threads_failed_ < options_.failed_threads && decide(2) == 1) {
    ++threads_failed_;
    note("thread creation fails", nullptr, 0, 0, 0, at);
    return -1;
  }
  const int number = count_++;
  thread_state& t = threads_[number];
  t.now = state::ready;
  t.stack_used = reinterpret_cast<std::uintptr_t>(stack_of(number)) + stack_bytes;
  t.run = f;
  t.argument = argument;
  t.local = nullptr;
  t.yielded = t.fresh = false;
  t.in_operation = 0;
  t.until = rt::no_deadline;
  t.at = at;
  t.known.reset(base_clock_, location_count_);
  t.acquired.reset(base_clock_, location_count_);
  t.fenced.reset(base_clock_, location_count_);
  if (number > 0) {
    t.known.copy(me().known, location_count_);
    ++me().known.clock[current_];
    note("starts", nullptr, static_cast<word>(number), 0, 0, at);
    search_->follows(number, current_);
  }
  t.known.clock[number] = base_clock_ + 1;
  progress();
  return number;
}

void machine::join(int thread, where at) {
  thread_state& t = threads_[thread];
  point("join", at);
  if (t.now != state::finished) {
    me().joins = thread;
    block_current(state::joining, at);
  }
  looks_at(first_end + static_cast<unsigned>(thread));
  me().known.join(t.known, location_count_);
  note("joins", nullptr, static_cast<word>(thread), 0, 0, at);
}

bool machine::asleep(int thread) {
  const thread_state& t = threads_[thread];
  if (t.now != state::sleeping) return false;
  me().known.join(t.known, location_count_);
  return true;
}

// ---- names ------------------------------------------------------------------------------------------------

std::string machine::name_of(const void* object) const {
  if (object == nullptr) return "";
  char text[32];
  const auto* c = static_cast<const char*>(object);
  if (!in_region(object)) {
    std::snprintf(text, sizeof text, "%p", object);
  } else if (c < region_ + arena_bytes) {
    std::snprintf(text, sizeof text, "heap+%zx", static_cast<std::size_t>(c - region_));
  } else {
    const auto offset = static_cast<std::size_t>(c - region_ - arena_bytes);
    std::snprintf(text, sizeof text, "stack%zu+%zx", offset / stack_bytes,
                  stack_bytes - offset % stack_bytes);
  }
  return text;
}

std::string machine::state_of(int thread) const {
  const thread_state& t = threads_[thread];
  switch (t.now) {
    case state::none: return "not started";
    case state::ready: return "at " + place_of(t.at);
    case state::sleeping: return "sleeps on " + name_of(t.waits_for) + " at " + place_of(t.at);
    case state::locking:
      return "waits for the lock " + name_of(t.waits_for) + " at " + place_of(t.at);
    case state::joining:
      return "waits for the end of thread " + std::to_string(t.joins) + " at " + place_of(t.at);
    case state::finished: return "has ended";
  }
  return "";
}

void plain_access(const void* object, std::size_t size, bool write, const void* code) noexcept {
  if (active != nullptr) active->plain(object, size, write, {static_cast<const char*>(code), -1});
}

}  // namespace strait::check::detail

// ---- the runtime's functions: to the machine, or outside an exploration the plain thing -----------------

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
void require(bool condition, const char* sentence, where at) noexcept {
  if (auto* m = running()) return m->require(condition, sentence, at);
  if (condition) return;
  std::fprintf(stderr, "%s:%d: strait::check: %s\n", at.file, at.line, sentence);
  std::abort();
}
bool exploring() noexcept { return running() != nullptr; }

}  // namespace strait::check::rt

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
  for (int i = 0; i < max_threads; ++i) {
    threads_[i].context.prepare(region_.stack_of(i), region::stack_bytes, &machine::fiber_loop);
  }
}

// ---- one execution ------------------------------------------------------------------------------

bool machine::execute(const options& o, search& s, const body& b) {
  options_ = o;
  search_ = &s;
  body_ = &b;
  // Clocks go on from one execution to the next, so that what plain_ knows of the last one is the past.
  if (base_clock_ > 0xF0000000U || run_ == UINT32_MAX) {
    plain_.forget();
    places_.zero();
    base_clock_ = 0;
    run_ = 0;
  }
  ++run_;
  heap_.begin_execution();
  location_count_ = 0;
  lock_count_ = 0;
  elsewhere_.clear();
  for (view* v : {&sc_, &light_, &heavy_}) v->reset(base_clock_, location_count_);
  steps_ = progress_ = idle_ = 0;
  preemptions_ = stale_ = weak_ = streaks_ = bad_odds_ = spurious_ = allocations_failed_ =
      threads_failed_ = 0;
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
    if (const heap::block* left = heap_.leaked()) {
      what_ = verdict::leak;
      message_ =
          std::to_string(left->bytes) + " bytes were not freed, allocated at " + place_of(left->at);
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
  done.stack_used = m.region_.end_of_stack(m.current_);
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
  return happens(options_.long_streaks, streaks_, "has happened often", at);
}
bool machine::bad_odds(where at) {
  return happens(options_.bad_odds, bad_odds_, "came to nothing lately", at);
}
bool machine::happens(int at_most, int& times, const char* what, where at) {
  if ((at_most >= 0 && times >= at_most) || decide(2) == 0) return false;
  ++times;
  note(what, nullptr, 0, 0, 0, at);
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
  if (!region_.contains(object)) return;
  if (!region_.in_arena(object)) {
    const int owner = region_.owner_of(object);
    if (owner != current_ &&
        reinterpret_cast<std::uintptr_t>(object) < threads_[owner].stack_used) {
      fail(verdict::bad_memory, std::string(what) + " at " + place_of(at) +
                                    " of what was on the stack of thread " + std::to_string(owner) +
                                    ", which has left that function");
    }
    return;
  }
  const heap::block* b = heap_.holding(object, size);
  if (b == nullptr) {
    fail(verdict::bad_memory,
         std::string(what) + " outside every allocated block, at " + place_of(at));
  }
  if (!b->live) {
    fail(verdict::bad_memory, std::string(what) + " after the memory was freed, at " +
                                  place_of(at) + "; freed at " + place_of(b->freed) +
                                  ", allocated at " + place_of(b->at));
  }
}

void machine::touch(const void* object, std::size_t size, bool write, bool atomic, where at) {
  if (!region_.contains(object)) return;
  check_alive(object, size, at, write ? "write" : "read");
  const plain_memory::conflict* other = plain_.touch(
      region_.offset_of(object), size, {write, atomic, current_, count_, me().known, at});
  if (other != nullptr) {
    fail(verdict::race, std::string(write ? "write" : "read") + " at " + place_of(at) +
                            " races with the " + (other->write ? "write" : "access") +
                            " of thread " + std::to_string(other->thread) + " at " +
                            place_of(other->at));
  }
}

void machine::plain(const void* object, std::size_t size, bool write, where at) {
  if (over_) return;
  touch(object, size, write, false, at);
}

// ---- memory: atomics ----------------------------------------------------------------------------------

unsigned* machine::location_slot(const void* object) {
  place* p = region_.contains(object) ? &places_[region_.offset_of(object)] : &elsewhere_[object];
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
  const heap::block* b = heap_.allocate(bytes, align, zeroed, at);
  if (b == nullptr) {
    fail(verdict::bad_memory, "more than " + std::to_string(region::arena_bytes >> 20) +
                                  " MiB allocated: make the scenario smaller");
  }
  char* p = b->first;
  touch(p, bytes, true, false, at);
  note("allocates", p, bytes, 0, 0, at);
  return p;
}

void machine::deallocate(void* p, where at) {
  if (p == nullptr) return;
  heap::block* b = heap_.beginning(p);
  if (b == nullptr) {
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
  t.stack_used = region_.end_of_stack(number);
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
  return object == nullptr ? "" : region_.name_of(object);
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

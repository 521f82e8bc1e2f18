// SPDX-License-Identifier: BSL-1.0
//
// A scheduler on threads of its own, by work stealing.
//
// Each worker has a run queue. What a worker makes ready goes in front of its own queue; what others
// post from outside goes into a common one. A worker without work takes from the common queue, then
// steals half of somebody else's, then searches for a few microseconds, then parks; an idle pool does
// nothing. Deadlines are in one heap; the worker that parked first after the earliest became known (the
// keeper) sleeps until then, busy workers look at it between tasks.
//
// Waking. At most one worker searches on behalf of new work; when it finds some it has the next one
// woken, so a burst wakes as many as it feeds. No wake-up is lost (the rule of the two looks,
// wait/wait_queue.hpp):
//   poster:  queues the work; fence; does nobody search, and is somebody idle? then wakes one
//   worker:  is idle, does not search any more (under the lock); fence; looks at all queues again
// A poster that leaves it to a searcher comes before that searcher's last look; so does one that saw no idle
// worker because that was just about to park, if somebody searches then: hence the second line is for the
// searcher, and for who parks while nobody searches. Who finds work in the last look is the searcher again,
// for it may not be all. Who moves work from queue to queue is a poster of it, since nobody saw it on its way.
//
// What a worker puts in front of its own queue wakes nobody: the worker itself comes back to it, at once: before
// it runs anything else, what is there goes to the end of its queue, where others may take it.
//
// What to leave alone. Coroutines that talk to each other take turns on one worker at the price of a few
// cached instructions. Where two workers share them out, each message pays for cache lines that travel, many
// times that. So a thief leaves a short queue alone that is brisk: its worker turns to another coroutine
// twice while the thief looks on, for a few microseconds. The thief stays the searcher then and looks again
// after `watch_time`, asleep meanwhile; so work that turns out to wait for long waits that much longer, and who
// queues work meanwhile wakes nobody. A post from outside calls the one who watches.
// (Four producers and one consumer, capacity 1, two workers: 130 ns a message instead of 350.)
//
// Invariants
//   K1 A parked worker is in idle_, or its word says it is awake. The searcher that watches is watcher_.
//   K2 searching_ is 1 while one worker searches: until it has found work, and looks whether there is more,
//      or parks.
//   K3 While a deadline is pending and somebody is parked, one of them is the keeper, and sleeps until the
//      earliest at most, or is told that it changed; or somebody fires the timers, and appoints the next keeper.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <strait/base/backoff.hpp>
#include <strait/base/cache_line.hpp>
#include <strait/base/contract.hpp>
#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/base/thread.hpp>
#include <strait/coro/run_queue.hpp>
#include <strait/coro/scheduler.hpp>
#include <strait/coro/task.hpp>
#include <strait/coro/timer_heap.hpp>

namespace strait::inline STRAIT_ABI {

/// Runs coroutines on a fixed number of threads.
///
/// The destructor ends the threads after what they are running now has suspended or finished; spawned
/// coroutines that are still suspended or queued are destroyed then, in the destructor's thread. All
/// members are thread-safe; the pool must not be destroyed by one of its own workers.
class thread_pool final : public scheduler, private detail::task_group {
 public:
  /// Starts `workers` threads, at least one. Throws std::system_error if the system does not give them, and
  /// std::bad_alloc.
  explicit thread_pool(std::size_t workers = sync::processors())
      : n_(workers == 0 ? 1 : workers), workers_(std::make_unique<worker[]>(n_)) {
    idle_.reserve(n_);
#if STRAIT_EXCEPTIONS
    try {
      start();
    } catch (...) {
      stop();
      throw;
    }
#else
    start();
#endif
  }
  ~thread_pool() {
    stop();
    for (;;) {
      detail::spawned_task* t;
      {
        sync::lock_guard lock(spawned_mutex_);
        t = spawned_.front();
        if (t == nullptr) break;
        spawned_.remove(*t);
      }
      t->destroy();
    }
    const sync::lock_guard last(mutex_);  // who posted one of them has let go of the pool
  }

  std::size_t size() const noexcept { return n_; }

  // ---- for coroutines: see scheduler ----

  void post(detail::runnable& r) noexcept override {
    worker* const me = this_worker();
    if (me == nullptr) return post_from_outside(r);
    if (me->fires_timers) {
      me->queue.push_back(r);  // in the order of their deadlines
    } else if (!me->queue.push_next(r)) {
      return;  // the worker itself comes back to it
    }
    wake_for_work();
  }
  void post_back(detail::runnable& r) noexcept override {
    worker* const me = this_worker();
    if (me == nullptr) return post_from_outside(r);
    if (!common_.looks_empty()) common_.move_to(me->queue);
    me->queue.push_back(r);
    wake_for_work();
  }
  void withdraw(detail::runnable& r) noexcept override { detail::run_queue::withdraw(r); }

  void add(detail::timer_entry& t) noexcept override {
    sync::futex_word* sleeping = nullptr;
    {
      sync::lock_guard lock(mutex_);
      timers_.add(t);
      if (timers_.earliest() != &t) return;
      publish_due();
      if (keeper_ == nullptr) {
        sleeping = appoint_keeper();
      } else if (t.when < alarm_) {
        sleeping = tell_keeper();
      }
    }
    if (sleeping != nullptr) sync::futex_wake_all(sleeping);
  }
  void remove(detail::timer_entry& t) noexcept override {
    sync::lock_guard lock(mutex_);
    if (!t.linked) return;
    timers_.remove(t);
    publish_due();
  }

  /// Starts `t` and lets it go; see strait::spawn.
  void spawn(task<> t) {
    auto& promise = detail::task_access::release(t);
    {
      sync::lock_guard lock(spawned_mutex_);
      spawned_.add(promise);
    }
    promise.start(*this, *this);
  }

  /// Whether the calling thread is one of the pool's workers.
  bool runs_here() const noexcept { return this_worker() != nullptr; }

 private:
  static constexpr std::uint32_t awake = 0, asleep = 1, look_again = 2;

  struct alignas(detail::cache_line) worker {
    detail::run_queue queue;
    // awake, asleep (parked, or watching), look_again (the keeper, at its deadline anew). Only who takes it out
    // of idle_ or watcher_ sets awake.
    sync::futex_word parked{awake};
    sync::atomic<unsigned> turns{0};  // how often it has looked for work
    bool searches = false;            // its own note of being counted in searching_
    bool fires_timers = false;        // its own note, too
    bool owes_keeper = false;         // likewise: it was the keeper, and nobody is now
    std::optional<sync::thread> thread;
  };

  static constexpr unsigned common_every =
      61;  // a turn in which the common queue and the clock come first
  static constexpr std::chrono::microseconds watch_time{50};
  static constexpr std::size_t longest_brisk = 64;
  static constexpr unsigned brisk_turns = 2, brisk_pauses = 300;
  static constexpr std::int64_t no_timer = sync::time_point::max().time_since_epoch().count();

  worker* this_worker() const noexcept {
    const detail::loop_context* loop = detail::this_loop();
    if (loop == nullptr || loop->home != this || loop->worker == nullptr) return nullptr;
    return static_cast<worker*>(loop->worker);
  }

  void ended(detail::spawned_task& t) noexcept override {
    {
      sync::lock_guard lock(spawned_mutex_);
      spawned_.remove(t);
    }
#if STRAIT_EXCEPTIONS
    // Nobody could catch it: as with std::thread, the program ends, and the message is the exception's.
    if (const std::exception_ptr error = t.take_error()) std::rethrow_exception(error);
#endif
    t.destroy();
  }

  // The pool may be gone as soon as the work is queued: everything happens under the lock, but for the
  // wake itself, which needs the word's address only.
  void post_from_outside(detail::runnable& r) noexcept {
    sync::futex_word* sleeping = nullptr;
    {
      sync::lock_guard lock(mutex_);
      common_.push_back(r);
      // K2: a searcher that gives up does so under this lock, and looks at the queues afterwards.
      if (watcher_ != nullptr) {
        sleeping = call_watcher();
        // relaxed: all writers hold the lock
      } else if (!idle_.empty() && searching_.load(sync::relaxed) == 0) {
        sleeping = unpark_for_work();
      }
    }
    if (sleeping != nullptr) sync::futex_wake_all(sleeping);
  }

  // By a worker of the pool, after it queued work that others may take.
  void wake_for_work() noexcept {
    sync::full_fence();  // the work, then the look; a worker that parks looks the other way round
    // relaxed: the fence pair orders them
    if (idle_count_.load(sync::relaxed) == 0 || searching_.load(sync::relaxed) != 0) return;
    sync::futex_word* sleeping = nullptr;
    {
      sync::lock_guard lock(mutex_);
      // relaxed: under the lock
      if (!idle_.empty() && searching_.load(sync::relaxed) == 0) sleeping = unpark_for_work();
    }
    if (sleeping != nullptr) sync::futex_wake_all(sleeping);
  }

  // ---- under mutex_ ----

  sync::futex_word* unpark_for_work() noexcept {
    worker* w = idle_.back();
    if (w == keeper_ && idle_.size() > 1) w = idle_[idle_.size() - 2];  // the keeper last
    search_on_behalf(*w);
    return unpark(*w);
  }
  void search_on_behalf(worker& w) noexcept {
    w.searches = true;
    searching_.store(1, sync::relaxed);  // relaxed: under the lock
  }
  void end_search(worker& w) noexcept {
    w.searches = false;
    searching_.store(0, sync::relaxed);  // relaxed: under the lock
  }
  sync::futex_word* unpark(worker& w) noexcept {
    for (std::size_t i = idle_.size(); i-- > 0;) {
      if (idle_[i] == &w) {
        idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
        break;
      }
    }
    idle_count_.store(idle_.size(), sync::relaxed);  // relaxed: a hint but for the fence pair
    if (keeper_ == &w) keeper_ = nullptr;
    w.parked.store(awake,
                   sync::release);  // release: what it was woken for; pairs with park's acquire
    return &w.parked;
  }
  sync::futex_word* call_watcher() noexcept {
    sync::futex_word& word = std::exchange(watcher_, nullptr)->parked;
    word.store(awake, sync::relaxed);  // relaxed: it looks at everything anew
    return &word;
  }
  sync::futex_word* appoint_keeper() noexcept {
    if (keeper_ != nullptr || idle_.empty() || timers_.earliest() == nullptr) return nullptr;
    keeper_ = idle_.back();
    return tell_keeper();
  }
  sync::futex_word* tell_keeper() noexcept {
    alarm_ = timers_.earliest()->when;
    keeper_->parked.store(look_again, sync::relaxed);  // relaxed: it looks under the lock
    return &keeper_->parked;
  }
  // Until when it sleeps. A keeper whose deadline is gone does not sleep longer: it comes, and appoints the next.
  sync::time_point alarm_of(const worker& w) noexcept {
    if (keeper_ != &w) return sync::time_point::max();
    if (const detail::timer_entry* t = timers_.earliest()) alarm_ = t->when;
    return alarm_;
  }
  void publish_due() noexcept {
    const detail::timer_entry* t = timers_.earliest();
    // relaxed: a hint for busy workers; the keeper reads the heap itself
    due_.store(t != nullptr ? t->when.time_since_epoch().count() : no_timer, sync::relaxed);
  }

  // ---- a worker ----

  void start() {
    for (std::size_t i = 0; i < n_; ++i) {
      workers_[i].thread.emplace([this, i] { work(workers_[i]); });
    }
  }

  void work(worker& me) noexcept {
    detail::enter_loop loop(this, &me);
    for (;;) {
      detail::runnable* r = take(me);
      if (r == nullptr) return;
      r->run();
      loop.drain();
    }
  }

  // The next to run; null: the pool ends.
  detail::runnable* take(worker& me) noexcept {
    for (;;) {
      if (stopping_.load(sync::relaxed)) return nullptr;       // relaxed: join orders the rest
      const unsigned turn = me.turns.load(sync::relaxed) + 1;  // relaxed: only we write
      me.turns.store(turn, sync::relaxed);                     // relaxed: thieves guess from it
      if (turn % common_every == 0) {
        fire_timers(me);
        if (detail::runnable* r = common_.pop()) {
          if (me.queue.share_next()) wake_for_work();  // it need not wait for what comes first now
          return found(me, r);
        }
      }
      if (detail::runnable* r = take_own(me)) return found(me, r);
      fire_timers(me);
      if (detail::runnable* r = me.queue.pop()) return found(me, r);
      if (detail::runnable* r = common_.pop()) return found(me, r);
      bool brisk = false;
      if (detail::runnable* r = steal(me, brisk)) {
        // What came with it was in no queue on its way. (A searcher looks anyway.)
        if (!me.searches && !me.queue.looks_empty()) wake_for_work();
        return found(me, r);
      }
      if (detail::runnable* r = search(me, brisk)) return found(me, r);
      park(me);
    }
  }

  detail::runnable* take_own(worker& me) noexcept {
    bool shared = false;
    detail::runnable* const r = me.queue.pop_next(shared);
    if (shared) wake_for_work();
    return r;
  }

  // A searcher that found something has the next one woken, if there is more.
  detail::runnable* found(worker& me, detail::runnable* r) noexcept {
    if (me.searches) [[unlikely]] {
      {
        sync::lock_guard lock(mutex_);
        end_search(me);
      }
      sync::
          full_fence();  // not searching any more, then the look; who queues work looks the other way round
      if (anything()) wake_for_work();
    }
    return r;
  }

  // A look at everybody's queue. Sets `brisk` if it left one alone.
  detail::runnable* steal(worker& me, bool& brisk) noexcept {
    const std::size_t start = static_cast<std::size_t>(sync::random() % n_);
    for (std::size_t i = 0; i < n_; ++i) {
      worker& victim = workers_[(start + i) % n_];
      if (&victim == &me || victim.queue.looks_empty()) continue;
      if (is_brisk(victim)) {
        brisk = true;
      } else if (detail::runnable* r = victim.queue.steal(me.queue)) {
        return r;
      }
    }
    return nullptr;
  }
  // Whether its worker turns to one coroutine after the other faster than we could take them from it.
  static bool is_brisk(const worker& w) noexcept {
    if (w.queue.size_hint() > longest_brisk) return false;
    const unsigned before = w.turns.load(sync::relaxed);  // relaxed, and below: a guess
    for (unsigned looks = 0;; ++looks) {
      if (w.turns.load(sync::relaxed) - before >= brisk_turns) return true;
      if (looks == brisk_pauses || w.queue.looks_empty() || sync::processors() == 1) return false;
      sync::pause();
    }
  }

  // As the one who searches: looks for work until there is none. Null, too, if another one searches.
  detail::runnable* search(worker& me, bool brisk) noexcept {
    if (!begin_search(me)) return nullptr;
    while (brisk ? watch(me) : something_comes()) {
      if (stopping_.load(sync::relaxed)) return nullptr;  // relaxed: as in take
      fire_timers(me);
      if (detail::runnable* r = me.queue.pop()) return r;
      if (detail::runnable* r = common_.pop()) return r;
      const bool watched = std::exchange(brisk, false);
      if (detail::runnable* r = steal(me, brisk)) return r;
      if (!watched) brisk = true;  // what came was gone at once
    }
    return nullptr;
  }
  bool begin_search(worker& me) noexcept {
    if (me.searches) return true;
    if (searching_.load(sync::relaxed) != 0) return false;  // relaxed: who parks asks again
    sync::lock_guard lock(mutex_);
    if (searching_.load(sync::relaxed) != 0) return false;  // relaxed: under the lock
    search_on_behalf(me);
    return true;
  }
  bool something_comes() const noexcept {
    detail::backoff b;
    for (;;) {
      if (anything()) return true;
      if (!b.spin()) return false;
    }
  }
  // Sleeps for watch_time, or until somebody posts from outside; false if the pool ends.
  bool watch(worker& me) noexcept {
    {
      sync::lock_guard lock(mutex_);
      if (stopping_.load(sync::relaxed)) return false;  // relaxed: under the lock
      if (!common_.looks_empty()) return true;  // posted under the lock, when nobody watched
      watcher_ = &me;
      me.parked.store(asleep, sync::relaxed);  // relaxed: under the lock
    }
    const sync::time_point until = sync::now() + watch_time;
    // relaxed: call_watcher hands nothing over
    while (me.parked.load(sync::relaxed) != awake && sync::now() < until) {
      sync::futex_wait(me.parked, asleep, until);
    }
    sync::lock_guard lock(mutex_);
    if (watcher_ == &me) (void)call_watcher();
    return !stopping_.load(sync::relaxed);  // relaxed: under the lock
  }

  bool anything() const noexcept {
    if (!common_.looks_empty()) return true;
    for (std::size_t i = 0; i < n_; ++i) {
      if (!workers_[i].queue.looks_empty()) return true;
    }
    return false;
  }

  void park(worker& me) noexcept {
    sync::time_point until = sync::time_point::max();
    bool others_look;
    {
      sync::lock_guard lock(mutex_);
      if (me.searches) end_search(me);
      if (stopping_.load(sync::relaxed)) return;          // relaxed: under the lock
      others_look = searching_.load(sync::relaxed) != 0;  // relaxed: under the lock
      me.parked.store(asleep, sync::relaxed);             // relaxed: under the lock
      idle_.push_back(&me);                               // reserved
      idle_count_.store(idle_.size(), sync::relaxed);
      if (keeper_ == nullptr && timers_.earliest() != nullptr) keeper_ = &me;
      until = alarm_of(me);
    }
    sync::full_fence();
    if (!others_look && anything()) {
      sync::futex_word* next_keeper = nullptr;
      {
        sync::lock_guard lock(mutex_);
        // relaxed, both: under the lock. Somebody may have woken us already, and counts on us.
        if (me.parked.load(sync::relaxed) != awake) {
          if (searching_.load(sync::relaxed) == 0) search_on_behalf(me);
          unpark(me);
        }
        next_keeper = appoint_keeper();
      }
      if (next_keeper != nullptr) sync::futex_wake_all(next_keeper);
      return;
    }
    // acquire: pairs with unpark's release
    for (std::uint32_t seen; (seen = me.parked.load(sync::acquire)) != awake;) {
      if (seen == look_again) {
        sync::lock_guard lock(mutex_);
        // relaxed, both: under the lock
        if (me.parked.load(sync::relaxed) == look_again) me.parked.store(asleep, sync::relaxed);
        until = alarm_of(me);
        continue;
      }
      sync::futex_wait(me.parked, asleep, until);
      if (until != sync::time_point::max() && sync::now() >= until) {
        sync::lock_guard lock(mutex_);
        if (me.parked.load(sync::relaxed) != awake) unpark(me);  // relaxed: under the lock
        me.owes_keeper = true;  // behind what is due now, which fire_timers does next
        return;
      }
    }
  }

  // Cancels what is due.
  void fire_timers(worker& me) noexcept {
    // relaxed: a hint; who adds an earlier one tells the keeper
    if (due_.load(sync::relaxed) == no_timer && !me.owes_keeper) return;
    const sync::time_point now = sync::now();
    // relaxed: as above
    if (now.time_since_epoch().count() < due_.load(sync::relaxed) && !me.owes_keeper) return;
    me.fires_timers = true;
    while (fire_one(now)) {
    }
    me.fires_timers = false;
    me.owes_keeper = false;
    sync::futex_word* next_keeper = nullptr;
    {
      sync::lock_guard lock(mutex_);
      next_keeper = appoint_keeper();
    }
    if (next_keeper != nullptr) sync::futex_wake_all(next_keeper);
  }
  // Whether one was due.
  bool fire_one(sync::time_point now) noexcept {
    detail::wakeup owed;
    {
      sync::lock_guard lock(mutex_);
      detail::timer_entry* t = timers_.earliest();
      if (t == nullptr || t->when > now) return false;
      timers_.remove(*t);
      publish_due();
      t->target->cancel(owed);
    }
    owed.deliver();
    return true;
  }

  void stop() noexcept {
    {
      sync::lock_guard lock(mutex_);
      stopping_.store(true, sync::relaxed);  // relaxed: under the lock where a worker parks
      while (!idle_.empty()) sync::futex_wake_all(unpark(*idle_.back()));
      if (watcher_ != nullptr) sync::futex_wake_all(call_watcher());
    }
    for (std::size_t i = 0; i < n_; ++i) {
      if (workers_[i].thread) workers_[i].thread->join();
    }
  }

  const std::size_t n_;
  std::unique_ptr<worker[]> workers_;
  detail::run_queue common_;
  sync::mutex mutex_;  // idle_, keeper_, alarm_, watcher_, timers_, and the changes of searching_
  std::vector<worker*> idle_;
  worker* keeper_ = nullptr;
  sync::time_point alarm_;  // the keeper's
  worker* watcher_ = nullptr;
  detail::timer_heap timers_;
  sync::atomic<std::int64_t> due_{no_timer};
  sync::atomic<std::size_t> idle_count_{0};
  sync::atomic<std::size_t> searching_{0};
  sync::atomic<bool> stopping_{false};
  sync::mutex spawned_mutex_;
  detail::task_list spawned_;
};

/// Starts `t` on the pool at once and lets it go: it is destroyed when it ends, or with the pool. An exception
/// that leaves it ends the program (std::terminate). Thread-safe, never blocks.
inline void spawn(thread_pool& pool, task<> t) { pool.spawn(std::move(t)); }

}  // namespace strait::inline STRAIT_ABI

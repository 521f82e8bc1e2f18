// SPDX-License-Identifier: BSL-1.0
//
// A file descriptor as an arm of a select: beside channels, timeouts and stop tokens, for threads and
// coroutines (Linux: epoll).
//
//   strait::select(
//       strait::on_recv(orders, [](order o) { ... }),
//       strait::on_readable(socket, [&] { read_some(socket); }),
//       strait::on_timeout(5s, [] { ... }));
//
// Ready means that a read would not block, as poll says it of POLLIN: there is data, the end of the file,
// a hang-up or an error; on a socket that listens, somebody to accept. The select takes nothing from the
// descriptor, so one that is not read is ready the next time, too, and of several threads that are told of
// the same byte one gets it (read without blocking there). What never blocks is ready: a regular file, a
// descriptor that is not open.
//
// How it waits. An attempt is one call of poll. A select that has to sleep lines up with the poller, of
// which the process has one: a thread that sleeps in epoll_wait and selects the waiters of what became
// readable (wait/waiter.hpp). It is made when a select first has to sleep on a descriptor. Waiting allocates
// nothing: the lines are a fixed table, by the number of the descriptor, of nodes on the waiters' stacks and
// in their frames. Sleeping costs one epoll_ctl; being woken, a switch to the poller and one from it. For
// who does nothing but read from many descriptors, epoll itself is the better tool.
//
// Invariants
//   D1 A node is in its line from before epoll is armed for it until its arm is notified or delisted. Both
//      take it out under the line's lock; after that the poller does not touch it.
//   D2 Whoever lines up arms epoll himself, in any case: what others did about the same number is no
//      concern of his. Armed for one event (EPOLLONESHOT), so what nobody waits for is told once at most.
//   D3 An event notifies everybody who stands in line for that number.
//
// No lost wake-up. Arming makes the kernel look at the descriptor: if it is readable, or becomes so, there
// is an event after that. By D1 the node is in the line then, unless it has been notified meanwhile. An event
// that came before, and is only handled now, is handled under the line's lock: it finds the node and notifies
// it for nothing, or does not find it, and the next one does. So the second look (wait/wait_queue.hpp)
// is the kernel's. A notification for nothing is one more attempt.
//
// Nothing to pass on. A channel wakes one waiter for one message, so a waiter that does not use its wake-up
// owes it to the next. Being readable is not used up by a wake-up: by D3 all who waited have been told, and
// who comes later arms for himself. For the same reason a coroutine that is destroyed owes nothing.
//
// Closing. A descriptor that is closed while a select waits for it is the caller's mistake, as it is with
// poll: the arm sleeps on, the others live. The kernel forgets the closed file, or, where a duplicate
// keeps it, tells of it once more, under a number that may be somebody else's by then: for nothing.
//
// The end. The thread is joined when the program ends. The rest stays, for selects that wait even then: they
// are woken, and from then on look again and again (ready). A child made by fork has no poller thread: there
// nobody may wait for a descriptor; that it ends does not end its parent's.
//
// Order edges: all are the locks' (L1, U1 in base/sync.hpp) and the waiters' (S1, P1 in wait/waiter.hpp).
//
// What may be changed safely: the sizes.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <concepts>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <system_error>
#include <utility>

#include <strait/base/backoff.hpp>
#include <strait/base/contract.hpp>
#include <strait/base/mutex.hpp>
#include <strait/base/sync.hpp>
#include <strait/base/thread.hpp>
#include <strait/channel/select.hpp>
#include <strait/channel/select_handler.hpp>
#include <strait/channel/select_op.hpp>
#include <strait/wait/deadline.hpp>
#include <strait/wait/wait_queue.hpp>
#include <strait/wait/waiter.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

[[noreturn]] STRAIT_COLD inline void cannot_wait(int error) {
#if STRAIT_EXCEPTIONS
  throw std::system_error(error, std::generic_category(), "strait::on_readable");
#else
  (void)error;
  contract_broken("on_readable: the system has no descriptor, thread or memory to wait with",
                  __FILE__, __LINE__);
#endif
}

inline bool is_readable(int fd) {
  if (fd < 0) return true;  // not open; poll would pass it over
  pollfd p{fd, POLLIN, 0};
  for (;;) {
    const int n = ::poll(&p, 1, 0);
    if (n >= 0) return n != 0;
    if (errno != EINTR) cannot_wait(errno);
  }
}

class own_descriptor {
 public:
  explicit own_descriptor(int fd) : fd_(fd) {
    if (fd < 0) cannot_wait(errno);
  }
  own_descriptor(const own_descriptor&) = delete;
  own_descriptor& operator=(const own_descriptor&) = delete;
  ~own_descriptor() { ::close(fd_); }
  int get() const noexcept { return fd_; }

 private:
  const int fd_;
};

/// A place in the poller, for one arm of one select.
struct readable_node : wait_node {
  explicit readable_node(int descriptor) noexcept : fd(descriptor) {}
  const int fd;
};

/// Waits for all descriptors that selects wait for. All members are thread-safe.
class readable_poller {
 public:
  /// Throws std::system_error where the system does not give the descriptors or the thread.
  readable_poller()
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)), end_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = nobody;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, end_.get(), &event) != 0) cannot_wait(errno);
    thread_ = sync::thread([this] { work(); });
  }
  readable_poller(const readable_poller&) = delete;
  readable_poller& operator=(const readable_poller&) = delete;

  /// Lines up; the waiter may be notified from now on. Not 0: it will not be, for this reason; ECANCELED:
  /// the program ends. To be removed in any case.
  int add(readable_node& node) noexcept {
    line& mine = line_of(node.fd);
    {
      sync::lock_guard lock(mine.mutex);
      if (mine.ended) return ECANCELED;
      mine.waiters.push_back(node);
    }
    return arm(node.fd);
  }

  /// Takes the node out unless its waiter was notified for it. Then the poller knows it no more.
  void remove(readable_node& node) noexcept {
    line& mine = line_of(node.fd);
    sync::lock_guard lock(mine.mutex);
    if (node.linked) mine.waiters.remove(node);
  }

  /// Joins the thread and wakes everybody; nobody lines up any more.
  void end() noexcept {
    if (::getpid() != process_) return;
    const std::uint64_t one = 1;
    (void)!::write(end_.get(), &one, sizeof one);
    thread_.join();
    for (line& l : lines_) {
      {
        sync::lock_guard lock(l.mutex);
        l.ended = true;
      }
      notify(l, nobody);
    }
  }

 private:
  static constexpr int nobody = -1;  // no descriptor's number
  static constexpr std::size_t lines = 1024;
  static constexpr std::size_t batch = 16;
  static constexpr std::size_t events_at_once = 64;

  // All who wait for one of the descriptors that share it.
  struct line {
    sync::mutex mutex;
    wait_list waiters;
    bool ended = false;
  };

  line& line_of(int fd) noexcept { return lines_[static_cast<std::size_t>(fd) % lines]; }

  // The kernel's list outlives the wait: a descriptor that was waited for before is in it, disarmed.
  int arm(int fd) noexcept {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLONESHOT;
    event.data.fd = fd;
    for (int how = EPOLL_CTL_MOD;;) {
      if (::epoll_ctl(epoll_.get(), how, fd, &event) == 0) return 0;
      if (how == EPOLL_CTL_MOD && errno == ENOENT) {
        how = EPOLL_CTL_ADD;
      } else if (how == EPOLL_CTL_ADD && errno == EEXIST) {  // another thread did
        how = EPOLL_CTL_MOD;
      } else {
        return errno;
      }
    }
  }

  void work() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all,
                      nullptr);  // the program's signals are its own threads' affair
    std::array<epoll_event, events_at_once> events;
    for (;;) {
      const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      STRAIT_EXPECTS(n >= 0 || errno == EINTR,
                     "somebody closed the descriptor that on_readable waits with");
      for (int i = 0; i < n; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == nobody) return;
        notify(line_of(fd), fd);
      }
    }
  }

  // Selects and wakes all who wait for `fd`; nobody: all in the line.
  void notify(line& l, int fd) noexcept {
    for (std::size_t n = batch; n == batch;) {
      std::array<wakeup, batch> owed;
      n = 0;
      {
        sync::lock_guard lock(l.mutex);
        for (wait_node* node = l.waiters.front(); node != nullptr && n < batch;) {
          wait_node* const next = node->next;
          if (fd == nobody || static_cast<readable_node*>(node)->fd == fd) {
            if (select(l, *node, owed[n])) ++n;
          }
          node = next;
        }
      }
      for (std::size_t i = 0; i < n; ++i) owed[i].deliver();
    }
  }

  // As in wait/wait_queue.hpp: out of the line first, for the owner may be gone once it is selected. One
  // that loses is waited for by its owner, who takes out his other nodes under this lock.
  static bool select(line& l, wait_node& node, wakeup& owed) noexcept {
    waiter& owner = *node.owner;
    const std::uint32_t arm = node.arm;
    l.waiters.remove(node);
    auto result = owner.try_select(waiter::notified, arm, owed);
    for (backoff b; result == waiter::claim::busy;
         result = owner.try_select(waiter::notified, arm, owed)) {
      b.wait();  // its owner decides within a few instructions, without this lock
    }
    return result == waiter::claim::won;
  }

  const own_descriptor epoll_;
  const own_descriptor end_;  // written to once
  const pid_t process_ = ::getpid();
  std::array<line, lines> lines_;
  sync::thread thread_;
};

/// Made at first use. Throws as its constructor, and std::bad_alloc; the next use tries again.
inline readable_poller& the_readable_poller() {
  static readable_poller* const one = new readable_poller();
  static const struct at_exit {
    ~at_exit() { one->end(); }
  } last;
  return *one;
}

/// Chosen when a read would not block; takes nothing.
class readable_op final : public select_op {
 public:
  explicit readable_op(int fd) noexcept : node_(fd) {}

  attempt try_now(waiter&) override {
    if (is_readable(node_.fd)) return attempt::chosen;
    if (refusal_ != 0 && !is_passing(refusal_)) cannot_wait(refusal_);  // here one may throw
    return attempt::not_ready;
  }
  attempt enlist(waiter& owner, place, waiter&) noexcept override {
    node_.owner = &owner;
    node_.arm = position;
    refusal_ = line_up();
    return attempt::not_ready;
  }
  void delist() noexcept override {
    if (poller_ != nullptr) poller_->remove(node_);
  }
  /// After enlist. Nobody would wake us: then the select does not sleep but attempts again.
  bool ready() const noexcept override { return refusal_ != 0; }
  void selected() noexcept override {}                           // a poller only notifies
  bool unbind() noexcept override { return true; }               // nor binds
  void pass_on() noexcept override {}                            // see above
  std::uint64_t version() const noexcept override { return 0; }  // nobody counts what is written
  deadline due() const noexcept override { return deadline::never(); }

 private:
  // Something has changed since the attempt, which tells what: the descriptor was closed, or is another one
  // that never blocks; the program ends.
  static bool is_passing(int error) noexcept {
    return error == EBADF || error == EPERM || error == ECANCELED;
  }

  int line_up() noexcept {
#if STRAIT_EXCEPTIONS
    try {
      poller_ = &the_readable_poller();
    } catch (const std::system_error& e) {
      return e.code().value();
    } catch (...) {
      return ENOMEM;
    }
#else
    poller_ = &the_readable_poller();
#endif
    return poller_->add(node_);
  }

  readable_node node_;
  readable_poller* poller_ = nullptr;
  int refusal_ = 0;  // of the poller, at the last enlist
};

template <class F>
struct readable_arm : guarded<readable_arm<F>> {
  readable_arm(int descriptor, F&& f) : fd(descriptor), handler(std::move(f)) {}
  int fd;
  F handler;
};

template <class F>
class armed<readable_arm<F>> {
 public:
  static constexpr arm_kind kind = arm_kind::operation;

  explicit armed(readable_arm<F>& arm) noexcept : arm_(&arm), op_(arm.fd) {}

  select_op* operation() noexcept { return arm_->on ? &op_ : nullptr; }
  void fire() { (void)std::invoke(arm_->handler); }

 private:
  readable_arm<F>* arm_;
  readable_op op_;
};

}  // namespace detail

/// An arm of select and async_select: fires when a read from `fd` would not block (data, end of file,
/// hang-up, error), or when reading never blocks (a regular file, a descriptor that is not open). Takes
/// nothing: the handler, which has no parameters, may read; if nobody does, the arm is ready again the next
/// time. `fd` stays open while the select waits. With `otherwise` each descriptor is looked at by itself:
/// "nothing is ready" is of one instant for channels only.
///
/// The select throws std::system_error, before it took anything, where it has to wait and the system does
/// not give what that needs (once for the process, two descriptors and a thread; a place in epoll).
/// Thread-safe: any number of selects may wait for one descriptor, and all are woken.
template <class F = detail::no_handler>
[[nodiscard]] auto on_readable(int fd, F handler = {}) {
  static_assert(std::invocable<F&>,
                "strait: on_readable's handler takes nothing: it reads from the descriptor itself");
  return detail::readable_arm<F>(fd, std::move(handler));
}

}  // namespace strait::inline STRAIT_ABI

// SPDX-License-Identifier: BSL-1.0
//
// A file descriptor that says when a receiver has something: for a loop around poll, epoll or the like that
// must wait for a channel as well (Linux: an eventfd).
//
//   strait::readiness ready(rx);
//   add(epoll, ready.fd(), EPOLLIN);
//   for (;;) {
//     while (auto m = rx.try_recv()) handle(*m);     // all there is
//     if (rx.is_closed() && rx.empty()) break;
//     if (ready.arm()) continue;                     // something came meanwhile
//     epoll_wait(epoll, ...);                        // wakes when a message comes, or the channel closes
//   }
//
// Only between arm() and the next message does a sender pay for it, one write of eight bytes: it then finds the
// readiness in the receivers' line, as it would find a thread. A loop that always finds messages makes no
// system call for them.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <system_error>

#include <strait/base/backoff.hpp>
#include <strait/base/contract.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/select_arms.hpp>
#include <strait/channel/select_op.hpp>

namespace strait::inline STRAIT_ABI {

namespace detail {

/// Chosen when a receive would not block; takes nothing.
template <class Receiver>
class readiness_op final : public recv_op_base<Receiver> {
 public:
  explicit readiness_op(const Receiver& rx) noexcept : recv_op_base<Receiver>(rx) {
    this->probing_ = true;
    this->me_.arrived = true;
  }
  attempt try_now(waiter&) override { return this->ready() ? attempt::chosen : attempt::not_ready; }
  void selected() noexcept override {}
};

}  // namespace detail

/// Ready means: a receive would not block (a message, or closed). The wish to know takes no message and no
/// wake-up from others. Not thread-safe; the receiver stays where it is, and is not a timer's.
template <class Receiver>
class readiness final : private detail::sleeper {
 public:
  /// Throws std::system_error where the system has no descriptor to give.
  explicit readiness(const Receiver& rx) : rx_(&rx), fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
#if STRAIT_EXCEPTIONS
    if (fd_ < 0)
      throw std::system_error(errno, std::generic_category(), "strait::readiness: eventfd");
#else
    STRAIT_EXPECTS(fd_ >= 0, "the system has no file descriptor to give");
#endif
  }
  readiness(const readiness&) = delete;
  readiness& operator=(const readiness&) = delete;
  ~readiness() {
    disarm();
    ::close(fd_);
  }

  /// To be polled for reading; the same for the whole life. Not to be read, written or closed.
  int fd() const noexcept { return fd_; }

  /// True: ready now, and the descriptor says nothing. False: the descriptor becomes readable when the
  /// receiver is ready, until the next arm() or disarm(). Does not block. Three system calls at most, none when
  /// true at once.
  [[nodiscard]] bool arm() {
    disarm();
    for (;;) {
      wait_.emplace(*rx_, this);
      if (wait_->starts()) return false;
      wait_.reset();
      if (detail::readiness_op<Receiver> now(*rx_); now.ready()) return true;
    }
  }

  /// Nobody writes to the descriptor any more, and it is not readable.
  void disarm() noexcept {
    if (!wait_) return;
    // Either nobody has woken us, nor will; or it is being done, and is waited for.
    if (!woken() && !wait_->run.abandon()) {
      for (detail::backoff b; !woken();) b.wait();
    }
    wait_.reset();  // passes on what others may use
    if (woken()) {
      std::uint64_t count = 0;
      (void)!::read(fd_, &count, sizeof count);
      woken_.store(false, sync::relaxed);  // relaxed: only we look at it now
    }
  }

 private:
  struct waiting {
    waiting(const Receiver& rx, readiness* who) noexcept : op(rx), run(plan, who) {}

    // True: suspended. False: over, or worth another look.
    bool starts() {
      if (run.advance() != detail::select_run::step::wait) return false;
      STRAIT_EXPECTS(run.waits_until().is_never(),
                     "a timer's receiver has no readiness: poll until its instant instead");
      return run.waits_for().suspend();
    }

    detail::readiness_op<Receiver> op;
    detail::select_op* one = &op;
    const detail::select_plan plan{.ops = {&one, 1}, .fair = false};
    detail::select_run run;
  };

  bool woken() const noexcept {
    return woken_.load(sync::acquire);
  }  // acquire: pairs with wake's release

  // By whoever sent or closed. The last touch of this object is the store.
  void wake() noexcept override {
    const std::uint64_t one = 1;
    (void)!::write(fd_, &one, sizeof one);
    woken_.store(true, sync::release);  // release: pairs with woken's acquire
  }

  const Receiver* rx_;
  const int fd_;
  std::optional<waiting> wait_;
  sync::atomic<bool> woken_{false};
};

}  // namespace strait::inline STRAIT_ABI

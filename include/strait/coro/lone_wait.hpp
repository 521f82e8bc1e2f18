// SPDX-License-Identifier: BSL-1.0
//
// A coroutine that waits for one send or receive and nothing else: no time limit, no stop token, no other
// arm. It is a select of one operation (coro/async_wait.hpp) with everything taken out that such a one does
// not need, since it is what coroutines do most.
//
//   attempt        without waiting; at a rendezvous left out, for standing in line attempts as well
//   await_suspend  stands in line (stand): its waiter says that it sleeps before anybody can find it
//   wake           by whoever selected it: posts it to the coroutine's scheduler
//   run            in the scheduler's turn: done, or attempts again and stands in front; then the coroutine
//
// Invariants
//   O1 Nothing of the wait is touched after `stand` left it in a line, or bound: it may go on in another
//      thread at once. So all that its next turn reads is written before, and the second look
//      (wait/wait_queue.hpp) is taken under the line's lock, before anybody finds the node.
//   O2 It is woken once for each time it stood, by whoever selected it (or sent its message for it), for
//      only its destruction ends the wait otherwise. Its waiter is alone (W5 in wait/waiter.hpp).
//   O3 Wake-ups are passed on (N2): by the turn that succeeds, or by the destructor.
//   O4 Nothing throws once it waits: what can, a push that needs memory, is on unbounded channels, where a
//      send never waits.
//
// Destruction while suspended: as coro/async_wait.hpp says.
#pragma once

#include <coroutine>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <strait/base/config.hpp>
#include <strait/base/sync.hpp>
#include <strait/channel/channel_base.hpp>
#include <strait/channel/party.hpp>
#include <strait/channel/receiver.hpp>
#include <strait/channel/sender.hpp>
#include <strait/coro/default_pool.hpp>
#include <strait/coro/scheduler.hpp>
#include <strait/error.hpp>
#include <strait/wait/waiter.hpp>

namespace strait::inline STRAIT_ABI::detail {

/// What a receive does with its core: fills a result.
template <class Receiver>
struct receiving {
  using handle_type = Receiver;
  using message_type = typename Receiver::message_type;
  using object = recv_result<message_type>;
  static constexpr bool is_sole = false;  // nothing is offered

  static attempt attempt_on(auto& c, object& result) { return c.attempt_recv(result); }
  static attempt stand(auto& c, auto& me, place where) { return c.stand_recv(me, where); }
  static bool delist(auto& c, auto& me) noexcept { return c.delist_recv(me, false); }
  static void pass_on(auto& c) noexcept { c.pass_on_recv(); }
  static void bring(auto& me, object& result) noexcept { me.result = detail::address_of(result); }
  /// It was handed over, and nobody comes for it.
  static void leave_behind(auto& c, object& result) noexcept { c.leave_behind(std::move(*result)); }
};

/// What a send does: takes the message, if it succeeds.
template <class Sender>
struct sending {
  using handle_type = Sender;
  using message_type = typename Sender::message_type;
  using object = message_type;
  static constexpr bool is_sole = !std::is_copy_constructible_v<Sender>;

  static attempt attempt_on(auto& c, object& message) { return c.attempt_send(message); }
  static attempt stand(auto& c, auto& me, place where) { return c.stand_send(me, where); }
  static bool delist(auto& c, auto& me) noexcept { return c.delist_send(me, false); }
  static void pass_on(auto& c) noexcept { c.pass_on_send(); }
  static void bring(auto& me, object& message) noexcept {
    me.message = detail::address_of(message);
  }
  static void leave_behind(auto&, object&) noexcept {}
};

/// The wait, from when it does not succeed at once. `Side` is receiving or sending.
template <class Side>
class lone_wait final : private sleeper, private runnable {
  using object = typename Side::object;

 public:
  lone_wait(channel_base& core, object& what) noexcept
      : core_(&core), what_(detail::address_of(what)), waiter_(waiter::waiting, this) {
    me_.arrived = true;
    Side::bring(me_, what);
  }
  lone_wait(const lone_wait&) = delete;
  lone_wait& operator=(const lone_wait&) = delete;
  ~lone_wait() {
    if (state_ != state::active) forsake();
  }

  /// False: it is over after all.
  bool suspend(std::coroutine_handle<> h) {
    coroutine_ = h;
    home_ = &home_of_this_coroutine();
    return !settle();
  }

  /// After the resumption: chosen or closed.
  attempt outcome() const noexcept { return outcome_; }

 private:
  enum class state : std::uint8_t {
    active,
    asleep,  // in a line or bound: whoever decides the waiter posts us
    posted   // we posted ourselves
  };

  template <class F>
  decltype(auto) with(F&& f) {
    return access::dispatch_untimed<typename Side::handle_type>(*core_, std::forward<F>(f));
  }

  bool over(attempt a) noexcept {
    state_ = state::active;
    outcome_ = a;
    return true;
  }

  // True: over. False: suspended, and not to be touched (O1).
  bool settle() noexcept {
    for (bool looked_ready = false;; looked_ready = true) {
      waiter_.renew_alone();
      me_.owner = &waiter_;
      state_ = state::asleep;
      switch (const attempt a = with([&](auto& c) { return Side::stand(c, me_, turn_); })) {
        case attempt::not_ready:
        case attempt::bound: return false;
        case attempt::busy: break;
        default: return over(a);
      }
      state_ = state::active;
      if (const attempt a = again(); a == attempt::chosen || a == attempt::closed) return over(a);
      if (looked_ready) {  // somebody is in the middle of his own operation there: he may need this thread
        state_ = state::posted;
        home_->post_back(*this);
        return false;
      }
    }
  }

  attempt again() noexcept {
    return with([&](auto& c) { return Side::attempt_on(c, *what_); });
  }

  void wake() noexcept override { home_->post(*this); }

  void run() noexcept override {
    if (go_on()) hand_over(coroutine_);
  }

  // True: over.
  bool go_on() noexcept {
    const bool called = std::exchange(state_, state::active) == state::asleep;
    const waiter::state how = called ? waiter_.current() : waiter::left;
    if (called) stood();
    if (how == waiter::done) return over(attempt::chosen);
    const attempt a = how == waiter::released ? attempt::not_ready : again();
    if (a == attempt::chosen || a == attempt::closed) {
      if (how == waiter::notified) with([](auto& c) { Side::pass_on(c); });
      return over(a);
    }
    if (called) turn_ = place::front;  // called in vain: it keeps its turn
    return settle();
  }

  void stood() noexcept {
    if constexpr (Side::is_sole) with([&](auto& c) { c.stood_send(me_); });
  }

  STRAIT_COLD void forsake() noexcept {
    if (state_ == state::posted) return home_->withdraw(*this);
    stood();
    if (with([&](auto& c) { return Side::delist(c, me_); })) return;
    if (!waiter_.decided() && with([&](auto& c) { return c.unbind(me_); })) return;
    home_->withdraw(*this);  // its wake-up has come, or is on its way
    switch (waiter_.current()) {
      case waiter::notified: return with([](auto& c) { Side::pass_on(c); });
      case waiter::done: return with([&](auto& c) { Side::leave_behind(c, *what_); });
      default: return;
    }
  }

  channel_base* const core_;
  object* const what_;
  scheduler* home_ = nullptr;
  std::coroutine_handle<> coroutine_;
  attempt outcome_ = attempt::not_ready;
  state state_ = state::active;
  place turn_ = place::back;
  waiter waiter_;
  party<typename Side::message_type> me_;
};

}  // namespace strait::inline STRAIT_ABI::detail

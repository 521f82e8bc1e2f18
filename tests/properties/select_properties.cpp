// SPDX-License-Identifier: BSL-1.0
//
// Select and selector over three channels against their models, in one thread: any subset of arms (in
// both directions, with values and makers, for results and bare messages, the same channel several
// times), any state of the channels. What fires must be ready; if nothing is, nothing fires; the biased
// form takes the first; promises that are dropped leave everything as it was.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <utility>
#include <vector>

#include "support.hpp"

namespace {

using namespace strait_test;
using strait::errc;

/// Three channels of one family with random capacities (unbounded, rendezvous or small).
template <class Family>
class three_channels {
 protected:
  using channel = decltype(Family::template unbounded<parcel>());

  explicit three_channels(tape& choices)
      : channels_{make(choices, 0), make(choices, 1), make(choices, 2)} {}

  channel make(tape& choices, std::size_t which) {
    const std::uint32_t c = choices.below(6);
    if (c == 5) return Family::template unbounded<parcel>();
    models_[which].capacity = c;
    return Family::template bounded<parcel>(c);
  }

  // Plain traffic between the selects.
  void plain_step(tape& choices) {
    const std::size_t which = choices.below(3);
    auto& ch = channels_[which];
    auto& model = models_[which];
    switch (choices.below(40)) {
      case 0:
        ch.rx.close();
        model.closed = true;
        return;
      case 1:
        if (!choices.once_in(4)) return;
        ch.tx.reset();
        model.closed = true;
        return;
      case 2:
        if (!choices.once_in(4)) return;
        ch.rx.reset();  // everything queued is destroyed; from now on an empty handle
        model.closed = true;
        model.queue.clear();
        return;
      default: break;
    }
    if (choices.below(2) == 0) {
      for (std::uint32_t n = 1 + choices.below(4); n != 0; --n) {
        const std::uint64_t id = ++last_id_;
        const auto failure = model.send_failure();
        auto r = ch.tx.try_send(make_parcel(id));
        RC_ASSERT(r.has_value() == !failure);
        if (!failure) model.queue.push_back(id);
        if (failure) RC_ASSERT(r.error().reason() == *failure && r.error().value().seq() == id);
      }
    } else {
      for (std::uint32_t n = 1 + choices.below(4); n != 0; --n) {
        const auto failure = model.recv_failure();
        const auto m = ch.rx.try_recv();
        RC_ASSERT(m.has_value() == !failure);
        if (failure) RC_ASSERT(m.error() == *failure);
        if (!failure) RC_ASSERT(m->seq() == model.pop());
      }
    }
  }

  void check() const {
    std::size_t queued = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      queued += models_[i].queue.size();
      if (channels_[i].rx) RC_ASSERT(channels_[i].rx.size() == models_[i].queue.size());
      if (channels_[i].rx) RC_ASSERT(channels_[i].rx.is_closed() == models_[i].closed);
    }
    RC_ASSERT(ledger::live() == static_cast<std::int64_t>(queued));
  }

  std::array<channel_model, 3> models_;
  std::array<channel, 3> channels_;
  std::uint64_t last_id_ = 0;
};

// ---- select -------------------------------------------------------------------------------------

// Twelve arms, always in this order, each on or off: for channel i in 0..2
//   4i + 0  receive, result      4i + 1  receive, bare
//   4i + 2  send, value          4i + 3  send, maker
constexpr std::size_t n_arms = 12;

template <class Family>
class select_world : three_channels<Family> {
  using base = three_channels<Family>;
  using base::channels_;
  using base::last_id_;
  using base::models_;

 public:
  explicit select_world(tape& choices) : base(choices) {}

  void run(tape& choices) {
    while (!choices.ended()) {
      if (choices.below(3) != 0) {
        this->plain_step(choices);
      } else {
        select(choices);
      }
      this->check();
    }
  }

 private:
  struct state {
    std::array<bool, n_arms> on{}, ready{};
    std::array<std::uint64_t, n_arms> id{};  // send arms
    std::array<std::optional<parcel>, n_arms> message;
    std::array<int, n_arms> made{};
    int handled = 0;
    std::size_t handled_arm = n_arms;
    bool extra = false;
    bool throwing = false;
  };

  void received(state& s, std::size_t arm, strait::recv_result<parcel>& m) {
    auto& model = models_[arm / 4];
    ++s.handled;
    s.handled_arm = arm;
    if (model.queue.empty()) {
      RC_ASSERT(model.closed);
      RC_ASSERT(!m.has_value() && m.error() == errc::closed);
    } else {
      RC_ASSERT(m.has_value() && m->intact());
      RC_ASSERT(m->seq() == model.pop());
    }
  }
  void sent(state& s, std::size_t arm, strait::send_result<parcel>& r) {
    auto& model = models_[arm / 4];
    ++s.handled;
    s.handled_arm = arm;
    RC_ASSERT(r.has_value() == !model.closed);
    if (r) {
      model.queue.push_back(s.id[arm]);
    } else {
      RC_ASSERT(r.error().reason() == errc::closed);
      RC_ASSERT(r.error().value().intact() && r.error().value().seq() == s.id[arm]);
    }
  }

  struct refused : std::runtime_error {
    refused() : std::runtime_error("no message") {}
  };

  void select(tape& choices) {
    state s;
    const std::uint32_t mask = choices.next();
    const bool sparse = choices.below(2) == 0;
    bool any_ready = false, any_live = false;
    for (std::size_t arm = 0; arm < n_arms; ++arm) {
      const auto& model = models_[arm / 4];
      s.on[arm] = (mask >> arm & 1U) != 0 && (!sparse || (mask >> (arm % 8 + 12) & 1U) != 0);
      switch (arm % 4) {
        case 0: s.ready[arm] = model.can_recv(); break;
        case 1: s.ready[arm] = !model.queue.empty(); break;  // drops out when closed
        default:
          s.ready[arm] = model.can_send();
          s.id[arm] = ++last_id_;
          s.message[arm] = make_parcel(s.id[arm]);
      }
      const bool dropped = arm % 4 == 1 && model.queue.empty() && model.closed;
      any_ready = any_ready || (s.on[arm] && s.ready[arm]);
      any_live = any_live || (s.on[arm] && !dropped);
    }
    s.throwing = choices.once_in(6);

    // What else the select has, so that it cannot wait for ever: otherwise, a past timeout, a stop that
    // was requested; or nothing, where something is ready or no arm is left.
    std::uint32_t extra = choices.below(4);
    if (extra == 3 && !any_ready && any_live) extra = 0;
    const bool biased = choices.below(2) == 0;

    bool threw = false;
    strait::expected<std::size_t, errc> fired = strait::unexpected(errc::full);
    try {
      fired =
          biased
              ? run_select(s, extra,
                           [](auto&&... arms) { return strait::select_biased(std::move(arms)...); })
              : run_select(s, extra,
                           [](auto&&... arms) { return strait::select(std::move(arms)...); });
    } catch (const refused&) {
      threw = true;
    }

    if (threw) {
      RC_ASSERT(s.throwing);
      RC_ASSERT(s.handled == 0 && !s.extra);
      int made = 0;
      for (std::size_t arm = 0; arm < n_arms; ++arm) {
        made += s.made[arm];
        RC_ASSERT(s.made[arm] == 0 || (s.on[arm] && s.ready[arm]));
      }
      RC_ASSERT(made == 1);  // and check() finds the channels as they were
    } else if (any_ready) {
      RC_ASSERT(fired.has_value() && *fired < n_arms);
      RC_ASSERT(s.on[*fired] && s.ready[*fired]);
      RC_ASSERT(s.handled == 1 && s.handled_arm == *fired && !s.extra);
      if (biased) {
        for (std::size_t arm = 0; arm < *fired; ++arm) RC_ASSERT(!(s.on[arm] && s.ready[arm]));
      }
    } else if (extra == 3) {
      RC_ASSERT(!fired.has_value() && fired.error() == errc::closed);
      RC_ASSERT(s.handled == 0);
    } else {
      RC_ASSERT(fired.has_value() && *fired == n_arms + extra);
      RC_ASSERT(s.handled == 0 && s.extra);
    }
    for (std::size_t arm = 0; arm < n_arms; ++arm) {
      if (arm % 4 < 2 || (!threw && fired && *fired == arm)) continue;
      if (threw && s.made[arm] != 0) continue;
      RC_ASSERT(s.made[arm] == 0);          // only the chosen arm's maker runs
      RC_ASSERT(s.message[arm]->intact());  // an arm that loses leaves its message untouched
    }
  }

  template <class Select>
  strait::expected<std::size_t, errc> run_select(state& s, std::uint32_t extra, Select select) {
    std::stop_source stop;
    stop.request_stop();
    const auto result = [&s, this](std::size_t i) {
      return strait::on_recv(
                 channels_[i].rx,
                 [this, &s, i](strait::recv_result<parcel> m) { received(s, 4 * i, m); })
          .when(s.on[4 * i]);
    };
    const auto bare = [&s, this](std::size_t i) {
      return strait::on_recv(channels_[i].rx,
                             [this, &s, i](parcel m) {
                               strait::recv_result<parcel> r(std::move(m));
                               received(s, 4 * i + 1, r);
                             })
          .when(s.on[4 * i + 1]);
    };
    const auto value = [&s, this](std::size_t i) {
      return strait::on_send(
                 channels_[i].tx, std::move(*s.message[4 * i + 2]),
                 [this, &s, i](strait::send_result<parcel> r) { sent(s, 4 * i + 2, r); })
          .when(s.on[4 * i + 2]);
    };
    const auto maker = [&s](std::size_t i) {
      return [&s, i] {
        ++s.made[4 * i + 3];
        if (s.throwing) throw refused();
        return std::move(*s.message[4 * i + 3]);
      };
    };
    const std::array makers{maker(0), maker(1), maker(2)};
    const auto made = [&s, &makers, this](std::size_t i) {
      return strait::on_send(
                 channels_[i].tx, makers[i],
                 [this, &s, i](strait::send_result<parcel> r) { sent(s, 4 * i + 3, r); })
          .when(s.on[4 * i + 3]);
    };
    return select(result(0), bare(0), value(0), made(0), result(1), bare(1), value(1), made(1),
                  result(2), bare(2), value(2), made(2),
                  strait::otherwise([&s] { s.extra = true; }).when(extra == 0),
                  strait::on_timeout(std::chrono::milliseconds(-1), [&s] { s.extra = true; })
                      .when(extra == 1),
                  strait::on_stop(stop.get_token(), [&s] { s.extra = true; }).when(extra == 2));
  }
};

template <class Family>
void select_property() {
  const auto numbers = *tapes(400);
  tape choices(numbers);
  select_world<Family>(choices).run(choices);
  RC_ASSERT(ledger::live() == 0);
}
RC_GTEST_PROP(select, mpmc_channels, ()) { select_property<mpmc>(); }
RC_GTEST_PROP(select, mpsc_channels, ()) { select_property<mpsc>(); }
RC_GTEST_PROP(select, spsc_channels, ()) { select_property<spsc>(); }

// ---- selector -----------------------------------------------------------------------------------

template <class Family>
class selector_world : three_channels<Family> {
  using base = three_channels<Family>;
  using base::channels_;
  using base::last_id_;
  using base::models_;

  struct entry {
    std::size_t index, which;
    bool sends;
  };

 public:
  selector_world(tape& choices, bool biased)
      : base(choices),
        selector_(biased ? strait::selector::biased() : strait::selector()),
        biased_(biased) {}

  void run(tape& choices) {
    while (!choices.ended()) {
      switch (choices.below(8)) {
        case 0: add(choices); break;
        case 1: remove(choices); break;
        case 2:
        case 3:
        case 4: this->plain_step(choices); break;
        case 5: ready(choices); break;
        default: select(choices);
      }
      this->check();
    }
  }

 private:
  bool is_ready(const entry& e) const {
    return e.sends ? models_[e.which].can_send() : models_[e.which].can_recv();
  }
  const entry* find(std::size_t index) const {
    for (const entry& e : entries_) {
      if (e.index == index) return &e;
    }
    return nullptr;
  }
  const entry* first_ready() const {
    for (const entry& e : entries_) {
      if (is_ready(e)) return &e;
    }
    return nullptr;
  }

  void add(tape& choices) {
    if (entries_.size() >= 10) return;
    const std::size_t which = choices.below(3);
    const bool sends = choices.below(2) == 1;
    const std::size_t index =
        sends ? selector_.send(channels_[which].tx) : selector_.recv(channels_[which].rx);
    RC_ASSERT(!entries_ever_ || index > last_index_);  // never reused
    entries_ever_ = true;
    last_index_ = index;
    entries_.push_back({index, which, sends});
  }
  void remove(tape& choices) {
    if (entries_.empty() || !choices.once_in(3)) return;
    const auto at =
        static_cast<std::ptrdiff_t>(choices.below(static_cast<std::uint32_t>(entries_.size())));
    selector_.remove(entries_[static_cast<std::size_t>(at)].index);
    entries_.erase(entries_.begin() + at);  // keeps the order of the rest
  }

  void ready(tape& choices) {
    const entry* first = first_ready();
    strait::expected<std::size_t, errc> which = strait::unexpected(errc::full);
    switch (choices.below(first != nullptr ? 3 : 2)) {
      case 0: which = selector_.try_ready(); break;
      case 1: which = selector_.ready_for(std::chrono::nanoseconds(-1)); break;
      default: which = selector_.ready();
    }
    if (first == nullptr) {
      RC_ASSERT(!which.has_value());
      return;
    }
    RC_ASSERT(which.has_value());
    const entry* e = find(*which);
    RC_ASSERT(e != nullptr && is_ready(*e));
    if (biased_) RC_ASSERT(e == first);
  }

  void select(tape& choices) {
    const entry* first = first_ready();
    const std::uint32_t how = choices.below(first != nullptr ? 4 : 3);
    auto chosen = how == 0   ? selector_.try_select()
                  : how == 1 ? selector_.select_for(std::chrono::nanoseconds(0))
                  : how == 2 ? selector_.select_until(std::chrono::steady_clock::time_point::min())
                             : selector_.select();
    if (first == nullptr) {
      RC_ASSERT(!chosen.has_value());
      if (how != 0) {
        RC_ASSERT(chosen.error() == errc::timeout);
      } else {
        RC_ASSERT(chosen.error() == (entries_.empty() ? errc::closed : errc::empty));
      }
      return;
    }
    RC_ASSERT(chosen.has_value());
    const entry* e = find(chosen->index());
    RC_ASSERT(e != nullptr && is_ready(*e));
    if (biased_) RC_ASSERT(e == first);
    auto& model = models_[e->which];
    auto& ch = channels_[e->which];
    switch (choices.below(4)) {
      case 0: return;  // dropped: nothing happened
      case 1: {        // moved, then completed
        strait::selected moved = std::move(*chosen);
        complete(moved, *e, model, ch);
        return;
      }
      case 2: {  // another selection gives the first one's place back
        auto again = selector_.try_select();
        RC_ASSERT(again.has_value());
        const entry* e2 = find(again->index());
        RC_ASSERT(e2 != nullptr && is_ready(*e2));
        complete(*again, *e2, models_[e2->which], channels_[e2->which]);
        return;
      }
      default: complete(*chosen, *e, model, ch);
    }
  }

  template <class Channel>
  void complete(strait::selected& chosen, const entry& e, channel_model& model, Channel& ch) {
    if (e.sends) {
      const std::uint64_t id = ++last_id_;
      const auto failure = model.send_failure();
      auto r = chosen.send(ch.tx, make_parcel(id));
      RC_ASSERT(r.has_value() == !failure);
      if (failure) RC_ASSERT(r.error().reason() == errc::closed && r.error().value().seq() == id);
      if (!failure) model.queue.push_back(id);
    } else {
      const auto failure = model.recv_failure();
      const auto m = chosen.recv(ch.rx);
      RC_ASSERT(m.has_value() == !failure);
      if (failure) RC_ASSERT(m.error() == errc::closed);
      if (!failure) RC_ASSERT(m->intact() && m->seq() == model.pop());
    }
  }

  strait::selector selector_;
  bool biased_;
  std::vector<entry> entries_;
  bool entries_ever_ = false;
  std::size_t last_index_ = 0;
};

template <class Family>
void selector_property() {
  const auto numbers = *tapes(500);
  tape choices(numbers);
  selector_world<Family>(choices, *rc::gen::arbitrary<bool>()).run(choices);
  RC_ASSERT(ledger::live() == 0);
}
RC_GTEST_PROP(selector, mpmc_channels, ()) { selector_property<mpmc>(); }
RC_GTEST_PROP(selector, mpsc_channels, ()) { selector_property<mpsc>(); }
RC_GTEST_PROP(selector, spsc_channels, ()) { selector_property<spsc>(); }

// A promise is held while its channel is used by others in the same thread: nothing hangs, the order
// stays, and promise and plain operations together move each message once.
RC_GTEST_PROP(selector, promises_among_plain_operations, ()) {
  const auto numbers = *tapes(120);
  tape choices(numbers);
  const std::uint32_t capacity = 1 + choices.below(4);
  {
    auto ch =
        choices.below(2) == 0 ? strait::bounded<parcel>(capacity) : strait::unbounded<parcel>();
    std::uint64_t next_in = 1, next_out = 1;
    std::size_t queued = 0;
    const auto got = [&](const parcel& m) {
      RC_ASSERT(m.seq() == next_out);
      ++next_out;
      --queued;
    };
    strait::selector receiving, sending;
    (void)receiving.recv(ch.rx);
    (void)sending.send(ch.tx);
    while (!choices.ended()) {
      auto to_recv = receiving.try_select();
      RC_ASSERT(to_recv.has_value() == (queued != 0));
      auto to_send = sending.try_select();
      RC_ASSERT(to_send.has_value() == (ch.tx.capacity() ? queued < capacity : true));
      for (std::uint32_t n = choices.below(4); n != 0; --n) {
        if (choices.below(2) == 0) {
          if (ch.tx.try_send(make_parcel(next_in))) ++next_in, ++queued;
        } else {
          const auto m = ch.rx.try_recv();
          if (m) got(*m);
          RC_ASSERT(m || m.error() == errc::empty);
        }
        RC_ASSERT(ch.rx.size() == queued);
        if (ch.tx.capacity()) RC_ASSERT(queued <= capacity);
      }
      if (to_send && choices.below(3) != 0) {
        RC_ASSERT(to_send->send(ch.tx, make_parcel(next_in)).has_value());  // its room was kept
        ++next_in, ++queued;
      }
      if (to_recv && choices.below(3) != 0) {
        const auto m = to_recv->recv(ch.rx);
        RC_ASSERT(m.has_value());  // its message was kept
        got(*m);
      }
      RC_ASSERT(ch.rx.size() == queued);
    }
  }
  RC_ASSERT(ledger::live() == 0);
}

}  // namespace

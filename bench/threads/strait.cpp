// SPDX-License-Identifier: BSL-1.0
//
// strait twice: `general` is the channel for many senders and receivers whatever the shape; `flavour` is the type
// that a user would choose for the shape, where that is another one.
#include <strait/strait.hpp>

#include "scenarios.hpp"

namespace {

template <class Tx, class M>
struct sender {
  Tx to;
  void send(M m) {
    if (!to.send(std::move(m))) bench::failed("a send failed");
  }
};

template <class Rx, class M>
struct receiver {
  Rx from;
  M recv() {
    auto m = from.recv();
    if (!m) bench::failed("a receive failed");
    return *std::move(m);
  }
};

struct general_types {
  template <class M>
  static auto make(bench::room r) {
    return r.is_unbounded() ? strait::unbounded<M>() : strait::bounded<M>(r.capacity);
  }
};
struct mpsc_types {
  template <class M>
  static auto make(bench::room r) {
    return r.is_unbounded() ? strait::mpsc::unbounded<M>() : strait::mpsc::bounded<M>(r.capacity);
  }
};
struct spsc_types {
  template <class M>
  static auto make(bench::room r) {
    return r.is_unbounded() ? strait::spsc::unbounded<M>() : strait::spsc::bounded<M>(r.capacity);
  }
};

// An end that is used once is moved out, as a program would: a copy kept back is one more receiver to the channel.
template <class Types, class M, bench::topology T>
class channel {
 public:
  explicit channel(bench::room r) : ends_(Types::template make<M>(r)) {}
  auto sender() {
    constexpr bool many = T == bench::topology::many_to_one || T == bench::topology::many_to_many;
    return ::sender<decltype(ends_.tx), M>{handle<many>(ends_.tx)};
  }
  auto receiver() {
    constexpr bool many = T == bench::topology::many_to_many;
    return ::receiver<decltype(ends_.rx), M>{handle<many>(ends_.rx)};
  }

 private:
  template <bool many, class Handle>
  static Handle handle(Handle& h) {
    if constexpr (many) {
      return h;
    } else {
      return std::move(h);
    }
  }

  decltype(Types::template make<M>(bench::room{})) ends_;
};

struct selecting {
  static constexpr bool selects = true;

  template <class M, class Receiver>
  static M select_recv(std::array<Receiver, 4>& rx) {
    std::optional<M> got;
    const auto take = [&](M m) { got.emplace(std::move(m)); };
    (void)strait::select(strait::on_recv(rx[0].from, take), strait::on_recv(rx[1].from, take),
                         strait::on_recv(rx[2].from, take), strait::on_recv(rx[3].from, take));
    if (!got) bench::failed("a select failed");
    return *std::move(got);
  }

  template <class M, class Sender>
  static void select_send(std::array<Sender, 4>& tx, M m) {
    // Only the arm that is chosen takes the message.
    const auto fired = strait::select(
        strait::on_send(tx[0].to, std::move(m)), strait::on_send(tx[1].to, std::move(m)),
        strait::on_send(tx[2].to, std::move(m)), strait::on_send(tx[3].to, std::move(m)));
    if (!fired) bench::failed("a select failed");
  }
};

struct general : selecting {
  static bool has(bench::topology, bench::room) { return true; }
  template <class M, bench::topology T>
  using channel = ::channel<general_types, M, T>;
};

struct flavour : selecting {
  static bool has(bench::topology t, bench::room) { return t != bench::topology::many_to_many; }
  template <class M, bench::topology T>
  using channel =
      ::channel<std::conditional_t<
                    T == bench::topology::many_to_many, general_types,
                    std::conditional_t<T == bench::topology::many_to_one, mpsc_types, spsc_types>>,
                M, T>;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::main(argc, argv, bench::system<general>{"general"},
                     bench::system<flavour>{"flavour"});
}

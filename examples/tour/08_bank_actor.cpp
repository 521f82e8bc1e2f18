// SPDX-License-Identifier: BSL-1.0
//
// An actor: one thread owns the accounts, everybody else sends it messages. Nothing is locked,
// because nothing is shared.
//
//   Rust                                  strait
//   enum BankMessage { Deposit { .. } }   using bank_message = std::variant<message::deposit, ...>;
//   match message { ... }                 std::visit(handlers, message)
//   response: mpsc::Sender<u32>           strait::oneshot_sender<std::uint32_t> response;
//   response_rx.recv().unwrap()           returned as it is: a recv_result, with the error inside

#include <strait/strait.hpp>

#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <syncstream>
#include <thread>
#include <utility>
#include <variant>

namespace message {
struct deposit {
  std::string account;
  std::uint32_t amount;
};
struct withdraw {
  std::string account;
  std::uint32_t amount;
};
struct balance {
  std::string account;
  strait::oneshot_sender<std::uint32_t> response;  // the way back travels in the question
};
struct shutdown {};
}  // namespace message

using bank_message =
    std::variant<message::deposit, message::withdraw, message::balance, message::shutdown>;

// Two threads print: each line is written whole.
void print(const std::string& line) { std::osyncstream(std::cout) << line << '\n'; }

class bank_actor {
 public:
  explicit bank_actor(strait::mpsc::receiver<bank_message> receiver)
      : receiver_(std::move(receiver)) {}

  void run() {
    print("Bank actor started");
    while (auto received = receiver_.recv()) {
      // One `on` for each kind of message. A kind without one does not compile, like a match arm
      // that is missing.
      const bool go_on = std::visit([this](const auto& m) { return on(m); }, *received);
      if (!go_on) break;
    }
  }

 private:
  bool on(const message::deposit& m) {
    std::uint32_t& balance = accounts_[m.account];
    balance += m.amount;
    print("Deposited " + std::to_string(m.amount) + " to " + m.account +
          ". New balance: " + std::to_string(balance));
    return true;
  }

  bool on(const message::withdraw& m) {
    std::uint32_t& balance = accounts_[m.account];
    if (balance >= m.amount) {
      balance -= m.amount;
      print("Withdrew " + std::to_string(m.amount) + " from " + m.account +
            ". New balance: " + std::to_string(balance));
    } else {
      print("Insufficient funds in " + m.account + ". Balance: " + std::to_string(balance));
    }
    return true;
  }

  bool on(const message::balance& m) {
    const auto found = accounts_.find(m.account);
    const std::uint32_t balance = found == accounts_.end() ? 0 : found->second;
    print("Balance inquiry for " + m.account + ": " + std::to_string(balance));
    // Fails only if the asker has gone, which is no concern of the bank. The result is
    // [[nodiscard]], so indifference has to be said (Rust: `let _ = ...`).
    (void)m.response.send(balance);
    return true;
  }

  bool on(const message::shutdown&) {
    print("Bank actor shutting down");
    return false;
  }

  std::map<std::string, std::uint32_t> accounts_;
  strait::mpsc::receiver<bank_message> receiver_;
};

// What the rest of the program sees: functions. That they are messages stays in here. Each says by
// its result whether the bank is still there, where Rust's unwrap() would panic.
class bank_client {
 public:
  explicit bank_client(strait::mpsc::sender<bank_message> sender) : sender_(std::move(sender)) {}

  [[nodiscard]] bool deposit(const std::string& account, std::uint32_t amount) const {
    return sender_.send(message::deposit{account, amount}).has_value();
  }

  [[nodiscard]] bool withdraw(const std::string& account, std::uint32_t amount) const {
    return sender_.send(message::withdraw{account, amount}).has_value();
  }

  // Asks and waits for the answer. If the bank goes first, the question is destroyed and the sender
  // in it too, and the wait ends with `closed`: an asker never hangs.
  [[nodiscard]] strait::recv_result<std::uint32_t> balance(const std::string& account) const {
    auto [response, answer] = strait::oneshot<std::uint32_t>();
    if (auto sent = sender_.send(message::balance{account, std::move(response)}); !sent) {
      return strait::unexpected(sent.error().reason());
    }
    return answer.recv();
  }

  [[nodiscard]] bool shutdown() const { return sender_.send(message::shutdown{}).has_value(); }

 private:
  strait::mpsc::sender<bank_message> sender_;
};

int main() {
  auto [tx, rx] = strait::mpsc::unbounded<bank_message>();

  std::jthread bank(
      [receiver = std::move(rx)]() mutable { bank_actor(std::move(receiver)).run(); });

  // Declared after the thread and therefore destroyed before it is joined: should main leave early,
  // the channel closes and the actor ends.
  const bank_client client(std::move(tx));

  const bool accepted = client.deposit("Alice", 1000) && client.deposit("Bob", 500) &&
                        client.withdraw("Alice", 200) &&
                        client.withdraw("Bob", 600);  // more than Bob has
  if (!accepted) return 1;

  for (const char* name : {"Alice", "Bob"}) {
    const auto balance = client.balance(name);
    if (!balance) return 1;
    print(std::string(name) + " balance: " + std::to_string(*balance));
  }

  return client.shutdown() ? 0 : 1;
}

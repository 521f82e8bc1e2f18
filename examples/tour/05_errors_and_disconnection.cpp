// SPDX-License-Identifier: BSL-1.0
//
// Errors and disconnection: a worker that ends on a shutdown message or when its senders are gone,
// and a send that comes too late.
//
//   Rust                                  strait
//   enum WorkerMessage { ... }            using worker_message = std::variant<task, shutdown>;
//   match rx.recv()                       if (!message) ... else std::get_if<task>(&*message)
//   Err(RecvError)                        message.error() == strait::errc::closed
//   Err(e) => println!("{}", e)           sent.error().what()

#include <strait/strait.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <variant>

using namespace std::chrono_literals;

struct task {
  std::string name;
};
struct shutdown {};

// One struct per case; the variant says which of them a message is.
using worker_message = std::variant<task, shutdown>;

// The receiver is taken by value: it belongs to this call and goes when the call returns.
void worker(int id, strait::mpsc::receiver<worker_message> rx) {
  std::cout << "Worker " << id << " started\n";
  for (;;) {
    auto message = rx.recv();
    if (!message) {
      std::cout << "Worker " << id << " detected sender disconnection\n";
      return;
    }
    if (const task* job = std::get_if<task>(&*message)) {
      std::cout << "Worker " << id << " processing: " << job->name << '\n';
      std::this_thread::sleep_for(100ms);
      std::cout << "Worker " << id << " completed: " << job->name << '\n';
    } else {
      std::cout << "Worker " << id << " shutting down\n";
      return;
    }
  }
}

int main() {
  auto [tx, rx] = strait::mpsc::unbounded<worker_message>();

  std::jthread worker_thread(worker, 1, std::move(rx));

  for (int i = 1; i <= 3; ++i) {
    if (!tx.send(task{"Task " + std::to_string(i)})) return 1;
  }
  if (!tx.send(shutdown{})) return 1;

  worker_thread.join();

  // The worker took the receiver with it, so nobody can ever receive this task.
  std::jthread late([sender = std::move(tx)] {
    std::this_thread::sleep_for(100ms);
    auto sent = sender.send(task{"Late task"});
    if (sent) {
      std::cout << "Sent late task\n";
    } else {
      // A failed send keeps the message: std::move(sent.error()).value() would give the task back.
      std::cout << "Failed to send late task: " << sent.error().what() << '\n';
    }
  });
}

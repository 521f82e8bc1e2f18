// SPDX-License-Identifier: BSL-1.0
//
// A deadlock that no test run may ever show, found by exploring every schedule.
//
// A client sends jobs to a server and reads the answers; both channels hold one message. The client
// sends all its jobs first. As long as the server is quick that works: but the server waits for room for
// an answer, and the client for room for a job. Here strait::check shows the schedule in which both wait.
#include <cstdio>
#include <utility>

#include <strait/check/check.hpp>
#include <strait/strait.hpp>

namespace check = strait::check;

// The program. `client` is what differs between the wrong and the right one.
template <class Client>
void program(Client client) {
  auto jobs = strait::bounded<int>(1);
  auto answers = strait::bounded<int>(1);

  check::thread server([in = std::move(jobs.rx), out = std::move(answers.tx)] {
    for (int job : in) {
      if (!out.send(job * job)) return;
    }
  });

  client(std::move(jobs.tx), std::move(answers.rx));
}

// Sends all jobs, then reads all answers.
void eager(strait::sender<int> jobs, strait::receiver<int> answers) {
  for (int job = 1; job <= 4; ++job) (void)jobs.send(job);
  for (int job = 1; job <= 4; ++job)
    check::require(answers.recv() == job * job, "the square of the job");
}

// Sends or reads, whatever can go.
void patient(strait::sender<int> jobs, strait::receiver<int> answers) {
  int next = 1, read = 0;
  while (read < 4) {
    strait::select(
        strait::on_send(jobs, next, [&](strait::send_result<int> r) { next += r.has_value(); })
            .when(next <= 4),
        strait::on_recv(answers, [&](int answer) {
          ++read;
          check::require(answer == read * read, "the square of the job");
        }));
  }
}

int main() {
  check::options options;
  options.operations = true;  // a step is an operation on a channel, not each atomic within it
  options.preemptions = 2;    // switches away from a thread that could go on
  options.seconds = 20;

  const check::result wrong = check::explore(options, [] { program(eager); });
  std::printf("The eager client, after %llu schedules: %s\n\n%s\n",
              static_cast<unsigned long long>(wrong.schedules), check::to_string(wrong.what),
              wrong.report.c_str());

  const check::result right = check::explore(options, [] { program(patient); });
  std::printf("The patient client: %s in all of %llu schedules.\n",
              right.ok() ? "nothing goes wrong" : right.report.c_str(),
              static_cast<unsigned long long>(right.schedules));

  const bool as_expected = wrong.what == check::verdict::deadlock && right.ok() && right.complete;
  return as_expected ? 0 : 1;
}

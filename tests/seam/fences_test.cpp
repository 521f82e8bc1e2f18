// SPDX-License-Identifier: BSL-1.0
//
// The fence pair where the kernel is the other half: in a sandbox that forbids membarrier, and in a child
// process. What the pair promises is proved in ../check (litmus programs, models); here it is only used.
#include <cstdlib>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <strait/channel/channel.hpp>

#if STRAIT_MEMBARRIER
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstddef>
#endif

namespace {

// Two threads, a message each way in turn, so that both sides sleep; then a stretch in which nobody does.
void use_channels() {
  auto there = strait::spsc::bounded<int>(1);
  auto back = strait::unbounded<int>();
  constexpr int turns = 2000;
  std::thread echo([rx = std::move(there.rx), tx = back.tx] {
    for (auto& m : rx) ASSERT_TRUE(tx.send(m));
  });
  for (int i = 0; i < turns; ++i) {
    ASSERT_TRUE(there.tx.send(i));
    ASSERT_EQ(back.rx.recv().value(), i);
  }
  for (int i = 0; i < turns; ++i) ASSERT_TRUE(back.tx.send(i));
  for (int i = 0; i < turns; ++i) ASSERT_EQ(back.rx.recv().value(), i);
  there.tx.reset();
  echo.join();
}

TEST(Fences, AreUsed) { use_channels(); }

#if STRAIT_MEMBARRIER

const char* const in_sandbox = "STRAIT_TEST_SANDBOX";

// The exit status of a child, or -1.
int status_of(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Fences, InAChildProcess) {
  use_channels();
  const pid_t child = fork();
  if (child == 0) {
    use_channels();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  EXPECT_EQ(status_of(child), 0);
}

// The same program anew, where membarrier answers that it is not there.
TEST(Fences, WhereTheKernelDoesNotHelp) {
  if (std::getenv(in_sandbox) != nullptr) {
    EXPECT_FALSE(strait::sync::asymmetric());
    use_channels();
    return;
  }
  const pid_t child = fork();
  if (child == 0) {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{sizeof rules / sizeof rules[0], rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
      _exit(77);
    setenv(in_sandbox, "1", 1);
    execl("/proc/self/exe", "fences", "--gtest_filter=Fences.WhereTheKernelDoesNotHelp",
          "--gtest_brief=1", static_cast<char*>(nullptr));
    _exit(78);
  }
  const int status = status_of(child);
  if (status == 77) GTEST_SKIP() << "no sandbox to be had here";
  EXPECT_EQ(status, 0);
}

#endif

}  // namespace

#include "efs/base/process_start.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "efs/base/subprocess.h"
#include "efs/base/unique_fd.h"

namespace efs {
namespace {

// Runs in a child: what it does to its process is nobody else's. 0 = all as promised, else the
// number of the question that was answered wrongly.
int answerOf(const std::function<int()>& body) {
  auto child = Subprocess::fork(body);
  if (!child) return -1;
  const auto ended = child->wait(Duration(10000));
  return ended && *ended ? (*ended)->code : -1;
}

bool ignored(int signo) {
  struct sigaction action {};
  ::sigaction(signo, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

TEST(ProcessStart, AChildCanBeWaitedForThoughTheStarterIgnoredThem) {
  for (const ProcessKind kind : {ProcessKind::kTool, ProcessKind::kDaemon}) {
    EXPECT_EQ(answerOf([kind] {
                (void)::signal(SIGCHLD, SIG_IGN);
                settleProcess(kind);
                const pid_t child = ::fork();
                if (child == 0) ::_exit(7);
                int status = 0;
                if (::waitpid(child, &status, 0) != child) return 1;
                return WEXITSTATUS(status) == 7 ? 0 : 2;
              }),
              0);
  }
}

TEST(ProcessStart, NoSignalIsBlockedAndADaemonTakesNoIgnoredOneOver) {
  const auto careless = [] {
    sigset_t all;
    sigfillset(&all);
    (void)::sigprocmask(SIG_SETMASK, &all, nullptr);
    for (const int signo : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) (void)::signal(signo, SIG_IGN);
  };
  const auto blocked = [] {
    sigset_t now;
    (void)::sigprocmask(SIG_BLOCK, nullptr, &now);
    for (int signo = 1; signo < 32; ++signo) {
      if (sigismember(&now, signo) == 1) return true;
    }
    return false;
  };
  EXPECT_EQ(answerOf([&] {
              careless();
              settleProcess(ProcessKind::kDaemon);
              if (blocked()) return 1;
              if (ignored(SIGTERM) || ignored(SIGINT) || ignored(SIGUSR1)) return 2;
              return ignored(SIGHUP) ? 0 : 3;  // until it is served
            }),
            0);
  EXPECT_EQ(answerOf([&] {
              careless();
              settleProcess(ProcessKind::kTool);
              if (blocked()) return 1;
              return ignored(SIGTERM) && ignored(SIGINT) ? 0 : 2;  // its starter's decision
            }),
            0);
}

TEST(ProcessStart, AFileSizeLimitDoesNotKill) {
  EXPECT_EQ(answerOf([] {
              const rlimit small{10, RLIM_INFINITY};
              if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 1;
              settleProcess(ProcessKind::kTool);
              rlimit now{};
              (void)::getrlimit(RLIMIT_FSIZE, &now);
              if (now.rlim_cur != RLIM_INFINITY) return 2;
              return ignored(SIGXFSZ) ? 0 : 3;
            }),
            0);
}

TEST(ProcessStart, SoftLimitsAreLifted) {
  EXPECT_EQ(answerOf([] {
              const auto soft = [](auto resource, rlim_t value) {
                rlimit limit{};
                (void)::getrlimit(resource, &limit);
                limit.rlim_cur = std::min(value, limit.rlim_max);
                return ::setrlimit(resource, &limit) == 0;
              };
              if (!soft(RLIMIT_NOFILE, 20) || !soft(RLIMIT_CPU, 1000)) return 1;
              rlimit hard{};
              (void)::getrlimit(RLIMIT_NOFILE, &hard);
              settleProcess(ProcessKind::kDaemon);
              rlimit now{};
              (void)::getrlimit(RLIMIT_NOFILE, &now);
              if (now.rlim_cur < std::min<rlim_t>(1024, hard.rlim_max)) return 2;
              (void)::getrlimit(RLIMIT_CPU, &now);
              return now.rlim_cur == now.rlim_max ? 0 : 3;
            }),
            0);
}

TEST(ProcessStart, DescriptorsZeroToTwoAreThere) {
  for (const int missing : {0, 1, 2}) {
    EXPECT_EQ(answerOf([missing] {
                UniqueFd(missing).reset();
                settleProcess(ProcessKind::kTool);
                struct stat null {};
                struct stat found {};
                if (::stat("/dev/null", &null) != 0 || ::fstat(missing, &found) != 0) return 1;
                if (found.st_rdev != null.st_rdev) return 2;
                const UniqueFd next(::open("/dev/null", O_RDONLY));
                return next.get() > STDERR_FILENO ? 0 : 3;
              }),
              0)
        << missing;
  }
}

TEST(ProcessStart, OpenDescriptorsAreLeftAlone) {
  EXPECT_EQ(answerOf([] {
              struct stat before {};
              struct stat after {};
              (void)::fstat(STDERR_FILENO, &before);
              settleProcess(ProcessKind::kDaemon);
              (void)::fstat(STDERR_FILENO, &after);
              return before.st_ino == after.st_ino && before.st_dev == after.st_dev ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace efs

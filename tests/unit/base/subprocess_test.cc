#include "efs/base/subprocess.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

constexpr Duration kPatience{10000};

Result<Subprocess> start(std::vector<std::string> argv, std::vector<std::pair<int, int>> fds = {}) {
  SpawnOptions options;
  options.argv = std::move(argv);
  options.fds = std::move(fds);
  return Subprocess::spawn(options);
}

// What /bin/sh writes to descriptor `out` while running `script`.
std::string outputOf(const std::string& script, SpawnOptions options = {}, int out = 1) {
  auto pipe = makePipe();
  options.argv = {"/bin/sh", "-c", script};
  options.fds.emplace_back(pipe->write_end.get(), out);
  auto child = Subprocess::spawn(options);
  EXPECT_TRUE(child.has_value()) << child.error().message();
  pipe->write_end.reset();
  const auto text = readAll(pipe->read_end.get(), "pipe");
  if (child) {
    const auto status = child->wait(kPatience);
    EXPECT_TRUE(status.has_value() && status->has_value());
    child->killAndReap();
  }
  return text.value_or("");
}

ExitStatus endOf(Subprocess& child) {
  const auto status = child.wait(kPatience);
  EXPECT_TRUE(status.has_value() && status->has_value()) << "still running";
  return status && *status ? **status : ExitStatus{-1, 0};
}

TEST(Subprocess, ReportsTheExitCode) {
  auto child = start({"/bin/sh", "-c", "exit 3"});
  ASSERT_TRUE(child.has_value());
  const ExitStatus status = endOf(*child);
  EXPECT_EQ(status.code, 3);
  EXPECT_EQ(status.signal, 0);
  EXPECT_EQ(status.describe(), "exited with code 3");
}

TEST(Subprocess, ReportsTheSignal) {
  auto child = start({"/bin/sh", "-c", "kill -TERM $$"});
  ASSERT_TRUE(child.has_value());
  const ExitStatus status = endOf(*child);
  EXPECT_EQ(status.code, 128 + SIGTERM);
  EXPECT_EQ(status.describe(), "killed by signal 15");
}

TEST(Subprocess, TellsAtOnceThatAProgramCannotBeStarted) {
  const auto missing = start({"/nowhere/program"});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message(), "starting /nowhere/program: No such file or directory");
  const test_support::TempDir dir;
  const auto plain = start({dir.write("plain", "")});
  ASSERT_FALSE(plain.has_value());
  EXPECT_EQ(plain.error().kind(), ErrorKind::kPermission);
  EXPECT_EQ(Subprocess::spawn({}).error().kind(), ErrorKind::kInternal);
}

TEST(Subprocess, KillsWhatDoesNotEndInTime) {
  auto child = start({"/bin/sleep", "60"});
  ASSERT_TRUE(child.has_value());
  const auto early = child->wait(Duration(10));
  ASSERT_TRUE(early.has_value());
  EXPECT_FALSE(early->has_value()) << "still running";
  child->killAndReap();
  EXPECT_EQ(::kill(child->pid(), 0), -1) << "reaped";
  EXPECT_TRUE(child->signal(SIGTERM).has_value()) << "gone already is success";
}

TEST(Subprocess, EndsOnASignal) {
  auto child = start({"/bin/sleep", "60"});
  ASSERT_TRUE(child.has_value());
  ASSERT_TRUE(child->signal(SIGTERM).has_value());
  EXPECT_EQ(endOf(*child).signal, SIGTERM);
}

TEST(Subprocess, PassesDescriptorsEvenWhereNumbersCross) {
  const test_support::TempDir dir;
  const UniqueFd a(::open(dir.write("a", "A").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd b(::open(dir.write("b", "B").c_str(), O_RDONLY | O_CLOEXEC));
  // Each one's number is the other's target.
  SpawnOptions options;
  options.fds = {{a.get(), b.get()}, {b.get(), a.get()}};
  EXPECT_EQ(
      outputOf("cat <&" + std::to_string(b.get()) + "; cat <&" + std::to_string(a.get()), options),
      "AB");
}

TEST(Subprocess, LeaksNoDescriptor) {
  const UniqueFd leaky(::open("/etc/passwd", O_RDONLY));  // without close-on-exec
  ASSERT_TRUE(leaky.valid());
  // 4 is the directory that ls itself reads.
  EXPECT_EQ(outputOf("exec ls /proc/self/fd >&3", {}, 3), "0\n1\n2\n3\n4\n");
}

TEST(Subprocess, GivesNullStdio) {
  EXPECT_EQ(outputOf("a=$(readlink /proc/$$/fd/0); b=$(readlink /proc/$$/fd/2); echo $a $b"),
            "/dev/null /dev/null\n");
}

TEST(Subprocess, AddsToTheEnvironment) {
  ::setenv("EFS_TEST_KEPT", "kept", 1);
  ::setenv("EFS_TEST_REPLACED", "old", 1);
  ::setenv("LISTEN_FDS", "7", 1);
  SpawnOptions options;
  options.env["EFS_TEST_REPLACED"] = "new";
  EXPECT_EQ(outputOf("echo $EFS_TEST_KEPT $EFS_TEST_REPLACED [$LISTEN_FDS]", options),
            "kept new []\n")
      << "another's socket activation is not passed on";
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("EFS_TEST_KEPT");
  ::unsetenv("EFS_TEST_REPLACED");
}

TEST(Subprocess, LeavesOutVariablesByNameAndByBeginning) {
  ::setenv("EFS_TEST_ONE", "1", 1);
  ::setenv("EFS_TEST_TWO", "2", 1);
  ::setenv("EFS_TESTING", "3", 1);
  SpawnOptions options;
  options.without_env = {"EFS_TEST_*", "EFS_TESTIN"};
  EXPECT_EQ(outputOf("echo $EFS_TEST_ONE$EFS_TEST_TWO$EFS_TESTING", options), "3\n");
  ::unsetenv("EFS_TEST_ONE");
  ::unsetenv("EFS_TEST_TWO");
  ::unsetenv("EFS_TESTING");
}

// A daemon that kept its caller's directory would keep that file system busy.
TEST(Subprocess, ADaemonStandsInTheRootDirectory) {
  const std::string here = outputOf("pwd");
  EXPECT_NE(here, "/\n");
  SpawnOptions options;
  options.new_session = true;
  EXPECT_EQ(outputOf("pwd", options), "/\n");
}

TEST(Subprocess, SurvivesAHangupBeforeItIsReady) {
  SpawnOptions options;
  options.ignore_hangup = true;
  EXPECT_EQ(outputOf("kill -HUP $$; echo alive", options), "alive\n");
  EXPECT_EQ(outputOf("kill -HUP $$; echo alive"), "");
}

TEST(Subprocess, SetsTheListenPidOfTheChild) {
  SpawnOptions options;
  options.set_listen_pid = true;
  EXPECT_EQ(outputOf("test \"$LISTEN_PID\" = $$ && echo same", options), "same\n");
}

TEST(Subprocess, StartsWithDefaultSignals) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  const auto old_handler = ::signal(SIGPIPE, SIG_IGN);
  const std::string report = outputOf("exec grep -E '^Sig(Blk|Ign)' /proc/self/status");
  ::signal(SIGPIPE, old_handler);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(report, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Subprocess, ShowsTheEndOnItsPidFd) {
  auto pipe = makePipe();
  auto child = start({"/bin/cat"}, {{pipe->read_end.get(), 0}});
  ASSERT_TRUE(child.has_value());
  pollfd entry{child->pidFd(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  pipe->write_end.reset();
  EXPECT_EQ(::poll(&entry, 1, static_cast<int>(kPatience.count())), 1);
  EXPECT_EQ(endOf(*child).code, 0);
}

TEST(Subprocess, RunsAFunction) {
  auto child = Subprocess::fork([] { return 42; });
  ASSERT_TRUE(child.has_value());
  EXPECT_EQ(endOf(*child).code, 42);
}

TEST(PidFd, StealsADescriptorOfAChild) {
  const test_support::TempDir dir;
  const UniqueFd file(::open(dir.write("f", "").c_str(), O_RDONLY | O_CLOEXEC));
  auto child = start({"/bin/sleep", "60"}, {{file.get(), 3}});
  ASSERT_TRUE(child.has_value());
  const auto copy = stealFd(child->pidFd(), 3);
  struct stat ours {};
  struct stat theirs {};
  ASSERT_TRUE(copy.has_value()) << copy.error().message();
  EXPECT_EQ(::fstat(file.get(), &ours), 0);
  EXPECT_EQ(::fstat(copy->get(), &theirs), 0);
  EXPECT_EQ(ours.st_ino, theirs.st_ino);
  EXPECT_FALSE(stealFd(child->pidFd(), 999).has_value());
  child->killAndReap();
}

TEST(PidFd, DoesNotOpenAProcessThatIsGone) {
  auto child = Subprocess::fork([] { return 0; });
  ASSERT_TRUE(child.has_value());
  (void)endOf(*child);
  EXPECT_EQ(openPidFd(child->pid()).error().kind(), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace efs

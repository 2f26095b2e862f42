#include "efs/tunnel_control/tunnel_launcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"
#include "efs/tunnel_control/tunnel_command.h"

namespace efs::tunnel_control {
namespace {

constexpr Duration kPatience{10000};

UniqueFd makeListener() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), 1), 0);
  return fd;
}

std::string socketName(int fd) {
  struct stat info {};
  EXPECT_EQ(::fstat(fd, &info), 0);
  return "socket:[" + std::to_string(info.st_ino) + "]";
}

// Runs a shell in place of the tunnel; it reports on the status pipe, whose content is returned.
std::string reportOf(const std::string& script, const UniqueFd& listener) {
  auto tunnel = launchTunnel({"/bin/sh", "-c", script}, listener, true);
  EXPECT_TRUE(tunnel.has_value()) << tunnel.error().message();
  if (!tunnel) return {};
  const auto report = readAll(tunnel->status.get(), "report");
  const auto status = tunnel->process.wait(kPatience);
  EXPECT_TRUE(status.has_value() && status->has_value());
  tunnel->process.killAndReap();
  return report.value_or("");
}

TEST(LaunchTunnel, HandsTheListenerOnAsDescriptorThree) {
  const UniqueFd listener = makeListener();
  const std::string script =
      "echo $LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID == $$)) $EFS_STATUS_FD >&4;"
      "readlink /proc/$$/fd/3 >&4";
  EXPECT_EQ(reportOf(script, listener), "1 nfs 1 4\n" + socketName(listener.get()) + "\n");
  EXPECT_NE(::fcntl(listener.get(), F_GETFD), -1) << "it stays open here";
}

TEST(LaunchTunnel, LeavesTheTunnelToBindWithoutAListener) {
  EXPECT_EQ(reportOf("echo \"[$LISTEN_FDS$LISTEN_PID]\" $EFS_STATUS_FD >&3", UniqueFd()), "[] 3\n");
}

// EX-3: what mount(8) collects until end-of-file must not be held open.
TEST(LaunchTunnel, GivesNullStdioAndNothingElse) {
  const UniqueFd leaked(::open("/etc/passwd", O_RDONLY));  // without close-on-exec
  ASSERT_TRUE(leaked.valid());
  const UniqueFd listener = makeListener();
  // What ls inherits, and 5 for the directory that it reads: the shell has descriptors of its own
  // for a moment.
  const std::string report = reportOf(
      "a=$(readlink /proc/$$/fd/0); b=$(readlink /proc/$$/fd/1); c=$(readlink /proc/$$/fd/2);"
      "echo $a $b $c >&4; ls /proc/self/fd >&4",
      listener);
  EXPECT_EQ(report, "/dev/null /dev/null /dev/null\n0\n1\n2\n3\n4\n5\n");
}

// CSI-14 is for those that sign. The tunnel signs nothing: keys in its environment would stand in
// /proc/<pid>/environ for months.
TEST(LaunchTunnel, HandsTheEnvironmentOnWithoutCredentials) {
  ASSERT_EQ(::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1), 0);
  ASSERT_EQ(::setenv("NOTIFY_SOCKET", "/run/notify", 1), 0);
  ASSERT_EQ(::setenv("https_proxy", "http://10.0.0.1:3128", 1), 0);
  const std::string report =
      reportOf("echo [$AWS_SECRET_ACCESS_KEY] [$NOTIFY_SOCKET] $https_proxy >&3", UniqueFd());
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("https_proxy");
  EXPECT_EQ(report, "[] [] http://10.0.0.1:3128\n");
}

TEST(LaunchTunnel, HandsAProxyOnWithoutItsPassword) {
  ASSERT_EQ(::setenv("http_proxy", "http://user:hush@10.0.0.1:3128", 1), 0);
  const std::string report = reportOf("echo $http_proxy >&3", UniqueFd());
  ::unsetenv("http_proxy");
  EXPECT_EQ(report, "http://10.0.0.1:3128\n");
}

// TUN-2
TEST(LaunchTunnel, StartsASessionOfItsOwn) {
  // Fields 5 and 6 of proc(5) stat: process group and session.
  const std::string report = reportOf(
      "read a b c d pgrp sid rest </proc/$$/stat; echo $((pgrp==$$)) $((sid==$$)) >&3", UniqueFd());
  EXPECT_EQ(report, "1 1\n");
}

TEST(LaunchTunnel, LeavesTheTunnelAliveWhenItsOwnerDies) {
  auto pipe = makePipe();
  ASSERT_TRUE(pipe.has_value());
  UniqueFd pidfd;
  {
    // Descriptor 3 is the read end here: cat ends when the write end is closed.
    auto tunnel =
        launchTunnel({"/bin/sh", "-c", "exec cat <&3"}, pipe->read_end, /*want_status=*/false);
    ASSERT_TRUE(tunnel.has_value());
    EXPECT_FALSE(tunnel->status.valid());
    pidfd = *openPidFd(tunnel->process.pid());
  }
  pollfd entry{pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0) << "still running";
  pipe->write_end.reset();
  EXPECT_EQ(::poll(&entry, 1, static_cast<int>(kPatience.count())), 1);
  EXPECT_EQ(::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), nullptr, WEXITED), 0);
}

// NET-1: the child enters the namespace itself. Our own stands for another one here: what matters
// is that the call is made, and that what is no network namespace stops the start.
TEST(LaunchTunnel, EntersTheNetworkNamespaceOrDoesNotStart) {
  const UniqueFd mounts(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  const auto wrong = launchTunnel({"/bin/true"}, UniqueFd(), false, mounts.get());
  ASSERT_FALSE(wrong.has_value());
  const UniqueFd own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(wrong.error().kind(), ErrorKind::kInvalidInput);
  EXPECT_TRUE(launchTunnel({"/bin/true"}, UniqueFd(), false, own.get()).has_value());
}

// UP-3
TEST(RecordedCommand, IsTakenApartAgain) {
  const std::vector<std::string> plain = tunnelCommand("/usr/bin/efs-proxy", "/run/efs/c", true);
  EXPECT_EQ(recordedCommand(plain, ""), plain);
  const auto parsed = TunnelCommand::parse(recordedCommand(plain, "/proc/7/ns/net"));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->netns, "/proc/7/ns/net");
  EXPECT_EQ(parsed->binary, "/usr/bin/efs-proxy");
  EXPECT_TRUE(parsed->tls);
}

TEST(LaunchTunnel, ReportsAMissingProgramAndARelativeOne) {
  EXPECT_EQ(launchTunnel({"/nowhere/efs-proxy"}, UniqueFd(), false).error().kind(),
            ErrorKind::kNotFound);
  EXPECT_EQ(launchTunnel({"efs-proxy", "/c"}, UniqueFd(), false).error().kind(),
            ErrorKind::kInvalidInput);
  EXPECT_EQ(launchTunnel({}, UniqueFd(), false).error().kind(), ErrorKind::kInvalidInput);
}

// Contract section 10: the search path
TEST(FindTunnelBinary, TakesTheFirstExecutableOfTheSearchPath) {
  const test_support::TempDir dir;
  ASSERT_TRUE(makeDirectories(dir.at("a/efs-proxy"), 0755).has_value());  // a directory
  ASSERT_TRUE(makeDirectories(dir.at("b"), 0755).has_value());
  ASSERT_TRUE(makeDirectories(dir.at("c"), 0755).has_value());
  ASSERT_TRUE(writeFileAtomic(dir.at("b/efs-proxy"), "", {.mode = 0644}).has_value());
  ASSERT_TRUE(writeFileAtomic(dir.at("c/efs-proxy"), "", {.mode = 0755}).has_value());
  const std::string list =
      "relative::" + dir.at("a") + ":" + dir.at("b") + ":" + dir.at("c") + ":" + dir.at("d");
  const auto found = findTunnelBinaryIn(list);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, dir.at("c/efs-proxy"));
}

// Section 19: search anchor
TEST(FindTunnelBinary, SaysWhereItLooked) {
  const auto found = findTunnelBinaryIn("/nowhere:/neither");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(found.error().message(), "Failed to locate efs-proxy in /nowhere:/neither");
}

}  // namespace
}  // namespace efs::tunnel_control

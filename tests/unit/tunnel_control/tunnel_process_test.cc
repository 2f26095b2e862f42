// What a look at a process says, by real processes (issue 9, A10). CSI-10
#include "efs/tunnel_control/tunnel_process.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <set>
#include <thread>

#include "efs/net/socket.h"
#include "efs/procfs/process_look.h"

namespace efs::tunnel_control {
namespace {

using namespace procfs;

constexpr uid_t kNobody = 65534;

void beNamed(const char* name) { ::prctl(PR_SET_NAME, name); }

// A child that does `prepare`, tells the number that it returned, and lives until the end of the
// test.
class Other {
 public:
  explicit Other(const std::function<pid_t()>& prepare) {
    auto ends = makePipe();
    EXPECT_TRUE(ends);
    pid_ = ::fork();
    if (pid_ == 0) {
      const pid_t answer = prepare();
      if (::write(ends->write_end.get(), &answer, sizeof answer) != sizeof answer) ::_exit(1);
      while (true) ::pause();
    }
    ends->write_end.reset();
    EXPECT_EQ(::read(ends->read_end.get(), &answer_, sizeof answer_),
              static_cast<ssize_t>(sizeof answer_));
  }
  ~Other() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  pid_t pid() const { return pid_; }
  pid_t answer() const { return answer_; }

 private:
  pid_t pid_ = -1;
  pid_t answer_ = -1;
};

// What find() says in a child that `prepare` has made poorer; -1: it found the tunnel.
int kindInChild(pid_t pid, int port, const std::function<bool()>& prepare) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!prepare()) ::_exit(99);
    TunnelFinder finder;
    const auto found = finder.find(pid, port);
    ::_exit(found ? 98 : static_cast<int>(found.error().kind()));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status) == 98 ? -1 : WEXITSTATUS(status);
}

constexpr int kNotFound = static_cast<int>(ErrorKind::kNotFound);
constexpr int kPermission = static_cast<int>(ErrorKind::kPermission);
constexpr int kIo = static_cast<int>(ErrorKind::kIo);

bool dropPtrace() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  data[0].effective &= ~(1U << CAP_SYS_PTRACE);
  return ::syscall(SYS_capset, &header, data) == 0;
}

class Finding : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = net::listenLoopback(0);
    ASSERT_TRUE(listener);
    listener_ = std::move(*listener);
  }
  Other tunnel(uid_t uid = 0) const {
    return Other([uid] {
      if (uid != 0 && ::setresuid(uid, uid, uid) != 0) return -1;
      beNamed("efs-proxy");
      return ::getpid();
    });
  }
  ErrorKind kindOf(pid_t pid) {
    TunnelFinder finder;
    const auto found = finder.find(pid, listener_.port);
    EXPECT_FALSE(found);
    return found ? ErrorKind::kInternal : found.error().kind();
  }
  net::ListeningSocket listener_;
};

TEST_F(Finding, KnowsALivingTunnelByPidAndByPort) {
  const Other other = tunnel();
  TunnelFinder finder;
  const auto found = finder.find(other.pid(), listener_.port);
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(*finder.byPort(listener_.port), other.pid());
}

// Whoever finds the port free may listen on it and be called efs-proxy: adopted, it would get all
// that the kernel writes, for good.
TEST_F(Finding, TakesAStrangersListenerForNoTunnel) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::optional<net::ListeningSocket> listener;
  const Other stranger([&listener] {
    if (::setresuid(kNobody, kNobody, kNobody) != 0) return -1;
    auto made = net::listenLoopback(0);
    if (!made) return -1;
    beNamed("efs-proxy");
    listener = std::move(*made);
    return listener->port;
  });
  ASSERT_GT(stranger.answer(), 0);
  TunnelFinder finder;
  const auto found = finder.find(stranger.pid(), stranger.answer());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kNotFound) << found.error().message();
  EXPECT_EQ(*finder.byPort(stranger.answer()), std::nullopt);
}

// EINVAL up to 6.8, ENOENT later: read as "cannot be looked at", a mount hung for good.
TEST_F(Finding, TakesAThreadForNoTunnel) {
  const Other other([] {
    beNamed("efs-proxy");
    static std::atomic<pid_t> id{0};
    std::thread([] {
      id = static_cast<pid_t>(::syscall(SYS_gettid));
      while (true) ::pause();
    }).detach();
    while (id == 0) std::this_thread::yield();
    return id.load();
  });
  ASSERT_NE(other.answer(), other.pid());
  EXPECT_EQ(kindOf(other.answer()), ErrorKind::kNotFound);
}

TEST_F(Finding, TakesAZombieForNoTunnel) {
  const pid_t zombie = ::fork();
  if (zombie == 0) {
    beNamed("efs-proxy");
    ::_exit(0);
  }
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(kindOf(zombie), ErrorKind::kNotFound);
  EXPECT_EQ(::waitpid(zombie, nullptr, 0), zombie);
  EXPECT_EQ(kindOf(zombie), ErrorKind::kNotFound) << "and when it is reaped";
}

TEST_F(Finding, SaysOfAnotherUsersProcessThatItMayNotLook) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const Other other = tunnel(kNobody);
  EXPECT_EQ(kindInChild(other.pid(), listener_.port, [] { return true; }), -1);
  EXPECT_EQ(kindInChild(other.pid(), listener_.port, dropPtrace), kPermission);
}

TEST_F(Finding, SaysOfAHiddenProcessThatItMayNotLook) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const Other other = tunnel(kNobody);
  const auto hide = [] {
    return ::unshare(CLONE_NEWNS) == 0 &&
           ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("proc", "/proc", "proc", 0, "hidepid=2") == 0 && dropPtrace();
  };
  const int kind = kindInChild(other.pid(), listener_.port, hide);
  if (kind == 99) GTEST_SKIP() << "no hidepid here";
  EXPECT_EQ(kind, kPermission);
}

// However few descriptors are left: a living tunnel is found, or the answer is "ask again".
TEST_F(Finding, NeverTakesAShortageForAnAnswer) {
  const Other other = tunnel();
  int shortages = 0;
  for (rlim_t more = 0; more < 8; ++more) {
    const int kind = kindInChild(other.pid(), listener_.port, [more] {
      const int next = UniqueFd(::dup(0)).get();
      const rlimit limit{static_cast<rlim_t>(next) + more, static_cast<rlim_t>(next) + more};
      return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
    });
    EXPECT_TRUE(kind == kIo || kind == -1) << "with " << more << ": " << kind;
    shortages += kind == kIo ? 1 : 0;
  }
  EXPECT_GE(shortages, 2);
}

TEST(TunnelProcess, KnowsAListeningSocketByItsPort) {
  auto listener = net::listenLoopback(0);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(listensOnLoopback(listener->fd.get(), listener->port));
  EXPECT_FALSE(listensOnLoopback(listener->fd.get(), listener->port ^ 1));
  EXPECT_FALSE(listensOnLoopback(0, listener->port));
}

// CSI-10: a process of another name is not a tunnel even if it holds the socket.
TEST(TunnelFinder, RefusesProcessesThatAreNoTunnels) {
  auto listener = net::listenLoopback(0);
  ASSERT_TRUE(listener);
  TunnelFinder finder;
  EXPECT_FALSE(finder.find(::getpid(), listener->port));
  EXPECT_FALSE(finder.find(1, listener->port));
  EXPECT_FALSE(finder.find(-1, listener->port));
  EXPECT_FALSE(finder.find(0, listener->port));
}

TEST(ProcessLook, GivesEachErrnoOneMeaning) {
  std::set<std::pair<Look, int>> seen;
  for (const auto& row : kLookErrnos) {
    EXPECT_TRUE(seen.insert({row.look, row.err}).second) << row.why;
    EXPECT_EQ(meaningOf(row.look, row.err), row.meaning);
  }
  for (const Look look : {Look::kPidFd, Look::kName, Look::kNamespace, Look::kSockets,
                          Look::kDescriptors, Look::kDescriptor}) {
    for (const int err : {EMFILE, ENFILE, ENOMEM, EIO, EINTR, EAGAIN}) {
      EXPECT_EQ(meaningOf(look, err), Meaning::kShortage) << err;
    }
    for (const int err : {EPERM, EACCES}) EXPECT_EQ(meaningOf(look, err), Meaning::kForbidden);
    for (const int err : {ESRCH, ENOENT}) EXPECT_EQ(meaningOf(look, err), Meaning::kNotIt);
  }
  EXPECT_EQ(meaningOf(Look::kPidFd, EINVAL), Meaning::kNotIt);
  EXPECT_EQ(meaningOf(Look::kPidFd, ENOSYS), Meaning::kForbidden);
  EXPECT_EQ(meaningOf(Look::kPidFd, ENODEV), Meaning::kShortage);
  EXPECT_EQ(static_cast<int>(judged(Look::kPidFd, Error::fromErrno(EINVAL, "x")).kind()),
            kNotFound);
}

}  // namespace
}  // namespace efs::tunnel_control

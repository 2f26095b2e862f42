#include "efs/base/subprocess.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "efs/base/environment.h"
#include "efs/base/files.h"
#include "efs/base/wait.h"

extern char** environ;

namespace efs {
namespace {

constexpr int kMostDescriptors = 1 << 16;
constexpr Duration kExecPatience{10000};

// Everything the child needs, laid out before fork() so that the child allocates nothing.
struct ChildPlan {
  std::vector<char*> argv;
  std::vector<std::string> env_storage;
  std::vector<char*> envp;
  std::string listen_pid = "LISTEN_PID=0000000000";  // the digits are filled in by the child
  std::vector<std::pair<int, int>> fds;
  bool new_session = false;
  int network_namespace = -1;
  std::vector<const char*> same_for_init;
  bool ignore_hangup = false;
};

bool isLeftOut(std::string_view name, const SpawnOptions& options) {
  // The socket-activation variables name our descriptors, not the child's.
  if (name == "LISTEN_PID" || name == "LISTEN_FDS" || name == "LISTEN_FDNAMES") return true;
  return matchesAny(name, options.without_env) || options.env.count(std::string(name)) != 0;
}

ChildPlan makePlan(const SpawnOptions& options) {
  ChildPlan plan;
  for (const auto& arg : options.argv) plan.argv.push_back(const_cast<char*>(arg.c_str()));
  plan.argv.push_back(nullptr);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!isLeftOut(text.substr(0, text.find('=')), options)) plan.env_storage.emplace_back(text);
  }
  for (const auto& [name, value] : options.env) plan.env_storage.push_back(name + "=" + value);
  for (auto& entry : plan.env_storage) plan.envp.push_back(entry.data());
  if (options.set_listen_pid) plan.envp.push_back(plan.listen_pid.data());
  plan.envp.push_back(nullptr);
  plan.fds = options.fds;
  plan.new_session = options.new_session;
  plan.network_namespace = options.network_namespace;
  for (const auto& path : options.init_mounts_if_same) plan.same_for_init.push_back(path.c_str());
  plan.ignore_hangup = options.ignore_hangup;
  return plan;
}

void writeOwnPid(std::string& entry) {
  // snprintf is not async-signal-safe; sixteen digits by hand are.
  auto pid = static_cast<unsigned long>(::getpid());
  std::array<char, 20> digits{};
  std::size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + pid % 10);
    pid /= 10;
  } while (pid != 0);
  const std::size_t start = std::strlen("LISTEN_PID=");
  for (std::size_t i = 0; i < count; ++i) entry[start + i] = digits[count - 1 - i];
  entry[start + count] = '\0';
}

void resetSignals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signo = 1; signo < NSIG; ++signo) ::sigaction(signo, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Puts each descriptor on its number. Sources are first moved above all targets, so that no target
// overwrites a source still needed.
bool placeDescriptors(std::vector<std::pair<int, int>>& fds, int& report) {
  int above = 3;
  for (const auto& entry : fds) above = std::max(above, entry.second + 1);
  const int moved_report = ::fcntl(report, F_DUPFD_CLOEXEC, above);
  if (moved_report < 0) return false;
  report = moved_report;
  for (auto& entry : fds) {
    entry.first = ::fcntl(entry.first, F_DUPFD_CLOEXEC, above);
    if (entry.first < 0) return false;
  }
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return false;
  for (int fd = 0; fd <= 2; ++fd) {
    if (::dup2(null, fd) < 0) return false;
  }
  for (const auto& [source, target] : fds) {
    if (::dup2(source, target) < 0) return false;  // dup2 clears close-on-exec
  }
  return true;
}

// Descriptors that libraries opened without close-on-exec must not leak into a long-lived tunnel.
void closeTheRest(const std::vector<std::pair<int, int>>& fds, int report) {
  int first = 3;
  for (const auto& entry : fds) first = std::max(first, entry.second + 1);
  constexpr unsigned kCloseRangeCloexec = 1U << 2U;
  if (::syscall(SYS_close_range, first, ~0U, kCloseRangeCloexec) == 0) return;
  const long limit = std::min(::sysconf(_SC_OPEN_MAX), 65536L);
  for (int fd = first; fd < limit; ++fd) {
    if (fd != report) ::close(fd);
  }
}

// Links are followed as process 1 would: /var/run is an absolute one.
bool isSameBelow(int root, const char* path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
  if (fd < 0) return false;
  struct stat there {};
  struct stat here {};
  const bool same = ::fstat(static_cast<int>(fd), &there) == 0 && ::stat(path, &here) == 0 &&
                    there.st_dev == here.st_dev && there.st_ino == here.st_ino;
  ::close(static_cast<int>(fd));
  return same;
}

// What cannot be entered is no failure: the program then sees what we see.
void enterInitMounts(const ChildPlan& plan) {
  if (plan.same_for_init.empty()) return;
  const int root = ::open("/proc/1/root", O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int space = ::open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
  bool same = root >= 0 && space >= 0 && isSameBelow(root, plan.argv[0]);
  for (const char* path : plan.same_for_init) same = same && isSameBelow(root, path);
  if (same && ::setns(space, CLONE_NEWNS) == 0) (void)!::chdir("/");
  if (root >= 0) ::close(root);
  if (space >= 0) ::close(space);
}

[[noreturn]] void runChild(ChildPlan& plan, int report) {
  resetSignals();
  if (plan.ignore_hangup) ::signal(SIGHUP, SIG_IGN);
  if (plan.new_session) {
    ::setsid();
    const int ignored = ::chdir("/");
    (void)ignored;
  }
  writeOwnPid(plan.listen_pid);
  enterInitMounts(plan);
  const bool in_place =
      plan.network_namespace < 0 || ::setns(plan.network_namespace, CLONE_NEWNET) == 0;
  if (in_place && placeDescriptors(plan.fds, report)) {
    closeTheRest(plan.fds, report);
    ::execve(plan.argv[0], plan.argv.data(), plan.envp.data());
  }
  const int err = errno;
  const ssize_t ignored = ::write(report, &err, sizeof err);
  (void)ignored;
  ::_exit(127);
}

ExitStatus decodeStatus(int status) {
  if (WIFSIGNALED(status)) return {128 + WTERMSIG(status), WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

struct Started {
  pid_t pid;
  UniqueFd report;  // an errno where execve() failed; its end once the program runs
};
Result<Started> start(const SpawnOptions& options) {
  if (options.argv.empty()) return Error(ErrorKind::kInternal, "starting a program without a name");
  ChildPlan plan = makePlan(options);
  EFS_TRY(report, makePipe());
  const pid_t pid = ::fork();
  if (pid < 0) return Error::fromErrno(errno, "starting " + options.argv[0]);
  if (pid == 0) runChild(plan, report.write_end.get());
  return Started{pid, std::move(report.read_end)};
}

void closeRange(int first, int last) {
  if (::syscall(SYS_close_range, first, last, 0) == 0) return;
  rlimit limit{};
  const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kMostDescriptors;
  const int end = known ? static_cast<int>(limit.rlim_cur) : kMostDescriptors;
  for (int fd = first; fd < end && fd <= last; ++fd) ::close(fd);
}

// The program's file may lie on a file system that does not answer.
Status awaitExec(int report, const std::string& program) {
  EFS_TRY(begun, waitReady(report, POLLIN, kExecPatience));
  if (begun) return {};
  return Error(ErrorKind::kTimeout, "starting " + program + ": its file does not answer")
      .addHint("a file system on its path is silent; findmnt shows them");
}

Result<UniqueFd> pidFdOrKill(pid_t pid) {
  auto fd = openPidFd(pid);
  if (!fd) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  return fd;
}

}  // namespace

std::string ExitStatus::describe() const {
  return signal != 0 ? "killed by signal " + std::to_string(signal)
                     : "exited with code " + std::to_string(code);
}

Result<Subprocess> Subprocess::spawn(const SpawnOptions& options) {
  EFS_TRY(child, start(options));
  EFS_TRY(pidfd, pidFdOrKill(child.pid));
  Subprocess process(child.pid, std::move(pidfd));
  if (auto begun = awaitExec(child.report.get(), options.argv[0]); !begun) {
    process.killAndReap();
    return begun.error();
  }
  // End-of-file means that execve() closed the pipe: the program runs.
  int child_errno = 0;
  ssize_t got = 0;
  do {
    got = ::read(child.report.get(), &child_errno, sizeof child_errno);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof child_errno) {
    ::waitpid(child.pid, nullptr, 0);
    return Error::fromErrno(child_errno, "starting " + options.argv[0]);
  }
  return process;
}

Result<pid_t> Subprocess::spawnUnwaited(const SpawnOptions& options) {
  EFS_TRY(child, start(options));
  return child.pid;
}

Result<Subprocess> Subprocess::fork(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid < 0) return Error::fromErrno(errno, "starting a child process");
  if (pid == 0) {
    resetSignals();
    ::_exit(body());
  }
  EFS_TRY(pidfd, pidFdOrKill(pid));
  return Subprocess(pid, std::move(pidfd));
}

Result<std::optional<ExitStatus>> Subprocess::wait(Duration patience) {
  EFS_TRY(ended, waitReady(pidfd_.get(), POLLIN, patience));
  if (!ended) return std::optional<ExitStatus>();
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) {
    return Error::fromErrno(errno, "reaping process " + std::to_string(pid_));
  }
  return std::optional<ExitStatus>(decodeStatus(status));
}

Status Subprocess::signal(int signo) const { return signalPidFd(pidfd_.get(), signo); }

void Subprocess::killAndReap() {
  (void)signal(SIGKILL);
  (void)wait(Duration(1000));
}

bool reap(pid_t child) {
  pid_t got = 0;
  do {
    got = ::waitpid(child, nullptr, WNOHANG);
  } while (got < 0 && errno == EINTR);
  return got != 0;  // ECHILD: whoever started us has SIGCHLD ignored
}

void closeFrom(int first) { closeRange(first, std::numeric_limits<int>::max()); }

void closeAllFrom(int first, const std::vector<int>& kept) {
  for (const int fd : kept) {
    if (fd < first) continue;
    if (fd > first) closeRange(first, fd - 1);
    first = fd + 1;
  }
  closeFrom(first);
}

Result<UniqueFd> openPidFd(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);  // close-on-exec by definition
  if (fd < 0) return Error::fromErrno(errno, "opening a pidfd of process " + std::to_string(pid));
  return UniqueFd(static_cast<int>(fd));
}

Result<UniqueFd> stealFd(int pidfd, int fd) {
  const long copy = ::syscall(SYS_pidfd_getfd, pidfd, fd, 0);
  if (copy < 0) return Error::fromErrno(errno, "duplicating a descriptor of another process");
  return UniqueFd(static_cast<int>(copy));
}

Status signalPidFd(int pidfd, int signo) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signo, nullptr, 0) == 0 || errno == ESRCH) return {};
  return Error::fromErrno(errno, "sending signal " + std::to_string(signo));
}

}  // namespace efs

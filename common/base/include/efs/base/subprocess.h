// Subprocess: start a program or run a function in a child, wait for it with a deadline, kill it.
//
// Children get only the descriptors named here, default signal dispositions and an empty signal
// mask.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs {

struct SpawnOptions {
  std::vector<std::string> argv;  // argv[0] is the path to execute, no PATH search
  std::vector<std::pair<int, int>>
      fds;  // our descriptor -> number in the child; 0-2 default to /dev/null
  std::map<std::string, std::string> env;  // added to (or replacing in) our environment
  // Variables that the child does not get: names, or beginnings of names that end in '*'.
  std::vector<std::string> without_env;
  // A daemon: setsid(), so that it survives our terminal and process group, and chdir("/"), so that
  // it pins no file system.
  bool new_session = false;
  // SIGHUP stays ignored across exec: for a program that means something by it but needs a moment
  // to get ready.
  bool ignore_hangup = false;
  // LISTEN_PID=<child's pid> as sd_listen_fds(3) demands; only the child knows its pid.
  bool set_listen_pid = false;
  // A network namespace that the child enters before it executes the program; -1 = ours.
  int network_namespace = -1;
  // The child enters process 1's mount namespace if all these paths, and argv[0], are the same
  // files there as here; else it stays in ours. Empty: it stays.
  std::vector<std::string> init_mounts_if_same;
};

// How a child ended.
struct ExitStatus {
  int code = 0;                  // exit code, or 128 + signal
  int signal = 0;                // 0 when it exited by itself
  std::string describe() const;  // "exited with code 3" / "killed by signal 9"
};

class Subprocess {
 public:
  // Returns once the child's execve() has succeeded; its failure (missing binary, no permission) is
  // this function's error.
  static Result<Subprocess> spawn(const SpawnOptions& options);
  // Starts a program without waiting for its execve(): for who must not be held up by a slow disk.
  // Whether it runs has to show itself. Returns its pid; it stays the caller's child, to be reaped
  // by reap(): orphans may have a parent who reaps nobody (a container's process 1).
  static Result<pid_t> spawnUnwaited(const SpawnOptions& options);
  // Runs `body` in a forked child, whose exit code is the result. Only for single-threaded callers.
  static Result<Subprocess> fork(const std::function<int()>& body);

  Subprocess(Subprocess&&) noexcept = default;
  Subprocess& operator=(Subprocess&&) noexcept = default;
  // Leaves a running child alone: tunnels outlive the helper that started them.
  ~Subprocess() = default;

  pid_t pid() const { return pid_; }
  // pidfd: readable when the child has ended.
  int pidFd() const { return pidfd_.get(); }
  // nullopt when the deadline passed and it still runs.
  Result<std::optional<ExitStatus>> wait(Duration patience);
  Status signal(int signo) const;
  // SIGKILL and reap; waits at most one second, a child in uninterruptible sleep is left to its
  // fate.
  void killAndReap();

 private:
  Subprocess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  UniqueFd pidfd_;
};

// Closes every descriptor from `first` on, also on kernels before 5.9: for a forked child in which
// neither a lock nor a listening socket of its parent may live on. Allocates nothing.
void closeFrom(int first);
// The same but for those in `kept`, which is in ascending order.
void closeAllFrom(int first, const std::vector<int>& kept);

// Never waits. True when this child of ours has ended, and leaves nothing behind.
bool reap(pid_t child);

// pidfd_open(2) as a raw system call: glibc's wrapper would tie the binary to glibc 2.36.
Result<UniqueFd> openPidFd(pid_t pid);
// pidfd_getfd(2): a duplicate of descriptor `fd` of that process.
Result<UniqueFd> stealFd(int pidfd, int fd);
// pidfd_send_signal(2); success also when the process is already gone.
Status signalPidFd(int pidfd, int signo);

}  // namespace efs

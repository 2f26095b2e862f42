// TunnelProcess: the process that serves one mount, whoever started it.
//
// A pid in a state file proves nothing: it may be years old or from another pid namespace (contract
// CSI-10). Upstream compares /proc/<pid>/cmdline, whose reader waits for the memory lock of a stuck
// process (efs-utils issue 374). Here the proof is stronger and never waits: the process is named
// efs-proxy or stunnel* (/proc/<pid>/comm) and holds the socket that listens on the mount's port
// (/proc/<pid>/fd against /proc/<pid>/net/tcp), which also tells which descriptor to duplicate.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "efs/base/result.h"
#include "efs/base/subprocess.h"
#include "efs/base/unique_fd.h"
#include "efs/procfs/socket_table.h"

namespace efs::tunnel_control {

class TunnelProcess {
 public:
  // Started by this watchdog, which must reap it.
  static TunnelProcess ownChild(Subprocess child);
  static TunnelProcess adopted(pid_t pid, UniqueFd pidfd);

  pid_t pid() const { return pid_; }
  // Readable when the process has ended.
  int pidFd() const { return child_ ? child_->pidFd() : pidfd_.get(); }
  bool ended() const;
  // After ended(): how, and no zombie is left. nullopt for a process that is not our child.
  std::optional<ExitStatus> reap();
  // To its process group if it leads one (contract TUN-2), else to the process alone.
  Status signal(int signo) const;

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::optional<Subprocess> child_;
};

struct FoundTunnel {
  TunnelProcess process;
  UniqueFd listener;  // duplicate of its listening socket; invalid where the kernel refuses
};

// Finds tunnels by the rule above. Socket tables are read once per network namespace and object:
// make one for each round of questions.
class TunnelFinder {
 public:
  // kNotFound: no such process, a thread, a zombie, or not the tunnel of this port. kPermission: it
  // may not be looked at, which proves neither. kIo: we ran out of something, ask again
  // (process_look.h).
  Result<FoundTunnel> find(pid_t pid, int port);
  // The tunnel of our network namespace that listens on the port, whatever any file says.
  Result<std::optional<pid_t>> byPort(int port);
  Result<const procfs::SocketTable*> ownSockets();

 private:
  Result<const procfs::SocketTable*> socketsOf(pid_t pid);
  Result<int> listeningDescriptor(pid_t pid, int port);
  std::map<std::string, procfs::SocketTable> tables_;
  std::optional<std::map<int, pid_t>> by_port_;
};

// All tunnels of our network namespace by the ports of 127.0.0.1 they listen on; by the rule above,
// one look at all processes. Those that we may not look at are left out. kIo: no answer.
Result<std::map<int, pid_t>> tunnelsByPort();

// True when `fd` is a socket that listens on this port of 127.0.0.1.
bool listensOnLoopback(int fd, int port);

}  // namespace efs::tunnel_control

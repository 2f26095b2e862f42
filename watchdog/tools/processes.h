// Tunnels as processes, and the ports they listen on. Handles stand for what the kernel counts: a
// process that is watched, a descriptor of a listening socket. As long as one handle of a listener
// exists, its port is open, whoever serves it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/subprocess.h"
#include "efs/base/unique_fd.h"
#include "efs/procfs/socket_table.h"
#include "efs/tunnel_control/tunnel_counters.h"

namespace efs::watchdog {

// A listening socket, or a duplicate of one.
class Listener {
 public:
  virtual ~Listener() = default;
  // It listens on this port of 127.0.0.1.
  virtual bool listensOn(int port) const = 0;
  // For whoever hands it on; invalid in a simulation.
  virtual const UniqueFd& descriptor() const = 0;
};
using ListenerPtr = std::unique_ptr<Listener>;

// One process, not one pid: what it was made for is meant, also when the number is used again.
class Tunnel {
 public:
  // The process goes on; its end is not reported any more.
  virtual ~Tunnel() = default;
  virtual pid_t pid() const = 0;
  virtual bool ended() const = 0;
  // `done` runs once, from the loop, when it has ended. It may destroy this handle.
  virtual Status whenEnded(std::function<void()> done) = 0;
  // After ended(): how, and no zombie is left. nullopt: not our child.
  virtual std::optional<ExitStatus> reap() = 0;
  // To its process group where it leads one. Success also when it has ended.
  virtual Status signal(int signo) = 0;
};
using TunnelPtr = std::unique_ptr<Tunnel>;

// The page in which a tunnel counts (efs/tunnel_control/tunnel_counters.h).
class TunnelPage {
 public:
  virtual ~TunnelPage() = default;
  virtual Result<tunnel_control::TunnelCounters> read() const = 0;
};
using TunnelPagePtr = std::unique_ptr<TunnelPage>;

struct HeldTunnel {
  TunnelPtr tunnel;
  ListenerPtr listener;  // duplicate of its listening socket; null where the kernel refuses
};

// One round of looks at processes; the answers are of one moment. Kinds of errors as those of
// tunnel_control::TunnelFinder: kNotFound (certainly not), kPermission (may not be looked at), kIo
// (ask again).
class TunnelSearch {
 public:
  virtual ~TunnelSearch() = default;
  // Is this process the tunnel of this port?
  virtual Result<HeldTunnel> find(pid_t pid, int port) = 0;
  // The tunnel of our network that listens on the port, whatever any file says.
  virtual Result<std::optional<pid_t>> byPort(int port) = 0;
  // Of our own network; valid as long as this search.
  virtual Result<const procfs::SocketTable*> sockets() = 0;
};

struct StartRequest {
  std::vector<std::string> command;  // argv, beginning with an absolute path
  const Listener* listener = nullptr;
  // Path of a network namespace, empty: ours. The listener knows it better where there is one.
  std::string network;
};

class Processes {
 public:
  virtual ~Processes() = default;
  virtual std::unique_ptr<TunnelSearch> search() = 0;
  // All tunnels of our network by port, one look at all processes.
  virtual Result<std::map<int, pid_t>> tunnelsByPort() = 0;
  // Returns when the program runs.
  virtual Result<TunnelPtr> start(const StartRequest& request) = 0;
  // Its mount is gone: nothing of it is reported any more, and a child of ours leaves no zombie.
  virtual void letGo(TunnelPtr tunnel) = 0;
  // May it be executed?
  virtual bool isProgram(const std::string& path) = 0;
  // The installed efs-proxy.
  virtual Result<std::string> findTunnelProgram() = 0;
  // kNotFound: no such page (yet).
  virtual Result<TunnelPagePtr> openPage(const std::string& path) = 0;
};

struct BoundListener {
  ListenerPtr listener;
  int port = 0;
};

class Ports {
 public:
  virtual ~Ports() = default;
  // On 127.0.0.1; 0: any port. kBusy: taken. `network` as in StartRequest.
  virtual Result<ListenerPtr> listen(int port, const std::string& network) = 0;
  // A free port of [lower, upper), of our own network, that is not `reserved`; any free one where
  // the range is none.
  virtual Result<BoundListener> listenInRange(int lower, int upper,
                                              const std::function<bool(int)>& reserved) = 0;
};

// Who keeps listeners when we die: systemd's descriptor store. Never waits, never fails.
class ListenerStore {
 public:
  virtual ~ListenerStore() = default;
  virtual void storeListener(const std::string& mount_name, const Listener& listener) = 0;
  virtual void dropListener(const std::string& mount_name) = 0;
};

}  // namespace efs::watchdog

// Tunnels: the process table, as far as it matters here: tunnels, sockets that listen, and pids
// that others have by now.
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
#include "efs/tunnel_control/tunnel_counters.h"

namespace efs::watchdog::simulation {

struct World;

// A listening socket: its port is open as long as anybody holds this.
struct Socket {
  int port = 0;
  ino_t inode = 0;
};
using SocketPtr = std::shared_ptr<Socket>;

struct TunnelProcess {
  pid_t pid = 0;
  int port = 0;
  std::string config_path;
  SocketPtr listener;
  bool alive = true;
  bool frozen = false;
  bool has_page = true;
  bool has_connected = false;
  bool of_watchdog = false;  // a child of the watchdog that runs, which has to reap it
  ExitStatus how;
  MonoTime started{};
  std::string identity;       // of its certificate; empty without one
  std::string upstream;       // address; empty: not connected
  std::uint64_t attempt = 0;  // number of the connection attempt that counts
  tunnel_control::TunnelNumbers numbers;
  std::vector<std::function<void()>> when_ended;  // each runs once, from the loop
};
using TunnelProcessPtr = std::shared_ptr<TunnelProcess>;

// What else may have a pid.
enum class Stranger { kProcess, kThread, kForbidden };

class Tunnels {
 public:
  explicit Tunnels(World& world) : world_(world) {}

  // kBusy: taken.
  Result<SocketPtr> listen(int port);
  bool isOpen(int port) const;
  SocketPtr socketOn(int port) const;

  Result<TunnelProcessPtr> start(const std::string& config_path, SocketPtr listener,
                                 bool of_watchdog);
  // As a kernel does it, not asking who has the right to.
  void signal(const TunnelProcessPtr& tunnel, int signo);
  void end(const TunnelProcessPtr& tunnel, ExitStatus how);

  // Those that live.
  std::vector<TunnelProcessPtr> all() const;
  TunnelProcessPtr on(int port) const;
  TunnelProcessPtr withPid(pid_t pid) const;
  std::optional<Stranger> strangerAt(pid_t pid) const;
  // A pid that nobody has any more is somebody else's now; 0: nobody's.
  void reuse(pid_t pid, Stranger by) { strangers_[pid] = by; }
  // The next tunnel gets this pid, if nobody has it.
  void wantPid(pid_t pid) { wanted_pid_ = pid; }

  // It relays between its clients and a server that answers.
  bool relays(const TunnelProcess& tunnel) const;
  // Addresses answer differently now: connections that were refused or reset are tried again.
  void networkChanged();
  // Whose page lies at this path; null: nobody's ever.
  TunnelProcessPtr pageOwner(const std::string& path) const;

 private:
  pid_t newPid();
  void connect(const TunnelProcessPtr& tunnel, Duration delay);
  void tryConnect(const TunnelProcessPtr& tunnel);

  World& world_;
  std::vector<TunnelProcessPtr> tunnels_;
  std::map<int, std::weak_ptr<Socket>> sockets_;
  std::map<pid_t, Stranger> strangers_;
  std::map<std::string, TunnelProcessPtr> pages_;
  pid_t last_pid_ = 1000;
  std::optional<pid_t> wanted_pid_;
  ino_t last_inode_ = 1000;
};

}  // namespace efs::watchdog::simulation

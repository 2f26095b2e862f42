// SimulatedProcesses: tunnels, ports and systemd's descriptor store, from the world.
#pragma once

#include "tools/processes.h"
#include "tunnels.h"

namespace efs::watchdog::simulation {

struct World;

// The ports of mounts: few, so that each is used again soon.
inline constexpr int kFirstPort = 20049;
inline constexpr int kLastPort = 20079;

class SimulatedProcesses final : public Processes, public Ports, public ListenerStore {
 public:
  explicit SimulatedProcesses(World& world) : world_(world) {}

  ListenerPtr listenerOf(SocketPtr socket);

  std::unique_ptr<TunnelSearch> search() override;
  Result<std::map<int, pid_t>> tunnelsByPort() override;
  Result<TunnelPtr> start(const StartRequest& request) override;
  void letGo(TunnelPtr tunnel) override;
  bool isProgram(const std::string& path) override;
  Result<std::string> findTunnelProgram() override;
  Result<TunnelPagePtr> openPage(const std::string& path) override;

  Result<ListenerPtr> listen(int port, const std::string& network) override;
  Result<BoundListener> listenInRange(int lower, int upper,
                                      const std::function<bool(int)>& reserved) override;

  void storeListener(const std::string& mount_name, const Listener& listener) override;
  void dropListener(const std::string& mount_name) override;

 private:
  Status enter(const char* what);

  World& world_;
};

}  // namespace efs::watchdog::simulation

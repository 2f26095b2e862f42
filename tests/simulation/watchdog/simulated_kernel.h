// SimulatedKernel: what the kernel shows, from the world.
#pragma once

#include "tools/kernel.h"

namespace efs::watchdog::simulation {

struct NfsClient;
struct World;

// The unique id of a mount, as the kernel since 6.8 tells it.
mounts::MountIdentity identityIn(World& world, const mounts::MountEntry& entry);

class SimulatedKernel final : public Kernel {
 public:
  explicit SimulatedKernel(World& world) : world_(world) {}

  Result<mounts::MountTable> mountTable() override;
  mounts::MountIdentity identityOf(const mounts::MountEntry& entry) override;
  bool stillAttached(const mounts::MountIdentity& mount) override;
  Result<bool> clientHoldsPort(int port, const std::string& network) override;
  Result<procfs::SocketTable> sockets(const std::string& network) override;
  Result<std::set<int>> unreadPorts() override;
  Result<std::string> rpcCounters() override;
  Result<MountStats> mountStats() override;
  Result<LockTable> locks() override;
  Result<bool> keepReadAhead(dev_t device, unsigned long rsize) override;

 private:
  Status enter(const char* what);
  std::uint64_t waitingCalls(const NfsClient& client) const;

  World& world_;
};

// /proc/net/tcp.
procfs::SocketTable socketsOf(World& world);

}  // namespace efs::watchdog::simulation

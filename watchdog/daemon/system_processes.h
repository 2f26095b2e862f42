// SystemProcesses, SystemPorts: tunnels and listening sockets of this host.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "efs/loop/event_loop.h"
#include "efs/tunnel_control/tunnel_process.h"
#include "tools/processes.h"

namespace efs::watchdog {

class SystemListener final : public Listener {
 public:
  explicit SystemListener(UniqueFd fd) : fd_(std::move(fd)) {}
  bool listensOn(int port) const override {
    return tunnel_control::listensOnLoopback(fd_.get(), port);
  }
  const UniqueFd& descriptor() const override { return fd_; }

 private:
  UniqueFd fd_;
};

class SystemProcesses final : public Processes {
 public:
  explicit SystemProcesses(loop::EventLoop& loop) : loop_(loop) {}

  std::unique_ptr<TunnelSearch> search() override;
  Result<std::map<int, pid_t>> tunnelsByPort() override;
  Result<TunnelPtr> start(const StartRequest& request) override;
  void letGo(TunnelPtr tunnel) override;
  bool isProgram(const std::string& path) override;
  Result<std::string> findTunnelProgram() override;
  Result<TunnelPagePtr> openPage(const std::string& path) override;

 private:
  loop::EventLoop& loop_;
  std::list<TunnelPtr> strays_;  // only to be reaped
};

class SystemPorts final : public Ports {
 public:
  Result<ListenerPtr> listen(int port, const std::string& network) override;
  Result<BoundListener> listenInRange(int lower, int upper,
                                      const std::function<bool(int)>& reserved) override;
};

}  // namespace efs::watchdog

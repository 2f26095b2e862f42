#include "daemon/system_processes.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "efs/base/programs.h"
#include "efs/net/network_namespace.h"
#include "efs/net/socket.h"
#include "efs/tunnel_control/tunnel_launcher.h"

namespace efs::watchdog {
namespace {

using procfs::SocketTable;
using tunnel_control::TunnelProcess;

class SystemTunnel final : public Tunnel {
 public:
  SystemTunnel(loop::EventLoop& loop, TunnelProcess process)
      : loop_(loop), process_(std::move(process)) {}

  pid_t pid() const override { return process_.pid(); }
  bool ended() const override { return process_.ended(); }
  Status whenEnded(std::function<void()> done) override {
    watch_.reset();
    EFS_TRY(watch, loop_.watch(process_.pidFd(), EPOLLIN,
                               [done = std::move(done)](std::uint32_t) { done(); }));
    watch_ = std::move(watch);
    return {};
  }
  std::optional<ExitStatus> reap() override { return process_.reap(); }
  Status signal(int signo) override { return process_.signal(signo); }

 private:
  loop::EventLoop& loop_;
  TunnelProcess process_;
  loop::EventLoop::Watch watch_;  // after what it watches
};

class SystemPage final : public TunnelPage {
 public:
  explicit SystemPage(tunnel_control::CountersReader reader) : reader_(std::move(reader)) {}
  Result<tunnel_control::TunnelCounters> read() const override { return reader_.read(); }

 private:
  tunnel_control::CountersReader reader_;
};

class SystemSearch final : public TunnelSearch {
 public:
  explicit SystemSearch(loop::EventLoop& loop) : loop_(loop) {}

  Result<HeldTunnel> find(pid_t pid, int port) override {
    EFS_TRY(found, finder_.find(pid, port));
    HeldTunnel result;
    result.tunnel = std::make_unique<SystemTunnel>(loop_, std::move(found.process));
    if (found.listener.valid()) {
      result.listener = std::make_unique<SystemListener>(std::move(found.listener));
    }
    return result;
  }
  Result<std::optional<pid_t>> byPort(int port) override { return finder_.byPort(port); }
  Result<const SocketTable*> sockets() override { return finder_.ownSockets(); }

 private:
  loop::EventLoop& loop_;
  tunnel_control::TunnelFinder finder_;
};

// Contract NET-1; nullopt = ours. The socket knows it better than the path does: in a container's
// path the pid may have ended, or be another process's by now.
Result<std::optional<net::NetworkNamespace>> namespaceOf(const StartRequest& request) {
  std::optional<net::NetworkNamespace> found;
  if (request.network.empty()) return found;
  auto opened = request.listener != nullptr
                    ? net::NetworkNamespace::ofSocket(request.listener->descriptor().get())
                    : net::NetworkNamespace::open(request.network);
  if (!opened) return unexpected(std::move(opened.error()));
  found = std::move(*opened);
  return found;
}

}  // namespace

std::unique_ptr<TunnelSearch> SystemProcesses::search() {
  return std::make_unique<SystemSearch>(loop_);
}

Result<std::map<int, pid_t>> SystemProcesses::tunnelsByPort() {
  return tunnel_control::tunnelsByPort();
}

Result<TunnelPtr> SystemProcesses::start(const StartRequest& request) {
  EFS_TRY(network, namespaceOf(request));
  const UniqueFd none;
  EFS_TRY(launched,
          tunnel_control::launchTunnel(
              request.command, request.listener != nullptr ? request.listener->descriptor() : none,
              false, network ? network->fd() : -1));
  return TunnelPtr(
      std::make_unique<SystemTunnel>(loop_, TunnelProcess::ownChild(std::move(launched.process))));
}

void SystemProcesses::letGo(TunnelPtr tunnel) {
  const auto stray = strays_.insert(strays_.end(), std::move(tunnel));
  (void)(*stray)->whenEnded([this, stray] {
    (void)(*stray)->reap();
    strays_.erase(stray);
  });
}

bool SystemProcesses::isProgram(const std::string& path) { return efs::isProgram(path); }

Result<std::string> SystemProcesses::findTunnelProgram() {
  return tunnel_control::findTunnelBinary();
}

Result<TunnelPagePtr> SystemProcesses::openPage(const std::string& path) {
  EFS_TRY(reader, tunnel_control::CountersReader::open(path));
  return TunnelPagePtr(std::make_unique<SystemPage>(std::move(reader)));
}

Result<ListenerPtr> SystemPorts::listen(int port, const std::string& network) {
  ListenerPtr made;
  const auto listen_here = [&made, port]() -> Status {
    EFS_TRY(listener, net::listenLoopback(port));
    made = std::make_unique<SystemListener>(std::move(listener.fd));
    return {};
  };
  if (network.empty()) {
    EFS_CHECK(listen_here());
  } else {
    EFS_TRY(there, net::NetworkNamespace::open(network));
    EFS_CHECK(there.run(listen_here));
  }
  return made;
}

Result<BoundListener> SystemPorts::listenInRange(int lower, int upper,
                                                 const std::function<bool(int)>& reserved) {
  const bool any = lower <= 0 || lower >= upper;
  EFS_TRY(bound, any ? net::listenLoopback(0) : net::listenInRange(lower, upper, reserved));
  return BoundListener{std::make_unique<SystemListener>(std::move(bound.fd)), bound.port};
}

}  // namespace efs::watchdog

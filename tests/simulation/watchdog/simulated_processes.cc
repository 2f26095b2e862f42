#include "simulated_processes.h"

#include <cerrno>
#include <utility>

#include "simulated_kernel.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

constexpr const char* kProgram = "/usr/bin/efs-proxy";

class SimulatedListener final : public Listener {
 public:
  explicit SimulatedListener(SocketPtr socket) : socket_(std::move(socket)) {}
  bool listensOn(int port) const override { return socket_->port == port; }
  const UniqueFd& descriptor() const override { return none_; }
  const SocketPtr& socket() const { return socket_; }

 private:
  SocketPtr socket_;
  UniqueFd none_;
};

class SimulatedTunnel final : public Tunnel {
 public:
  SimulatedTunnel(World& world, TunnelProcessPtr process)
      : world_(world), process_(std::move(process)) {}
  ~SimulatedTunnel() override { *heard_ = false; }

  pid_t pid() const override { return process_->pid; }
  bool ended() const override { return !process_->alive; }
  Status whenEnded(std::function<void()> done) override {
    const auto once = [heard = heard_, done = std::move(done)] {
      if (std::exchange(*heard, false)) done();
    };
    *heard_ = true;
    if (process_->alive) {
      process_->when_ended.push_back(once);
    } else {
      world_.loop(once);
    }
    return {};
  }
  std::optional<ExitStatus> reap() override {
    if (!process_->of_watchdog) return std::nullopt;
    return process_->how;
  }
  Status signal(int signo) override {
    if (!world_.daemon.enter("kill")) return {};
    world_.invariants.signalled(*process_, signo);
    world_.tunnels.signal(process_, signo);
    return {};
  }
  const TunnelProcessPtr& process() const { return process_; }

 private:
  World& world_;
  TunnelProcessPtr process_;
  std::shared_ptr<bool> heard_ = std::make_shared<bool>(false);
};

class SimulatedPage final : public TunnelPage {
 public:
  SimulatedPage(World& world, TunnelProcessPtr process)
      : world_(world), process_(std::move(process)) {}
  Result<tunnel_control::TunnelCounters> read() const override {
    world_.mounts.settle();
    tunnel_control::TunnelCounters counters;
    counters.numbers = process_->numbers;
    counters.facts.pid = process_->pid;
    return counters;
  }

 private:
  World& world_;
  TunnelProcessPtr process_;
};

class SimulatedSearch final : public TunnelSearch {
 public:
  explicit SimulatedSearch(World& world) : world_(world) {}

  Result<HeldTunnel> find(pid_t pid, int port) override {
    if (!world_.daemon.enter("looking at a process")) return Error(ErrorKind::kCancelled, "dead");
    if (world_.files.scarce) return Error::fromErrno(EMFILE, "opening a process");
    if (const auto stranger = world_.tunnels.strangerAt(pid)) {
      EFS_CHECK(lookAtStranger(*stranger));
    }
    const auto tunnel = world_.tunnels.withPid(pid);
    const bool right = tunnel && (tunnel->port == port || world_.plan.put_back.trusts_pids);
    if (!right) return Error(ErrorKind::kNotFound, "no tunnel of this port");
    return HeldTunnel{
        std::make_unique<SimulatedTunnel>(world_, tunnel),
        tunnel->listener ? std::make_unique<SimulatedListener>(tunnel->listener) : nullptr};
  }
  Result<std::optional<pid_t>> byPort(int port) override {
    if (!world_.daemon.enter("looking at all processes")) {
      return Error(ErrorKind::kCancelled, "dead");
    }
    if (world_.files.scarce) return Error::fromErrno(EMFILE, "opening /proc");
    const auto tunnel = world_.tunnels.on(port);
    return tunnel ? std::optional(tunnel->pid) : std::nullopt;
  }
  Result<const procfs::SocketTable*> sockets() override {
    if (world_.files.scarce) return Error::fromErrno(EMFILE, "opening /proc/net/tcp");
    if (!sockets_) sockets_ = socketsOf(world_);
    return &*sockets_;
  }

 private:
  Status lookAtStranger(Stranger stranger) const {
    Probes::reach("a pid was somebody else's");
    switch (stranger) {
      case Stranger::kForbidden:
        return Error::fromErrno(EACCES, "looking at a process");
      case Stranger::kThread:
        if (world_.plan.put_back.thread_blinds) return Error::fromErrno(EIO, "pidfd_open");
        [[fallthrough]];
      case Stranger::kProcess:
        return Error(ErrorKind::kNotFound, "no tunnel");
    }
    return {};
  }

  World& world_;
  std::optional<procfs::SocketTable> sockets_;
};

}  // namespace

Status SimulatedProcesses::enter(const char* what) {
  if (!world_.daemon.enter(what)) return Error(ErrorKind::kCancelled, "dead");
  if (world_.files.scarce) return Error::fromErrno(EMFILE, what);
  return {};
}

ListenerPtr SimulatedProcesses::listenerOf(SocketPtr socket) {
  return std::make_unique<SimulatedListener>(std::move(socket));
}

std::unique_ptr<TunnelSearch> SimulatedProcesses::search() {
  return std::make_unique<SimulatedSearch>(world_);
}

Result<std::map<int, pid_t>> SimulatedProcesses::tunnelsByPort() {
  EFS_CHECK(enter("looking at all processes"));
  std::map<int, pid_t> found;
  for (const auto& tunnel : world_.tunnels.all()) found[tunnel->port] = tunnel->pid;
  return found;
}

Result<TunnelPtr> SimulatedProcesses::start(const StartRequest& request) {
  EFS_CHECK(enter("starting a tunnel"));
  if (request.command.size() < 2 || request.command[0] != kProgram) {
    return Error(ErrorKind::kNotFound, "no such program");
  }
  SocketPtr socket;
  if (request.listener != nullptr) {
    socket = dynamic_cast<const SimulatedListener&>(*request.listener).socket();
  }
  EFS_TRY(process, world_.tunnels.start(request.command[1], socket, true));
  world_.invariants.started(*process);
  return TunnelPtr(std::make_unique<SimulatedTunnel>(world_, process));
}

void SimulatedProcesses::letGo(TunnelPtr tunnel) { tunnel.reset(); }

bool SimulatedProcesses::isProgram(const std::string& path) { return path == kProgram; }

Result<std::string> SimulatedProcesses::findTunnelProgram() { return std::string(kProgram); }

Result<TunnelPagePtr> SimulatedProcesses::openPage(const std::string& path) {
  EFS_CHECK(enter("opening a page"));
  auto owner = world_.tunnels.pageOwner(path);
  if (!owner || !world_.files.get(path)) return Error(ErrorKind::kNotFound, "no page");
  return TunnelPagePtr(std::make_unique<SimulatedPage>(world_, std::move(owner)));
}

Result<ListenerPtr> SimulatedProcesses::listen(int port, const std::string& /*network*/) {
  EFS_CHECK(enter("listening"));
  EFS_TRY(socket, world_.tunnels.listen(port));
  return listenerOf(std::move(socket));
}

Result<BoundListener> SimulatedProcesses::listenInRange(int lower, int upper,
                                                        const std::function<bool(int)>& reserved) {
  EFS_CHECK(enter("listening"));
  for (int port = std::max(lower, kFirstPort); port < std::min(upper, kLastPort); ++port) {
    if (reserved(port)) continue;
    auto socket = world_.tunnels.listen(port);
    if (socket) return BoundListener{listenerOf(std::move(*socket)), port};
  }
  return Error(ErrorKind::kBusy, "no free port");
}

void SimulatedProcesses::storeListener(const std::string& mount_name, const Listener& listener) {
  if (!world_.daemon.enter("storing a listener")) return;
  world_.daemon.stored[mount_name] = dynamic_cast<const SimulatedListener&>(listener).socket();
}

void SimulatedProcesses::dropListener(const std::string& mount_name) {
  if (!world_.daemon.enter("dropping a listener")) return;
  world_.daemon.stored.erase(mount_name);
}

}  // namespace efs::watchdog::simulation

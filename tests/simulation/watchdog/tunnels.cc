#include "tunnels.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "certificate.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "efs/tunnel_control/tunnel_signals.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

constexpr pid_t kFirstPid = 1000;
constexpr pid_t kPids = 60;  // so few that each is used again soon
constexpr Duration kHandshake{10000};

}  // namespace

Result<SocketPtr> Tunnels::listen(int port) {
  if (isOpen(port)) return Error(ErrorKind::kBusy, "the port is taken");
  auto socket = std::make_shared<Socket>(Socket{port, ++last_inode_});
  sockets_[port] = socket;
  return socket;
}

bool Tunnels::isOpen(int port) const { return socketOn(port) != nullptr; }

SocketPtr Tunnels::socketOn(int port) const {
  const auto found = sockets_.find(port);
  return found == sockets_.end() ? nullptr : found->second.lock();
}

pid_t Tunnels::newPid() {
  const auto wanted = std::exchange(wanted_pid_, std::nullopt);
  if (wanted && withPid(*wanted) == nullptr) return *wanted;
  for (pid_t tries = 0; tries < kPids; ++tries) {
    last_pid_ = kFirstPid + (last_pid_ - kFirstPid + 1) % kPids;
    if (strangers_.count(last_pid_) == 0 && withPid(last_pid_) == nullptr) return last_pid_;
  }
  // All are taken: of one of the others, who ends.
  last_pid_ = strangers_.empty() ? kFirstPid + kPids : strangers_.begin()->first;
  strangers_.erase(last_pid_);
  return last_pid_;
}

Result<TunnelProcessPtr> Tunnels::start(const std::string& config_path, SocketPtr listener,
                                        bool of_watchdog) {
  const auto text = world_.files.get(config_path);
  auto config = text ? tunnel_control::TunnelConfig::parse(*text, config_path)
                     : Result<tunnel_control::TunnelConfig>(
                           Error(ErrorKind::kNotFound, config_path + " does not exist"));
  auto tunnel = std::make_shared<TunnelProcess>();
  tunnel->pid = newPid();
  tunnel->config_path = config_path;
  tunnel->of_watchdog = of_watchdog;
  tunnel->started = world_.time.monotonic();
  tunnel->numbers.remembers = 1;
  tunnel->has_page = world_.plan.pages;
  std::erase_if(tunnels_, [](const auto& old) { return !old->alive; });
  tunnels_.push_back(tunnel);
  const auto certificate = config ? world_.files.get(config->certificate) : std::nullopt;
  if (!config || !certificate || !Certificate::parse(*certificate)) {
    // execve() has succeeded; it ends by itself.
    world_.journal.note("tunnel " + std::to_string(tunnel->pid) + " finds no usable configuration");
    world_.time.in(Duration(20), [this, tunnel] { end(tunnel, {.code = 1}); });
    return tunnel;
  }
  tunnel->identity = Certificate::parse(*certificate)->identity;
  tunnel->port = config->accept_port;
  if (listener && listener->port != config->accept_port) {
    world_.journal.violate("a tunnel got the listener of another port");
  }
  if (!listener) {
    auto own = listen(config->accept_port);
    if (own) listener = *own;
  }
  if (!listener) {
    world_.time.in(Duration(20), [this, tunnel] { end(tunnel, {.code = 1}); });
    tunnel->port = 0;
    return tunnel;
  }
  tunnel->listener = std::move(listener);
  const auto waiting = world_.mounts.clientOn(tunnel->port);
  if (waiting && waiting->connected) ++tunnel->numbers.connections_total;
  if (tunnel->has_page) {
    const std::string page = tunnel_control::countersPath(config_path);
    world_.files.put(page, "page of " + std::to_string(tunnel->pid));
    pages_[page] = tunnel;
  }
  world_.journal.note("tunnel " + std::to_string(tunnel->pid) + " serves port " +
                      std::to_string(tunnel->port));
  connect(tunnel, Duration(30));
  return tunnel;
}

void Tunnels::connect(const TunnelProcessPtr& tunnel, Duration delay) {
  // Older programs end their client's connection with the server's.
  const auto client = world_.mounts.clientOn(tunnel->port);
  const bool ends = !tunnel->has_page && !tunnel->upstream.empty();
  if (ends && client && !client->leaving) world_.mounts.cutOff(tunnel->port);
  tunnel->upstream.clear();
  world_.time.in(delay, [this, tunnel, attempt = ++tunnel->attempt] {
    if (attempt == tunnel->attempt) tryConnect(tunnel);
  });
}

void Tunnels::tryConnect(const TunnelProcessPtr& tunnel) {
  if (!tunnel->alive || tunnel->frozen) return;
  const auto text = world_.files.get(tunnel->config_path);
  const auto config = text ? tunnel_control::TunnelConfig::parse(*text, "config")
                           : Result<tunnel_control::TunnelConfig>(Error(ErrorKind::kNotFound, ""));
  // A running tunnel has read it at its start; without the file it goes on with what it knew.
  const std::string host = config ? config->connect_host : tunnel->upstream;
  const std::string address = world_.network.resolve(host);
  switch (address.empty() ? TargetState::kRefusing : world_.network.stateOf(address)) {
    case TargetState::kServing:
      tunnel->upstream = address;
      if (std::exchange(tunnel->has_connected, true)) ++tunnel->numbers.reconnects;
      return;
    case TargetState::kRefusing:
      return connect(tunnel, world_.time.between(Duration(1000), Duration(4000)));
    case TargetState::kSilent:
      if (world_.plan.put_back.pages_forget && tunnel->numbers.waiting_since != 0) {
        tunnel->numbers.waiting_since = tunnel_control::countersTime(world_.time.monotonic());
      }
      return connect(tunnel, kHandshake);
  }
}

void Tunnels::networkChanged() {
  for (const auto& tunnel : all()) {
    if (tunnel->upstream.empty()) continue;
    if (world_.network.stateOf(tunnel->upstream) == TargetState::kRefusing) {
      connect(tunnel, Duration(50));
    }
  }
}

void Tunnels::signal(const TunnelProcessPtr& tunnel, int signo) {
  if (!tunnel->alive) return;
  if (signo == SIGSTOP) {
    tunnel->frozen = true;
  } else if (signo == SIGCONT) {
    tunnel->frozen = false;
    connect(tunnel, Duration(10));
  } else if (signo == SIGKILL) {
    world_.time.in(Duration(2), [this, tunnel] { end(tunnel, {.code = 128 + 9, .signal = 9}); });
  } else if (tunnel->frozen) {
    return;  // pending until SIGCONT; nobody here relies on it
  } else if (signo == SIGTERM) {
    world_.time.in(world_.time.between(Duration(10), Duration(300)),
                   [this, tunnel] { end(tunnel, {}); });
  } else if (signo == SIGHUP) {
    const auto text = world_.files.get(tunnel->config_path);
    const auto config = text ? tunnel_control::TunnelConfig::parse(*text, "config")
                             : Result<tunnel_control::TunnelConfig>(Error(ErrorKind::kIo, ""));
    const auto pem = config ? world_.files.get(config->certificate) : std::nullopt;
    const auto certificate = pem ? Certificate::parse(*pem) : std::nullopt;
    if (certificate) tunnel->identity = certificate->identity;
    world_.invariants.identityKept(*tunnel);
  } else if (signo == tunnel_control::kReconnectSignal) {
    connect(tunnel, Duration(20));
  }
}

void Tunnels::end(const TunnelProcessPtr& tunnel, ExitStatus how) {
  if (!std::exchange(tunnel->alive, false)) return;
  world_.journal.note("tunnel " + std::to_string(tunnel->pid) + " has ended: " + how.describe());
  tunnel->how = how;
  tunnel->listener.reset();
  ++tunnel->attempt;
  if (how.signal == 0) world_.files.take(tunnel_control::countersPath(tunnel->config_path));
  world_.mounts.cutOff(tunnel->port);
  for (auto& done : std::exchange(tunnel->when_ended, {})) world_.loop(std::move(done));
}

std::vector<TunnelProcessPtr> Tunnels::all() const {
  std::vector<TunnelProcessPtr> living;
  for (const auto& tunnel : tunnels_) {
    if (tunnel->alive) living.push_back(tunnel);
  }
  return living;
}

TunnelProcessPtr Tunnels::on(int port) const {
  const auto found = std::find_if(tunnels_.begin(), tunnels_.end(), [port](const auto& tunnel) {
    return tunnel->alive && tunnel->port == port;
  });
  return found == tunnels_.end() ? nullptr : *found;
}

TunnelProcessPtr Tunnels::withPid(pid_t pid) const {
  const auto found = std::find_if(tunnels_.begin(), tunnels_.end(), [pid](const auto& tunnel) {
    return tunnel->alive && tunnel->pid == pid;
  });
  return found == tunnels_.end() ? nullptr : *found;
}

std::optional<Stranger> Tunnels::strangerAt(pid_t pid) const {
  const auto found = strangers_.find(pid);
  if (found == strangers_.end()) return std::nullopt;
  return found->second;
}

bool Tunnels::relays(const TunnelProcess& tunnel) const {
  return tunnel.alive && !tunnel.frozen && !tunnel.upstream.empty() &&
         world_.network.stateOf(tunnel.upstream) == TargetState::kServing;
}

TunnelProcessPtr Tunnels::pageOwner(const std::string& path) const {
  const auto found = pages_.find(path);
  return found == pages_.end() ? nullptr : found->second;
}

}  // namespace efs::watchdog::simulation

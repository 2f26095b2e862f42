#include "invariants.h"

#include <signal.h>

#include <algorithm>

#include "certificate.h"
#include "efs/state/state_store.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "simulated_processes.h"
#include "supervisor.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

constexpr Duration kTelling{17000};  // 10 s, a third of it, and the way to it
// Without pages: a minute to the kernel's own next call, then 30 s, and the way to it.
constexpr Duration kTellingBlindly{150000};
constexpr Duration kBare{5000};
// 30 s of back-off (+20 %), a tunnel that may not be looked at, and the way to it.
constexpr Duration kReplacing{75000};
constexpr Duration kAfterBlindness{40000};
// For so long after its last ailment a mount may still be judged by what was seen then.
constexpr Duration kOldAilment{180000};
constexpr std::string_view kStaging = "/run/efs/remount/";
constexpr std::string_view kHangs = ": hangs, calls have been waiting";
constexpr std::string_view kAnswers = ": answers again";
constexpr std::string_view kNothingWaits = ": nothing waits for its server any more";

}  // namespace

void Invariants::violate(const std::string& what) { world_.journal.violate(what); }

void Invariants::logged(std::string_view line) {
  const auto name = state::parseMountName(line.substr(0, line.find(": ")));
  const auto client = name ? world_.mounts.clientOn(name->port) : nullptr;
  for (const auto over : {kAnswers, kNothingWaits}) {
    if (client && line.find(over) != std::string_view::npos) client->told.reset();
  }
  if (line.find(kHangs) == std::string_view::npos) return;
  if (client) client->told = world_.time.monotonic();
  Probes::reach("a hang was told");
}

// A tunnel may only be stopped under its mount to be replaced: because the mount hangs, or because
// it is to use another target.
void Invariants::signalled(const TunnelProcess& tunnel, int signo) {
  if (signo != SIGTERM && signo != SIGKILL) return;
  world_.mounts.settle();
  const auto client = world_.mounts.clientOn(tunnel.port);
  if (!client || client->gone || !tunnel.alive) return;
  const bool ails = client->waiting_since || tunnel.frozen ||
                    world_.time.monotonic() - client->unhealthy < Duration(15000);
  // Also while the last words to the server wait: what is killed then is replaced.
  if (ails && (!client->leaving || signo == SIGKILL)) return;
  const auto text = world_.files.get(tunnel.config_path);
  const auto config = text ? tunnel_control::TunnelConfig::parse(*text, "config")
                           : Result<tunnel_control::TunnelConfig>(Error(ErrorKind::kNotFound, ""));
  if (config && !client->leaving &&
      world_.network.resolve(config->connect_host) != tunnel.upstream) {
    return Probes::reach("a tunnel went home");
  }
  violate("the tunnel of port " + std::to_string(tunnel.port) + " is stopped while it is in use");
}

void Invariants::started(const TunnelProcess& tunnel) {
  for (const auto& other : world_.tunnels.all()) {
    if (other.get() != &tunnel && tunnel.port != 0 && other->port == tunnel.port) {
      violate("a second tunnel is started for port " + std::to_string(tunnel.port));
    }
  }
  identityKept(tunnel);
}

void Invariants::identityKept(const TunnelProcess& tunnel) {
  if (tunnel.identity.empty()) return;
  for (const auto& client : world_.mounts.clients()) {
    if (client->port != tunnel.port || client->gone) continue;
    if (client->identity == tunnel.identity) continue;
    violate("the mount of port " + std::to_string(tunnel.port) + " was " + client->identity +
            " and is now " + tunnel.identity);
  }
}

void Invariants::remountBegins(const RemountPlan& plan) {
  Probes::reach("a remount began");
  const Mount* mount = plan.old.unique ? world_.mounts.withUnique(*plan.old.unique) : nullptr;
  if (mount == nullptr) return;
  if (mount->target.rfind(kStaging, 0) == 0) {
    return violate("a mount that is only half made is to be replaced");
  }
  const bool ails =
      mount->client && (world_.mounts.isStale(*mount->client) || mount->client->waiting_since ||
                        world_.time.monotonic() - mount->client->unhealthy < kOldAilment);
  if (!ails) return violate("a mount that works is to be replaced: " + mount->target);
  replaceable_.insert(mount->unique);
}

void Invariants::detachedByRemount(const Mount& mount) {
  Probes::reach("a dead mount was detached");
  if (replaceable_.count(mount.unique) == 0) {
    violate("what was not mounted by us is unmounted: " + mount.type + " at " + mount.target);
  }
  for (const Mount* inner : world_.mounts.within(mount.id)) {
    violate("what is mounted within " + mount.target + " goes with it: " + inner->target);
  }
}

void Invariants::detachedByClearing(const Mount& mount) {
  const std::string staging = std::string(kStateDirectory) + "/remount/";
  Probes::reach("a staged mount was cleared");
  if (mount.target.compare(0, staging.size(), staging) != 0) {
    violate("a clean-up unmounts " + mount.target);
  }
}

void Invariants::check() {
  if (world_.files.scarce) blind_ = world_.time.monotonic();
  checkTunnels();
  checkRecords();
  checkPorts();
  checkDead();
  checkHangs();
  checkWanted();
}

void Invariants::checkRecords() {
  if (!world_.daemon.runs()) return;
  for (const auto& [name, record] : world_.daemon.supervisor()->records()) {
    if (!record.tunnel || record.tunnel->ended()) continue;
    const auto process = world_.tunnels.withPid(record.tunnel->pid());
    if (process && process->port != 0 && process->port != record.port) {
      violate(name + " supervises the tunnel of port " + std::to_string(process->port));
    }
  }
}

// What was once given to the watchdog stays open as long as the kernel uses it, whoever dies.
void Invariants::checkPorts() {
  for (const auto& [name, socket] : world_.daemon.stored) kept_.insert(socket->port);
  std::erase_if(kept_, [this](int port) { return world_.mounts.clientOn(port) == nullptr; });
  for (const int port : kept_) {
    if (!world_.tunnels.isOpen(port)) {
      violate("the port of a mount is given up: " + std::to_string(port));
    }
  }
}

// A mount that is used has a tunnel again in time.
void Invariants::checkDead() {
  const MonoTime now = world_.time.monotonic();
  for (const auto& [path, bare] : wanted_) {
    const Mount* mount = world_.mounts.top(path);
    if (mount == nullptr || !mount->client || !mount->client->busy) continue;
    const int port = mount->client->port;
    if (world_.tunnels.on(port) || !world_.daemon.runs() || blindLately() || !maybeStarted(port)) {
      dead_.erase(port);
      continue;
    }
    const MonoTime since =
        std::max(dead_.try_emplace(port, now).first->second, world_.daemon.runningSince());
    if (now - since > kReplacing) {
      violate("the tunnel of " + path + " (port " + std::to_string(port) + ") is not replaced");
    }
  }
}

// Without a certificate none can start, and AWS decides when there is one.
bool Invariants::maybeStarted(int port) const {
  const std::string ending = "." + std::to_string(port) + "+";
  for (const auto& name : world_.files.names(kStateDirectory)) {
    if (name.size() <= ending.size() || name.substr(name.size() - ending.size()) != ending)
      continue;
    const std::string folder = std::string(kStateDirectory) + "/" + name;
    return world_.files.get(folder + "/certificate.pem").has_value();
  }
  return false;
}

void Invariants::published(const std::string& name) {
  const auto parsed = state::parseMountName(name);
  if (!parsed) return;
  bool staged = false, in_place = false;
  for (const Mount& mount : world_.mounts.all()) {
    if (!mount.client || mount.client->port != parsed->port) continue;
    (mount.target.rfind(kStaging, 0) == 0 ? staged : in_place) = true;
  }
  if (staged && !in_place) violate("a mount that is only half made is published: " + name);
}

void Invariants::checkTunnels() {
  std::set<int> ports;
  for (const auto& tunnel : world_.tunnels.all()) {
    if (tunnel->port == 0 || !tunnel->listener) continue;
    if (!ports.insert(tunnel->port).second) {
      violate("two tunnels serve port " + std::to_string(tunnel->port));
    }
  }
}

bool Invariants::blindLately() {
  return world_.time.monotonic() - blind_ < kAfterBlindness && blind_ != MonoTime{};
}

void Invariants::checkHangs() {
  if (!world_.daemon.runs() || blindLately()) return;
  const MonoTime now = world_.time.monotonic();
  for (const auto& [path, bare] : wanted_) {
    const Mount* mount = world_.mounts.top(path);
    if (mount == nullptr || !mount->client || !mount->client->waiting_since) continue;
    NfsClient& client = *mount->client;
    const auto tunnel = world_.tunnels.on(client.port);
    if (!tunnel) continue;
    // What cannot be read says nothing, so the kernel's counters are learned from then on.
    const MonoTime since = std::max({*client.waiting_since, world_.daemon.runningSince(),
                                     tunnel->started, client.connected_at, blind_});
    const Duration patience = tunnel->has_page ? kTelling : kTellingBlindly;
    if (now - since < patience) continue;
    // One hang, also where who waits gives up and another one comes.
    if (client.told && *client.told >= client.answered_at) continue;
    violate("the hang of " + path + " (port " + std::to_string(client.port) + ") is not told");
  }
}

void Invariants::checkWanted() {
  const MonoTime now = world_.time.monotonic();
  for (auto& [path, bare] : wanted_) {
    const bool mounted = world_.mounts.top(path) != nullptr;
    if (mounted) {
      bare.reset();
    } else if (!bare) {
      bare = now;
    } else if (now - *bare > kBare) {
      violate("nothing is mounted at " + path + " any more, and nobody has unmounted it");
    }
  }
}

void Invariants::checkHealed() {
  for (const auto& [path, bare] : wanted_) checkMount(path);
  if (!world_.daemon.runs()) violate("the watchdog does not run");
}

void Invariants::checkMount(const std::string& path) {
  const Mount* mount = world_.mounts.top(path);
  if (mount == nullptr) return violate("nothing is mounted at " + path);
  if (!mount->client) return violate("another mount covers " + path);
  const NfsClient& client = *mount->client;
  const std::string of = " of " + path + " (port " + std::to_string(client.port) + ")";
  if (world_.mounts.isStale(client)) return violate("the root" + of + " is still stale");
  const auto tunnel = world_.tunnels.on(client.port);
  if (!tunnel) return violate("no tunnel" + of + " runs");
  if (!world_.tunnels.relays(*tunnel)) return violate("the tunnel" + of + " does not work");
  const auto& records = world_.daemon.supervisor()->records();
  const auto found = std::find_if(records.begin(), records.end(), [&](const auto& entry) {
    return entry.second.port == client.port;
  });
  if (found == records.end()) return violate("the mount" + of + " has no record");
  const MountRecord& record = found->second;
  if (!record.readable || record.pending) return violate("the record" + of + " is not finished");
  if (record.blind || !record.tunnel) return violate("the tunnel" + of + " is not supervised");
  if (!record.listener) return violate("nobody holds the listener" + of);
  const auto text = world_.files.get(std::string(kStateDirectory) + "/" + record.name);
  const auto state = text ? state::MountState::parse(*text, record.name)
                          : Result<state::MountState>(Error(ErrorKind::kNotFound, "none"));
  if (!text) return violate("the state file" + of + " is missing");
  // A broken one stays as it is while the record is good (WD-10).
  if (state && state->pid != tunnel->pid) {
    violate("the state file" + of + " names another tunnel");
  }
}

void Invariants::checkEmpty() {
  for (const auto& tunnel : world_.tunnels.all()) {
    violate("a tunnel is left: " + std::to_string(tunnel->port));
  }
  for (const auto& name : world_.files.names(kStateDirectory)) {
    // Where mounts are made on old kernels; it stays, empty.
    if (name != "remount") violate("a file is left: " + name);
  }
  for (const auto& name :
       world_.files.names(std::string(kStaging.substr(0, kStaging.size() - 1)))) {
    violate("a place of a half-made mount is left: " + name);
  }
  for (const auto& [name, socket] : world_.daemon.stored) violate("a listener is left: " + name);
  if (!world_.daemon.runs()) return violate("the watchdog does not run");
  for (const auto& [name, record] : world_.daemon.supervisor()->records()) {
    violate("a record is left: " + name);
  }
  for (int port = kFirstPort; port < kLastPort; ++port) {
    if (world_.tunnels.isOpen(port)) violate("a port is left open: " + std::to_string(port));
  }
  if (world_.client_name != "host") violate("the client identifier is left: " + world_.client_name);
}

}  // namespace efs::watchdog::simulation

#include "turmoil.h"

#include <signal.h>

#include <array>
#include <iterator>
#include <utility>

#include "efs/state/state_store.h"
#include "people.h"
#include "supervisor.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

constexpr int kMostMounts = 5;

}  // namespace

Turmoil::Turmoil(World& world) : world_(world) {}

void Turmoil::begin() {
  world_.principals = {{"team", "role-team"}, {"of-the-daemon", "role-daemon"}};
  world_.network.add("fs-1");
  world_.network.add("fs-2");
  for (int i = 0; i < world_.plan.mounts; ++i) mountNew();
}

void Turmoil::strike() {
  static constexpr std::array kFaults = {&Turmoil::killTunnel,
                                         &Turmoil::killTunnel,
                                         &Turmoil::freezeTunnel,
                                         &Turmoil::silence,
                                         &Turmoil::silence,
                                         &Turmoil::moveTarget,
                                         &Turmoil::loseRoots,
                                         &Turmoil::crashWatchdog,
                                         &Turmoil::restartWatchdog,
                                         &Turmoil::crashOften,
                                         &Turmoil::killChildren,
                                         &Turmoil::fillDisk,
                                         &Turmoil::useUpDescriptors,
                                         &Turmoil::loseStateFile,
                                         &Turmoil::tearStateFile,
                                         &Turmoil::loseCertificate,
                                         &Turmoil::reusePid,
                                         &Turmoil::takePidWhileDown,
                                         &Turmoil::mountOver,
                                         &Turmoil::mountWithin,
                                         &Turmoil::detachLazily,
                                         &Turmoil::replaceByOther,
                                         &Turmoil::copyToNamespace,
                                         &Turmoil::useFiles,
                                         &Turmoil::toggleWork,
                                         &Turmoil::toggleWork,
                                         &Turmoil::setClock,
                                         &Turmoil::silenceAws,
                                         &Turmoil::changePrincipal,
                                         &Turmoil::mountInStateDirectory,
                                         &Turmoil::killHelper,
                                         &Turmoil::bindElsewhere,
                                         &Turmoil::mountNew,
                                         &Turmoil::umountOne,
                                         &Turmoil::inheritPidWhileDown,
                                         &Turmoil::interruptRemounts};
  const auto fault = kFaults.at(static_cast<std::size_t>(world_.time.roll(kFaults.size())));
  (this->*fault)();
}

Duration Turmoil::lasting() {
  return world_.time.oneIn(4) ? world_.time.between(Duration(60000), Duration(900000))
                              : world_.time.between(Duration(500), Duration(60000));
}

void Turmoil::later(std::function<void()> end) {
  const std::uint64_t number = ++last_end_;
  ends_[number] = std::move(end);
  world_.time.in(lasting(), [this, number] {
    const auto found = ends_.extract(number);
    if (found) found.mapped()();
  });
}

// The newest first: what was mounted on another thing leaves before that.
void Turmoil::endAll() {
  constexpr int kRounds = 4;  // some can end only when others have ended
  for (int round = 0; round < kRounds; ++round) {
    auto ends = std::exchange(ends_, {});
    for (auto end = ends.rbegin(); end != ends.rend(); ++end) end->second();
  }
}

NfsClientPtr Turmoil::anyClient() {
  const auto& all = world_.mounts.clients();
  if (all.empty()) return nullptr;
  const auto chosen = all[static_cast<std::size_t>(world_.time.roll(static_cast<int>(all.size())))];
  return chosen->leaving ? nullptr : chosen;
}

TunnelProcessPtr Turmoil::anyTunnel() {
  const auto all = world_.tunnels.all();
  if (all.empty()) return nullptr;
  return all[static_cast<std::size_t>(world_.time.roll(static_cast<int>(all.size())))];
}

std::string Turmoil::anyWanted() {
  const auto& all = world_.invariants.wanted();
  if (all.empty()) return "";
  return std::next(all.begin(), world_.time.roll(static_cast<int>(all.size())))->first;
}

std::string Turmoil::anyName() {
  std::vector<std::string> names;
  for (const auto& name : world_.files.names(kStateDirectory)) {
    if (state::parseMountName(name) && name.back() != '+' && name.rfind("fs-", 0) == 0) {
      names.push_back(name);
    }
  }
  if (names.empty()) return "";
  return names[static_cast<std::size_t>(world_.time.roll(static_cast<int>(names.size())))];
}

FileSystem& Turmoil::anyFileSystem() {
  auto& all = world_.network.fileSystems();
  return std::next(all.begin(), world_.time.roll(static_cast<int>(all.size())))->second;
}

void Turmoil::mountNew() {
  if (world_.invariants.wanted().size() >= kMostMounts) return;
  MountWish wish;
  wish.file_system = anyFileSystem().id;
  wish.access_point = world_.time.oneIn(2) ? "fsap-0123456789abcdef0" : "";
  wish.profile = world_.time.oneIn(2) ? "team" : "";
  wish.target = "/mnt/" + std::to_string(targets_++ % 7);
  world_.actors.spawn("mount.efs " + wish.target,
                      [&world = world_, wish] { mountEfs(world, wish); });
}

void Turmoil::umountOne() {
  const std::string target = anyWanted();
  if (target.empty()) return;
  const bool lazy = world_.time.oneIn(3);
  world_.actors.spawn("umount.efs " + target,
                      [&world = world_, target, lazy] { umountEfs(world, target, lazy); });
}

void Turmoil::killTunnel() {
  const auto tunnel = anyTunnel();
  if (tunnel) world_.tunnels.signal(tunnel, SIGKILL);
}

void Turmoil::freezeTunnel() {
  const auto tunnel = anyTunnel();
  if (!tunnel) return;
  world_.journal.note("fault: tunnel " + std::to_string(tunnel->pid) + " is frozen");
  world_.tunnels.signal(tunnel, SIGSTOP);
  later([this, tunnel] { world_.tunnels.signal(tunnel, SIGCONT); });
}

void Turmoil::silence() {
  FileSystem& system = anyFileSystem();
  const std::string address = world_.time.oneIn(4) ? system.others.front() : system.home;
  const auto state = world_.time.oneIn(2) ? TargetState::kSilent : TargetState::kRefusing;
  world_.journal.note("fault: " + address +
                      (state == TargetState::kSilent ? " is silent" : " refuses"));
  world_.network.set(address, state);
  world_.tunnels.networkChanged();
  later([this, address] {
    world_.journal.note(address + " serves again");
    world_.network.set(address, TargetState::kServing);
  });
}

void Turmoil::moveTarget() {
  FileSystem& system = anyFileSystem();
  world_.journal.note("fault: the target of " + system.id + " moves");
  world_.network.move(system, world_.time.oneIn(2) ? TargetState::kSilent : TargetState::kRefusing);
  world_.tunnels.networkChanged();
}

void Turmoil::loseRoots() {
  FileSystem& system = anyFileSystem();
  world_.journal.note("fault: the roots of " + system.id + " are gone");
  ++system.roots;
  // A server that lost them was away for a moment.
  for (const auto& tunnel : world_.tunnels.all()) {
    if (tunnel->identity.rfind(system.id + "|", 0) == 0) {
      world_.tunnels.signal(tunnel, SIGUSR1);
    }
  }
}

void Turmoil::crashWatchdog() {
  if (!world_.daemon.runs()) return;
  world_.journal.note("fault: the watchdog is killed");
  world_.daemon.crash();
  world_.daemon.startIn(world_.time.between(Duration(50), Duration(60000)));
}

void Turmoil::restartWatchdog() {
  if (!world_.daemon.runs()) return;
  world_.daemon.stop();
  world_.daemon.startIn(world_.time.between(Duration(50), Duration(5000)));
}

void Turmoil::crashOften() {
  world_.daemon.crashOneIn(100 << world_.time.roll(6));
  later([this] { world_.daemon.crashOneIn(0); });
}

void Turmoil::killChildren() {
  world_.actors.killOneIn(5 << world_.time.roll(4));
  later([this] { world_.actors.killOneIn(0); });
}

void Turmoil::fillDisk() {
  world_.journal.note("fault: the disk is full");
  world_.files.full = true;
  later([this] { world_.files.full = false; });
}

void Turmoil::useUpDescriptors() {
  world_.journal.note("fault: no descriptors are left");
  world_.files.scarce = true;
  later([this] { world_.files.scarce = false; });
}

void Turmoil::loseStateFile() {
  const std::string name = anyName();
  if (name.empty()) return;
  world_.journal.note("fault: the state file of " + name + " is deleted");
  world_.files.take(std::string(kStateDirectory) + "/" + name);
}

void Turmoil::tearStateFile() {
  const std::string name = anyName();
  if (name.empty()) return;
  const std::string folder = kStateDirectory;
  const std::string path =
      world_.time.oneIn(3) ? folder + "/" + name + "+/state.json" : folder + "/" + name;
  const auto text = world_.files.get(path);
  if (!text) return;
  world_.journal.note("fault: " + path + " is torn");
  const auto size = static_cast<std::size_t>(world_.time.roll(static_cast<int>(text->size() + 1)));
  world_.files.put(path, text->substr(0, size));
}

void Turmoil::loseCertificate() {
  const std::string name = anyName();
  if (name.empty() || !world_.aws_answers) return;
  world_.journal.note("fault: the certificate of " + name + " is deleted");
  world_.files.take(std::string(kStateDirectory) + "/" + name + "+/certificate.pem");
}

// What is free now is somebody's in a moment.
void Turmoil::reusePid() {
  const auto tunnel = anyTunnel();
  if (!tunnel) return;
  const pid_t pid = tunnel->pid;
  world_.tunnels.signal(tunnel, SIGKILL);
  const auto by = static_cast<Stranger>(world_.time.roll(3));
  world_.time.in(Duration(3), [this, pid, by] {
    if (world_.tunnels.withPid(pid) == nullptr) world_.tunnels.reuse(pid, by);
  });
}

// The watchdog comes back to a state file whose pid is somebody else's.
void Turmoil::takePidWhileDown() {
  if (!world_.daemon.runs()) return;
  world_.journal.note("fault: pids are somebody else's when the watchdog comes back");
  world_.daemon.crash();
  for (const auto& tunnel : world_.tunnels.all()) {
    if (world_.time.oneIn(2)) continue;
    const auto by = static_cast<Stranger>(world_.time.roll(3));
    const pid_t pid = tunnel->pid;
    world_.tunnels.end(tunnel, {.code = 137, .signal = SIGKILL});
    world_.tunnels.reuse(pid, by);
  }
  world_.daemon.startIn(world_.time.between(Duration(50), Duration(20000)));
}

// A new mount's tunnel has the pid that the state file of another mount names.
void Turmoil::inheritPidWhileDown() {
  const auto tunnel = anyTunnel();
  if (!world_.daemon.runs() || !tunnel) return;
  world_.journal.note(
      "fault: the pid of a tunnel is another tunnel's when the watchdog comes back");
  world_.daemon.crash();
  world_.tunnels.end(tunnel, {.code = 137, .signal = SIGKILL});
  world_.tunnels.wantPid(tunnel->pid);
  mountNew();
  world_.daemon.startIn(world_.time.between(Duration(200), Duration(20000)));
}

// Roots are gone, and what is to help dies on its way.
void Turmoil::interruptRemounts() {
  loseRoots();
  world_.time.in(world_.time.between(Duration(5000), Duration(20000)),
                 [this] { world_.actors.killOneIn(world_.plan.faults ? 8 : 0); });
  later([this] { world_.actors.killOneIn(0); });
}

void Turmoil::toggleWork() {
  const auto client = anyClient();
  if (!client) return;
  client->busy = !client->busy;
  if (client->busy) world_.mounts.demand(client);
  if (!client->busy) client->waiting_since.reset();
}

void Turmoil::setClock() {
  const auto by = world_.time.between(Duration(-7200000), Duration(7200000));
  world_.journal.note("fault: the clock jumps by " + std::to_string(by.count() / 1000) + " s");
  world_.time.jumpWallClock(by);
  world_.daemon.clockWasSet();
}

void Turmoil::silenceAws() {
  world_.aws_answers = false;
  later([this] { world_.aws_answers = true; });
}

void Turmoil::changePrincipal() {
  world_.journal.note("fault: the profile has somebody else's keys");
  world_.principals["team"] = "role-other";
  later([this] { world_.principals["team"] = "role-team"; });
}

void Turmoil::killHelper() {
  if (world_.invariants.wanted().size() >= kMostMounts) return;
  const MountWish wish{anyFileSystem().id, "", world_.time.oneIn(2) ? "team" : "",
                       "/mnt/" + std::to_string(targets_++ % 7)};
  const auto helper = world_.actors.spawn("mount.efs " + wish.target,
                                          [&world = world_, wish] { mountEfs(world, wish); });
  world_.time.in(world_.time.between(Duration(0), Duration(400)),
                 [this, helper] { world_.actors.kill(helper); });
}

void Turmoil::calm() {
  world_.journal.note("calm");
  world_.plan.faults = false;
  endAll();
  world_.daemon.crashOneIn(0);
  world_.actors.killOneIn(0);
  world_.network.heal();
  world_.tunnels.networkChanged();
  world_.daemon.start();
  // Whether a mount works is seen by those who use it.
  for (const auto& client : world_.mounts.clients()) {
    if (client->leaving) continue;
    client->busy = true;
    world_.mounts.demand(client);
  }
}

void Turmoil::unmountAll() {
  world_.journal.note("everything is unmounted");
  while (!world_.invariants.wanted().empty()) {
    world_.invariants.unwant(world_.invariants.wanted().begin()->first);
  }
  while (world_.mounts.all().size() > 1) {
    world_.mounts.detach(std::next(world_.mounts.all().begin())->id);
  }
}

}  // namespace efs::watchdog::simulation

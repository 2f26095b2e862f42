// Invariants: what must hold whatever happens. Some are asked of the world after every step, others
// at the moment at which somebody acts.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "mounts.h"
#include "repair/remount.h"
#include "tunnels.h"

namespace efs::watchdog::simulation {

struct World;

class Invariants {
 public:
  explicit Invariants(World& world) : world_(world) {}

  // --- somebody acts
  void logged(std::string_view line);
  void signalled(const TunnelProcess& tunnel, int signo);
  void started(const TunnelProcess& tunnel);
  void identityKept(const TunnelProcess& tunnel);
  void remountBegins(const RemountPlan& plan);
  void detachedByRemount(const Mount& mount);
  void detachedByClearing(const Mount& mount);
  void published(const std::string& name);

  // Somebody wants this path to be a mount of the file system, until it is unwanted.
  void want(const std::string& path) { wanted_[path] = std::nullopt; }
  void unwant(const std::string& path) { wanted_.erase(path); }
  const std::map<std::string, std::optional<MonoTime>>& wanted() const { return wanted_; }

  // After every step.
  void check();
  // Long after the last fault: everything that is wanted works.
  void checkHealed();
  // Long after the last unmount: nothing is left.
  void checkEmpty();

 private:
  void checkTunnels();
  void checkRecords();
  void checkPorts();
  void checkDead();
  bool maybeStarted(int port) const;
  void checkHangs();
  void checkWanted();
  void checkMount(const std::string& path);
  bool blindLately();
  void violate(const std::string& what);

  World& world_;
  std::map<std::string, std::optional<MonoTime>> wanted_;  // path -> since when it is bare
  std::set<std::uint64_t> replaceable_;                    // mounts that are dead or hung
  std::set<int> kept_;                                     // ports that the watchdog has had
  std::map<int, MonoTime> dead_;                           // ports of mounts without a tunnel
  MonoTime blind_{};
};

}  // namespace efs::watchdog::simulation

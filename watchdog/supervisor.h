// Supervisor: observes all mounts of one state directory, asks decide(), carries out its actions.
// Driven by an event loop; nothing in it waits.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"
#include "event_loop.h"
#include "mount_record.h"
#include "mount_view.h"
#include "service_manager.h"

namespace efs::watchdog {

class Supervisor {
 public:
  // What it works with; all outlive it.
  struct Surroundings {
    EventLoop& loop;
    const Clock& clock;
    MountView& view;
    const ServiceManager& manager;
    std::function<double()> chance;  // [0, 1)
    std::string version;
  };
  Supervisor(Surroundings around, state::StateStore store);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  // Tunnels go on running.
  ~Supervisor();

  void configure(const settings::Settings& settings);
  // While paused nothing is decided and no file is written.
  void pause(bool paused);

  // A listening socket from a helper or from systemd; it may come before the state file.
  Status takeListener(const std::string& name, UniqueFd listener);

  // umount.efs: this mount's superblock is gone. Unknown names are no error: a mount may have been
  // cleaned up already.
  void noteUnmounted(const std::string& name);

  // Something may have changed: the state directory, the mount table.
  void stateChanged() { scan_due_ = true; }
  void mountsChanged() { table_due_ = true; }
  // Decides for every mount for which something happened or whose time has come.
  void run();
  // When run() must be called even without an event.
  std::optional<MonoTime> wake() const;

  std::string summary() const;
  const std::map<std::string, MountRecord>& mounts() const { return mounts_; }

 private:
  struct WaitingListener {
    UniqueFd fd;
    MonoTime since;
  };

  // supervisor_scan.cc: from the state directory to records.
  void scan();
  void load(const std::string& name, bool pending);
  void read(MountRecord& mount);
  void adopt(MountRecord& mount, TunnelFinder& finder);
  void forgetMissing(const std::map<std::string, bool>& names);
  void expireListeners();
  void forget(MountRecord& mount);

  // supervisor.cc
  void evaluate(MountRecord& mount);
  Observation observe(MountRecord& mount);
  void observeCertificate(MountRecord& mount, Observation& seen);
  void observePort(const MountRecord& mount, Observation& seen) const;
  void watchTunnel(MountRecord& mount);
  void tunnelEnded(const std::string& name);
  void renewalEnded(const std::string& name);

  // supervisor_act.cc
  void carryOut(MountRecord& mount, Action action);
  void publish(MountRecord& mount);
  void startTunnel(MountRecord& mount);
  Status tryStart(MountRecord& mount);
  Status ensureListener(MountRecord& mount) const;
  void renew(MountRecord& mount);
  void noteUnmount(MountRecord& mount);
  void clearUnmount(MountRecord& mount);
  void signalTunnel(const MountRecord& mount, int signo, const char* name) const;
  void remove(MountRecord& mount);
  void save(MountRecord& mount);

  Surroundings around_;
  state::StateStore store_;
  settings::Settings settings_;
  Policy policy_;
  bool paused_ = false;
  bool scan_due_ = true;
  bool table_due_ = true;
  std::map<std::string, MountRecord> mounts_;
  std::map<std::string, WaitingListener> waiting_listeners_;
  std::list<TunnelProcess> strays_;  // our children without a mount, only to be reaped
};

}  // namespace efs::watchdog

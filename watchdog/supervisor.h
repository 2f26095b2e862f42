// Supervisor: scans, observes, asks decide(), and has its decisions carried out, for all mounts of
// one state directory. Driven by an event loop; nothing in it waits, and it acts on the world by
// its tools alone.
#pragma once

#include <optional>
#include <string>

#include "act/renewer.h"
#include "act/tunnel_keeper.h"
#include "act/unmounter.h"
#include "mounts/adoption.h"
#include "mounts/context.h"
#include "mounts/leftovers.h"
#include "mounts/listeners.h"
#include "mounts/rebuilder.h"
#include "mounts/record_files.h"
#include "mounts/record_jobs.h"
#include "mounts/registry.h"
#include "mounts/tunnel_watch.h"
#include "observe/certificate_view.h"
#include "observe/health_sampler.h"
#include "observe/network_view.h"
#include "observe/observer.h"
#include "repair/healer.h"
#include "repair/network_mover.h"
#include "repair/remounter.h"
#include "repair/target_mover.h"

namespace efs::watchdog {

class Supervisor {
 public:
  Supervisor(const Tools& tools, state::StateStore store, Identity identity);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  // Tunnels go on running.
  ~Supervisor() = default;

  // Once, before anything else: what a watchdog that was killed left half mounted goes.
  void clearStagingAfterCrash() { remounter_.clearStagingAfterCrash(); }
  void configure(const settings::Settings& settings);
  // While paused nothing is decided and no file is written.
  void pause(bool paused);

  // A listening socket from a helper or from systemd; it may come before the state file.
  Status takeListener(const std::string& name, ListenerPtr listener);
  // umount.efs: this mount's superblock is gone. Unknown names are no error: a mount may have been
  // cleaned up already.
  void noteUnmounted(const std::string& name);

  // Something may have changed: the state directory, the mount table. However often that is told,
  // the table is read a few times a second, and once a second while there is no mount of ours.
  void stateChanged() { context_.scan_due = true; }
  void mountsChanged() { context_.table_due = true; }
  // Times of the wall clock are to be compared again.
  void clockChanged();
  // Once a minute: what could not be written is written, what nobody needs goes.
  void retry();
  // Decides for every mount for which something happened or whose time has come. True: mounts came
  // or went.
  bool run();
  // When run() must be called even without an event.
  std::optional<MonoTime> wake() const;

  std::string summary() const;
  const Records& records() const { return context_.records; }
  const MountView& view() const { return context_.view; }

 private:
  bool isDue(const MountRecord& mount, MonoTime now) const;
  void readTableAgain(MonoTime now);
  void evaluate(MountRecord& mount);
  Decision judge(MountRecord& mount);
  void refresh(MountRecord& mount);
  void tell(MountRecord& mount, const Decision& decision);
  void carryOut(MountRecord& mount, Action action);
  void takeAnswer(MountRecord& mount, Task task, const Result<std::string>& answer);
  void aboutToForget(MountRecord& mount);

  Context context_;
  bool paused_ = false;
  MonoTime next_table_{};  // not read again before

  // In this order: each works with some of those before it.
  RecordFiles files_{context_};
  RecordJobs jobs_;
  TunnelWatch watch_{context_};
  Listeners listeners_{context_};
  Adoption adoption_{context_, files_, watch_};
  Registry registry_;
  Rebuilder rebuilder_{context_, jobs_, registry_};
  HealthSampler sampler_{context_};
  CertificateView certificates_{context_};
  NetworkView network_{context_};
  Observer observer_{context_, jobs_, certificates_};
  TunnelKeeper keeper_{context_, files_, watch_};
  Renewer renewer_{context_, files_, jobs_, keeper_};
  StrayTunnels strays_{context_, jobs_};
  Unmounter unmounter_{context_, {files_, jobs_, registry_, strays_}};
  Leftovers leftovers_{context_, jobs_, strays_};
  TargetMover mover_{context_, files_, jobs_, keeper_};
  NetworkMover network_mover_{context_, files_, jobs_, keeper_};
  Remounter remounter_{context_, files_, jobs_, keeper_};
  Healer healer_{context_, {jobs_, sampler_, keeper_, mover_, remounter_}};
};

}  // namespace efs::watchdog

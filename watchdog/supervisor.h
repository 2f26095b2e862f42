// Supervisor: observes all mounts of one state directory, asks decide(), carries out its actions.
// Driven by an event loop; nothing in it waits.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "daemon/event_loop.h"
#include "daemon/service_manager.h"
#include "efs/base/clock.h"
#include "efs/net/socket.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"
#include "mounts/mount_record.h"
#include "observe/mount_view.h"

namespace efs::watchdog {

// Where the kernel shows what no system call tells; other files in tests.
struct KernelFiles {
  std::string mountstats = "/proc/self/mountstats";
  std::string locks;  // empty: the kernel's
  std::string rpc_counters = "/proc/self/net/rpc/nfs";
  std::string sockets = "/proc/self/net/tcp";
};

class Supervisor {
 public:
  // What it works with; all outlive it.
  struct Surroundings {
    EventLoop& loop;
    const Clock& clock;
    MountView& view;
    KernelFiles files;
    ServiceManager& manager;
    std::function<double()> chance;  // [0, 1)
    // Reports changes in this directory as stateChanged().
    std::function<void(const std::string&)> watch_directory;
    std::string version;
    Variables environment = {};  // ours at the start (RenewalRequest::daemon_environment)
  };
  Supervisor(Surroundings around, state::StateStore store);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  // Tunnels go on running.
  ~Supervisor();

  // Once, before anything else: what a watchdog that was killed left half mounted goes.
  void clearStagingAfterCrash();
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
  // Times of the wall clock are to be compared again.
  void clockChanged();
  // Once a minute: what could not be written is written.
  void retry();
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
  void scanOnce();
  void scan();
  void load(const std::string& name, bool pending);
  void read(MountRecord& mount);
  void readIfChanged(MountRecord& mount);
  void adopt(MountRecord& mount, TunnelFinder& finder);
  std::vector<pid_t> candidates(const MountRecord& mount) const;
  bool adoptProcess(MountRecord& mount, TunnelFinder& finder, pid_t pid);
  bool adoptByPort(MountRecord& mount, TunnelFinder& finder);
  bool nobodyServes(MountRecord& mount, TunnelFinder& finder) const;
  bool keepDespite(MountRecord& mount);
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

  // supervisor_jobs.cc: children that may wait.
  bool startJob(MountRecord& mount, Task task, unsigned deadline_s, const ChildJob::Body& body);
  void jobEnded(const std::string& name, Task task);
  void startLooseJob(unsigned deadline_s, const ChildJob::Body& body,
                     const std::function<void(const Result<std::string>&)>& done);
  void orphan(ChildJob job, const std::function<void(const Result<std::string>&)>& done);
  void take(MountRecord& mount, Task task, const Result<std::string>& answer);
  void abandonJobs(MountRecord& mount);
  std::size_t running(Task task) const;

  // supervisor_health.cc: does it hang, and what is done about it.
  void sampleAll();
  void sample(MountRecord& mount, MonoTime now);
  void openCounters(MountRecord& mount);
  void readKernelCounters(MonoTime now);
  void readSocketQueues(MonoTime now);
  void observeHealth(MountRecord& mount, Observation& seen);
  Seen locksOn(const MountRecord& mount) const;
  void heal(MountRecord& mount, Remedy remedy);
  void probe(MountRecord& mount);
  void probeEnded(MountRecord& mount, const Result<std::string>& answer);
  void checkRoot(MountRecord& mount);
  void rootEnded(MountRecord& mount, const Result<std::string>& answer);
  void reportHang(MountRecord& mount);
  void killTunnel(MountRecord& mount, const char* why);
  void reconnect(MountRecord& mount);

  // supervisor_recover.cc: another target, another mount.
  void readHome(MountRecord& mount);
  void findTarget(MountRecord& mount);
  void targetFound(MountRecord& mount, const Result<std::string>& answer);
  void checkHome(MountRecord& mount);
  void returnHome(MountRecord& mount);
  Status rewriteConfig(MountRecord& mount, const std::string& text);
  void remount(MountRecord& mount);
  void refuseRemount(MountRecord& mount, const std::string& reason);
  bool isBeingMade(const std::string& name) const;
  Result<std::string> prepareSuccessor(const MountRecord& mount, const mounts::MountEntry& entry);
  Result<net::Listener> chooseListener() const;
  static Status copyCertificate(const std::string& from, const std::string& to);
  void giveUpSuccessor(const std::string& name);
  void publishSuccessor(const std::string& name);
  void remountEnded(MountRecord& mount, const Result<std::string>& answer);

  // supervisor_rebuild.cc: mounts without a usable state file.
  void rebuildMissing();
  void retryRebuild(const Error& error);
  void rebuild(const mounts::MountEntry& entry, int port, pid_t tunnel);
  bool restoreCopy(const std::string& name, const std::string& target, pid_t tunnel);
  void explainStranger(const std::string& target, int port, pid_t tunnel);

  // supervisor_act.cc
  void carryOut(MountRecord& mount, Action action);
  void publish(MountRecord& mount);
  void startTunnel(MountRecord& mount);
  Status tryStart(MountRecord& mount);
  Status ensureListener(MountRecord& mount) const;
  void renew(MountRecord& mount);
  void renewed(MountRecord& mount, const Result<std::string>& answer);
  static void notePrincipal(MountRecord& mount, const aws::Principal& now);
  void noteUnmount(MountRecord& mount);
  void checkReadAhead(const MountRecord& mount) const;
  void clearUnmount(MountRecord& mount);
  void signalTunnel(const MountRecord& mount, int signo, const char* name) const;
  void save(MountRecord& mount);

  // supervisor_removal.cc: a mount's files go, by a child.
  void remove(MountRecord& mount);
  void continueRemoval(MountRecord& mount);
  void startRemoval(MountRecord& mount);
  void tellOverdue(MountRecord& mount);
  void removalEnded(MountRecord& mount, const Result<std::string>& answer);
  void retryRemovals();

  Surroundings around_;
  state::StateStore store_;
  settings::Settings settings_;
  Policy policy_;
  bool paused_ = false;
  bool scan_due_ = true;
  bool table_due_ = true;
  bool records_changed_ = true;  // a mount came, went, or cannot be read
  bool blind_ = false;           // descriptors ran out, or the like
  MonoTime earliest_scan_{};
  bool table_fresh_ = false;  // within one scan
  std::map<std::string, MountRecord> mounts_;
  std::map<std::string, WaitingListener> waiting_listeners_;
  std::list<TunnelProcess> strays_;  // our children without a mount, only to be reaped
  std::list<ChildJob> orphans_;      // the same
  struct Missing {
    MonoTime since;
    bool tried;
  };
  std::map<int, Missing> missing_since_;  // ports of mounts without a record
  std::optional<MonoTime> next_rebuild_;
  std::optional<MonoTime> next_sample_, next_kernel_counters_;
  std::string last_rpc_counters_;
  std::optional<MonoTime> last_queue_look_;
  Novelty novelty_;
  std::map<Task, std::size_t> running_;
};

}  // namespace efs::watchdog

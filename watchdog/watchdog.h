// Watchdog: the daemon around the Supervisor: configuration, lock, signals, systemd, the loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/clock_watch.h"
#include "daemon/directory_watch.h"
#include "daemon/helper_server.h"
#include "daemon/job_pool.h"
#include "daemon/metrics_child.h"
#include "daemon/options.h"
#include "daemon/ownership.h"
#include "daemon/service_manager.h"
#include "daemon/side_work.h"
#include "daemon/system_kernel.h"
#include "daemon/system_processes.h"
#include "daemon/system_remount.h"
#include "daemon/system_tools.h"
#include "efs/base/clock.h"
#include "efs/loop/event_loop.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"
#include "supervisor.h"

namespace efs::watchdog {

inline constexpr const char* kProgramName = "amazon-efs-mount-watchdog";

struct WatchedDirectory {
  DirectoryWatch directory;
  loop::EventLoop::Watch watch;  // after what it watches
};

class Watchdog : private DirectoryEvents {
 public:
  Watchdog(Options options, const Clock& clock, std::unique_ptr<loop::EventLoop> loop);

  // Until SIGTERM or SIGINT, or at once when disabled under systemd, or with 1 when another
  // watchdog owns the state directory now. The exit code; tunnels go on.
  int run();

 private:
  Status start();
  void receiveSignal();
  // Reads the configuration if its text changed; a broken one leaves the old in force.
  void loadConfig();
  void openLog();
  void watchConfig();
  // Starts supervision once the lock is ours; true when there is nothing to wait for.
  void takeOver();
  void supervise();
  // Lock and socket are where others look for them, also after somebody deleted them.
  void keepOwnership();
  void listenForHelpers();
  void pauseIfNeeded() {
    supervisor_->pause(foreign_ || contested_ || !settings_.watchdog.enabled);
  }
  Tools tools();
  HelperServer::Handlers helperHandlers();
  void watchStateDirectory();
  void restoreIdentifier();
  void watchBelow(const std::string& directory) override;
  void watchMounts();
  // A limit of the kernel was reached: told once, and what it means; tried again each minute.
  void degraded(const std::string& what, const Error& error, const char* meaning);
  void recovered(const std::string& what);
  void tickIn(Duration time);
  void tick();
  void noticeClockJump();
  void checkForeignWatchdog();
  Duration patience();

  Options options_;
  const Clock& clock_;
  Variables environment_;                  // what stood there for renewals when we were started
  std::unique_ptr<loop::EventLoop> loop_;  // before all that it watches
  ServiceManager manager_;
  state::StateStore store_;
  SystemLog log_;
  SystemChance chance_;
  SystemCertificates certificates_;
  SystemKernel kernel_;
  SystemProcesses processes_{*loop_};
  SystemPorts ports_;
  SystemRemount remount_;  // used in children
  JobPool jobs_{*loop_, {remount_, state::systemFiles(), clock_}};
  settings::Settings settings_;
  std::optional<std::string> config_text_;
  UniqueFd signals_;
  loop::EventLoop::Watch signal_watch_;
  bool stop_ = false, lost_ = false, contested_ = false;
  bool lock_tried_ = false, waiting_reported_ = false;
  bool foreign_ = false, foreign_check_due_ = false;
  bool watch_again_ = false, mounts_watched_ = false;
  Novelty shortages_;
  std::optional<std::chrono::nanoseconds> clock_offset_;
  std::optional<ClockWatch> clock_watch_;
  loop::EventLoop::Timer tick_;
  // What is due waits for the end of its pause; the turn that the timer wakes does it.
  loop::EventLoop::Timer lock_pause_, foreign_pause_, keep_pause_;
  std::optional<WatchedDirectory> config_watch_, state_watch_;
  Ownership owner_{store_, clock_};
  // In this order: the server calls the supervisor.
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<HelperServer> helpers_;
  MetricsChild metrics_;
  SideWork copies_{*loop_};      // of the configuration
  SideWork ended_logs_{*loop_};  // their removal
};

}  // namespace efs::watchdog

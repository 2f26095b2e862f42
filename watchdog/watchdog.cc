#include "watchdog.h"

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "daemon/ended_logs.h"
#include "daemon/foreign_watchdog.h"
#include "daemon/kept_configuration.h"
#include "daemon/process_limits.h"
#include "daemon/status_report.h"
#include "efs/aws/remembered_environment.h"
#include "efs/base/log.h"
#include "efs/base/log_start.h"
#include "efs/base/output.h"
#include "efs/base/users_file.h"
#include "efs/base/version.h"
#include "efs/mounts/client_identifier.h"

namespace efs::watchdog {
namespace {

KernelFiles kernelFiles(const Options& options) {
  KernelFiles files;
  files.mountinfo = options.mountinfo;
  files.proc_net = options.proc_net;
  files.mountstats = options.mountstats;
  files.locks = options.locks;
  return files;
}

// Everything is found by events; this catches what no event tells (a certificate that grows old).
constexpr Duration kTick{60000};
constexpr Duration kTickNearForeigner{5000};
constexpr Duration kForeignInterval{10000};
constexpr Duration kLockRetry{1000};
constexpr Duration kFirstLockRetry{20};
constexpr Duration kContestPause{100};

void complain(const std::string& message) {
  say(STDERR_FILENO, std::string(kProgramName) + ": " + message + "\n", Duration(0));
}

std::optional<WatchedDirectory> watchDirectory(loop::EventLoop& loop, DirectoryWatch directory,
                                               std::function<void()> changed) {
  auto watch = loop.watch(directory.fd(), EPOLLIN,
                          [changed = std::move(changed)](std::uint32_t) { changed(); });
  if (!watch) return std::nullopt;
  return WatchedDirectory{std::move(directory), std::move(*watch)};
}

}  // namespace

Watchdog::Watchdog(Options options, const Clock& clock, std::unique_ptr<loop::EventLoop> loop)
    : options_(std::move(options)),
      clock_(clock),
      environment_(takeVariables(aws::credentialVariables())),
      loop_(std::move(loop)),
      manager_(ServiceManager::fromEnvironment()),
      store_(options_.state_dir),
      kernel_(kernelFiles(options_)),
      metrics_(*loop_, options_.state_dir, options_.mountinfo) {}

int Watchdog::run() {
  if (const auto started = start(); !started) {
    log::error("{}", started.error().describe());
    complain(started.error().describe());
    return 1;
  }
  if (!settings_.watchdog.enabled) {
    log::info("{} is not enabled", kProgramName);
    manager_.ready();
    // CSI-4: whoever restarts us without delay must find us idle; systemd takes 0 for an answer.
    if (manager_.present()) return 0;
  }
  while (!stop_) {
    takeOver();
    if (contested_ && !keep_pause_.armed()) keepOwnership();
    if (foreign_check_due_ && !foreign_pause_.armed()) checkForeignWatchdog();
    // Reading a long table for the first time takes memory that is never needed again.
    if (supervisor_ && supervisor_->run()) ::malloc_trim(0);
    manager_.ready();
    manager_.status(supervisor_ ? supervisor_->summary() : "waiting, nothing is supervised");
    if (const auto waited = loop_->runOnce(patience()); !waited) {
      log::error("{}", waited.error().describe());
      return 1;
    }
  }
  manager_.stopping();
  log::info("{} stopped, tunnels are left running", kProgramName);
  return lost_ ? 1 : 0;
}

Status Watchdog::start() {
  EFS_TRY(signals, openSignals());
  signals_ = std::move(signals);
  EFS_TRY(watch, loop_->watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { receiveSignal(); }));
  signal_watch_ = std::move(watch);
  watchConfig();  // before it is read: a change in between would be nobody's event
  loadConfig();
  raiseDescriptorLimit();
  tickIn(kTick);
  manager_.keepPinging(*loop_);
  return {};
}

void Watchdog::receiveSignal() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGHUP) {
      config_text_.reset();
      loadConfig();
    } else {
      stop_ = true;
    }
  }
}

void Watchdog::loadConfig() {
  const bool first = !config_text_;
  // An absent file is an empty configuration (contract 11.1).
  const auto directory = std::filesystem::path(options_.config).parent_path();
  copies_.run([from = directory.string(), this] { keepConfiguration(from, options_.kept); });
  std::string content = readUsersFile(options_.config).value_or("");
  content += '\0' + readUsersFile((directory / settings::kOwnConfigName).string()).value_or("");
  if (config_text_ == content) return;
  config_text_ = std::move(content);
  auto settings = settings::Settings::load(options_.config);
  if (settings) settings_ = std::move(*settings);
  if (first || settings) openLog();
  if (!settings) {
    log::error("configuration not taken over: {}", settings.error().describe());
    return;
  }
  for (const auto& warning : settings_.warnings) log::warning("{}", warning);
  for (const auto& unknown : settings_.unknown) log::warning("configuration: {}", unknown);
  if (!first) log::info("configuration {} read again", options_.config);
  if (supervisor_) {
    supervisor_->configure(settings_);
    metrics_.configure(settings_.watchdog);
    pauseIfNeeded();
  }
}

void Watchdog::openLog() {
  // The writer listens there. takeOver() tells what is wrong with it.
  (void)store_.create(settings_.state_dir_mode);
  const auto opened = log::open({.path = options_.log_dir + "/mount-watchdog.log",
                                 .level = settings_.log.level,
                                 .form = log::Form::kHelper,
                                 .max_bytes = settings_.log.max_bytes,
                                 .file_count = settings_.log.file_count,
                                 .writer = settings_.log.writer,
                                 .state_dir = store_.directory()});
  // Confined tunnels cannot start one.
  if (settings_.mount.confine_tunnel) log::keepWriter();
  // Each change of the configuration opens it again.
  const std::string trouble = opened ? std::string() : opened.error().describe();
  if (shortages_.isNew("log", trouble) && !trouble.empty()) complain(trouble);
}

void Watchdog::watchConfig() {
  auto watch = DirectoryWatch::create(std::filesystem::path(options_.config).parent_path());
  if (!watch) return;  // the directory may come later; SIGHUP and tick() read the file anyway
  config_watch_ = watchDirectory(*loop_, std::move(*watch), [this] {
    if (!config_watch_->directory.drain()) config_watch_.reset();
    loadConfig();
  });
}

void Watchdog::takeOver() {
  if (supervisor_ || !settings_.watchdog.enabled || lock_pause_.armed()) return;
  // A mount helper that only asks whether the lock is held takes it for a moment.
  const bool first = !std::exchange(lock_tried_, true);
  lock_pause_ = loop_->after(first ? kFirstLockRetry : kLockRetry, [] {});
  if (const auto made = store_.create(settings_.state_dir_mode); !made) {
    log::error("{}", made.error().describe());
    return;
  }
  if (const auto taken = owner_.take(); !taken) {
    if (first) return;
    if (!waiting_reported_) {
      log::info("another watchdog owns {}, waiting for it to end: {}", store_.directory(),
                taken.error().describe());
    }
    waiting_reported_ = true;
    return;
  }
  lock_pause_.reset();
  noticeClockJump();
  log::info("{}, version={}, is enabled and started", kProgramName, kContractVersion);
  // WD-3, ST-6: an older mount.efs that died while it made the key would block all others for ever.
  (void)removeFile(store_.directory() + "/efs-utils-lock");
  supervise();
}

Tools Watchdog::tools() {
  return {.clock = clock_,
          .chance = chance_,
          .log = log_,
          .files = state::systemFiles(),
          .kernel = kernel_,
          .processes = processes_,
          .ports = ports_,
          .listeners = manager_,
          .jobs = jobs_,
          .certificates = certificates_,
          .events = *this};
}

void Watchdog::supervise() {
  supervisor_ = std::make_unique<Supervisor>(
      tools(), store_, Identity{.version = clientVersion(), .environment = environment_});
  supervisor_->clearStagingAfterCrash();
  supervisor_->configure(settings_);
  clock_watch_.emplace(*loop_, [this] { noticeClockJump(); });
  restoreIdentifier();
  checkForeignWatchdog();
  for (auto& [name, listener] : manager_.takeStoredListeners()) {
    (void)supervisor_->takeListener(name, std::make_unique<SystemListener>(std::move(listener)));
  }
  watchStateDirectory();
  watchMounts();
  helpers_ = std::make_unique<HelperServer>(*loop_, helperHandlers());
  listenForHelpers();
  metrics_.configure(settings_.watchdog);
}

void Watchdog::listenForHelpers() {
  if (const auto listening = helpers_->listen(store_.watchdogSocket()); !listening) {
    degraded("socket", listening.error(), "mount helpers cannot reach the watchdog");
  }
}

void Watchdog::keepOwnership() {
  const auto standing = owner_.keep();
  keep_pause_ = loop_->after(kContestPause, [] {});
  contested_ = standing != Ownership::Standing::kOurs;
  pauseIfNeeded();
  if (standing == Ownership::Standing::kLost) {
    log::error("another watchdog has taken {} after its lock was deleted; this one ends",
               store_.directory());
    stop_ = lost_ = true;
  }
  if (!contested_ && !helpers_->reachableAt(store_.watchdogSocket())) listenForHelpers();
}

HelperServer::Handlers Watchdog::helperHandlers() {
  return {.take_listener =
              [this](const std::string& name, UniqueFd listener) {
                return supervisor_->takeListener(
                    name, std::make_unique<SystemListener>(std::move(listener)));
              },
          .unmounted = [this](const std::string& name) { supervisor_->noteUnmounted(name); },
          .status =
              [this] {
                auto status = reportStatus(supervisor_->records(), supervisor_->view());
                status.version = productVersion();
                if (foreign_) status.idle = "the watchdog of efs-utils runs";
                if (!settings_.watchdog.enabled) status.idle = "disabled in " + options_.config;
                return status;
              }};
}

void Watchdog::watchStateDirectory() {
  auto watch = DirectoryWatch::create(store_.directory());
  if (!watch) return degraded("state", watch.error(), "the state directory is read once a minute");
  recovered("state");
  state_watch_ = watchDirectory(*loop_, std::move(*watch), [this] {
    if (!state_watch_->directory.drain()) {
      state_watch_.reset();
      (void)store_.create(settings_.state_dir_mode);
      watchStateDirectory();
    }
    keepOwnership();
    restoreIdentifier();
    // The watchdog of efs-utils writes every state file each second.
    foreign_check_due_ = true;
    supervisor_->stateChanged();
  });
}

// A mount helper, or a child of ours, was killed while the NFS client bore a mount's name.
void Watchdog::restoreIdentifier() {
  const auto restored = mounts::restoreClientIdentifier(store_.locks().identifier);
  if (!restored) {
    if (shortages_.isNew("identifier", restored.error().describe())) {
      log::warning("the NFS client's former identifier: {}", restored.error().describe());
    }
  } else if (*restored) {
    log::info("a killed mount left its name to the NFS client; the former one is there again");
  }
}

void Watchdog::watchBelow(const std::string& directory) {
  if (!state_watch_) return;
  const auto added = state_watch_->directory.add(directory);
  if (added) return recovered("below");
  // A directory that is gone is no shortage.
  if (added.error().kind() == ErrorKind::kNotFound) return;
  degraded("below", added.error(), "a deleted certificate is noticed when it is needed");
}

void Watchdog::watchMounts() {
  const auto watched = kernel_.watchMounts(*loop_, [this] { supervisor_->mountsChanged(); });
  mounts_watched_ = watched.has_value();
  if (!watched) return degraded("mounts", watched.error(), "the mount table is read once a minute");
  recovered("mounts");
}

void Watchdog::degraded(const std::string& what, const Error& error, const char* meaning) {
  if (shortages_.isNew(what, error.describe())) log::error("{}: {}", error.describe(), meaning);
  if (what == "state" || what == "below") watch_again_ = true;
}

void Watchdog::recovered(const std::string& what) {
  if (shortages_.isNew(what, "")) log::debug("{}: watched", what);
}

void Watchdog::tickIn(Duration time) {
  tick_ = loop_->after(time, [this] { tick(); });
}

// What no event tells, once a minute; none of it costs more with more mounts.
void Watchdog::tick() {
  tickIn(foreign_ ? kTickNearForeigner : kTick);
  if (!config_watch_) watchConfig();
  loadConfig();
  if (!supervisor_) return;
  if (foreign_) checkForeignWatchdog();
  keepOwnership();
  supervisor_->retry();
  noticeClockJump();
  std::set<std::string> supervised;
  for (const auto& [name, record] : supervisor_->records()) supervised.insert(name);
  ended_logs_.run([this, supervised] {
    clearEndedLogs(options_.log_dir, store_.directory(), supervised, settings_.watchdog,
                   clock_.now());
  });
  if (!mounts_watched_) {
    watchMounts();
    supervisor_->mountsChanged();
  }
  if (!std::exchange(watch_again_, false)) return;
  // Degraded: look once a minute, and try to do better.
  if (!state_watch_) watchStateDirectory();
  supervisor_->stateChanged();
}

// Certificates age by the wall clock, timers run by the other one.
void Watchdog::noticeClockJump() {
  constexpr std::chrono::seconds kJump{2};
  const auto offset = clock_.now().time_since_epoch() - clock_.monotonic().time_since_epoch();
  if (clock_offset_ && std::chrono::abs(offset - *clock_offset_) > kJump) {
    log::info("the clock was set, certificates are judged anew");
    if (supervisor_) supervisor_->clockChanged();
  }
  clock_offset_ = offset;
}

void Watchdog::checkForeignWatchdog() {
  foreign_check_due_ = false;
  foreign_pause_ = loop_->after(kForeignInterval, [] {});
  const auto pid = findForeignWatchdog(store_.directory());
  if (pid && !foreign_) {
    log::warning("the watchdog of efs-utils runs with PID {}; staying out of its way until it ends",
                 *pid);
    tickIn(kTickNearForeigner);
  }
  if (!pid && foreign_) log::info("the watchdog of efs-utils has ended, taking over");
  foreign_ = pid.has_value();
  pauseIfNeeded();
}

// Of those who tell when they want to be called, at each turn anew; timers wake the loop
// themselves.
Duration Watchdog::patience() {
  Duration wait = kTick;
  const auto consider = [&wait](std::optional<Duration> time) {
    if (time) wait = std::min(wait, *time);
  };
  if (supervisor_) {
    // Rounded up: waking a moment too early would mean waking twice.
    if (const auto wake = supervisor_->wake())
      consider(std::chrono::ceil<Duration>(*wake - clock_.monotonic()));
  }
  consider(manager_.pump());
  consider(log::pump());
  return std::max(Duration(0), wait);
}

}  // namespace efs::watchdog

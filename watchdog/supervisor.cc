#include "supervisor.h"

#include <malloc.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/crypto/certificate.h"
#include "efs/tunnel_control/tunnel_command.h"

namespace efs::watchdog {
namespace {

constexpr WallTime::duration kLongest = std::chrono::hours(24);

// Where the kernel shows the sockets and NFS clients of this mount; nullopt: nowhere we can look.
std::optional<std::string> networkView(const MountRecord& mount) {
  const auto command = tunnel_control::TunnelCommand::parse(mount.state.cmd);
  if (!command || command->netns.empty()) return "";
  if (!mount.tunnel) return std::nullopt;
  return "/proc/" + std::to_string(mount.tunnel->pid()) + "/net";
}

}  // namespace

FileStamp FileStamp::of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim};
}

Supervisor::Supervisor(Surroundings around, state::StateStore store)
    : around_(std::move(around)), store_(std::move(store)) {}

Supervisor::~Supervisor() {
  for (auto& [name, mount] : mounts_) {
    if (mount.tunnel) around_.loop.forget(mount.tunnel->pidFd());
    abandonJobs(mount);
  }
  for (auto& stray : strays_) around_.loop.forget(stray.pidFd());
  for (auto& orphan : orphans_) around_.loop.forget(orphan.pidFd());
}

void Supervisor::configure(const settings::Settings& settings) {
  settings_ = settings;
  const auto& watchdog = settings.watchdog;
  policy_.blind_unmount_delay = watchdog.poll_interval * watchdog.unmount_count_for_consistency +
                                watchdog.unmount_grace_period;
  policy_.health.hang = watchdog.health_check_enabled ? watchdog.hang_detection : Duration(0);
  policy_.health.move = watchdog.az_failover;
  policy_.health.remount_stale = watchdog.health_check_enabled && watchdog.remount_stale;
  policy_.health.remount_after = watchdog.remount_after;
  policy_.keep_read_ahead = settings.mount.optimize_readahead;
  for (auto& [name, mount] : mounts_) mount.due = true;
}

void Supervisor::pause(bool paused) {
  if (paused_ && !paused) scan_due_ = table_due_ = true;
  paused_ = paused;
}

void Supervisor::clockChanged() {
  for (auto& [name, mount] : mounts_) mount.due = true;
}

void Supervisor::retry() {
  if (paused_) return;
  for (auto& [name, mount] : mounts_) {
    if (mount.unsaved && !mount.removal) save(mount);
  }
}

void Supervisor::run() {
  if (paused_) return;
  const bool scanned = scan_due_ && around_.clock.monotonic() >= earliest_scan_;
  if (scanned) scanOnce();
  const MonoTime now = around_.clock.monotonic();
  if (next_sample_ && now >= *next_sample_) sampleAll();
  const auto is_due = [now](const auto& entry) {
    return entry.second.due || (entry.second.wake && *entry.second.wake <= now);
  };
  const bool changed = std::exchange(table_due_, false);
  // The kernel tells when the table changes, so a mount last seen in it is still there and its dead
  // tunnel need not wait for the reading. Any other is judged by fresh facts, not by the last
  // event.
  const bool any = std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& entry) {
    return is_due(entry) && !entry.second.progress.mounted_since;
  });
  const bool other_mounts = scanned && std::exchange(records_changed_, false);
  if (any || changed || other_mounts) around_.view.refresh();
  if (changed) retryRemovals();
  const bool rebuild_due = next_rebuild_ && now >= *next_rebuild_;
  if (changed || other_mounts || rebuild_due) rebuildMissing();
  for (auto it = mounts_.begin(); it != mounts_.end();) {
    MountRecord& mount = it->second;
    const bool wanted = changed || is_due(*it);
    ++it;
    if (wanted && mount.readable && !mount.blind) evaluate(mount);
  }
  expireListeners();
  // Reading a long table for the first time takes memory that is never needed again.
  if (other_mounts) ::malloc_trim(0);
}

std::optional<MonoTime> Supervisor::wake() const {
  std::optional<MonoTime> next;
  const auto consider = [&next](MonoTime time) { next = next ? std::min(*next, time) : time; };
  if (paused_) return next;
  if (next_sample_) consider(*next_sample_);
  if (next_rebuild_) consider(*next_rebuild_);
  if (scan_due_) consider(earliest_scan_);
  if (table_due_) consider(around_.clock.monotonic());
  for (const auto& [name, mount] : mounts_) {
    if (!mount.readable || mount.blind) continue;
    if (mount.due) consider(around_.clock.monotonic());
    if (mount.wake) consider(*mount.wake);
  }
  return next;
}

void Supervisor::evaluate(MountRecord& mount) {
  mount.due = false;
  if (mount.removal) return continueRemoval(mount);
  const Observation seen = observe(mount);
  Policy policy = policy_;
  // A tunnel without counters is judged by the kernel's alone, with the old key's patience.
  if (!mount.health.counters && policy.health.hang > Duration(0)) {
    policy.health.hang = settings_.watchdog.health_check_timeout;
  }
  Decision decision = decide(seen, mount.progress, policy);
  mount.progress = decision.progress;
  mount.wake = decision.wake;
  for (const Action action : decision.actions) {
    carryOut(mount, action);
    if (action == Action::kRemoveMount) return;
  }
  for (const Remedy remedy : decision.remedies) heal(mount, remedy);
}

Observation Supervisor::observe(MountRecord& mount) {
  Observation seen;
  seen.now = around_.clock.monotonic();
  seen.chance = around_.chance();
  seen.pending = mount.pending;
  if (mount.pending) {
    const auto held = store_.pendingHeld(mount.name);
    if (held) seen.helper = *held ? Seen::kYes : Seen::kNo;
    seen.being_made = isBeingMade(mount.name);
    seen.given_up = mount.health.given_up;
  }
  if (mount.state.mount_time) {
    const double now =
        std::chrono::duration<double>(around_.clock.now().time_since_epoch()).count();
    // Clamped: a nonsensical time in the file must not overflow.
    const double age = std::clamp(now - *mount.state.mount_time, -1e9, 1e9);
    seen.age = Duration(static_cast<Duration::rep>(age * 1000));
  }
  seen.unmount_recorded = mount.state.unmount_time.has_value() || mount.state.unmount_count != 0;
  if (mount.tunnel && mount.tunnel->ended()) tunnelEnded(mount.name);
  seen.tunnel_alive = mount.tunnel.has_value();
  seen.mounted = around_.view.mounted(mount.port);
  if (seen.mounted == Seen::kNo) observePort(mount, seen);
  if (seen.mounted == Seen::kYes) mount.unmount_announced = false;
  seen.unmount_announced = mount.unmount_announced;
  observeCertificate(mount, seen);
  observeHealth(mount, seen);
  return seen;
}

void Supervisor::observePort(const MountRecord& mount, Observation& seen) const {
  const auto network = networkView(mount);
  if (!network) return;
  seen.kernel_client = around_.view.kernelClient(mount.port, *network);
  if (seen.kernel_client == Seen::kYes) return;
  seen.connected = around_.view.connected(mount.port, *network);
}

void Supervisor::observeCertificate(MountRecord& mount, Observation& seen) {
  const std::string& path = mount.state.certificate;
  seen.renewal_running = mount.busy(Task::kRenewal);
  seen.renewal_possible = running(Task::kRenewal) < kMaxRenewals;
  if (path.empty()) return;
  const FileStamp stamp = FileStamp::of(path);
  if (stamp != mount.certificate_stamp) {
    mount.certificate_stamp = stamp;
    mount.certificate_ends.reset();
    if (const auto pem = readFile(path)) {
      if (const auto ends = crypto::certificateNotAfter(*pem, path)) {
        mount.certificate_ends = *ends;
      } else {
        log::warning("{}: the certificate cannot be read and is renewed: {}", mount.name,
                     ends.error().describe());
        mount.certificate_ends = WallTime::min() + std::chrono::hours(1);
      }
    }
  }
  seen.certificate_missing = !stamp.exists() || stamp.size == 0;
  const auto credentials_expire = state::parseCertificateTime(mount.state.credentials_expiration);
  const WallTime now = around_.clock.now();
  const WallTime due =
      renewalTime({state::parseCertificateTime(mount.state.certificate_creation_time),
                   mount.certificate_ends, credentials_expire},
                  settings_.watchdog.certificate_renewal_interval, mount.renewal_spread, now);
  seen.certificate_due = seen.certificate_missing || now >= due;
  mount.renewal_waits = seen.certificate_due && !seen.renewal_running && !seen.renewal_possible;
  if (!seen.certificate_due) {
    // The wall clock may jump: Watchdog::tick() notices and everything is judged anew.
    seen.certificate_due_in =
        std::chrono::ceil<Duration>(std::min<WallTime::duration>(due - now, kLongest));
  }
}

void Supervisor::watchTunnel(MountRecord& mount) {
  const bool looks = policy_.health.hang > Duration(0);
  if (looks && !next_sample_) next_sample_ = around_.clock.monotonic() + policy_.health.hang / 3;
  const auto watched =
      around_.loop.watch(mount.tunnel->pidFd(), EPOLLIN,
                         [this, name = mount.name](std::uint32_t) { tunnelEnded(name); });
  // Without the event the periodic check still finds it.
  if (!watched) log::warning("{}: {}", mount.name, watched.error().describe());
}

void Supervisor::tunnelEnded(const std::string& name) {
  const auto found = mounts_.find(name);
  if (found == mounts_.end() || !found->second.tunnel) return;
  MountRecord& mount = found->second;
  around_.loop.forget(mount.tunnel->pidFd());
  if (const auto status = mount.tunnel->reap()) {
    log::warning("Child TLS tunnel process {} has exited, returncode={}", mount.tunnel->pid(),
                 status->signal != 0 ? -status->signal : status->code);
  }
  if (mount.progress.term_sent) {
    log::info("TLS tunnel: {} is no longer running, cleaning up state", mount.tunnel->pid());
  }
  mount.tunnel.reset();
  mount.health.counters.reset();
  mount.due = true;
}

void Supervisor::noteUnmounted(const std::string& name) {
  const auto found = mounts_.find(name);
  if (found == mounts_.end()) return;
  found->second.unmount_announced = true;
  table_due_ = true;
}

std::string Supervisor::summary() const {
  std::size_t running = 0;
  for (const auto& [name, mount] : mounts_) running += mount.tunnel ? 1U : 0U;
  return fmt::format("{} mounts, {} tunnels running", mounts_.size(), running);
}

}  // namespace efs::watchdog

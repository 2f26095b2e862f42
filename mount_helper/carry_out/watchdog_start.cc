#include "carry_out/watchdog_start.h"

#include "efs/base/environment.h"
#include "efs/base/file_lock.h"
#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/lost_lock.h"
#include "efs/base/programs.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/procfs/processes.h"
#include "efs/tunnel_control/watchdog_link.h"

namespace efs::mount_helper {
namespace {

using tunnel_control::WatchdogRequest;

constexpr const char* kDaemon = "amazon-efs-mount-watchdog";
constexpr std::size_t kNameLength = 15;  // that the kernel keeps of it
constexpr Duration kDaemonStart{6000};
// For one that holds the lock and has no socket yet, or is busy.
constexpr Duration kSilentPatience{2000};
// For umount.efs, which waits up to 6 s for the end of a tunnel (umount/tunnel_end.h).
constexpr Duration kBorrowedPatience{10000};

bool systemdIsPid1() {
  const auto name = procfs::processName(1);
  return name && *name == "systemd";
}

// True when systemd took the order; the unit may still be missing.
bool startUnit() {
  const std::string systemctl = findProgram("systemctl", kProgramDirectories);
  if (systemctl.empty()) return false;
  SpawnOptions options;
  // Without waiting: at boot this mount itself may be what the unit's order waits for.
  options.argv = {systemctl, "start", "--no-block", kDaemon};
  auto child = Subprocess::spawn(options);
  if (!child) return false;
  const auto ended = child->wait(Duration(5000));
  if (ended && ended->has_value()) return (*ended)->code == 0;
  child->killAndReap();
  return false;
}

bool watchdogAnswers(const state::StateStore& store) {
  return tunnel_control::watchdogAnswers(store.watchdogSocket());
}

// Whoever holds the lock is the watchdog, or is about to be; or umount.efs, which does a dead
// watchdog's work. One that is stopped or busy is still the one: a second could only wait for its
// end, and each mount would start one more.
bool lockHeld(const state::StateStore& store) {
  const auto held = FileLock::isHeld(store.locks().watchdog);
  // Or somebody deleted its lock, and it has not noticed yet.
  return (held && *held) || holderOfDeleted(store.locks().watchdog).has_value();
}

// Waits until it answers: whoever holds back behind the start lock must find it there. Not longer
// than it lives: under the CSI driver, whose process 1 reaps only tunnels, nobody else takes its
// leavings. One that has not even got the lock by then is ended: the next mount would start another
// one beside it, and all of them would wait for ever.
Status startDaemon(const std::string& path, const state::StateStore& store, const Clock& clock) {
  SpawnOptions options;
  options.argv = {path};
  options.new_session = true;
  // Nor our caller's mounts: in a private namespace copies of all mounts of the host would live as
  // long as the daemon.
  options.init_mounts_if_same = {store.directory()};
  // Our caller's, not the daemon's: it serves all mounts, and each has its own in its state file.
  options.without_env = {"AWS_*", "NOTIFY_SOCKET", "WATCHDOG_*"};
  options.env = proxiesWithoutUser(environmentVariable);
  EFS_TRY(child, Subprocess::spawn(options));
  log::info("started {}, pid: {}", path, child.pid());
  const Deadline deadline(clock, kDaemonStart);
  while (!watchdogAnswers(store)) {
    if (deadline.passed()) {
      if (!lockHeld(store)) child.killAndReap();
      return Error(ErrorKind::kTimeout, path + " was started but does not answer");
    }
    EFS_TRY(ended, child.wait(Duration(10)));
    if (ended) return Error(ErrorKind::kIo, path + " was started and " + ended->describe());
  }
  return {};
}

// As its holder wrote it; empty: not known.
std::string holderOfLock(const state::StateStore& store) {
  if (const auto lost = holderOfDeleted(store.locks().watchdog)) return std::to_string(*lost);
  const auto written = readFile(store.locks().watchdog, 64);
  return written ? std::string(trim(*written)) : std::string();
}

// The name of the process that holds the lock. nullopt: there is none of that number, for us.
std::optional<std::string> nameOfHolder(const state::StateStore& store) {
  const auto pid = parseInt(holderOfLock(store));
  if (!pid) return std::nullopt;
  auto name = procfs::processName(static_cast<pid_t>(*pid));
  return name ? std::optional(std::move(*name)) : std::nullopt;
}

bool isWatchdog(const std::optional<std::string>& name) {
  return name && *name == std::string_view(kDaemon).substr(0, kNameLength);
}

enum class Present { kAnswers, kSilent, kNone };

Result<Present> findWatchdog(const state::StateStore& store, const Clock& clock) {
  const Deadline silent(clock, kSilentPatience);
  const Deadline borrowed(clock, kBorrowedPatience);
  while (!watchdogAnswers(store)) {
    if (!lockHeld(store)) return Present::kNone;
    const bool silent_one = silent.passed() && isWatchdog(nameOfHolder(store));
    if (silent_one || borrowed.passed()) return Present::kSilent;
    EFS_CHECK(sleepFor(Duration(50)));
  }
  return Present::kAnswers;
}

Error silentError(const state::StateStore& store) {
  const std::string lock = store.locks().watchdog;
  const std::string pid = printable(holderOfLock(store), 20);
  const auto name = nameOfHolder(store);
  if (name && !isWatchdog(name)) {
    return Error(ErrorKind::kBusy, printable(*name, 20) + " (process id " + pid + ") holds " +
                                       lock + ", no " + kDaemon + " is started")
        .addHint("it is no watchdog; the first mount after its end starts one");
  }
  Error error(ErrorKind::kTimeout, std::string("the ") + kDaemon + " that holds " + lock +
                                       " does not answer, no other is started");
  if (!pid.empty()) {
    error.addHint("it has process id " + pid +
                  "; is it stopped? until it answers, a tunnel that dies is not replaced");
  }
  return error;
}

}  // namespace

Status ensureWatchdog(const state::StateStore& store, const Clock& clock) {
  // Before the start lock: fifty mounts beside a silent watchdog wait together, not in turns.
  EFS_TRY(before, findWatchdog(store, clock));
  if (before == Present::kAnswers) return {};
  if (before == Present::kSilent) return silentError(store);
  // Fifty first mounts at once shall start one daemon, not fifty.
  EFS_TRY(lock, FileLock::acquire(store.locks().watchdog_start, clock, kDaemonStart * 2));
  EFS_TRY(now, findWatchdog(store, clock));
  if (now == Present::kAnswers) return {};
  if (now == Present::kSilent) return silentError(store);
  if (systemdIsPid1() && startUnit()) return {};
  const std::string daemon = findProgram(kDaemon, kProgramDirectories);
  if (daemon.empty()) {
    return Error(ErrorKind::kNotFound, std::string(kDaemon) + " is not installed")
        .addHint("without it a tunnel that dies is not replaced");
  }
  return startDaemon(daemon, store, clock);
}

Status handOverListener(const state::StateStore& store, const std::string& mount_name,
                        const UniqueFd& listener, const Clock& clock, Duration patience) {
  WatchdogRequest request;
  request.op = WatchdogRequest::Op::kListener;
  request.name = mount_name;
  const Deadline deadline(clock, patience);
  while (true) {
    auto reply = tunnel_control::askWatchdog(store.watchdogSocket(), request, &listener,
                                             tunnel_control::kWatchdogPatience);
    if (reply && reply->ok) return {};
    if (reply) return Error(ErrorKind::kBusy, "the watchdog refused: " + printable(reply->error));
    if (deadline.passed()) return unexpected(std::move(reply).error());
    // A daemon that is just starting has no socket yet; there is no event for its birth that works
    // for systemd and for our own child alike.
    EFS_CHECK(sleepFor(Duration(20)));
  }
}

}  // namespace efs::mount_helper

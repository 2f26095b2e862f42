#include "umount/umount_session.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "carry_out/watchdog_start.h"
#include "efs/base/ask_child.h"
#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/output.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/mounts/mount_namespace.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/unmount.h"
#include "efs/tunnel_control/watchdog_link.h"
#include "umount/holders.h"
#include "umount/tunnel_end.h"

namespace efs::mount_helper {
namespace {

constexpr Duration kStep{500};
// A lazy unmount promises to come back at once.
constexpr Duration kLazyPatience{2000};
constexpr Duration kForcePatience{10000};
// Written data may be many: as long as a tunnel can carry them the wait is worth it.
constexpr Duration kLongestWait{600000};
constexpr Duration kWithoutTunnel{30000};
constexpr Duration kNotice{5000};
constexpr Duration kRemount{60000};
// Words of an error message only: not worth a longer wait.
constexpr Duration kHolders{2000};
constexpr Duration kResolve{5000};
constexpr Duration kStillOpen{200};
// A look at the root lasts as long as its server needs to answer.
constexpr Duration kLooks{3000};
constexpr Duration kLookPause{100};

using Elsewhere = std::optional<mounts::MountNamespace>;

Result<mounts::MountTable> readTable(const Elsewhere& elsewhere) {
  return elsewhere ? elsewhere->table() : mounts::MountTable::readKernel();
}

// realpath(3) in a killable child: it looks at the mount.
std::optional<std::string> resolveLinks(const std::string& path, const Elsewhere& elsewhere) {
  ChildRules rules;
  // Everything else is closed in the child, which may wait in a dead mount for ever.
  if (elsewhere) rules.kept_fds = {elsewhere->fd()};
  const auto look = [&path, &elsewhere](int out) {
    if (elsewhere && !elsewhere->enter()) return 1;
    std::array<char, PATH_MAX> real{};
    if (::realpath(path.c_str(), real.data()) == nullptr) return 1;
    return writeAll(out, real.data(), "answer") ? 0 : 1;
  };
  const auto answer = askChild(kResolve, look, rules);
  if (!answer || !answer->exited(path) || answer->status.code != 0) return std::nullopt;
  return answer->text;
}

Error notMounted(const std::string& path) { return {ErrorKind::kNotFound, path + ": not mounted"}; }

Result<mounts::MountEntry> findMount(const std::string& path, const Elsewhere& elsewhere) {
  std::error_code failed;
  const std::string here = elsewhere ? "/" : std::filesystem::current_path(failed).string();
  // Without a look at the disk: "." and ".." are worked out as words.
  const std::string absolute = mounts::absolutePath(path, failed ? "/" : here);
  EFS_TRY(table, readTable(elsewhere));
  // The table first: to resolve a path is to walk into the mount, whose server may be silent.
  const mounts::MountEntry* entry = table.atPath(absolute);
  if (entry == nullptr) {
    const auto real = resolveLinks(absolute, elsewhere);
    if (real) entry = table.atPath(*real);
  }
  if (entry == nullptr) return notMounted(absolute);
  const bool named_like_efs =
      entry->source.substr(0, 3) == "fs-" || namesMountTarget(entry->source);
  if (!entry->isNfs() || (!entry->tunnelPort() && !named_like_efs)) {
    return Error(ErrorKind::kInvalidInput, absolute + ": not an EFS mount, but " +
                                               printable(entry->fs_type) + " of " +
                                               printable(entry->source))
        .addHint("umount(8) unmounts it");
  }
  return *entry;
}

class UmountSession {
 public:
  UmountSession(const UmountCommand& command, const UmountContext& context)
      : command_(command), context_(context) {}

  Outcome run();

 private:
  Status takeAway();
  Status tryOnce();
  Status wait(mounts::UnmountJob& job);
  Status judge(int err);
  Status makeReadOnly();
  Status giveUp(mounts::UnmountJob& job, Error reason);
  Duration patience() const;
  bool inTable() const;
  const mounts::MountNamespace* where() const { return elsewhere_ ? &*elsewhere_ : nullptr; }
  void wakeWatchdog();
  Error busy();
  void clearAway();
  void say(const std::string& text);

  const UmountCommand& command_;
  const UmountContext& context_;
  Elsewhere elsewhere_;  // -N, when it names another namespace than ours
  mounts::MountEntry mount_;
  bool of_this_network_ = false;  // its NFS client is
  bool finished_ = false;         // umount2(2) came back: the superblock is gone, or others use it
  bool read_only_instead_ = false;
  bool busy_ = false;
  bool holder_unknown_ = false;  // busy, and nothing lies in it and nobody has anything open there
  std::string out_;
};

void UmountSession::say(const std::string& text) {
  log::info("{}: {}", mount_.target, text);
  if (command_.verbose)
    out_ += umountName(command_.program) + ": " + mount_.target + ": " + text + "\n";
}

bool UmountSession::inTable() const {
  const auto table = readTable(elsewhere_);
  // Unknown counts as still there: then giving up loses nothing.
  return !table || std::any_of(table->entries().begin(), table->entries().end(),
                               [this](const auto& entry) { return entry.id == mount_.id; });
}

// The last unmount ends with a call to the server (DESTROY_SESSION), which needs a tunnel.
// A watchdog that runs replaces a dead one by itself.
void UmountSession::wakeWatchdog() {
  const auto port = mount_.tunnelPort();
  if (!port || !context_.state_answers || tunnelListens(*port) ||
      tunnel_control::watchdogAnswers(context_.store.watchdogSocket()))
    return;
  say("its tunnel is dead and no watchdog runs, starting one");
  if (const auto started = ensureWatchdog(context_.store, context_.clock); !started) {
    log::warning("{}", started.error().describe());
  }
}

Duration UmountSession::patience() const {
  if (command_.lazy) return kLazyPatience;
  return command_.force ? kForcePatience : kLongestWait;
}

Error UmountSession::busy() {
  busy_ = true;
  Error error = Error::fromErrno(EBUSY, mount_.target);
  std::string inner;
  if (const auto table = readTable(elsewhere_)) {
    for (const auto& entry : table->entries()) {
      if (inner.empty() && entry.parent_id == mount_.id) inner = entry.target;
    }
  }
  if (!inner.empty()) return error.addHint("unmount " + printable(inner) + " first");
  // The paths of processes there say nothing here.
  const std::string holders = elsewhere_ ? "" : describeHolders(mount_.target, kHolders);
  holder_unknown_ = holders.empty();
  return error.addHint(holders.empty() ? "a process uses it; umount -l lets it finish"
                                       : "used by " + holders + "; umount -l lets them finish");
}

Status UmountSession::judge(int err) {
  finished_ = true;
  if (err == 0) return {};
  // Somebody else was faster.
  if (err == EINVAL) return notMounted(mount_.target);
  return err == EBUSY ? busy() : Error::fromErrno(err, mount_.target);
}

// umount -r, as umount(8) does it.
Status UmountSession::makeReadOnly() {
  EFS_CHECK(mounts::remountReadOnly(mount_, kRemount, where()));
  read_only_instead_ = true;
  say("busy, made read-only instead");
  return {};
}

// Before it leaves the table nothing is lost by giving up. After that a kill would throw away what
// is still to be written: the child is left to the kernel, except with -f, whose user wants just
// that.
Status UmountSession::giveUp(mounts::UnmountJob& job, Error reason) {
  if (inTable()) {
    job.kill();
    if (inTable()) return reason;
    return {};
  }
  if (command_.force && !command_.lazy) {
    job.kill();
    finished_ = true;
    say("the server did not answer; unmounted without it");
    return {};
  }
  if (command_.lazy) {
    say("unmounted; the server has not answered yet");
    return {};
  }
  return reason.addHint(
      "it is out of the tree; data not yet written may be lost, and the rest is "
      "done when its server answers");
}

Status UmountSession::wait(mounts::UnmountJob& job) {
  const Deadline deadline(context_.clock, patience());
  std::optional<Deadline> without_tunnel;
  Deadline notice(context_.clock, kNotice);
  bool noticed = false;
  const auto port = mount_.tunnelPort();
  while (true) {
    // In steps: the tunnel is looked at between them.
    auto ended = job.wait(std::min(kStep, deadline.left()));
    if (!ended) return giveUp(job, ended.error().addContext(mount_.target));
    if (ended->has_value()) return judge(**ended);
    if (deadline.passed()) {
      return giveUp(job, Error(ErrorKind::kTimeout, mount_.target + ": the server is silent"));
    }
    if (!port || tunnelListens(*port)) {
      // A watchdog replaces a dead tunnel soon; only one that stays away ends the wait.
      without_tunnel.reset();
    } else if (!without_tunnel) {
      without_tunnel.emplace(context_.clock, kWithoutTunnel);
    } else if (without_tunnel->passed()) {
      return giveUp(job, Error(ErrorKind::kTimeout, mount_.target + ": its tunnel is dead and no "
                                                                    "watchdog replaces it"));
    }
    if (!noticed && notice.passed()) {
      noticed = true;
      efs::say(STDERR_FILENO,
               umountName(command_.program) + ": " + mount_.target + ": waiting for the server\n");
    }
  }
}

Status UmountSession::tryOnce() {
  auto job = mounts::UnmountJob::start(mount_.target,
                                       {.force = command_.force, .lazy = command_.lazy}, where());
  if (!job) return job.error().addContext(mount_.target);
  return wait(*job);
}

Status UmountSession::takeAway() {
  // A lazy unmount does not wait for the server.
  if (!command_.lazy) wakeWatchdog();
  // Who only looks at the root, as the watchdog does after a new tunnel, holds the mount for that
  // moment and cannot be named afterwards.
  const Deadline looks(context_.clock, kLooks);
  while (true) {
    busy_ = holder_unknown_ = false;
    Status done = tryOnce();
    if (done) break;
    if (holder_unknown_ && !looks.passed()) {
      EFS_CHECK(sleepFor(kLookPause));
      // What is at its place by now may be another mount.
      if (!inTable()) return notMounted(mount_.target);
      continue;
    }
    if (!busy_ || !command_.read_only) return done;
    EFS_CHECK(makeReadOnly());
    break;
  }
  if (read_only_instead_) return {};
  // Another namespace's utab is a file of theirs, with a lock of theirs.
  // Only once it is gone: an entry without a mount is ignored, a mount without its entry would be
  // unmounted without us.
  if (!command_.keep_table && !elsewhere_) mounts::forgetInUtab(mount_.target);
  say("unmounted");
  return {};
}

void UmountSession::clearAway() {
  const auto port = mount_.tunnelPort();
  // While umount2(2) waits, the tunnel is what it waits for.
  if (!port || !finished_ || read_only_instead_) return;
  if (!context_.state_answers) return say("the watchdog ends the tunnel");
  AfterUnmount after{context_.store, context_.clock};
  // Files may stay open for hours after a lazy unmount: the watchdog waits for the last of them.
  if (command_.lazy) after.quiet = kStillOpen;
  switch (endTunnel({*port, of_this_network_}, after)) {
    case TunnelEnd::kEnded:
      return say("tunnel ended");
    case TunnelEnd::kLeft:
      return say("the watchdog ends the tunnel");
    case TunnelEnd::kInUse:
      return say("still in use elsewhere; the watchdog ends the tunnel after the last use");
    case TunnelEnd::kNoState:
    case TunnelEnd::kFailed:
      return;
  }
}

Outcome UmountSession::run() {
  if (!command_.mount_namespace.empty()) {
    auto named = mounts::MountNamespace::open(command_.mount_namespace);
    if (!named) return {kUnmountFailed, "", named.error().describe()};
    if (!named->isOurs()) elsewhere_ = std::move(*named);
  }
  // By its entry in the table from here on: the path may lead elsewhere in a moment.
  auto found = findMount(command_.target, elsewhere_);
  if (!found) return {kUnmountFailed, "", found.error().describe()};
  mount_ = std::move(*found);
  // While it is mounted: afterwards no list has it.
  const auto volumes = mounts::readVolumes("/proc/thread-self/net");
  of_this_network_ = volumes && mounts::listsDevice(*volumes, mount_.device);
  if (auto done = takeAway(); !done) return {kUnmountFailed, out_, done.error().describe()};
  clearAway();
  return {0, out_, ""};
}

}  // namespace

Outcome unmountEfs(const UmountCommand& command, const UmountContext& context) {
  return UmountSession(command, context).run();
}

}  // namespace efs::mount_helper

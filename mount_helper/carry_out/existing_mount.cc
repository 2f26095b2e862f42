#include "carry_out/existing_mount.h"

#include <algorithm>
#include <cerrno>

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/mounts/mount_source.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/mounts/place.h"
#include "plan/mount_plan.h"

namespace efs::mount_helper {
namespace {

// A file system on the way that answers at all has answered by then.
constexpr Duration kLook{10000};

// The mount table alone tells most, and asks nobody: a server that is silent must not hold up those
// who only ask what is mounted.
Result<std::optional<mounts::MountEntry>> nfsMountAt(const std::string& path) {
  EFS_TRY(table, mounts::MountTable::readKernel());
  const mounts::MountEntry* entry = table.atPath(path);
  if (entry == nullptr || !entry->isNfs()) {
    // Only now the path itself, which may have links; in a child, since a server on the way may be
    // silent.
    EFS_TRY(real, mounts::directoryAt(path, kLook));
    entry = table.atPath(real);
  }
  if (entry == nullptr || !entry->isNfs()) return std::optional<mounts::MountEntry>();
  return std::optional(*entry);
}

// The names of both kinds, pending ones first: one that is published meanwhile is then seen twice
// rather than never.
std::vector<std::string> namesOfPort(const state::StateStore& store, int port) {
  std::vector<std::string> names;
  for (const auto& list : {store.pendingNames(), store.mountNames()}) {
    if (!list) continue;
    for (const auto& name : *list) {
      const auto parsed = state::parseMountName(name);
      if (parsed && parsed->port == port) names.push_back(name);
    }
  }
  return names;
}

bool isOf(const MountRequest& request, const std::string& name, const state::StateStore& store) {
  auto state = store.read(name);
  if (!state) state = store.readPending(name);
  return state && state::parseMountName(name)->fs_id == request.device.fs_id &&
         state->access_point == request.access_point.value_or("");
}

// Through a tunnel of another network namespace than the one of this process (or that it asks for),
// about which our state files say nothing.
bool isOfAnotherNetwork(const MountRequest& request, const mounts::MountEntry& there) {
  if (request.netns) return false;  // where it is, is not looked up for this
  const auto volumes = mounts::readVolumes("/proc/thread-self/net");
  return volumes && !mounts::mayBeOfNetwork(*volumes, there.device);
}

bool isSameMount(const MountRequest& request, const mounts::MountEntry& there,
                 const std::string& source, const state::StateStore& store) {
  if (!mounts::sameSource(source, there.source)) return false;
  const auto port = there.tunnelPort();
  // With a tunnel every source is 127.0.0.1: only the state files of its port tell what it shows.
  if (!port) return true;  // without a tunnel the source names the server
  if (isOfAnotherNetwork(request, there)) return false;
  const auto names = namesOfPort(store, *port);
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& name) { return isOf(request, name, store); });
}

// What is there belongs to another file system, access point or directory, for all we know.
bool isAnother(const MountRequest& request, const mounts::MountEntry& there,
               const state::StateStore& store) {
  const auto port = there.tunnelPort();
  if (!port || request.device.fs_id.empty() || isOfAnotherNetwork(request, there)) return false;
  if (!isSameMount(request, there, "127.0.0.1:" + request.device.path, store)) {
    return !namesOfPort(store, *port).empty();
  }
  return false;
}

Outcome sayAlreadyMounted(const MountRequest& request) {
  log::warning("{} is already mounted, mount aborted", request.mountpoint);
  return {0, request.mountpoint + " is already mounted, please run 'mount' command to verify\n",
          ""};
}

Error takenMeanwhile(const MountRequest& request) {
  return Error(ErrorKind::kBusy, "another file system was mounted at " +
                                     printable(request.mountpoint) + " at the same time")
      .addHint("findmnt shows what is mounted there");
}

Error unusable(const MountRequest& request, Error error) {
  if (error.osError() == ENOTDIR) {
    return {ErrorKind::kInvalidInput,
            "mount point " + printable(request.mountpoint) + " is not a directory"};
  }
  return error.kind() == ErrorKind::kNotFound ? error.addHint("create it with mkdir -p") : error;
}

}  // namespace

Result<std::optional<Outcome>> alreadyMounted(const MountRequest& request,
                                              const state::StateStore& store, bool repeated) {
  auto there = nfsMountAt(request.mountpoint);
  if (!there) return unusable(request, std::move(there.error()));
  if (!*there || request.fake) return std::optional<Outcome>();
  const bool another = isAnother(request, **there, store);
  if (another && repeated) return std::optional(mountFailed(takenMeanwhile(request)));
  Outcome outcome = sayAlreadyMounted(request);
  if (another) {
    outcome.notice =
        printable(request.mountpoint) + " shows another file system, access point or directory";
  }
  return std::optional(std::move(outcome));
}

Outcome overtaken(const MountRequest& request, const std::string& source,
                  const state::StateStore& store) {
  const auto there = nfsMountAt(request.mountpoint);
  const bool same = there && *there && isSameMount(request, **there, source, store);
  return same ? sayAlreadyMounted(request) : mountFailed(takenMeanwhile(request));
}

Outcome remount(const MountRequest& request) {
  auto found = nfsMountAt(request.mountpoint);
  if (!found) return mountFailed(unusable(request, std::move(found.error())));
  const auto& entry = *found;
  if (!entry) {
    return mountFailed(
        Error(ErrorKind::kNotFound, "remount: no EFS mount at " + printable(request.mountpoint)));
  }
  mounts::NfsMountRequest nfs;
  nfs.source = entry->source;
  nfs.target = request.mountpoint;
  nfs.options = request.nfs_options;
  // MODE-2: a mount without a tunnel has another server and no helper.
  nfs.address = entry->option("addr").value_or("127.0.0.1");
  // A remount replaces what utab says: without this umount(8) would not call us any more.
  if (entry->tunnelPort()) nfs.umount_helper = factsOf(request.kind).type;
  mounts::addNfsDefaults(nfs.options, entry->tunnelPort(), factsOf(request.kind).nfs_version);
  if (auto done = mounts::remountNfs(nfs); !done) {
    return mountFailed(done.error().addContext("remounting " + request.mountpoint));
  }
  log::info("Successfully remounted {} with {}", request.mountpoint, request.raw_options);
  return {};
}

}  // namespace efs::mount_helper

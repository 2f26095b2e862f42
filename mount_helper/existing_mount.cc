#include "efs/mount_helper/existing_mount.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/mount_helper/mount_plan.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::mount_helper {
namespace {

// The path as the kernel's mount table shows it; the path itself where it cannot be resolved.
std::string canonicalPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? real.get() : path;
}

std::optional<mounts::MountEntry> nfsMountAt(const std::string& path) {
  const auto table = mounts::MountTable::readKernel();
  const mounts::MountEntry* entry = table ? table->atPath(canonicalPath(path)) : nullptr;
  if (entry == nullptr || !entry->isNfs()) return std::nullopt;
  return *entry;
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

bool isSameMount(const MountRequest& request, const mounts::MountEntry& there,
                 const std::string& source, const state::StateStore& store) {
  if (there.source != source) return false;
  const auto port = there.tunnelPort();
  if (!port) return true;  // without a tunnel the source names the server
  const auto names = namesOfPort(store, *port);
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& name) { return isOf(request, name, store); });
}

Outcome sayAlreadyMounted(const MountRequest& request) {
  log::warning("{} is already mounted, mount aborted", request.mountpoint);
  return {0, request.mountpoint + " is already mounted, please run 'mount' command to verify\n",
          ""};
}

Status checkMountpoint(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return Error::fromErrno(errno, "mount point " + printable(path))
        .addHint("create it with mkdir -p");
  }
  if (!S_ISDIR(info.st_mode)) {
    return Error(ErrorKind::kInvalidInput,
                 "mount point " + printable(path) + " is not a directory");
  }
  return {};
}

}  // namespace

std::optional<Outcome> alreadyMounted(const MountRequest& request) {
  if (!nfsMountAt(request.mountpoint)) return std::nullopt;
  return sayAlreadyMounted(request);
}

Outcome overtaken(const MountRequest& request, const std::string& source,
                  const state::StateStore& store) {
  const auto there = nfsMountAt(request.mountpoint);
  if (there && isSameMount(request, *there, source, store)) return sayAlreadyMounted(request);
  return mountFailed(Error(ErrorKind::kBusy, "another file system was mounted at " +
                                                 printable(request.mountpoint) +
                                                 " at the same time")
                         .addHint("findmnt shows what is mounted there"));
}

Status checkUsable(const MountRequest& request) {
  EFS_CHECK(checkMountpoint(request.mountpoint));
  // A fake mount asks nothing of the kernel (CLI-4).
  return request.fake ? Status() : mounts::loadNfs();
}

Outcome remount(const MountRequest& request) {
  const auto entry = nfsMountAt(request.mountpoint);
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
  if (entry->tunnelPort()) nfs.umount_helper = kUmountHelper;
  mounts::addNfsDefaults(nfs.options, entry->tunnelPort());
  if (auto done = mounts::remountNfs(nfs); !done) {
    return mountFailed(done.error().addContext("remounting " + request.mountpoint));
  }
  log::info("Successfully remounted {} with {}", request.mountpoint, request.raw_options);
  return {};
}

}  // namespace efs::mount_helper

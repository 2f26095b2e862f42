// The NFS mount itself, by the kernel's calls and without nfs-utils.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/mounts/mount_options.h"
#include "efs/mounts/nfs_request.h"

namespace efs::mounts {

// Key mount_api of the configuration.
enum class MountApi {
  kAuto,     // by descriptor (detached_mount.h) where the kernel has the calls
  kClassic,  // mount(2)
};

struct MountRules {
  std::optional<Duration> patience;  // for all of it; nullopt = wait for ever
  MountApi api = MountApi::kAuto;
  // The port of the mount's own tunnel, which nobody else's mount may use: what the kernel merged
  // with another mount is dropped, by descriptor before anybody has seen it.
  std::optional<int> own_port;
  // Lock file of all makers of mounts (TargetLock); empty: none is taken.
  std::string target_lock;
};

struct MountOutcome {
  enum class How {
    kMounted,
    kMerged,    // nothing is mounted: the kernel would have gone through another mount's tunnel
    kOccupied,  // nothing was done: an NFS mount is there, perhaps made meanwhile
  };
  How how = How::kMounted;
  dev_t device = 0;      // of what was mounted
  int merged_with = -1;  // port of the other tunnel
};

// Mounts in a killable child so that a silent server cannot hang the caller; the child ends with
// its parent. One of several that mount at one place at once mounts, the others find it occupied.
// What fails leaves nothing mounted and touches no mount of anybody else.
//
// Errors carry errno of the kernel's call, its own words where it had some, and a kind: kTimeout
// (child killed), kPermission (access denied by server), kCancelled (interrupt.h; the child is
// killed), kNotFound (path does not exist on the server), kRefused, kReset, kUnsupported (no NFS in
// this kernel: ENODEV), kInvalidInput (option the kernel does not know); ESTALE: the root was
// deleted on the server.
//
// `nfsvers=4` without a minor version is negotiated as mount.nfs does (nfs(5)): 4.2, 4.1, 4.0,
// until the server and this kernel know it. (The kernel itself would take it for 4.0.)
Result<MountOutcome> mountNfs(const NfsMountRequest& request, const MountRules& rules);
// The same for whoever has no tunnel to tell apart; kBusy where an NFS mount is there.
Status mountNfs(const NfsMountRequest& request, std::optional<Duration> patience);

// The values for nfsvers= to try, in this order; one empty value: as the list stands.
std::vector<std::string> versionsToTry(const OptionList& options);

// MS_REMOUNT of an existing mount with these options.
Status remountNfs(const NfsMountRequest& request);

// Contract NFS-8: 15 * rsize / 1024 KiB into /sys/class/bdi/<device>/read_ahead_kb.
Status setReadAhead(dev_t device, unsigned long rsize_bytes);
// The same where it is another value by now: nfs-utils' udev rule (nfsrahead, Ubuntu 24) writes its
// own after a mount. True when it had to be corrected.
Result<bool> keepReadAhead(dev_t device, unsigned long rsize_bytes);

// Makes the kernel load its NFS client now rather than within the first mount, so that what must be
// set before (OwnClientIdentifier) is there. The kernel alone decides: a container has no
// /lib/modules. kUnsupported with a hint: it has no such client; otherwise success, even where it
// cannot be told.
Status loadNfs();
// What to do on a kernel without an NFS client, by what /lib/modules has.
std::string missingNfsHint();

}  // namespace efs::mounts

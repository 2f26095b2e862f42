// DetachedMount: a mount that is a descriptor until it is attached (fsopen(2), fsconfig(2),
// fsmount(2), move_mount(2); Linux 5.2).
//
// Nobody sees it before attach(), so its tunnel and its root can be checked first, and there is
// nothing to undo: it goes with its descriptor, at the latest with the process. Closing the last
// descriptor of an NFS mount sends DESTROY_SESSION, so the tunnel must outlive it until the kernel
// forgets its port (kernelUsesTunnelPort()).
//
// User and network namespace are those of the process when it calls make(), the mount namespace is
// the one of the directory at attach().
//
// Every function here except device() and tunnelPort() may wait for a server, killably and for
// ever: call them in a child that can be killed (nfs_mount.h does).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::mounts {

// What fsconfig(2) and fsmount(2) are told.
struct MountDescription {
  struct Parameter {
    std::string key;
    std::optional<std::string> value;  // nullopt: a flag
  };
  std::string type;                   // "nfs4"
  std::vector<Parameter> parameters;  // "source" first, then flags of the superblock, then the rest
  unsigned attributes = 0;            // MOUNT_ATTR_*

  // Flags of mount(2) become attributes of the mount (nosuid, nodev, noexec, the atime family,
  // nosymfollow), parameters of the superblock (sync, dirsync, lazytime, mand), or, ro, both.
  // Quotes, as in context="a,b", belong to mount(2)'s grammar and are taken off.
  static Result<MountDescription> ofNfs(const NfsMountRequest& request);
  // fsconfig(2) takes no string of more than 255 bytes; mount(2) does.
  bool fits() const;
};

// Why the kernel refused, as it told the file system context ("nfs4: Unknown parameter 'bogus'");
// empty where it said nothing. Errors come before warnings; "; " between the lines. The parser of
// what read(2) gave, one element for each call.
std::string kernelWords(const std::vector<std::string>& lines);

class DetachedMount {
 public:
  // What came of one try: a mount, or why there is none.
  struct Attempt;
  static Result<Attempt> attempt(const NfsMountRequest& request);
  // nullopt: this cannot be done here with these calls (a kernel before 5.2, a seccomp filter of an
  // old container runtime, which says EPERM or ENOSYS, an option of more than 255 bytes): use
  // mount(2). `nfsvers=4` is negotiated as in mountNfs(). Errors as those of mountNfs(), with the
  // kernel's own words.
  static Result<std::optional<DetachedMount>> make(const NfsMountRequest& request);
  // Any file system. The error has the errno of the failed call and the kernel's words.
  static Result<std::optional<DetachedMount>> make(const MountDescription& description);

  int fd() const { return mount_.get(); }
  // The superblock's; the server is not asked.
  dev_t device() const { return device_; }
  // The loopback port through which the kernel talks to its server, which is another mount's when
  // the kernel merged the two (trunking); nullopt: it is no NFS client on the loopback address.
  // `proc_net` as for kernelUsesTunnelPort().
  Result<std::optional<int>> tunnelPort(const std::string& proc_net = "/proc/self/net") const;
  // Asks the server for the root: ESTALE also where the directory has no links any more.
  Status askRoot() const;

  // On top of what is at the directory: move_mount(2) stacks, so hold a TargetLock. `directory`:
  // O_PATH without O_DIRECTORY, which would trigger an automount. The errno of move_mount(2) is in
  // the error; the text names no path, the caller knows it.
  Status attach(int directory) const;
  // Beneath the topmost mount at the directory (Linux 6.5; EINVAL before): nothing changes until
  // that one is unmounted. EINVAL also under a shared parent that propagates the topmost mount, and
  // for the root of a mount namespace.
  Status attachBeneath(int directory) const;

 private:
  DetachedMount(UniqueFd mount, dev_t device) : mount_(std::move(mount)), device_(device) {}
  static Result<Attempt> attempt(const MountDescription& description);

  UniqueFd mount_;
  dev_t device_ = 0;
};

struct DetachedMount::Attempt {
  std::optional<DetachedMount> mount;
  bool possible = true;  // false: not with these calls
  int err = 0;
  std::string words;  // the kernel's own
};

}  // namespace efs::mounts

// RemountCalls: the single steps of a remount (repair/remount.h), which runs in a child and may be
// killed between any two of them. What a step does, it does as a whole.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/mounts/mount_identity.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::watchdog {

// Something held until this goes, at the latest until its process ends.
class Held {
 public:
  virtual ~Held() = default;
};
using HeldPtr = std::unique_ptr<Held>;

// A mount that is a descriptor: nobody sees it, and it goes with this object, at the latest with
// its process, unless it was attached.
class NewMount {
 public:
  virtual ~NewMount() = default;
  // The loopback port through which the kernel talks to its server: another mount's where the
  // kernel merged the two.
  virtual Result<std::optional<int>> tunnelPort() = 0;
  // errno ESTALE: it has no root any more. May wait for the server.
  virtual Status askRoot() = 0;
  // Beneath the old mount, if that is what is on top at its place. nullopt: no answer in time, it
  // may have been done. The old mount's server is asked on the way.
  virtual std::optional<bool> attachBeneath(const mounts::MountIdentity& old,
                                            Duration patience) = 0;
  // On top of what is at the path now, which an error names.
  virtual Status attach(const std::string& target) = 0;
};

// One umount2(2) with MNT_DETACH under way, in a child of its own. The mount leaves the table
// first; writing back and saying good bye to the server follow.
class Detachment {
 public:
  virtual ~Detachment() = default;
  // Its errno, 0 = done; nullopt: still at it.
  virtual Result<std::optional<int>> ended() = 0;
  virtual void kill() = 0;
};

class TableEvents {
 public:
  virtual ~TableEvents() = default;
  // Until the mount table has changed since this was made, or for so long.
  virtual void wait(Duration patience) = 0;
};

class RemountCalls {
 public:
  virtual ~RemountCalls() = default;

  virtual Result<mounts::MountTable> mountTable() = 0;
  virtual bool stillAttached(const mounts::MountIdentity& mount) = 0;
  virtual Result<std::unique_ptr<TableEvents>> tableEvents() = 0;

  // The NFS client bears an identifier that nothing else has. kUnsupported: there is no such thing
  // here. kBusy: others hold its lock for longer.
  virtual Result<HeldPtr> ownIdentifier(const std::string& lock_path, Duration patience) = 0;
  // Of the directory that the old mount covers (TargetLock). kBusy: somebody else's, now. Null: it
  // cannot be told which directory that is.
  virtual Result<HeldPtr> tryLockPlace(const std::string& lock_path, const std::string& target) = 0;

  // Runs `body` in a process of its own that dies with ours, unless beUninterrupted() was called
  // there, and has `seconds` (0: no limit) before the kernel ends it. kTimeout: not over within
  // `patience`, and killed.
  virtual Result<std::string> runMaker(unsigned seconds, Duration patience,
                                       const std::function<Result<std::string>()>& body) = 0;
  // The deadline of the process that calls, from now; 0: none.
  virtual void setDeadline(unsigned seconds) = 0;
  // Neither a deadline nor the death of our parent ends this process any more.
  virtual void beUninterrupted() = 0;
  virtual Status pause(Duration time) = 0;

  // Null: the kernel has no such calls, use mountAt(). The root is not asked.
  virtual Result<std::unique_ptr<NewMount>> makeMount(const mounts::NfsMountRequest& request) = 0;
  // mount(2) at request.target, by a child with a deadline.
  virtual Status mountAt(const mounts::NfsMountRequest& request, Duration patience) = 0;
  // A copy of the mount at the path as a descriptor; null: the kernel has no such call.
  virtual Result<std::unique_ptr<NewMount>> takeUp(const std::string& path) = 0;
  // mount(2) with MS_BIND; an error names `to`.
  virtual Status bind(const std::string& from, const std::string& to) = 0;
  // statx(2) of the root of a mount. Answer as for the job AskRoot.
  virtual Result<std::string> askRoot(const std::string& path) = 0;

  // umount2(2) takes only a path: what is on top there is detached, whatever it is.
  virtual Result<std::unique_ptr<Detachment>> detach(const std::string& target) = 0;
  // The same here and now, following no link; false: nothing is mounted there, or it may not.
  virtual bool detachNow(const std::string& path) = 0;
};

}  // namespace efs::watchdog

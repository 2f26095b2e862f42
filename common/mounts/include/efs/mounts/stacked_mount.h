// A mount that came to lie on another one instead of on its directory.
//
// The kernel stacks: whoever attaches to a directory on which something was mounted meanwhile gets
// his mount on top of that, and hides it. Makers of one state directory take turns (TargetLock);
// those of another (a container beside its host) share no lock with them that a stranger could not
// hold as well. So each looks afterwards what his mount lies on, and the kernel's own order of the
// two attachments says who was second.
#pragma once

#include "efs/base/result.h"

namespace efs::mounts {

// `mount`: a descriptor of the root of a mount just attached; `parent`: MountEntry::id of the mount
// that its directory is in. True: it lay on another mount and was detached again, exactly this one;
// what it hid is in sight as before. False: it lies on the directory, or a mount of somebody else's
// has covered it for a second already and would go with it.
Result<bool> detachIfStacked(int mount, int parent);

// Detaches exactly the mount of this root, which nothing covers. The errno of umount2(2).
Status detachExactly(int mount);

}  // namespace efs::mounts

// The source of an NFS mount ("127.0.0.1:/path", "fs-....efs....:/path", "[fd00::1]:/path"): what
// the kernel is told, and what the mount table shows of it.
#pragma once

#include <string_view>

namespace efs::mounts {

// Whether a mount that was asked for as `asked` is shown as `shown`. The kernel walks the path from
// the server's root and shows where it arrived (fs/nfs/namespace.c, nfs_path()): no slash at the
// end, none doubled, no "." and no "..". False does not prove another mount: a link on the server
// is followed, and a superblock that two mounts share keeps the server's name of the first.
bool sameSource(std::string_view asked, std::string_view shown);

}  // namespace efs::mounts

// NfsMountRequest: what is to be mounted where; nfs_mount.h does it.
#pragma once

#include <string>

#include "efs/mounts/mount_options.h"

namespace efs::mounts {

struct NfsMountRequest {
  std::string source;  // "127.0.0.1:/path"
  std::string target;
  OptionList
      options;  // complete list (addNfsDefaults applied); user-space words are sorted out here
  std::string address;  // becomes addr=, the kernel's only notion of the server
  // "efs": umount(8) calls /sbin/umount.efs for this mount (`helper=` in utab), and does the work
  // itself where that program is missing (libmount 2.38: a helper not found is no helper).
  std::string umount_helper;
};

}  // namespace efs::mounts

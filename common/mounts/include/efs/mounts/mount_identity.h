// MountIdentity: which mount, not which path. A path may lead to another mount a moment later, and
// the kernel gives the number of a mount that is gone (MountEntry::id) to the next one.
//
// Nothing here walks a path, so nothing waits for the server of a mount that hangs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "efs/base/result.h"
#include "efs/mounts/mount_table.h"

namespace efs::mounts {

// The mount that a descriptor is in (O_PATH suffices), as in MountEntry::id.
Result<int> mountIdOf(int fd);

struct MountIdentity {
  std::string target;
  int id = 0;
  dev_t device = 0;
  std::optional<int> port;  // of its tunnel
  // Never given again while the kernel runs (listmount(2), statmount(2): Linux 6.8).
  std::optional<std::uint64_t> unique;

  static MountIdentity of(const MountEntry& entry);
  // By what the table shows; `unique` is not in it.
  bool is(const MountEntry& entry) const;
  // The kernel's word on `unique`; true where it has none.
  bool stillAttached() const;
};

// Why this mount must not be taken out of its place: it is not there, another one covers it, or
// something is mounted within it, which would go along. nullopt: nothing is in the way.
// `still_attached`: who is asked for the kernel's word on `unique`; another one in a simulation.
std::optional<std::string> whyNotDetach(const MountTable& table, const MountIdentity& mount,
                                        const std::function<bool(const MountIdentity&)>&
                                            still_attached = &MountIdentity::stillAttached);

}  // namespace efs::mounts

// Which mount of the table is ours. mount(2) does not say which one it made, and a maker that was
// killed says nothing at all; others may have mounted at the same place meanwhile.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "efs/mounts/mount_table.h"

namespace efs::mounts {

// What was there before the call.
struct TableBefore {
  std::set<int> ids;
  std::set<int> ports;      // of tunnelled mounts
  std::set<dev_t> devices;  // of NFS mounts
  std::string volumes;      // nfsVolumes()

  // Empty where the table cannot be read.
  static TableBefore look();
  static TableBefore of(const MountTable& table, std::string volumes);
};

struct MountCall {
  std::string source;  // as the kernel was told
  std::string target;  // canonical
  std::optional<int> own_port;
};

struct VisibleMount {
  MountEntry entry;
  std::optional<int> port;  // what the kernel really uses, whatever the options show
  bool merged = false;      // the kernel goes through another mount's tunnel
};

struct OwnVisible {
  std::optional<VisibleMount> mount;  // nullopt: somebody has taken it away already, or
  bool ambiguous = false;             // it cannot be told from those of others
};
// The kernel's list of the calling thread's network namespace; empty where it cannot be read.
std::string nfsVolumes();

// The mount that a successful call left, by the table and nfsVolumes() after it.
OwnVisible findOwn(const MountTable& now, std::string_view volumes, const TableBefore& before,
                   const MountCall& call);

// A target as a number, which fits into a report of fixed size.
std::size_t placeOf(const std::string& target);

struct KilledCall {
  std::string source;
  std::size_t place = 0;  // placeOf() the canonical target
  int directory = 0;      // the mount that the place is in, MountEntry::id
  std::optional<int> own_port;
};

// The mount that a maker left which was killed, if it came so far. Only what is provably ours: one
// that carries our port, or without a port of our own one of our source at our place.
std::optional<VisibleMount> findLeft(const MountTable& now, std::string_view volumes,
                                     const TableBefore& before, const KilledCall& call);

}  // namespace efs::mounts

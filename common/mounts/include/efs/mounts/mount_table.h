// The kernel's mount table (/proc/self/mountinfo) through libmount, octal escapes decoded.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::mounts {

struct MountEntry {
  int id = 0;  // mount id, unique while mounted
  int parent_id = 0;
  dev_t device = 0;
  std::string root;    // path inside the file system
  std::string source;  // "127.0.0.1:/"
  std::string target;
  std::string fs_type;  // "nfs4"
  std::string options;  // VFS and superblock options, comma-separated
  // Value of "name=value" in the options; nullopt when absent.
  std::optional<std::string> option(const std::string& name) const;
  bool isNfs() const;
  // Loopback port of a tunnelled mount (contract WD-4): server 127.0.0.1, type nfs or nfs4, option
  // port (2049 without one); nullopt for every other mount.
  std::optional<int> tunnelPort() const;
};

class MountTable {
 public:
  // A broken line is left out. An error, never an empty table, when there is no mount in the file.
  static Result<MountTable> readKernel();
  // For tests and for other processes' tables.
  static Result<MountTable> readFile(const std::string& mountinfo_path);
  // A table of these mounts, in the order of the kernel's; for simulations.
  static MountTable of(std::vector<MountEntry> entries);

  const std::vector<MountEntry>& entries() const { return entries_; }
  // The mount whose root a lookup of this (canonical) path reaches now, as umount2(2) would: the
  // topmost one there. nullptr: none, also where the only mounts of this name are hidden by one
  // over a directory above.
  const MountEntry* atPath(const std::string& target) const;
  // nullptr: none has this id.
  const MountEntry* withId(int id) const;
  // In the order of the table; the cost does not grow with the table.
  std::vector<const MountEntry*> withTunnelPort(int port) const;

 private:
  void index();
  int rootId() const;
  const MountEntry* firstOnTheWay(int mount, const std::string& target) const;

  std::vector<MountEntry> entries_;
  std::multimap<int, std::size_t> by_port_;    // tunnel port -> index in entries_
  std::multimap<int, std::size_t> by_parent_;  // id of the mount that it is in -> index in entries_
  std::optional<std::size_t> root_;            // of the process; a chroot's is not listed
};

// A path as the table would name it: absolute, "." and ".." and doubled slashes resolved in the
// text alone. A mount whose server is silent must not be looked at, so links are not followed.
std::string absolutePath(const std::string& path, const std::string& working_directory);

// Descriptor that poll(2) reports (POLLPRI|POLLERR) whenever the kernel's mount table changes.
Result<UniqueFd> openMountMonitor();

// NFS clients and superblocks the kernel still holds for a loopback port, mounted or not: after a
// lazy unmount with files open, or in another mount namespace. False when this kernel has no NFS
// client. Never blocks. The kernel keeps the lists per network namespace: for a tunnel in another
// one pass "/proc/<its pid>/net".
//
// Limit: a client leaves both lists before it sends its last DESTROY_SESSION, so the tunnel must
// also live while the kernel's connection to it is open.
Result<bool> kernelUsesTunnelPort(int port, const std::string& proc_net = "/proc/self/net");

// The parser of /proc/net/nfsfs/servers and volumes: does a line name 127.0.0.1 with this port?
bool listsTunnelPort(std::string_view nfsfs, int port);
// The parser of /proc/net/nfsfs/volumes for one superblock, mounted anywhere or not: the port of
// its server if that is 127.0.0.1.
std::optional<int> tunnelPortOfDevice(std::string_view volumes, dev_t device);
// The same parser: is the superblock one of this list's network namespace, whoever its server is?
bool listsDevice(std::string_view volumes, dev_t device);
// False only where the list was read and does not name the superblock: the mount is another network
// namespace's, whose loopback is not ours, whatever port it shows.
bool mayBeOfNetwork(std::string_view volumes, dev_t device);
// Those of the network namespace with these volumes; all of them where it has none.
std::vector<const MountEntry*> ofNetwork(std::vector<const MountEntry*> entries,
                                         std::string_view volumes);
// <proc_net>/nfsfs/volumes, read until it is read twice alike: the kernel walks its list anew for
// each page.
Result<std::string> readVolumes(const std::string& proc_net);

}  // namespace efs::mounts

// OwnClientIdentifier: makes the next NFS mount a client of its own in the server's eyes.
//
// The kernel merges NFSv4.1 mounts whose servers present the same owner to the same client
// (trunking, RFC 8881 section 2.10.5), whatever their ports: a second mount of one file system
// would run through the first one's tunnel, with its identity. The name under which the client
// presents itself contains /sys/fs/nfs/net/nfs_client/identifier; with another one nothing is
// merged.
//
// Merging first and undoing it afterwards is no way: of eight mounts made at once, one in a hundred
// stayed merged whatever it was called later (Linux 6.1).
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/base/file_lock.h"
#include "efs/base/result.h"

namespace efs::mounts {

inline constexpr const char* kClientIdentifierPath = "/sys/fs/nfs/net/nfs_client/identifier";
// Of every identifier that we set.
inline const std::string kClientIdentifierPrefix = "efsmount-";

// One that nothing else on this host has.
std::string randomClientIdentifier();

class OwnClientIdentifier {
 public:
  // Takes the lock (all of ours that change the value take it) and writes the identifier (at most
  // 63 bytes). kUnsupported where the kernel has no such file (before 5.15, or sysfs of another
  // network namespace). kBusy when a mount of another process takes too long.
  static Result<OwnClientIdentifier> set(const std::string& lock_path, const Clock& clock,
                                         const std::string& identifier,
                                         const std::string& path = kClientIdentifierPath);
  OwnClientIdentifier(OwnClientIdentifier&& other) noexcept;
  OwnClientIdentifier& operator=(OwnClientIdentifier&&) = delete;
  // Puts the former value back, then lets go of the lock.
  ~OwnClientIdentifier();

 private:
  OwnClientIdentifier(FileLock lock, std::string path, std::string before)
      : lock_(std::move(lock)), path_(std::move(path)), before_(std::move(before)) {}
  FileLock lock_;
  std::string path_;  // empty once moved from
  std::string before_;
};

}  // namespace efs::mounts

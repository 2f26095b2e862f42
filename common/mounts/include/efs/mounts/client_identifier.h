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
//
// The other danger is a name that another host has as well: the server takes both for one client,
// which restarted. Each throws away the other's state in turns, and both hold the same locks.
#pragma once

#include <functional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/file_lock.h"
#include "efs/base/result.h"
#include "efs/mounts/host_identity.h"
#include "efs/mounts/identifier_journal.h"
#include "efs/mounts/kernel_identifier.h"

namespace efs::mounts {

// Of every identifier that we set.
inline const std::string kClientIdentifierPrefix = "efsmount-";
// Each of many first mounts holds the lock for as long as its mount takes, and none longer than
// this: a server that is silent for one of them must not make those of others fail.
inline constexpr Duration kIdentifierHold{60000};
// For whoever waits: one that hangs, and many that do not, go before.
inline constexpr Duration kIdentifierPatience{120000};
static_assert(kIdentifierHold < kIdentifierPatience,
              "one mount that hangs would make all that wait fail");

// One that nothing else has.
std::string randomClientIdentifier();

// The same one for the same mount on the same host each time: after a reboot the server knows its
// client again and lets go of the locks that it held. `mount`: what tells this mount from others of
// the host. `uniquifier`: what the administrator chose for this host's NFS client, empty if
// nothing.
std::string clientIdentifier(const HostIdentity& host, const std::string& uniquifier,
                             const std::string& mount);
// client_identifier = classic: without anything of the host.
std::string classicClientIdentifier(const std::string& mount);

// The kernel's file, opened under the lock; another one in tests.
using KernelOpener = std::function<Result<KernelIdentifier>()>;

class OwnClientIdentifier {
 public:
  // The identifier to set (at most 63 bytes), given what the administrator chose for the host.
  using Namer = std::function<std::string(const std::string& uniquifier)>;

  // Takes the lock (all of ours that change the value take it) and writes the identifier, for the
  // calling thread's network namespace. kUnsupported where the kernel has no such file. kBusy when
  // mounts of other processes take longer than `patience`.
  static Result<OwnClientIdentifier> set(const std::string& lock_path, const Clock& clock,
                                         Duration patience, const Namer& namer,
                                         const KernelOpener& open = KernelIdentifier::open);
  OwnClientIdentifier(OwnClientIdentifier&& other) noexcept;
  OwnClientIdentifier& operator=(OwnClientIdentifier&&) = delete;
  // Puts the former value back, then lets go of the lock.
  ~OwnClientIdentifier();

 private:
  OwnClientIdentifier(FileLock lock, KernelIdentifier kernel, IdentifierJournal journal,
                      std::string former)
      : lock_(std::move(lock)),
        kernel_(std::move(kernel)),
        journal_(std::move(journal)),
        former_(std::move(former)) {}
  FileLock lock_;
  KernelIdentifier kernel_;
  IdentifierJournal journal_;
  std::string former_;
  bool owned_ = true;  // false once moved from
};

// Puts the former value back where a process of ours was killed before it could; nothing happens
// while somebody holds the lock (its end is seen in the directory of the lock: the file is closed).
// True: there was something to do.
Result<bool> restoreClientIdentifier(const std::string& lock_path,
                                     const KernelOpener& open = KernelIdentifier::open);

}  // namespace efs::mounts

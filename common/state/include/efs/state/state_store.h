// StateStore: the state directory (/var/run/efs), the names of a mount's files and how they are
// read, written and removed: the only code that knows the layout. Who holds only the path of a
// tunnel's configuration asks nameOfTunnelConfig() (mount_paths.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/state/mount_paths.h"
#include "efs/state/mount_state.h"
#include "efs/state/state_files.h"

namespace efs::state {

inline constexpr const char* kStateDirectory = "/var/run/efs";

// What a mount needs beside its state file.
struct MountFiles {
  std::string tunnel_config;
  std::optional<std::string> certificate = {};  // PEM; with TLS
  mode_t certificate_mode = 0600;
};

// Every function that takes a name answers kInvalidInput to what is no mount name (parseMountName).

class StateStore {
 public:
  // `files` outlives it; others than the system's in the watchdog's simulation.
  explicit StateStore(std::string directory, StateFiles& files = systemFiles())
      : directory_(std::move(directory)), files_(&files) {}

  const std::string& directory() const { return directory_; }
  MountPaths paths(const std::string& name) const;
  StateLocks locks() const;
  // Of the watchdog that owns this directory.
  std::string watchdogSocket() const { return directory_ + "/watchdog.sock"; }

  // Creates the directory with exactly `mode` if it is missing.
  Status create(mode_t mode) const;
  // Names of finished state files (regular files with a mount name), sorted; none when the
  // directory is missing.
  Result<std::vector<std::string>> mountNames() const;
  // Names of "~fs-..." files, without the tilde.
  Result<std::vector<std::string>> pendingNames() const;
  // True when any name in the directory ends in ".<port>" (contract NFS-9, ST-2).
  bool portReserved(int port) const;

  Result<MountState> read(const std::string& name) const;
  Result<MountState> readPending(const std::string& name) const;
  // What was written last, for the day on which the state file is damaged or gone: nothing else
  // tells where a mount's credentials come from.
  Result<MountState> readCopy(const std::string& name) const;
  // Atomic (ST-9), mode 0600. Where the mount has a secret directory a copy goes there; that this
  // failed is no failure.
  Status write(const std::string& name, const MountState& state) const;
  Status writePending(const std::string& name, const MountState& state) const;
  // The files beside the state, each replaced as a whole; the tunnel's configuration last, because
  // with it a mount begins to exist for a watchdog that has lost its state.
  Status writeFiles(const std::string& name, const MountFiles& files) const;
  // The sign of life of the helper whose mount is under way: a lock on the mount's tunnel
  // configuration, which the kernel drops when the helper dies, whatever pid namespace it is in.
  // Taken before writePending(), kept until the program ends.
  Result<UniqueFd> holdPending(const std::string& name) const;
  // nullopt: cannot be known. False also where the helper is of a product that takes no such lock.
  std::optional<bool> pendingHeld(const std::string& name) const;
  // "~name" becomes "name".
  Status publish(const std::string& name) const;
  // Everything of this mount: tunnel config, counters, secret directory, pending state, `files`,
  // and the state file last. Goes on after a failure and reports the first one. Nothing outside the
  // directory and nothing of another mount is touched, whatever `files` and `mount_state_dir` say;
  // no link is followed and no mount crossed. kBusy: something is mounted there, which is left
  // alone; the state file stays, so that the clean-up is repeated. `state` may be null.
  Status removeMount(const std::string& name, const MountState* state) const;

 private:
  bool isFileOf(const std::string& name, const std::string& path) const;
  Result<std::vector<std::string>> namesWithPrefix(const std::string& prefix) const;
  Result<MountState> readFrom(const std::string& path, const std::string& name) const;
  Status writeTwice(const std::string& path, const std::string& copy,
                    const MountState& state) const;
  std::string directory_;
  StateFiles* files_;
};

}  // namespace efs::state

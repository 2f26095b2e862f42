// What the doctor is to look at: the words of the command line -> what a mount would be asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/fstab.h"
#include "efs/base/result.h"
#include "efs/state/mount_state.h"

namespace efs::efsctl {

struct DoctorTarget {
  std::string name;  // as the user would call it
  std::string device;
  std::string mountpoint;  // empty: none was named
  std::string options;
  std::string from;  // where these words come from: "line 3 of /etc/fstab"
  FileSystemKind kind = FileSystemKind::kEfs;
};

struct DoctorWords {
  bool all = false;                            // -a
  std::optional<std::string> options;          // -o
  std::vector<std::string> names;              // none: only the host
  FileSystemKind kind = FileSystemKind::kEfs;  // -t
};

// What this host has of mounts: state files and lines of fstab.
struct KnownMounts {
  std::vector<state::MountState> states;
  std::vector<FstabLine> lines;
};

// kInvalidInput or kNotFound: the words name nothing that can be looked at.
Result<std::vector<DoctorTarget>> doctorTargets(const DoctorWords& words, const KnownMounts& known);

}  // namespace efs::efsctl

// efsctl doctor: what keeps a mount from being made, or from being well, step by step. It mounts
// nothing, touches no mount, and ends within ten seconds whatever is silent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/file_system_kind.h"
#include "efs/base/result.h"
#include "efs/state/state_store.h"

namespace efs::efsctl {

// Of all checks together.
inline constexpr Duration kDoctorLimit{9000};

struct DoctorOptions {
  bool help = false;
  bool json = false;
  bool all = false;                            // -a
  std::optional<std::string> options;          // -o
  FileSystemKind kind = FileSystemKind::kEfs;  // -t, of what neither fstab nor a state knows
  std::vector<std::string> names;
  std::string bundle;  // path of the archive; empty: none
  std::string state_dir = state::kStateDirectory;
  std::string fstab = "/etc/fstab";
};
// Words after "doctor". kInvalidInput for an unknown option or too many names.
Result<DoctorOptions> parseDoctorOptions(const std::vector<std::string>& words);

std::string doctorHelp();
// The subcommand: its words, its exit code.
int runDoctor(const std::vector<std::string>& words);

}  // namespace efs::efsctl

// What the doctor looks at on every host, whatever is to be mounted.
#pragma once

#include <string>
#include <vector>

#include "doctor/check_runner.h"
#include "efs/settings/settings.h"

namespace efs::efsctl {

struct DoctorWorld {
  const Clock& clock;
  std::string state_dir;
  std::string fstab;                            // path
  std::string work_dir;                         // for what the checks write; the doctor removes it
  Result<settings::Settings> settings;          // of EFS, and of the watchdog
  Result<settings::Settings> s3files_settings;  // of S3 Files

  const Result<settings::Settings>& settingsOf(FileSystemKind kind) const {
    return kind == FileSystemKind::kEfs ? settings : s3files_settings;
  }
};

std::vector<Check> hostChecks(const DoctorWorld& world);

}  // namespace efs::efsctl

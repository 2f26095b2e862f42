// efsctl config: the configuration as the programs read it. README.md of this folder holds the
// JSON.
#pragma once

#include <string>
#include <vector>

#include "efs/settings/settings.h"

namespace efs::efsctl {

struct ConfigOptions {
  bool help = false;
  bool json = false;
  FileSystemKind kind = FileSystemKind::kEfs;  // -t
  std::string config;                          // empty: the installed one of this kind
};

std::string configHelp();
// Words after "config"; the exit code (efsctl.h). Needs no root.
int runConfig(const std::vector<std::string>& words);

}  // namespace efs::efsctl

// The command line of umount.efs and umount.s3files, as umount(8) of util-linux calls it and as
// people do.
#pragma once

#include <string>
#include <vector>

#include "efs/base/file_system_kind.h"
#include "efs/base/result.h"

namespace efs::mount_helper {

struct UmountCommand {
  enum class Action { kUnmount, kHelp, kVersion };
  Action action = Action::kUnmount;
  std::string program;
  std::string target;           // mount point
  bool force = false;           // -f
  bool lazy = false;            // -l
  bool keep_table = false;      // -n: utab is left alone
  bool read_only = false;       // -r: a busy mount is remounted read-only instead
  bool verbose = false;         // -v
  std::string mount_namespace;  // -N: path or process id; empty = our own
};

// Options may stand anywhere and together (-fl); -t <type>, which umount(8) adds, is ignored. Help
// wins over version, both over everything else. kInvalidInput: no mount point, or more than one, or
// an unknown option.
Result<UmountCommand> parseUmountCommand(const std::vector<std::string>& argv);

// "umount.efs" or "umount.s3files", for messages: by the name it was called by.
std::string umountName(const std::string& program);
std::string umountUsage(const std::string& program);

}  // namespace efs::mount_helper

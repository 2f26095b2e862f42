// The command line of mount.efs and mount.s3files (contract section 1) and of the mount(8) that
// calls it.
#pragma once

#include <string>
#include <vector>

#include "efs/base/file_system_kind.h"
#include "efs/base/result.h"

namespace efs::mount_helper {

struct CommandLine {
  enum class Action { kMount, kHelp, kVersion };
  Action action = Action::kMount;
  std::string program;                         // argv[0] as given, for usage and version lines
  FileSystemKind kind = FileSystemKind::kEfs;  // by the name of the program
  std::string device;                          // argv[1]
  std::string mountpoint;                      // argv[2]
  std::string options;                         // word after the first -o; empty without one
  bool fake = false;                           // -f: every check, no mount (CLI-4)
  std::string mount_namespace;                 // -N, as mount(8) hands it over; empty = our own
  bool verbose = false;  // -v: with -f, and only then, tells each check (CLI-8)
};

// Help wins over version, both over everything else (CLI-5). kInvalidInput when device or mount
// point is missing (CLI-6). Unknown words are ignored as mount(8) demands (CLI-8).
Result<CommandLine> parseCommandLine(const std::vector<std::string>& argv);

// "mount.efs", for messages.
std::string helperName(FileSystemKind kind);
// For whoever left a word out.
std::string usageText(const std::string& program);
// "<program> Version: <efs-utils version whose contract we keep> (efsmount <our version>)".
std::string versionText(const std::string& program);

}  // namespace efs::mount_helper

#include "request/command_line.h"

#include <fmt/core.h>

#include <algorithm>

#include "efs/base/version.h"
#include "request/option_table.h"

namespace efs::mount_helper {
namespace {

bool contains(const std::vector<std::string>& argv, std::string_view word) {
  return std::find(argv.begin() + 1, argv.end(), word) != argv.end();
}

std::string helpLine(const OptionRow& row) {
  std::string line = fmt::format("  {:<28}{}", optionSyntax(row), row.help);
  if (row.about == FileSystemKind::kS3Files) line += ", for s3files";
  if (!row.needs.name.empty()) line.append("; needs ").append(row.needs.name);
  if (!row.excludes.name.empty()) line.append("; not with ").append(row.excludes.name);
  return line + "\n";
}

}  // namespace

Result<CommandLine> parseCommandLine(const std::vector<std::string>& argv) {
  CommandLine command;
  command.program = argv.empty() ? "mount.efs" : argv[0];
  if (argv.size() > 1) {
    if (contains(argv, "-h") || contains(argv, "--help")) {
      command.action = CommandLine::Action::kHelp;
      return command;
    }
    if (contains(argv, "--version")) {
      command.action = CommandLine::Action::kVersion;
      return command;
    }
  }
  if (argv.size() < 3) {
    return Error(ErrorKind::kInvalidInput, argv.size() < 2
                                               ? "file system and mount point are missing"
                                               : "mount point is missing");
  }
  command.device = argv[1];
  command.mountpoint = argv[2];
  command.fake = std::find(argv.begin() + 3, argv.end(), "-f") != argv.end();
  command.verbose = std::find(argv.begin() + 3, argv.end(), "-v") != argv.end();
  // CLI-3: only the first -o counts, and only with a word after it.
  const auto flag = std::find(argv.begin() + 3, argv.end(), "-o");
  if (flag != argv.end() && flag + 1 != argv.end()) command.options = *(flag + 1);
  return command;
}

std::string usageText(const std::string& program) {
  return "usage: " + program +
         " <file system> <mount point> [-o <options>] [-f [-v]]\n"
         "       " +
         program +
         " --version | -h | --help\n"
         "\n"
         "Mounts an Amazon EFS file system; normally called by mount(8) as `mount -t efs`.\n"
         "\n"
         "  <file system>   fs-0123456789abcdef0[:/path], or its DNS name\n"
         "  <mount point>   an existing directory\n"
         "  -o <options>    comma-separated: those of efs, which --help lists, and all of "
         "mount(8) and nfs(5)\n"
         "  -f              check everything, but do not mount\n"
         "  -v              with -f: tell the plan, and each check with its result\n";
}

std::string helpText(const std::string& program) {
  std::string served;
  std::string refused;
  for (const OptionRow& row : optionTable()) {
    (row.service == Service::kRefused ? refused : served) += helpLine(row);
  }
  return usageText(program) + "\nOptions of efs:\n" + served + "\nRefused by this version:\n" +
         refused;
}

std::string versionText(const std::string& program) { return versionLine(program); }

}  // namespace efs::mount_helper

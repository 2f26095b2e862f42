#include "request/command_line.h"

#include <algorithm>

#include "efs/base/text.h"
#include "efs/base/version.h"

namespace efs::mount_helper {
namespace {

bool contains(const std::vector<std::string>& argv, std::string_view word) {
  return std::find(argv.begin() + 1, argv.end(), word) != argv.end();
}

Error misused(std::string message, std::string_view hint) {
  return Error(ErrorKind::kInvalidInput, std::move(message)).addHint(hint);
}

// Words after device and mount point. What mount(8) adds of its own and nothing depends on (-n, -s,
// -v, -r, -w) passes; options that would be lost are an error: a mount without `tls` that was asked
// for is worse than none.
Status readFlags(const std::vector<std::string>& words, CommandLine& command) {
  bool options_seen = false;
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (*word == "-f") command.fake = true;
    if (*word == "-v") command.verbose = true;
    const bool has_next = word + 1 != words.end();
    if ((*word == "-N" || *word == "-t") && has_next) {
      if (*word++ == "-N") command.mount_namespace = *word;  // its value may look like anything
    } else if (*word == "-o") {
      // CLI-3
      if (options_seen) {
        return misused("a second -o", "write all options behind one -o, with commas between them");
      }
      options_seen = true;
      if (has_next) command.options = *++word;
    } else if (word->starts_with("-o") || word->starts_with("--option")) {
      return misused("\"" + printable(*word, 60) + "\" is not understood",
                     "write -o, a blank, and the options with commas between them");
    }
  }
  return {};
}

}  // namespace

Result<CommandLine> parseCommandLine(const std::vector<std::string>& argv) {
  CommandLine command;
  command.program = argv.empty() ? helperName(command.kind) : argv[0];
  command.kind = kindOfHelper(command.program);
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
  EFS_CHECK(readFlags({argv.begin() + 3, argv.end()}, command));
  return command;
}

std::string helperName(FileSystemKind kind) { return "mount." + std::string(factsOf(kind).type); }

std::string usageText(const std::string& program) {
  const KindFacts& facts = factsOf(kindOfHelper(program));
  const std::string type(facts.type);
  return "usage: " + program +
         " <file system> <mount point> [-o <options>] [-f [-v]]\n"
         "       " +
         program +
         " --version | -h | --help\n"
         "\n"
         "Mounts an Amazon " +
         std::string(facts.product) + " file system; normally called by mount(8) as `mount -t " +
         type +
         "`.\n"
         "\n"
         "  <file system>   fs-0123456789abcdef0[:/path], or its DNS name\n"
         "  <mount point>   an existing directory\n"
         "  -o <options>    comma-separated: those of " +
         type +
         ", which --help lists, and all of "
         "mount(8) and nfs(5)\n"
         "  -f              check everything, but do not mount\n"
         "  -v              with -f: tell the plan, and each check with its result\n";
}

std::string versionText(const std::string& program) { return versionLine(program); }

}  // namespace efs::mount_helper

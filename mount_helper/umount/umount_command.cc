#include "umount/umount_command.h"

#include <algorithm>

#include "efs/base/text.h"

namespace efs::mount_helper {
namespace {

Error invalid(const std::string& why) { return {ErrorKind::kInvalidInput, why}; }

bool setFlag(UmountCommand& command, char letter) {
  switch (letter) {
    case 'f':
      return command.force = true;
    case 'l':
      return command.lazy = true;
    case 'n':
      return command.keep_table = true;
    case 'r':
      return command.read_only = true;
    case 'v':
      return command.verbose = true;
    default:
      return false;
  }
}

bool takesValue(char letter) { return letter == 'N' || letter == 't'; }

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& words) : words_(words) {}

  Result<UmountCommand> run() {
    bool options_end = false;
    for (at_ = 1; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      if (options_end || word.empty() || word.front() != '-' || word == "-") {
        EFS_CHECK(takeTarget(word));
      } else if (word == "--") {
        options_end = true;
      } else {
        EFS_CHECK(takeLetters(word));
      }
    }
    if (command_.target.empty()) return invalid("mount point is missing");
    return command_;
  }

 private:
  Status takeTarget(const std::string& word) {
    if (word.empty()) return invalid("the mount point is empty");
    if (!command_.target.empty()) return invalid("more than one mount point");
    command_.target = word;
    return {};
  }

  Status takeLetters(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      if (takesValue(word[i])) return takeValue(word[i], word.substr(i + 1));
      if (!setFlag(command_, word[i])) return invalid("unknown option " + printable(word));
    }
    return {};
  }

  Status takeValue(char letter, std::string value) {
    if (value.empty() && ++at_ < words_.size()) value = words_[at_];
    if (value.empty()) return invalid(std::string("option -") + letter + " needs a value");
    if (letter == 'N') command_.mount_namespace = std::move(value);
    return {};
  }

  const std::vector<std::string>& words_;
  std::size_t at_ = 1;
  UmountCommand command_;
};

}  // namespace

Result<UmountCommand> parseUmountCommand(const std::vector<std::string>& argv) {
  const auto asks = [&argv](std::string_view word) {
    return std::find(argv.begin(), argv.end(), word) != argv.end();
  };
  UmountCommand command;
  command.program = argv.empty() ? umountName("") : argv[0];
  if (asks("-h") || asks("--help")) {
    command.action = UmountCommand::Action::kHelp;
    return command;
  }
  if (asks("-V") || asks("--version")) {
    command.action = UmountCommand::Action::kVersion;
    return command;
  }
  EFS_TRY(parsed, Parser(argv).run());
  parsed.program = command.program;
  return parsed;
}

std::string umountName(const std::string& program) {
  return "umount." + std::string(factsOf(kindOfHelper(program)).type);
}

std::string umountUsage(const std::string& program) {
  return "usage: " + program +
         " <mount point> [-f] [-l] [-n] [-r] [-v] [-N <namespace>]\n"
         "       " +
         program +
         " --version | -h | --help\n"
         "\n"
         "Unmounts an Amazon " +
         std::string(factsOf(kindOfHelper(program)).product) +
         " file system and ends its tunnel at once; normally called by\n"
         "umount(8). Plain umount(8) without this program works too, only slower: the watchdog\n"
         "then clears away.\n"
         "\n"
         "  -f              do not wait for a server that is silent: data not yet written is lost\n"
         "  -l              take it out of the tree now; open files work until they are closed\n"
         "  -n              do not touch /run/mount/utab\n"
         "  -r              if it is busy, make it read-only instead\n"
         "  -v              say what is done\n"
         "  -N <namespace>  unmount in this mount namespace (a path or a process id)\n";
}

}  // namespace efs::mount_helper

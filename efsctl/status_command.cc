#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "efs/base/interrupt.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/efsctl/efsctl.h"
#include "efs/efsctl/status.h"
#include "efs/mounts/mount_table.h"

namespace efs::efsctl {
namespace {

constexpr Duration kEachLook{2000};

int fail(const Error& error) {
  std::fprintf(stderr, "efsctl: %s\n", error.describe().c_str());
  return kFailed;
}

// As the table would name it; a file system id stays what it is.
std::string canonicalName(const std::string& only) {
  if (only.empty() || only.compare(0, 3, "fs-") == 0) return only;
  std::error_code failed;
  const std::string here = std::filesystem::current_path(failed);
  return mounts::absolutePath(only, failed ? "/" : here);
}

int showStatus(const StatusOptions& options, const TableLook& look, std::string_view before) {
  const SystemClock clock;
  const auto facts = gatherStatus(options, clock);
  if (!facts) return fail(facts.error());
  StatusReport report = judgeStatus(*facts);
  if (!options.only.empty()) {
    keepOnly(report, canonicalName(options.only));
    if (report.mounts.empty()) {
      return fail({ErrorKind::kNotFound, "no EFS mount is " + printable(options.only)});
    }
  }
  const std::string text = options.json ? statusJson(report) : statusTable(report, look);
  if (!printOut(std::string(before) + text)) return kFailed;
  return report.healthy() ? kHealthy : kDegraded;
}

// Until somebody interrupts it, or it fails; the exit code is that of the last look.
int watchStatus(const StatusOptions& options, const TableLook& look) {
  constexpr std::string_view kClear = "\033[H\033[2J";
  catchInterrupts();
  while (true) {
    const int code = showStatus(options, look, look.colours ? kClear : "");
    if (code == kFailed || !sleepFor(kEachLook)) return code;
  }
}

}  // namespace

std::string statusHelp() {
  return "usage: efsctl status [--json] [-o wide] [-w] [<file system id> | <mount point>]\n"
         "\n"
         "One line per EFS mount of this host. Never touches a mount, so it answers also while "
         "one\n"
         "hangs. Needs root.\n"
         "\n"
         "  -o wide            every column, however long the lines\n"
         "  -w                 again every two seconds, until it is interrupted\n"
         "  --json             for programs; README.md of efsctl explains every key\n"
         "  --state-dir DIR    another state directory than /var/run/efs\n"
         "  --mountinfo FILE   a file instead of the kernel's mount table\n"
         "\n"
         "Exit code: 0 all is well, 1 something is degraded, 2 usage or error.\n";
}

Result<StatusOptions> parseStatusOptions(const std::vector<std::string>& words) {
  StatusOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "-h" || word == "--help") {
      options.help = true;
    } else if (word == "--json") {
      options.json = true;
    } else if (word == "-w") {
      options.watch = true;
    } else if (word == "-o") {
      if (i + 1 == words.size() || words[i + 1] != "wide") {
        return Error(ErrorKind::kInvalidInput, "-o knows one form, wide");
      }
      options.wide = true;
      ++i;
    } else if (word == "--state-dir" || word == "--mountinfo") {
      if (i + 1 == words.size()) return Error(ErrorKind::kInvalidInput, word + " needs a value");
      (word == "--state-dir" ? options.state_dir : options.mountinfo) = words[++i];
    } else if (!word.empty() && word.front() == '-') {
      return Error(ErrorKind::kInvalidInput, "unknown option " + printable(word));
    } else if (word.empty() || !options.only.empty()) {
      return Error(ErrorKind::kInvalidInput, "more than one file system or mount point");
    } else {
      options.only = word;
    }
  }
  return options;
}

int runStatus(const std::vector<std::string>& words) {
  const auto options = parseStatusOptions(words);
  if (!options) {
    (void)fail(options.error());
    std::fputs(statusHelp().c_str(), stderr);
    return kFailed;
  }
  if (options->help) {
    std::fputs(statusHelp().c_str(), stdout);
    return kHealthy;
  }
  if (::geteuid() != 0) {
    return fail({ErrorKind::kPermission, "only root can see the state of the mounts"});
  }
  const TableLook look{options->wide, onTerminal()};
  return options->watch ? watchStatus(*options, look) : showStatus(*options, look, "");
}

}  // namespace efs::efsctl

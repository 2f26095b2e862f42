#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "efs/base/interrupt.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/efsctl/efsctl.h"
#include "efs/efsctl/status.h"
#include "efs/mounts/mount_table.h"
#include "serve/http_message.h"
#include "serve/status_server.h"
#include "top/terminal.h"

namespace efs::efsctl {
namespace {

constexpr Duration kEachLook{2000};

int fail(const Error& error) {
  std::fprintf(stderr, "efsctl: %s\n", error.describe().c_str());
  return kFailed;
}

bool isRoot() { return ::geteuid() == 0; }

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

// Not root: the server of the watchdog may know us (key status_group).
int askForStatus(const StatusOptions& options, const TableLook& look, std::string_view before) {
  constexpr Duration kAnswerPatience{5000};
  std::string target = options.json ? "/status.json?" : "/status?";
  if (look.wide) target += "wide=1&";
  if (look.colours) target += "colours=1&";
  if (!options.only.empty()) target += "only=" + percentEncoded(canonicalName(options.only));
  const auto answer = askStatusServer(options.socket, target, kAnswerPatience);
  if (!answer) {
    Error error(ErrorKind::kPermission, "only root can see the state of the mounts");
    const bool known = answer.error().kind() != ErrorKind::kNotFound;
    if (known) error = Error(answer.error());
    error.addHint("be root, or a member of the group that key status_group names");
    return fail(error);
  }
  if (answer->code != 200) return fail({ErrorKind::kNotFound, std::string(trim(answer->body))});
  return printOut(std::string(before) + answer->body) ? answer->exit_code : kFailed;
}

// Until somebody interrupts it, or it fails; the exit code is that of the last look.
int watchStatus(const StatusOptions& options, const TableLook& look) {
  constexpr std::string_view kClear = "\033[H\033[2J";
  catchInterrupts();
  while (true) {
    const std::string_view before = look.colours ? kClear : "";
    const int code =
        isRoot() ? showStatus(options, look, before) : askForStatus(options, look, before);
    if (code == kFailed || !sleepFor(kEachLook)) return code;
  }
}

}  // namespace

std::string canonicalName(const std::string& only) {
  if (only.empty() || only.starts_with("fs-")) return only;
  std::error_code failed;
  const std::string here = std::filesystem::current_path(failed);
  return mounts::absolutePath(only, failed ? "/" : here);
}

std::string statusHelp() {
  return "usage: efsctl status [--json] [-o wide] [-w] [<file system id> | <mount point>]\n"
         "\n"
         "One line per EFS mount of this host. Never touches a mount, so it answers also while "
         "one\n"
         "hangs. For root, and for the group that key status_group names.\n"
         "\n"
         "  -o wide            every column, however long the lines\n"
         "  -w                 again every two seconds, until it is interrupted\n"
         "  --json             for programs; README.md of efsctl explains every key\n"
         "  --state-dir DIR    another state directory than /var/run/efs\n"
         "  --socket PATH      whom to ask without being root, instead of\n"
         "                     /run/efsmount/status.sock\n"
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
    } else if (word == "--state-dir" || word == "--mountinfo" || word == "--socket") {
      if (i + 1 == words.size()) return Error(ErrorKind::kInvalidInput, word + " needs a value");
      (word == "--state-dir"   ? options.state_dir
       : word == "--mountinfo" ? options.mountinfo
                               : options.socket) = words[++i];
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
  TableLook look{.wide = options->wide, .colours = onTerminal()};
  if (Terminal::present()) look.width = std::min(look.width, Terminal::size().columns);
  if (options->watch) return watchStatus(*options, look);
  return isRoot() ? showStatus(*options, look, "") : askForStatus(*options, look, "");
}

}  // namespace efs::efsctl

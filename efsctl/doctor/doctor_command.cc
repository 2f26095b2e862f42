#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "doctor/bundle.h"
#include "doctor/doctor_words.h"
#include "doctor/host_checks.h"
#include "doctor/target_checks.h"
#include "efs/base/interrupt.h"
#include "efs/base/remove_tree.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "efs/efsctl/doctor.h"
#include "efs/efsctl/efsctl.h"

namespace efs::efsctl {
namespace {

// For each path that is looked at before the checks begin.
constexpr Duration kFileLook{1000};

int fail(const Error& error) {
  std::fprintf(stderr, "efsctl: %s\n", error.describe().c_str());
  return kFailed;
}

// What the checks write is removed with it.
class WorkDirectory {
 public:
  static Result<WorkDirectory> make() {
    std::string path = "/tmp/efsctl-doctor-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return Error::fromErrno(errno, "making " + path);
    return WorkDirectory(std::move(path));
  }
  WorkDirectory(WorkDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkDirectory& operator=(WorkDirectory&&) = delete;
  ~WorkDirectory() {
    if (!path_.empty()) (void)removeTree(path_);
  }
  const std::string& path() const { return path_; }

 private:
  explicit WorkDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// What is silent is not looked at again here: a check of its own tells, in a child.
KnownMounts knownMounts(const DoctorOptions& options) {
  KnownMounts known;
  if (usersPathAnswers(options.state_dir, kFileLook)) {
    const state::StateStore store(options.state_dir);
    const auto names = store.mountNames();
    for (const auto& name : names ? *names : std::vector<std::string>()) {
      if (auto state = store.read(name)) known.states.push_back(std::move(*state));
    }
  }
  const auto text = readUsersFile(options.fstab, kMaxFileSize, kFileLook);
  if (text) known.lines = efsLines(*text);
  return known;
}

Result<settings::Settings> loadSettings(FileSystemKind kind) {
  EFS_CHECK(usersPathAnswers(settings::configPath(kind), kFileLook));
  return settings::Settings::load(kind);
}

// On a terminal each finding as it comes, else all of them in order. nullopt: nobody could be told.
std::optional<DoctorReport> examine(const DoctorOptions& options, const DoctorWorld& world,
                                    const std::vector<DoctorTarget>& targets, MonoTime began) {
  std::vector<Check> checks = hostChecks(world);
  int number = 0;
  for (const auto& target : targets) {
    for (auto& check : targetChecks(world, target, ++number)) checks.push_back(std::move(check));
  }
  const bool live = !options.json && ::isatty(STDOUT_FILENO) != 0;
  const auto show = [](const Finding& finding) {
    (void)printOut(findingText(finding, onTerminal()));
  };
  DoctorReport report;
  report.now = world.clock.now();
  const auto passed = std::chrono::duration_cast<Duration>(world.clock.monotonic() - began);
  report.findings = runChecks(checks, world.clock, kDoctorLimit - passed,
                              live ? std::function<void(const Finding&)>(show) : nullptr);
  report.took = std::chrono::duration_cast<Duration>(world.clock.monotonic() - began);
  if (options.json) {
    return printOut(doctorJson(report)) ? std::optional(report) : std::nullopt;
  }
  std::string text;
  for (const auto& finding : report.findings) {
    if (!live) text += findingText(finding, onTerminal());
  }
  return printOut(text + verdictText(report)) ? std::optional(report) : std::nullopt;
}

}  // namespace

std::string doctorHelp() {
  return "usage: efsctl doctor [--json] [--bundle FILE.tar.gz] [-a | [-t <type>] [-o <options>] "
         "<what>]\n"
         "\n"
         "Looks for what keeps a mount from being made, or from being well; this host alone "
         "without\n"
         "<what>. Mounts nothing, touches no mount, and ends within ten seconds. Needs root.\n"
         "\n"
         "  <what>           a file system (fs-...), an access point in use (fsap-...), a mount\n"
         "                   point, a line of fstab in quotes, or a file system and a mount point\n"
         "  -t TYPE          efs or s3files, where neither fstab nor a mount tells; else efs\n"
         "  -o OPTIONS       as for mount(8); else those of fstab or of the mount, else tls\n"
         "  -a               every mount and every line of fstab\n"
         "  --json           for programs; README.md of efsctl explains every key\n"
         "  --bundle FILE    also an archive for support: logs, states, configuration, no secrets\n"
         "  --state-dir DIR  another state directory than /var/run/efs\n"
         "  --fstab FILE     another file than /etc/fstab\n"
         "\n"
         "Exit code: 0 nothing fails (there may be warnings), 1 something fails, 2 usage or "
         "error.\n";
}

Result<DoctorOptions> parseDoctorOptions(const std::vector<std::string>& words) {
  DoctorOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      options.names.insert(options.names.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                           words.end());
      break;
    }
    const bool has_value = word == "-t" || word == "-o" || word == "--bundle" ||
                           word == "--state-dir" || word == "--fstab";
    if (has_value && i + 1 == words.size()) {
      return Error(ErrorKind::kInvalidInput, word + " needs a value");
    }
    if (word == "-h" || word == "--help") {
      options.help = true;
    } else if (word == "--json") {
      options.json = true;
    } else if (word == "-a") {
      options.all = true;
    } else if (word == "-t") {
      EFS_TRY(kind, parseType(words[++i]));
      options.kind = kind;
    } else if (word == "-o") {
      options.options = words[++i];
    } else if (has_value) {
      std::string& value = word == "--bundle"      ? options.bundle
                           : word == "--state-dir" ? options.state_dir
                                                   : options.fstab;
      value = words[++i];
    } else if (word.starts_with("-") || word.empty()) {
      return Error(ErrorKind::kInvalidInput, "unknown option " + printable(word));
    } else {
      options.names.push_back(word);
    }
  }
  if (options.names.size() > 2 || (options.all && !options.names.empty())) {
    return Error(ErrorKind::kInvalidInput, "more than one thing to look at");
  }
  return options;
}

int runDoctor(const std::vector<std::string>& words) {
  const auto options = parseDoctorOptions(words);
  if (!options) {
    (void)fail(options.error());
    std::fputs(doctorHelp().c_str(), stderr);
    return kFailed;
  }
  if (options->help) {
    std::fputs(doctorHelp().c_str(), stdout);
    return kHealthy;
  }
  if (::geteuid() != 0) return fail({ErrorKind::kPermission, "only root can look everywhere"});
  catchInterrupts();
  const SystemClock clock;
  const MonoTime began = clock.monotonic();
  const auto targets = doctorTargets(
      {options->all, options->options, options->names, options->kind}, knownMounts(*options));
  if (!targets) return fail(targets.error());
  auto work = WorkDirectory::make();
  if (!work) return fail(work.error());
  const DoctorWorld world{clock,
                          options->state_dir,
                          options->fstab,
                          work->path(),
                          loadSettings(FileSystemKind::kEfs),
                          loadSettings(FileSystemKind::kS3Files)};
  const auto report = examine(*options, world, *targets, began);
  if (!report) return kFailed;
  if (!options->bundle.empty()) {
    const auto written = writeBundle(*options, *report, work->path() + "/bundle");
    if (!written) return fail(written.error());
  }
  return worstOf(report->findings) == Verdict::kFail ? kDegraded : kHealthy;
}

}  // namespace efs::efsctl

#include "mount_helper.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "carry_out/helper_log.h"
#include "carry_out/mount_retry.h"
#include "carry_out/report.h"
#include "carry_out/stage_log.h"
#include "carry_out/thorough_check.h"
#include "efs/base/environment.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/output.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "efs/base/version.h"
#include "efs/mounts/mount_namespace.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"
#include "facts/fact_finder.h"
#include "request/command_line.h"
#include "request/help_text.h"
#include "request/mount_request.h"

namespace efs::mount_helper {
namespace {

// EX-1: one line on stderr, the same in the log.
int fail(const CommandLine& command, int code, const std::string& object,
         const std::string& message) {
  const std::string line = object.empty() ? message : object + ": " + message;
  log::error("{}", line);
  say(STDERR_FILENO, helperName(command.kind) + ": " + line + "\n");
  return code;
}

void warn(const CommandLine& command, const Error& error) {
  say(STDERR_FILENO, helperName(command.kind) + ": warning: " + error.describe() + "\n");
}

void openLog(const CommandLine& command, const settings::Settings& settings) {
  // A read-only or full /var/log is no reason not to mount.
  if (auto opened = openHelperLog(settings.log, settings.state_dir_mode); !opened) {
    warn(command, opened.error());
  }
  for (const auto& warning : settings.warnings) log::warning("{}", warning);
}

// mount -N. A tunnel, its state and a watchdog in one namespace for a mount in another would need
// all of them in both; to mount in the wrong one and say 0 is worse than to refuse.
Status checkNamespace(const CommandLine& command) {
  if (command.mount_namespace.empty()) return {};
  EFS_TRY(named, mounts::MountNamespace::open(command.mount_namespace));
  if (named.isOurs()) return {};
  return Error(ErrorKind::kUnsupported,
               "option -N: mounting in another mount namespace is not "
               "served")
      .addHint(
          "mount on the host where the other namespace sees it (mount propagation), or run "
          "mount(8) inside it");
}

int mountCommand(const CommandLine& command) {
  // CLI-7, before the config is read.
  if (::geteuid() != 0) {
    return fail(command, kFatal, "", "only root can run " + helperName(command.kind));
  }
  const SystemClock clock;
  StageLog stages(clock);
  // Before anything of ours looks there: the log goes by a socket of the same directory.
  if (auto there = usersPathAnswers(state::kStateDirectory); !there) {
    return fail(command, kFatal, command.device, there.error().describe());
  }
  auto settings = settings::Settings::load(command.kind);
  if (!settings) return fail(command, kFatal, "", settings.error().describe());
  openLog(command, *settings);
  log::info("version={} efsmount={} options={}", kContractVersion, productVersion(),
            command.options);
  if (auto here = checkNamespace(command); !here) {
    return fail(command, kMountFailed, command.device, here.error().describe());
  }
  // Contract section 10.
  if (saysTrue(environmentVariable("AWS_USE_FIPS_ENDPOINT"))) settings->mount.fips_mode = true;
  auto request = makeMountRequest(command);
  if (!request) {
    MountRequest unknown;
    unknown.kind = command.kind;
    FactFinder facts(unknown, *settings, clock);
    reportToCloudWatch(facts, *settings, "", "Mount failed, " + request.error().describe());
    return fail(command, kFatal, "", request.error().describe());
  }
  stages.end("start");
  const state::StateStore store(state::kStateDirectory);
  const KernelCalls kernel;
  const Outcome outcome = mountWithRetries(*request, {*settings, store, clock, stages, kernel});
  say(STDOUT_FILENO, outcome.out);
  if (!outcome.notice.empty()) {
    log::warning("{}", outcome.notice);
    say(STDERR_FILENO,
        helperName(command.kind) + ": " + request->device.fs_id + ": " + outcome.notice + "\n");
  }
  if (!outcome.err.empty()) return fail(command, outcome.code, request->device.fs_id, outcome.err);
  return outcome.code;
}

}  // namespace

int runMountHelper(const std::vector<std::string>& argv) {
  // What this program and its tunnel create is decided by explicit modes, never by the caller's
  // mask.
  ::umask(022);
  catchInterrupts();
  auto command = parseCommandLine(argv);
  if (!command) {
    const std::string program = argv.empty() ? helperName(FileSystemKind::kEfs) : argv[0];
    std::fprintf(stderr, "%s: %s\n%s", helperName(kindOfHelper(program)).c_str(),
                 command.error().describe().c_str(), usageText(program).c_str());
    return kFatal;
  }
  switch (command->action) {
    case CommandLine::Action::kHelp:
      std::fputs(helpText(command->program).c_str(), stdout);
      return 0;
    case CommandLine::Action::kVersion:
      std::fputs(versionText(command->program).c_str(), stdout);
      return 0;
    case CommandLine::Action::kMount:
      int code = mountCommand(*command);
      if (command->fake && command->verbose && ::geteuid() == 0) {
        const int thorough = checkThoroughly(*command);
        if (code == 0) code = thorough;
      }
      if (auto written = log::finish(log::kFinishPatience); !written)
        warn(*command, written.error());
      return code;
  }
  return kFatal;
}

}  // namespace efs::mount_helper

// umount.efs as a function: arguments, rights, log, exit code.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "carry_out/helper_log.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/output.h"
#include "efs/base/users_file.h"
#include "efs/settings/settings.h"
#include "request/command_line.h"
#include "umount/umount_session.h"

namespace efs::mount_helper {
namespace {

constexpr int kUsage = 1;
constexpr Duration kStateLook{5000};

// Neither a broken configuration nor a full disk is a reason to stay mounted.
void openLog(FileSystemKind kind) {
  const auto settings = settings::Settings::load(kind);
  const settings::Settings used = settings ? *settings : settings::Settings();
  (void)openHelperLog(used.log, used.state_dir_mode);
}

int unmountCommand(const UmountCommand& command) {
  if (::geteuid() != 0) {
    const std::string self = umountName(command.program);
    std::fprintf(stderr, "%s: only root can run %s\n", self.c_str(), self.c_str());
    return kUsage;
  }
  // It unmounts also while the state directory is silent; the watchdog clears away later.
  const Status there = usersPathAnswers(state::kStateDirectory, kStateLook);
  if (interrupted() != 0) return kUnmountFailed;
  if (there) openLog(kindOfHelper(command.program));
  const SystemClock clock;
  const state::StateStore store(state::kStateDirectory);
  const Outcome outcome = unmountEfs(command, {store, clock, there.has_value()});
  say(STDOUT_FILENO, outcome.out);
  if (!outcome.err.empty()) {
    log::error("{}", outcome.err);
    say(STDERR_FILENO, umountName(command.program) + ": " + outcome.err + "\n");
  }
  (void)log::finish(log::kFinishPatience);
  return outcome.code;
}

}  // namespace

int runUmountHelper(const std::vector<std::string>& argv) {
  // Ours, not the caller's: files of the state directory have fixed modes.
  ::umask(022);
  catchInterrupts();
  const auto command = parseUmountCommand(argv);
  if (!command) {
    const std::string program = argv.empty() ? umountName("") : argv[0];
    std::fprintf(stderr, "%s: %s\n%s", umountName(program).c_str(),
                 command.error().describe().c_str(), umountUsage(program).c_str());
    return kUsage;
  }
  switch (command->action) {
    case UmountCommand::Action::kHelp:
      std::fputs(umountUsage(command->program).c_str(), stdout);
      return 0;
    case UmountCommand::Action::kVersion:
      std::fputs(versionText(command->program).c_str(), stdout);
      return 0;
    case UmountCommand::Action::kUnmount:
      return unmountCommand(*command);
  }
  return kUsage;
}

}  // namespace efs::mount_helper

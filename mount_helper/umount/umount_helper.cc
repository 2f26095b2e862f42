// umount.efs as a function: arguments, rights, log, exit code.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/output.h"
#include "efs/settings/settings.h"
#include "request/command_line.h"
#include "umount/umount_session.h"

namespace efs::mount_helper {
namespace {

constexpr int kUsage = 1;
constexpr const char* kLogFile = "/var/log/amazon/efs/mount.log";

// Neither a broken configuration nor a full disk is a reason to stay mounted.
void openLog() {
  const auto settings = settings::Settings::load();
  const mode_t mode = settings ? settings->state_dir_mode : settings::Settings().state_dir_mode;
  log::Config config;
  config.path = kLogFile;
  if (settings) {
    config.level = settings->log.level;
    config.max_bytes = settings->log.max_bytes;
    config.file_count = settings->log.file_count;
    config.writer = settings->log.writer;
  }
  config.state_dir = state::kStateDirectory;
  (void)makeDirectories(config.state_dir, mode);
  (void)log::open(config);
}

int unmountCommand(const UmountCommand& command) {
  if (::geteuid() != 0) {
    std::fputs("umount.efs: only root can run umount.efs\n", stderr);
    return kUsage;
  }
  openLog();
  const SystemClock clock;
  const state::StateStore store(state::kStateDirectory);
  const Outcome outcome = unmountEfs(command, {store, clock});
  say(STDOUT_FILENO, outcome.out);
  if (!outcome.err.empty()) {
    log::error("{}", outcome.err);
    say(STDERR_FILENO, "umount.efs: " + outcome.err + "\n");
  }
  (void)log::finish(log::kFinishPatience);
  return outcome.code;
}

}  // namespace

int runUmountHelper(const std::vector<std::string>& argv) {
  ::umask(022);
  catchInterrupts();
  const auto command = parseUmountCommand(argv);
  if (!command) {
    std::fprintf(stderr, "umount.efs: %s\n%s", command.error().describe().c_str(),
                 umountUsage(argv.empty() ? "umount.efs" : argv[0]).c_str());
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

// umount.efs as a function: arguments, rights, log, exit code.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/mount_helper/command_line.h"
#include "efs/mount_helper/umount_session.h"
#include "efs/settings/settings.h"

namespace efs::mount_helper {
namespace {

constexpr int kUsage = 1;
constexpr const char* kLogFile = "/var/log/amazon/efs/mount.log";

// Neither a broken configuration nor a full disk is a reason to stay mounted.
void openLog() {
  const auto settings = settings::Settings::load();
  log::Config config;
  config.path = kLogFile;
  if (settings) {
    config.level = settings->log.level;
    config.max_bytes = settings->log.max_bytes;
    config.file_count = settings->log.file_count;
  }
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
  std::fputs(outcome.out.c_str(), stdout);
  if (!outcome.err.empty()) {
    log::error("{}", outcome.err);
    std::fprintf(stderr, "umount.efs: %s\n", outcome.err.c_str());
  }
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

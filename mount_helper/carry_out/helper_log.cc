#include "carry_out/helper_log.h"

#include <string>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/state/state_store.h"

namespace efs::mount_helper {

Status openHelperLog(const settings::LogSettings& settings, mode_t state_dir_mode) {
  log::Config config;
  config.path = std::string(log::kDirectory) + "/mount.log";
  config.level = settings.level;
  config.max_bytes = settings.max_bytes;
  config.file_count = settings.file_count;
  config.writer = settings.writer;
  config.state_dir = state::kStateDirectory;
  // The writer listens there; whoever cannot make it is told so by the mount.
  (void)makeDirectories(config.state_dir, state_dir_mode);
  return log::open(config);
}

}  // namespace efs::mount_helper

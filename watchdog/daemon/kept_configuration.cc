#include "daemon/kept_configuration.h"

#include <sys/stat.h>

#include "efs/base/file_system_kind.h"
#include "efs/base/files.h"
#include "efs/base/log.h"

namespace efs::watchdog {
namespace {

// 0: there is none.
mode_t modeOf(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode : 0;
}

// Nobody may read the copy who may not read the file.
mode_t modeOfCopy(const std::string& path) { return modeOf(path) & 0644U; }

}  // namespace

void keepConfiguration(const std::string& directory, const std::string& kept) {
  if (!S_ISDIR(modeOf(kept))) return;
  for (const KindFacts& facts : kFileSystemKinds) {
    const std::string name = "/" + std::string(facts.config);
    const auto text = readFile(directory + name);
    // An empty one is about to be written: its writer's next event comes.
    if (!text || text->empty()) continue;
    const mode_t mode = modeOfCopy(directory + name);
    const bool same = readFile(kept + name).value_or("") == *text;
    if (same && (modeOf(kept + name) & 07777U) == mode) continue;
    const auto written = writeFileAtomic(kept + name, *text, {.mode = mode, .durable = true});
    if (!written) log::warning("no copy of the configuration: {}", written.error().describe());
  }
}

}  // namespace efs::watchdog

#include "daemon/kept_configuration.h"

#include <sys/stat.h>

#include "efs/base/file_system_kind.h"
#include "efs/base/files.h"
#include "efs/base/log.h"

namespace efs::watchdog {
namespace {

bool isDirectory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

void keepConfiguration(const std::string& directory, const std::string& kept) {
  if (!isDirectory(kept)) return;
  for (const KindFacts& facts : kFileSystemKinds) {
    const std::string name = "/" + std::string(facts.config);
    const auto text = readFile(directory + name);
    // An empty one is about to be written: its writer's next event comes.
    if (!text || text->empty() || readFile(kept + name).value_or("") == *text) continue;
    const auto written = writeFileAtomic(kept + name, *text, {.mode = 0644, .durable = true});
    if (!written) log::warning("no copy of the configuration: {}", written.error().describe());
  }
}

}  // namespace efs::watchdog

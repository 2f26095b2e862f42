#include "carry_out/local_cache.h"

#include <algorithm>

#include "efs/base/files.h"

namespace efs::mount_helper {
namespace {

// Since Linux 5.17 the kernel lists its caches below two lines of headings; before that only the
// daemon's pid file tells.
bool cacheIsThere(const std::string& proc, const std::string& run) {
  constexpr std::ptrdiff_t kHeadings = 2;
  const auto caches = readFile(proc + "/fs/fscache/caches");
  if (caches) return std::count(caches->begin(), caches->end(), '\n') > kHeadings;
  return fileExists(run + "/cachefilesd.pid");
}

}  // namespace

std::string missingCacheNotice(const mounts::OptionList& options, const std::string& proc,
                               const std::string& run) {
  if (!options.has("fsc") || cacheIsThere(proc, run)) return "";
  return "mount option fsc has no effect: this host has no active cache (install cachefilesd, "
         "start "
         "it, and mount again)";
}

}  // namespace efs::mount_helper

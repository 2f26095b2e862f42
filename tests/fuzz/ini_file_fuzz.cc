// Any bytes as efs-utils.conf: parsing, looking up and typing never crash, and what an accepted
// file holds is bounded by its size.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/settings/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto ini = efs::settings::IniFile::parse(text, "fuzz");
  if (!ini) return 0;
  for (const auto& section : ini->sections()) {
    if (!ini->hasSection(section)) std::abort();
    for (const char* key : {"k", "region", "logging_level"}) (void)ini->find(section, key);
  }
  const auto settings = efs::settings::Settings::fromIni(*ini);
  if (settings && settings->mount.retry_nfs_mount_count < 1) std::abort();
  return 0;
}

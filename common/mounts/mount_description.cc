#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <utility>

#include "efs/mounts/detached_mount.h"

namespace efs::mounts {
namespace {

using Parameter = MountDescription::Parameter;

// include/uapi/linux/mount.h; glibc has these names only since 2.36.
constexpr unsigned kAttrReadOnly = 0x1;
constexpr unsigned kAttrNoSuid = 0x2;
constexpr unsigned kAttrNoDev = 0x4;
constexpr unsigned kAttrNoExec = 0x8;
constexpr unsigned kAttrNoAtime = 0x10;
constexpr unsigned kAttrStrictAtime = 0x20;
constexpr unsigned kAttrNoDirAtime = 0x80;
constexpr unsigned kAttrNoSymFollow = 0x200000;  // since 5.14

constexpr unsigned long kNoSymFollow = 256;      // MS_NOSYMFOLLOW
constexpr unsigned long kLazyTime = 1UL << 25U;  // MS_LAZYTIME

// strndup_user(..., 256) in fs/fsopen.c, the final NUL included.
constexpr std::size_t kMaxString = 255;

constexpr std::array<std::pair<unsigned long, unsigned>, 6> kAttributes = {{
    {MS_RDONLY, kAttrReadOnly},
    {MS_NOSUID, kAttrNoSuid},
    {MS_NODEV, kAttrNoDev},
    {MS_NOEXEC, kAttrNoExec},
    {MS_NODIRATIME, kAttrNoDirAtime},
    {kNoSymFollow, kAttrNoSymFollow},
}};

constexpr std::array<std::pair<unsigned long, const char*>, 5> kSuperblockFlags = {{
    {MS_RDONLY, "ro"},
    {MS_SYNCHRONOUS, "sync"},
    {MS_DIRSYNC, "dirsync"},
    {kLazyTime, "lazytime"},
    {MS_MANDLOCK, "mand"},
}};

unsigned attributesOf(unsigned long flags) {
  unsigned attributes = 0;
  for (const auto& [flag, attribute] : kAttributes) {
    if ((flags & flag) != 0) attributes |= attribute;
  }
  // As path_mount() decides between them; relatime, the default, is 0.
  if ((flags & MS_STRICTATIME) != 0) {
    attributes |= kAttrStrictAtime;
  } else if ((flags & MS_NOATIME) != 0) {
    attributes |= kAttrNoAtime;
  }
  return attributes;
}

// The next word of mount(2)'s data; a comma within quotes is part of it.
std::string takeWord(std::string_view& list) {
  std::string word;
  bool quoted = false;
  std::size_t used = 0;
  for (; used < list.size() && (quoted || list[used] != ','); ++used) {
    if (list[used] == '"') {
      quoted = !quoted;
    } else {
      word += list[used];
    }
  }
  list.remove_prefix(std::min(used + 1, list.size()));
  return word;
}

Parameter parameterOf(const std::string& word) {
  const auto equals = word.find('=');
  if (equals == std::string::npos) return {word, std::nullopt};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

}  // namespace

Result<MountDescription> MountDescription::ofNfs(const NfsMountRequest& request) {
  EFS_TRY(sorted, sortOptions(request.options));
  MountDescription description;
  description.type = "nfs4";
  description.attributes = attributesOf(sorted.vfs_flags);
  auto& parameters = description.parameters;
  parameters.push_back({"source", request.source});
  for (const auto& [flag, name] : kSuperblockFlags) {
    if ((sorted.vfs_flags & flag) != 0) parameters.push_back({name, std::nullopt});
  }
  for (std::string_view rest = sorted.nfs; !rest.empty();) {
    const std::string word = takeWord(rest);
    if (!word.empty()) parameters.push_back(parameterOf(word));
  }
  std::erase_if(parameters, [](const Parameter& one) { return one.key == "addr"; });
  parameters.push_back({"addr", request.address});
  return description;
}

bool MountDescription::fits() const {
  return std::all_of(parameters.begin(), parameters.end(), [](const Parameter& one) {
    return one.key.size() <= kMaxString && one.value.value_or("").size() <= kMaxString;
  });
}

}  // namespace efs::mounts

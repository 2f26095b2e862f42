#include "request/option_spelling.h"

#include <algorithm>
#include <array>

#include "efs/base/nearest_word.h"
#include "efs/base/text.h"

namespace efs::mount_helper {
namespace {

constexpr std::size_t kMostNamed = 3;  // a message is for people

// The house's own options (efs-utils' manual page), then those of nfs(5).
// clang-format off
constexpr std::array<std::string_view, 62> kKnown = {
    "tls", "notls", "iam", "accesspoint", "region", "az", "awsprofile", "awscredsuri", "rolearn",
    "jwtpath", "cafile", "verify", "ocsp", "noocsp", "tlsport", "stunnel", "notunnel",
    "mounttargetip", "crossaccount", "netns", "fsid", "nodirects3read", "nos3readcache",
    "nfsvers", "vers", "minorversion", "port", "proto", "rsize", "wsize", "bsize", "timeo",
    "retrans", "retry", "hard", "soft", "softerr", "nconnect", "max_connect", "sec",
    "noresvport", "resvport", "lookupcache", "actimeo", "acregmin", "acregmax", "acdirmin",
    "acdirmax", "ac", "noac", "cto", "nocto", "fsc", "sharecache", "nosharecache", "local_lock",
    "lock", "nolock", "acl", "noacl", "rdirplus", "nordirplus",
};
// clang-format on

bool isKnown(std::string_view key) {
  return std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end();
}

}  // namespace

std::string spellingHint(const mounts::OptionList& options) {
  const auto sorted = mounts::sortOptions(options);
  if (!sorted) return {};
  std::string hint;
  std::size_t named = 0;
  const auto words = mounts::OptionList::parse(sorted->nfs);
  for (const auto& [key, value] : words.all()) {
    if (isKnown(key)) continue;
    const std::string_view meant = nearestWord(toLower(key), kKnown);
    if (meant.empty() || ++named > kMostNamed) continue;
    if (!hint.empty()) hint += "; ";
    hint += "\"" + printable(key) + "\" is no option of efs or nfs, did you mean \"";
    hint += std::string(meant) + "\"?";
  }
  return hint;
}

}  // namespace efs::mount_helper

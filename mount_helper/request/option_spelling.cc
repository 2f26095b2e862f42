#include "request/option_spelling.h"

#include <algorithm>
#include <array>
#include <vector>

#include "efs/base/nearest_word.h"
#include "efs/base/text.h"
#include "request/option_table.h"

namespace efs::mount_helper {
namespace {

constexpr std::size_t kMostNamed = 3;  // a message is for people

// nfs(5); those of mount(8) never come here.
// clang-format off
constexpr std::array<std::string_view, 39> kNfsOptions = {
    "nfsvers", "vers", "minorversion", "port", "proto", "rsize", "wsize", "bsize", "timeo",
    "retrans", "retry", "hard", "soft", "softerr", "nconnect", "max_connect", "sec",
    "noresvport", "resvport", "lookupcache", "actimeo", "acregmin", "acregmax", "acdirmin",
    "acdirmax", "ac", "noac", "cto", "nocto", "fsc", "sharecache", "nosharecache", "local_lock",
    "lock", "nolock", "acl", "noacl", "rdirplus", "nordirplus",
};
// clang-format on

// Ours first: of two equally near words it is the likelier.
std::vector<std::string_view> knownWords(FileSystemKind kind) {
  std::vector<std::string_view> words;
  for (const OptionRow& row : optionTable()) {
    if (row.serviceFor(kind) != Service::kRefused) words.push_back(row.name);
  }
  words.insert(words.end(), kNfsOptions.begin(), kNfsOptions.end());
  return words;
}

}  // namespace

std::string spellingHint(const mounts::OptionList& options, FileSystemKind kind) {
  const auto sorted = mounts::sortOptions(options);
  if (!sorted) return {};
  const auto known = knownWords(kind);
  std::string hint;
  std::size_t named = 0;
  const auto words = mounts::OptionList::parse(sorted->nfs);
  for (const auto& [key, value] : words.all()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string_view meant = nearestWord(toLower(key), known);
    if (meant.empty() || ++named > kMostNamed) continue;
    if (!hint.empty()) hint += "; ";
    hint += "\"" + printable(key) + "\" is no option of " + std::string(factsOf(kind).type) +
            " or nfs, did you mean \"";
    hint += std::string(meant) + "\"?";
  }
  return hint;
}

}  // namespace efs::mount_helper

#include <libmount.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>

#include "efs/base/text.h"
#include "efs/mounts/mount_options.h"

namespace efs::mounts {
namespace {

// Words of nfs(5) that mean something to mount.nfs alone, or that NFSv4 has no use for (the MOUNT
// protocol). `sloppy` must never reach mount(2): with it the call returns 1 and mounts nothing.
constexpr std::array<std::string_view, 13> kHelperWords = {
    "bg",        "fg",        "retry",      "sloppy",    "intr",      "nointr",  "mounthost",
    "mountaddr", "mountport", "mountproto", "mountvers", "mountprog", "nfsprog",
};

// What another mount(2) call does than the one that mounts a file system.
constexpr unsigned long kOtherOperations =
    MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

bool isHelperWord(std::string_view key) {
  return std::find(kHelperWords.begin(), kHelperWords.end(), key) != kHelperWords.end();
}

// Names in libmount's tables: "ro" (no value), "offset=" (needs one), "user[=]" (either), "x-" with
// MNT_PREFIX (any word that begins so).
bool entryMatches(const libmnt_optmap& entry, std::string_view key, bool has_value) {
  std::string_view name = entry.name;
  if ((entry.mask & MNT_PREFIX) != 0) return key.substr(0, name.size()) == name;
  const auto end = name.find_first_of("[=");
  const std::string_view rest = end == std::string_view::npos ? "" : name.substr(end);
  if (name.substr(0, end) != key) return false;
  if (rest.empty()) return !has_value;
  return rest.front() == '[' || has_value;
}

bool inMap(int map_id, std::string_view key, bool has_value) {
  const libmnt_optmap* entry = mnt_get_builtin_optmap(map_id);
  for (; entry != nullptr && entry->name != nullptr; ++entry) {
    if (entryMatches(*entry, key, has_value)) return true;
  }
  return false;
}

void append(std::string& list, const std::string& word) {
  if (!list.empty()) list += ',';
  list += word;
}

// libmount understands quotes, the house does not: a word with one is no flag.
bool isPlain(const std::string& word) { return word.find('"') == std::string::npos; }

}  // namespace

Result<SortedOptions> sortOptions(const OptionList& options) {
  SortedOptions sorted;
  std::string flag_words;
  for (const auto& [key, value] : options.all()) {
    const std::string word = value ? key + "=" + *value : key;
    const bool vfs = inMap(MNT_LINUX_MAP, key, value.has_value());
    const bool userspace = !vfs && inMap(MNT_USERSPACE_MAP, key, value.has_value());
    if (key.empty()) {
      return Error(ErrorKind::kInvalidInput,
                   "mount option \"" + printable(word) + "\" has no name");
    }
    if ((vfs || userspace) && isPlain(word)) append(flag_words, word);
    if (vfs) {
      append(sorted.vfs, word);
    } else if (userspace) {
      append(sorted.userspace, word);
    } else if (isHelperWord(key)) {
      append(sorted.helper, word);
    } else {
      append(sorted.nfs, word);
    }
  }
  // Also turns user, users, owner and group into the nosuid, nodev, noexec they imply, in the order
  // of the words, as mount(8) says.
  if (!flag_words.empty() && mnt_optstr_get_flags(flag_words.c_str(), &sorted.vfs_flags,
                                                  mnt_get_builtin_optmap(MNT_LINUX_MAP)) != 0) {
    return Error(ErrorKind::kInvalidInput, "mount options \"" + printable(flag_words) + "\"");
  }
  if ((sorted.vfs_flags & kOtherOperations) != 0) {
    return Error(ErrorKind::kInvalidInput,
                 "bind, move and propagation options do not mount a file system");
  }
  return sorted;
}

}  // namespace efs::mounts

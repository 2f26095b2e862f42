// Mount options sorted by who understands them: the VFS, user space, or the kernel's NFS client.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "efs/base/file_system_kind.h"
#include "efs/base/result.h"

namespace efs::mounts {

// An option list in order. Repeated key: the last value wins at the first one's place (contract
// OPT-3).
class OptionList {
 public:
  // Splits at commas, each word at its first '='. No quoting. Empty words are dropped.
  static OptionList parse(std::string_view text);

  bool has(std::string_view key) const;
  std::optional<std::string> value(std::string_view key) const;      // "" for a word without '='
  void set(std::string_view key, std::optional<std::string> value);  // replaces in place or appends
  bool remove(std::string_view key);
  const std::vector<std::pair<std::string, std::optional<std::string>>>& all() const {
    return words_;
  }
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> words_;
};

struct SortedOptions {
  unsigned long vfs_flags = 0;  // MS_RDONLY, MS_NOSUID, MS_REMOUNT ... for mount(2)
  std::string vfs;              // the words behind vfs_flags
  // _netdev, nofail, noauto, user, x-systemd.* ...: never shown to the kernel.
  std::string userspace;
  // Words of nfs(5) for mount.nfs alone (bg, fg, retry=, intr, mountport= ...): neither for the
  // kernel nor for libmount.
  std::string helper;
  std::string nfs;  // what is left, in order: the NFS client's data string (contract OPT-4)
};
// By libmount's option maps, as mount(8) does; `user`, `users`, `owner`, `group` imply nosuid,
// nodev (noexec) unless a later word takes it back. kInvalidInput: a word without a name ("=x"),
// and bind, move or propagation words, which mount nothing.
Result<SortedOptions> sortOptions(const OptionList& options);

// Contract NFS-2: appends each missing default in the fixed order (nfsvers, rsize, wsize, hard,
// timeo, retrans, noresvport, port). `port` replaces a port given by the user; nullopt for a mount
// without a tunnel, whose port is the user's or NFS's own.
void addNfsDefaults(OptionList& options, std::optional<int> port,
                    std::string_view version = factsOf(FileSystemKind::kEfs).nfs_version);

}  // namespace efs::mounts

#include "efs/mounts/mount_table.h"

#include <fcntl.h>
#include <libmount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <set>

#include "efs/base/freed_by.h"
#include "efs/base/nfs_port.h"
#include "efs/base/text.h"
#include "efs/mounts/mount_options.h"

namespace efs::mounts {
namespace {

constexpr const char* kMountInfo = "/proc/self/mountinfo";
constexpr std::string_view kLoopbackServer = "127.0.0.1:";
constexpr int kMaxPort = 65535;
constexpr int kNotListed = 0;  // no mount has this id

using TablePtr = std::unique_ptr<libmnt_table, FreedBy<mnt_unref_table>>;
using IterPtr = std::unique_ptr<libmnt_iter, FreedBy<mnt_free_iter>>;

// A line that does not parse is left out; the others stay.
int skipBrokenLine(libmnt_table* /*table*/, const char* /*file*/, int /*line*/) { return 1; }

std::string orEmpty(const char* text) { return text == nullptr ? std::string() : text; }

MountEntry entryOf(libmnt_fs* fs) {
  MountEntry entry;
  entry.id = mnt_fs_get_id(fs);
  entry.parent_id = mnt_fs_get_parent_id(fs);
  entry.device = mnt_fs_get_devno(fs);
  entry.root = orEmpty(mnt_fs_get_root(fs));
  entry.source = orEmpty(mnt_fs_get_source(fs));
  entry.target = orEmpty(mnt_fs_get_target(fs));
  entry.fs_type = orEmpty(mnt_fs_get_fstype(fs));
  entry.options = orEmpty(mnt_fs_get_options(fs));
  return entry;
}

// Does a lookup of `path` pass this place? It begins at "/" and never steps into what is mounted
// over that.
bool leadsThrough(const std::string& path, const std::string& place) {
  if (place == "/" || path.compare(0, place.size(), place) != 0) return false;
  return path.size() == place.size() || path[place.size()] == '/';
}

}  // namespace

std::optional<std::string> MountEntry::option(const std::string& name) const {
  return OptionList::parse(options).value(name);
}

bool MountEntry::isNfs() const { return fs_type == "nfs" || fs_type == "nfs4"; }

std::optional<int> MountEntry::tunnelPort() const {
  if (!isNfs() || source.compare(0, kLoopbackServer.size(), kLoopbackServer) != 0) {
    return std::nullopt;
  }
  const auto text = option("port");
  if (!text) return kNfsPort;
  const auto port = parseInt(*text);
  if (!port || *port < 1 || *port > kMaxPort) return std::nullopt;
  return static_cast<int>(*port);
}

Result<MountTable> MountTable::readKernel() { return readFile(kMountInfo); }

Result<MountTable> MountTable::readFile(const std::string& mountinfo_path) {
  const TablePtr table(mnt_new_table());
  const IterPtr iter(mnt_new_iter(MNT_ITER_FORWARD));
  if (!table || !iter) return Error::fromErrno(ENOMEM, "reading " + mountinfo_path);
  mnt_table_set_parser_errcb(table.get(), skipBrokenLine);
  const int status = mnt_table_parse_file(table.get(), mountinfo_path.c_str());
  if (status < 0) return Error::fromErrno(-status, "reading " + mountinfo_path);
  std::vector<MountEntry> entries;
  libmnt_fs* fs = nullptr;
  while (mnt_table_next_fs(table.get(), iter.get(), &fs) == 0) {
    // Without an id the line was no mountinfo line (libmount also knows fstab's form).
    if (mnt_fs_get_id(fs) > 0) entries.push_back(entryOf(fs));
  }
  // Every process has a root file system. An empty table is never the truth, and believing it would
  // make the watchdog stop every tunnel.
  if (entries.empty()) {
    return Error(ErrorKind::kInvalidInput, "reading " + mountinfo_path + ": no mount in it");
  }
  return of(std::move(entries));
}

MountTable MountTable::of(std::vector<MountEntry> entries) {
  MountTable result;
  result.entries_ = std::move(entries);
  result.index();
  return result;
}

// Whatever is listed is below the root of the process. So what is in no listed mount is in the root
// mount itself, which in a chroot is not listed, or it is the root mount.
void MountTable::index() {
  std::set<int> ids;
  for (const auto& entry : entries_) ids.insert(entry.id);
  const auto isTop = [&ids](const MountEntry& entry) {
    return entry.parent_id == entry.id || ids.count(entry.parent_id) == 0;
  };
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].target == "/" && isTop(entries_[i])) root_ = i;
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const MountEntry& entry = entries_[i];
    if (const auto port = entry.tunnelPort()) by_port_.emplace(*port, i);
    if (root_ == i) continue;
    by_parent_.emplace(isTop(entry) ? rootId() : entry.parent_id, i);
  }
}

int MountTable::rootId() const { return root_ ? entries_[*root_].id : kNotListed; }

// The first mount that a lookup of `target` steps into from within this one; the last of several
// that were attached to one place.
const MountEntry* MountTable::firstOnTheWay(int mount, const std::string& target) const {
  const MountEntry* first = nullptr;
  const auto [begin, end] = by_parent_.equal_range(mount);
  for (auto it = begin; it != end; ++it) {
    const MountEntry& entry = entries_[it->second];
    if (!leadsThrough(target, entry.target)) continue;
    if (first == nullptr || entry.target.size() <= first->target.size()) first = &entry;
  }
  return first;
}

const MountEntry* MountTable::atPath(const std::string& target) const {
  const MountEntry* reached = root_ ? &entries_[*root_] : nullptr;
  int inside = rootId();
  // Each step goes one mount further; a file with a circle ends the walk after as many steps as
  // there are entries.
  for (std::size_t step = 0; step < entries_.size(); ++step) {
    const MountEntry* next = firstOnTheWay(inside, target);
    if (next == nullptr) break;
    reached = next;
    inside = next->id;
  }
  return reached != nullptr && reached->target == target ? reached : nullptr;
}

const MountEntry* MountTable::withId(int id) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [id](const auto& entry) { return entry.id == id; });
  return found == entries_.end() ? nullptr : &*found;
}

std::vector<const MountEntry*> MountTable::withTunnelPort(int port) const {
  std::vector<const MountEntry*> found;
  const auto [first, last] = by_port_.equal_range(port);
  for (auto it = first; it != last; ++it) found.push_back(&entries_[it->second]);
  return found;
}

std::string absolutePath(const std::string& path, const std::string& working_directory) {
  const bool relative = path.empty() || path.front() != '/';
  const std::filesystem::path whole = relative ? working_directory + "/" + path : path;
  std::string normal = whole.lexically_normal();
  while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  // POSIX lets "//" at the start mean something else; Linux does not.
  if (normal.size() > 1 && normal[0] == '/' && normal[1] == '/') normal.erase(0, 1);
  return normal;
}

Result<UniqueFd> openMountMonitor() {
  UniqueFd fd(::open(kMountInfo, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, std::string("opening ") + kMountInfo);
  return fd;
}

}  // namespace efs::mounts

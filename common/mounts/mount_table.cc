#include "efs/mounts/mount_table.h"

#include <fcntl.h>
#include <libmount.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "efs/base/nfs_port.h"
#include "efs/base/text.h"
#include "efs/mounts/mount_options.h"

namespace efs::mounts {
namespace {

constexpr const char* kMountInfo = "/proc/self/mountinfo";
constexpr std::string_view kLoopbackServer = "127.0.0.1:";
constexpr int kMaxPort = 65535;

struct TableDeleter {
  void operator()(libmnt_table* table) const { mnt_unref_table(table); }
};
struct IterDeleter {
  void operator()(libmnt_iter* iter) const { mnt_free_iter(iter); }
};
using TablePtr = std::unique_ptr<libmnt_table, TableDeleter>;
using IterPtr = std::unique_ptr<libmnt_iter, IterDeleter>;

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
  for (std::size_t i = 0; i < result.entries_.size(); ++i) {
    if (const auto port = result.entries_[i].tunnelPort()) result.by_port_.emplace(*port, i);
  }
  return result;
}

const MountEntry* MountTable::atPath(const std::string& target) const {
  const MountEntry* top = nullptr;
  for (const auto& entry : entries_) {
    if (entry.target == target) top = &entry;
  }
  // A mount over another one has it as its parent. Each step goes one up; a file with a circle ends
  // the climb after as many steps as there are entries.
  for (std::size_t step = 0; top != nullptr && step < entries_.size(); ++step) {
    const MountEntry* above = nullptr;
    for (const auto& entry : entries_) {
      if (entry.parent_id == top->id && entry.id != top->id && entry.target == target) {
        above = &entry;
      }
    }
    if (above == nullptr) break;
    top = above;
  }
  return top;
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

#include "efs/state/state_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include "efs/base/files.h"
#include "efs/base/remove_tree.h"
#include "efs/base/text.h"

namespace efs::state {
namespace {

struct CloseDir {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Calls `visit` for each name; a missing directory has none.
Status forEachName(const std::string& directory,
                   const std::function<void(const std::string&)>& visit) {
  const std::unique_ptr<DIR, CloseDir> listing(::opendir(directory.c_str()));
  if (!listing) {
    if (errno == ENOENT) return {};
    return Error::fromErrno(errno, "listing " + directory);
  }
  while (const dirent* entry = ::readdir(listing.get())) visit(entry->d_name);
  return {};
}

bool isRegularFile(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// Mount names become file names: nothing that could name a file elsewhere may pass.
Status checkName(const std::string& name) {
  if (parseMountName(name)) return {};
  return Error(ErrorKind::kInvalidInput, "\"" + printable(name) + "\" is not a mount name");
}

Result<std::vector<std::string>> namesWithPrefix(const std::string& directory,
                                                 const std::string& prefix) {
  std::vector<std::string> names;
  EFS_CHECK(forEachName(directory, [&](const std::string& entry) {
    if (entry.compare(0, prefix.size(), prefix) != 0) return;
    const std::string name = entry.substr(prefix.size());
    // Links and pipes are never state: following or opening them could lead anywhere or block.
    if (parseMountName(name) && isRegularFile(directory + "/" + entry)) names.push_back(name);
  }));
  std::sort(names.begin(), names.end());
  return names;
}

Result<MountState> readFrom(const std::string& path, const std::string& name) {
  EFS_TRY(text, readFile(path));
  return MountState::parse(text, name);
}

bool endsWith(const std::string& text, const std::string& ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

}  // namespace

MountPaths StateStore::paths(const std::string& name) const {
  MountPaths paths;
  paths.name = name;
  paths.state = directory_ + "/" + name;
  paths.pending_state = directory_ + "/~" + name;
  paths.tunnel_config = directory_ + "/stunnel-config." + name;
  paths.counters = directory_ + "/tunnel-counters." + name;
  paths.secret_dir = directory_ + "/" + name + "+";
  paths.certificate = paths.secret_dir + "/certificate.pem";
  paths.pid_file = paths.secret_dir + "/stunnel.pid";
  paths.copy = paths.secret_dir + "/state.json";
  return paths;
}

Status StateStore::create(mode_t mode) const { return makeDirectories(directory_, mode); }

Result<std::vector<std::string>> StateStore::mountNames() const {
  return namesWithPrefix(directory_, "");
}

Result<std::vector<std::string>> StateStore::pendingNames() const {
  return namesWithPrefix(directory_, "~");
}

bool StateStore::portReserved(int port) const {
  const std::string ending = "." + std::to_string(port);
  bool reserved = false;
  // An unreadable directory reserves nothing; binding the port is the last word anyway.
  (void)forEachName(directory_,
                    [&](const std::string& name) { reserved |= endsWith(name, ending); });
  return reserved;
}

Result<MountState> StateStore::read(const std::string& name) const {
  EFS_CHECK(checkName(name));
  return readFrom(paths(name).state, name);
}

Result<MountState> StateStore::readPending(const std::string& name) const {
  EFS_CHECK(checkName(name));
  return readFrom(paths(name).pending_state, "~" + name);
}

Result<MountState> StateStore::readCopy(const std::string& name) const {
  EFS_CHECK(checkName(name));
  return readFrom(paths(name).copy, name);
}

Status StateStore::writeTwice(const std::string& path, const std::string& copy,
                              const MountState& state) const {
  const std::string text = state.serialize();
  // One that nobody can read would be a mount that nobody watches; only a long one may be such.
  constexpr std::size_t kOrdinary = std::size_t{64} * 1024;
  if (text.size() > kOrdinary) {
    EFS_CHECK(MountState::parse(text, path).withContext("not written"));
  }
  EFS_CHECK(writeFileAtomic(path, text, {.mode = 0600}));
  (void)writeFileAtomic(copy, text, {.mode = 0600});
  return {};
}

Status StateStore::write(const std::string& name, const MountState& state) const {
  EFS_CHECK(checkName(name));
  const auto mount = paths(name);
  return writeTwice(mount.state, mount.copy, state);
}

Status StateStore::writePending(const std::string& name, const MountState& state) const {
  EFS_CHECK(checkName(name));
  const auto mount = paths(name);
  return writeTwice(mount.pending_state, mount.copy, state);
}

Result<UniqueFd> StateStore::holdPending(const std::string& name) const {
  EFS_CHECK(checkName(name));
  const std::string path = paths(name).tunnel_config;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return Error::fromErrno(errno, "opening " + path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return Error::fromErrno(errno, "locking " + path);
  return fd;
}

std::optional<bool> StateStore::pendingHeld(const std::string& name) const {
  if (!checkName(name)) return std::nullopt;
  const UniqueFd fd(
      ::open(paths(name).tunnel_config.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return std::nullopt;
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return false;
  return errno == EWOULDBLOCK ? std::optional<bool>(true) : std::nullopt;
}

Status StateStore::publish(const std::string& name) const {
  EFS_CHECK(checkName(name));
  const auto mount = paths(name);
  if (::rename(mount.pending_state.c_str(), mount.state.c_str()) == 0) return {};
  return Error::fromErrno(errno, "renaming " + mount.pending_state + " to " + mount.state);
}

Status StateStore::removeMount(const std::string& name, const MountState* state) const {
  EFS_CHECK(checkName(name));
  Status first;
  bool occupied = false;
  const auto note = [&](Status status) {
    if (status) return;
    occupied = occupied || status.error().kind() == ErrorKind::kBusy;
    if (first) first = std::move(status);
  };
  const auto mount = paths(name);
  for (const auto& path : state != nullptr ? state->files : std::vector<std::string>()) {
    if (isFileOf(name, path)) note(removeFile(path));
  }
  note(removeFile(mount.tunnel_config));
  note(removeFile(mount.counters));
  // `mountStateDir` is always the name with a plus; another value in the file is not believed.
  note(removeTree(mount.secret_dir));
  // Something is mounted in there: without its state file nobody would come back when it is gone.
  if (occupied) return first;
  note(removeFile(mount.pending_state));
  // Last, so that a clean-up that was cut short is found again and repeated.
  note(removeFile(mount.state));
  return first;
}

// The list comes from a file that may be damaged, and deleting as root is not undone. The mount
// name in a file's name begins at its first "fs-": "stunnel-config.fs-2.x.fs-1.mnt.20049" is no
// file of "fs-1.mnt.20049".
bool StateStore::isFileOf(const std::string& name, const std::string& path) const {
  const std::string inside = directory_ + "/";
  if (path.compare(0, inside.size(), inside) != 0) return false;
  const std::string entry = path.substr(inside.size());
  const auto start = entry.find("fs-");
  if (entry.find('/') != std::string::npos || start == std::string::npos) return false;
  // The state files themselves go last.
  const std::string prefix = entry.substr(0, start);
  return entry.substr(start) == name && !prefix.empty() && prefix != "~";
}

}  // namespace efs::state

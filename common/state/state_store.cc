#include "efs/state/state_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "efs/base/text.h"

namespace efs::state {
namespace {

constexpr std::string_view kConfigPrefix = "stunnel-config.";
constexpr std::string_view kCountersPrefix = "tunnel-counters.";

// Mount names become file names: nothing that could name a file elsewhere may pass.
Status checkName(const std::string& name) {
  if (parseMountName(name)) return {};
  return Error(ErrorKind::kInvalidInput, "\"" + printable(name) + "\" is not a mount name");
}

bool endsWith(const std::string& text, const std::string& ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

}  // namespace

Result<std::vector<std::string>> StateStore::namesWithPrefix(const std::string& prefix) const {
  std::vector<std::string> names;
  const auto entries = files_->list(directory_);
  if (!entries && entries.error().kind() == ErrorKind::kNotFound) return names;
  if (!entries) return entries.error();
  for (const auto& entry : *entries) {
    if (entry.compare(0, prefix.size(), prefix) != 0) continue;
    const std::string name = entry.substr(prefix.size());
    // Links and pipes are never state: following or opening them could lead anywhere or block.
    if (parseMountName(name) && files_->isRegular(directory_ + "/" + entry)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<MountState> StateStore::readFrom(const std::string& path, const std::string& name) const {
  EFS_TRY(text, files_->read(path));
  return MountState::parse(text, name);
}

std::optional<std::string> nameOfTunnelConfig(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  if (!file.starts_with(kConfigPrefix) || file.size() == kConfigPrefix.size()) return std::nullopt;
  return std::string(file.substr(kConfigPrefix.size()));
}

std::string countersBeside(std::string_view tunnel_config) {
  const std::size_t start = tunnel_config.rfind('/') + 1;
  std::string_view file = tunnel_config.substr(start);
  if (file.starts_with(kConfigPrefix)) file.remove_prefix(kConfigPrefix.size());
  std::string path(tunnel_config.substr(0, start));
  return path.append(kCountersPrefix).append(file);
}

MountPaths StateStore::paths(const std::string& name) const {
  MountPaths paths;
  paths.name = name;
  paths.state = directory_ + "/" + name;
  paths.pending_state = directory_ + "/~" + name;
  paths.tunnel_config = directory_ + "/" + std::string(kConfigPrefix) + name;
  paths.counters = directory_ + "/" + std::string(kCountersPrefix) + name;
  paths.secret_name = name + "+";
  paths.secret_dir = directory_ + "/" + paths.secret_name;
  paths.certificate = paths.secret_dir + "/certificate.pem";
  paths.pid_file = paths.secret_dir + "/stunnel.pid";
  paths.copy = paths.secret_dir + "/state.json";
  return paths;
}

StateLocks StateStore::locks() const {
  return {.watchdog = directory_ + "/watchdog.lock",
          .watchdog_start = directory_ + "/watchdog-start.lock",
          .private_key = directory_ + "/privateKey.lock",
          .targets = directory_ + "/mount-points.lock",
          .identifier = directory_ + "/client-identifier.lock"};
}

Status StateStore::create(mode_t mode) const { return files_->makeDirectories(directory_, mode); }

Result<std::vector<std::string>> StateStore::mountNames() const { return namesWithPrefix(""); }

Result<std::vector<std::string>> StateStore::pendingNames() const { return namesWithPrefix("~"); }

bool StateStore::portReserved(int port) const {
  const std::string ending = "." + std::to_string(port);
  // An unreadable directory reserves nothing; binding the port is the last word anyway.
  const auto names = files_->list(directory_);
  return names && std::any_of(names->begin(), names->end(), [&ending](const std::string& name) {
           return endsWith(name, ending);
         });
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
  EFS_CHECK(files_->write(path, text, 0600));
  (void)files_->write(copy, text, 0600);
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

Status StateStore::writeFiles(const std::string& name, const MountFiles& files) const {
  EFS_CHECK(checkName(name));
  const auto mount = paths(name);
  if (files.certificate) {
    EFS_CHECK(files_->makeDirectories(mount.secret_dir, 0700));
    EFS_CHECK(files_->write(mount.certificate, *files.certificate, files.certificate_mode));
  }
  return files_->write(mount.tunnel_config, files.tunnel_config, 0600);
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
  return files_->locked(paths(name).tunnel_config);
}

Status StateStore::publish(const std::string& name) const {
  EFS_CHECK(checkName(name));
  const auto mount = paths(name);
  return files_->rename(mount.pending_state, mount.state);
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
    if (isFileOf(name, path)) note(files_->remove(path));
  }
  note(files_->remove(mount.tunnel_config));
  note(files_->remove(mount.counters));
  // `mountStateDir` is always the name with a plus; another value in the file is not believed.
  note(files_->removeTree(mount.secret_dir));
  // Something is mounted in there: without its state file nobody would come back when it is gone.
  if (occupied) return first;
  note(files_->remove(mount.pending_state));
  // Last, so that a clean-up that was cut short is found again and repeated.
  note(files_->remove(mount.state));
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

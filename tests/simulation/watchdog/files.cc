#include "files.h"

#include <cerrno>

#include "world.h"

namespace efs::watchdog::simulation {
namespace {

bool isBelow(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path[directory.size()] == '/' &&
         path.compare(0, directory.size(), directory) == 0;
}

std::string parentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

std::optional<std::string> Files::get(const std::string& path) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return std::nullopt;
  return found->second.content;
}

void Files::put(const std::string& path, const std::string& content, mode_t mode) {
  File& file = files_[path];
  file.content = content;
  file.stamp.inode = ++last_inode_;
  file.stamp.size = static_cast<off_t>(content.size());
  file.stamp.modified.tv_sec = static_cast<time_t>(last_inode_);
  file.stamp.mode = mode;
  world_.filesChanged();
}

void Files::take(const std::string& path) {
  if (files_.erase(path) != 0) world_.filesChanged();
}

std::vector<std::string> Files::names(const std::string& directory) const {
  std::vector<std::string> found;
  for (const auto& [path, file] : files_) {
    if (parentOf(path) == directory) found.push_back(path.substr(directory.size() + 1));
  }
  for (const auto& path : directories_) {
    if (parentOf(path) == directory) found.push_back(path.substr(directory.size() + 1));
  }
  return found;
}

state::FileStamp Files::stamp(const std::string& path) const {
  const auto found = files_.find(path);
  if (found != files_.end()) return found->second.stamp;
  if (directories_.count(path) == 0) return {};
  return {.device = 1, .inode = 1, .size = 0, .modified = {}, .mode = 0700};
}

Result<std::vector<std::string>> Files::list(const std::string& directory) const {
  if (scarce) return Error::fromErrno(EMFILE, "opening " + directory);
  if (directories_.count(directory) == 0) return Error::fromErrno(ENOENT, "opening " + directory);
  return names(directory);
}

Result<std::string> Files::read(const std::string& path) const {
  if (scarce) return Error::fromErrno(EMFILE, "opening " + path);
  const auto found = files_.find(path);
  if (found == files_.end()) return Error::fromErrno(ENOENT, "opening " + path);
  return found->second.content;
}

Status Files::writable() const {
  if (scarce) return Error::fromErrno(EMFILE, "opening a file");
  if (full) return Error::fromErrno(ENOSPC, "writing a file");
  return {};
}

Status Files::makeDirectories(const std::string& path) {
  EFS_CHECK(writable());
  for (std::string made = path; !made.empty(); made = parentOf(made)) directories_.insert(made);
  return {};
}

Status Files::write(const std::string& path, std::string_view content, mode_t mode) {
  EFS_CHECK(writable());
  if (directories_.count(parentOf(path)) == 0) return Error::fromErrno(ENOENT, "writing " + path);
  put(path, std::string(content), mode);
  return {};
}

Status Files::rename(const std::string& from, const std::string& to) {
  const auto found = files_.find(from);
  if (found == files_.end()) return Error::fromErrno(ENOENT, "renaming " + from);
  files_[to] = found->second;
  files_.erase(from);
  const std::string folder = std::string(kStateDirectory) + "/";
  if (from.rfind(folder + "~", 0) == 0) world_.invariants.published(to.substr(folder.size()));
  world_.filesChanged();
  return {};
}

void Files::noteLoss(const std::string& path) const {
  if (world_.mounts.at(path).id == 1) return;
  world_.journal.violate("a file of a mounted file system was removed: " + path);
}

Status Files::remove(const std::string& path) {
  noteLoss(path);
  take(path);
  return {};
}

bool Files::isOccupied(const std::string& path) const {
  for (const auto& mount : world_.mounts.all()) {
    if (mount.target == path || isBelow(mount.target, path)) return true;
  }
  return false;
}

Status Files::removeTree(const std::string& path) {
  const bool occupied = isOccupied(path);
  if (occupied) Probes::reach("removal found a mount in its way");
  if (occupied && !world_.plan.put_back.walks_into_mounts) {
    return Error(ErrorKind::kBusy, "something is mounted within " + path);
  }
  std::vector<std::string> below;
  for (const auto& [name, file] : files_) {
    if (name == path || isBelow(name, path)) below.push_back(name);
  }
  for (const auto& name : below) {
    noteLoss(name);
    files_.erase(name);
  }
  std::erase_if(directories_,
                [&](const auto& name) { return name == path || isBelow(name, path); });
  world_.filesChanged();
  return {};
}

Status Files::removeEmpty(const std::string& path) {
  if (directories_.count(path) == 0) return Error::fromErrno(ENOENT, "rmdir " + path);
  if (isOccupied(path)) return Error::fromErrno(EBUSY, "rmdir " + path);
  if (!names(path).empty()) return Error::fromErrno(ENOTEMPTY, "rmdir " + path);
  directories_.erase(path);
  return {};
}

}  // namespace efs::watchdog::simulation

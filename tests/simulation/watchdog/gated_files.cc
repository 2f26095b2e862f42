#include "gated_files.h"

namespace efs::watchdog::simulation {
namespace {

Error dead() { return {ErrorKind::kCancelled, "this process has ended"}; }

}  // namespace

state::FileStamp GatedFiles::stamp(const std::string& path) {
  return enter_("stat") ? files_.stamp(path) : state::FileStamp{};
}

bool GatedFiles::isRegular(const std::string& path) {
  return enter_("lstat") && files_.get(path).has_value();
}

Result<std::vector<std::string>> GatedFiles::list(const std::string& directory) {
  if (!enter_("readdir")) return dead();
  return files_.list(directory);
}

Result<std::string> GatedFiles::read(const std::string& path, std::size_t /*limit*/) {
  if (!enter_("read")) return dead();
  return files_.read(path);
}

std::optional<bool> GatedFiles::locked(const std::string& path) {
  if (!enter_("flock") || !files_.get(path)) return std::nullopt;
  return files_.locked(path);
}

Status GatedFiles::makeDirectories(const std::string& path, mode_t /*mode*/) {
  if (!enter_("mkdir")) return dead();
  return files_.makeDirectories(path);
}

Status GatedFiles::write(const std::string& path, std::string_view content, mode_t mode) {
  if (!enter_("write")) return dead();
  return files_.write(path, content, mode);
}

Status GatedFiles::rename(const std::string& from, const std::string& to) {
  if (!enter_("rename")) return dead();
  return files_.rename(from, to);
}

Status GatedFiles::remove(const std::string& path) {
  if (!enter_("unlink")) return dead();
  return files_.remove(path);
}

Status GatedFiles::removeTree(const std::string& path) {
  if (!enter_("removeTree")) return dead();
  return files_.removeTree(path);
}

Status GatedFiles::removeEmpty(const std::string& path) {
  if (!enter_("rmdir")) return dead();
  return files_.removeEmpty(path);
}

}  // namespace efs::watchdog::simulation

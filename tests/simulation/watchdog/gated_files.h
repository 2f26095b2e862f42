// GatedFiles: the simulated state directory as one process sees it: at each call it may die.
#pragma once

#include <functional>

#include "efs/state/state_files.h"
#include "files.h"

namespace efs::watchdog::simulation {

class GatedFiles final : public state::StateFiles {
 public:
  // `enter` is called before each call; false: the process is dead, and nothing happens.
  using Gate = std::function<bool(const char* what)>;
  GatedFiles(Files& files, Gate enter) : files_(files), enter_(std::move(enter)) {}

  state::FileStamp stamp(const std::string& path) override;
  bool isRegular(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<std::string> read(const std::string& path, std::size_t limit) override;
  std::string realPath(const std::string& path) override { return path; }
  std::optional<bool> locked(const std::string& path) override;
  Status makeDirectories(const std::string& path, mode_t mode) override;
  Status write(const std::string& path, std::string_view content, mode_t mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status removeTree(const std::string& path) override;
  Status removeEmpty(const std::string& path) override;

 private:
  Files& files_;
  Gate enter_;
};

}  // namespace efs::watchdog::simulation

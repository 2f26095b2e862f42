// Files: the state directory in memory. What lies in a mount within it belongs to somebody else's
// file system.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "efs/state/state_files.h"

namespace efs::watchdog::simulation {

struct World;

inline constexpr const char* kStateDirectory = "/run/efs";

class Files {
 public:
  explicit Files(World& world) : world_(world) { directories_.insert(kStateDirectory); }

  // --- as the kernel does it
  std::optional<std::string> get(const std::string& path) const;
  void put(const std::string& path, const std::string& content, mode_t mode = 0600);
  void take(const std::string& path);
  std::vector<std::string> names(const std::string& directory) const;

  // --- as StateFiles says
  state::FileStamp stamp(const std::string& path) const;
  Result<std::vector<std::string>> list(const std::string& directory) const;
  Result<std::string> read(const std::string& path) const;
  Status makeDirectories(const std::string& path);
  Status write(const std::string& path, std::string_view content, mode_t mode);
  Status rename(const std::string& from, const std::string& to);
  Status remove(const std::string& path);
  Status removeTree(const std::string& path);
  Status removeEmpty(const std::string& path);

  // flock(2): whose process holds it.
  void lock(const std::string& path) { locked_.insert(path); }
  void unlock(const std::string& path) { locked_.erase(path); }
  bool locked(const std::string& path) const { return locked_.count(path) != 0; }

  bool full = false;    // ENOSPC
  bool scarce = false;  // EMFILE: nothing can be opened

 private:
  struct File {
    std::string content;
    state::FileStamp stamp;
  };
  // A mount at the path or within it.
  bool isOccupied(const std::string& path) const;
  void noteLoss(const std::string& path) const;
  Status writable() const;

  World& world_;
  std::map<std::string, File> files_;
  std::set<std::string> directories_;
  std::set<std::string> locked_;
  ino_t last_inode_ = 100;
};

}  // namespace efs::watchdog::simulation

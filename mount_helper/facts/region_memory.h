// RegionMemory: the region that the instance metadata service told a mount of this host a moment
// ago, for those that it does not answer: twenty mounts at once are more than it likes.
#pragma once

#include <optional>
#include <string>

#include "efs/base/clock.h"

namespace efs::mount_helper {

class RegionMemory {
 public:
  // `directory`: the state directory, or another that only root writes to. Where it cannot be
  // written to, nothing is remembered.
  RegionMemory(std::string directory, const Clock& clock);

  void keep(const std::string& region) const;
  // nullopt: none, or older than ten minutes (a directory may outlive the machine that wrote it).
  std::optional<std::string> recall() const;

 private:
  std::string path_;
  const Clock& clock_;
};

}  // namespace efs::mount_helper

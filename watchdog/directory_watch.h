// DirectoryWatch: inotify(7) on one directory, for "something changed, look again". Which file it
// was does not matter: events are lost on overflow, so the directory is the truth.
#pragma once

#include <string>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::watchdog {

class DirectoryWatch {
 public:
  static Result<DirectoryWatch> create(const std::string& directory);

  int fd() const { return fd_.get(); }
  // Empties the queue. False: the directory itself is gone, create a new watch.
  bool drain();

 private:
  explicit DirectoryWatch(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace efs::watchdog

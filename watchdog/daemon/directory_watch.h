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

  // One more directory, e.g. one below. Its end is no news; adding it again changes nothing.
  Status add(const std::string& directory) const;

  int fd() const { return fd_.get(); }
  // Empties the queue. False: the directory itself is gone, create a new watch.
  bool drain();

 private:
  DirectoryWatch(UniqueFd fd, int first) : fd_(std::move(fd)), first_(first) {}
  UniqueFd fd_;
  int first_;  // inotify's number of the directory itself
};

}  // namespace efs::watchdog

// FileStamp: tells whether a file is still the one that was read, as far as stat(2) can.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <string>

namespace efs {

struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;
  timespec modified{};
  mode_t mode = 0;        // permissions; no part of the comparison
  timespec changed = {};  // of the inode, which nobody can set back; see untouched()

  bool operator==(const FileStamp& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
  }
  bool operator!=(const FileStamp& other) const { return !(*this == other); }
  // The same file, and nobody wrote it, renamed it or changed its permissions either.
  bool untouched(const FileStamp& other) const {
    return *this == other && changed.tv_sec == other.changed.tv_sec &&
           changed.tv_nsec == other.changed.tv_nsec;
  }
  // A file that does not exist has a stamp that no file has.
  bool exists() const { return size >= 0; }

  // Follows links. Of a file that cannot be looked at: as of one that does not exist.
  static FileStamp of(const std::string& path);
};

// The file at the path, or a directory or link on the way to it, is on a file system whose answer
// depends on somebody else (a server, a daemon, an automounter): any look at it may wait for ever,
// and this one too. The root's own counts as one that answers (diskless hosts, Kata). What lies
// below an overlay or an encrypting file system is not seen.
bool mayNotAnswer(const std::string& path);

}  // namespace efs

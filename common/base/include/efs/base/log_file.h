// LogFile: one log file on disk, appended line by line and rotated by renaming. Blocking; for the
// one writer of the host, and for programs that are told to write themselves.
//
// The name is never trusted: no link that is not root's is followed on the way, none at all at the
// end, and only a regular file is opened, in a way in which a FIFO or a device cannot hold us up
// (O_NOFOLLOW, O_NONBLOCK). A new file has mode 0640; one that is ours and wider is narrowed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "efs/base/log_place.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::log {

class LogFile {
 public:
  // `lock` is a file in the root-only state directory that is held while renaming; who does not get
  // it at once does not rotate this time. Empty: nobody else writes the file.
  LogFile(LogPlace place, std::string lock) : place_(std::move(place)), lock_(std::move(lock)) {}

  // Opens the file, making its directories (0755), or looks whether it is still the open one.
  Status open();
  // Writes one line (with its newline), whole or not at all as far as the disk allows. Lines that
  // could not be written are counted; the next one that can be is preceded by their number.
  Status append(std::string_view line);
  // So that an idle writer pins no file system. The next line opens it again.
  void release();
  void configure(std::size_t max_bytes, int file_count);
  const LogPlace& place() const { return place_; }
  std::size_t lost() const { return lost_; }

 private:
  bool isCurrentFile() const;
  bool needsRotation(std::size_t more) const;
  void rotate();
  void moveOn();
  Status put(std::string_view line);
  // The n-th old file.
  std::string oldName(int n) const;

  LogPlace place_;
  std::string lock_;
  UniqueFd directory_;
  std::string name_;  // in directory_
  UniqueFd fd_;
  std::size_t lost_ = 0;
};

}  // namespace efs::log

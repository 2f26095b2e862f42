// StateFiles: the calls by which the state directory is read and changed, so that the rules about
// it (StateStore, the watchdog) can be run against a simulated directory. Every call is a step
// between which a process may die; what one call does is done as a whole or not at all.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/file_stamp.h"
#include "efs/base/files.h"
#include "efs/base/result.h"

namespace efs::state {

using efs::FileStamp;

// Errors are those of the functions of efs/base/files.h and efs/base/remove_tree.h with these
// names.
class StateFiles {
 public:
  virtual ~StateFiles() = default;

  // Follows links. Of a file that cannot be looked at: as of one that does not exist.
  virtual FileStamp stamp(const std::string& path) = 0;
  // Itself, not what a link leads to.
  virtual bool isRegular(const std::string& path) = 0;
  // Names in a directory, in any order; kNotFound: there is none.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  virtual Result<std::string> read(const std::string& path, std::size_t limit = kMaxFileSize) = 0;
  // A path without links; the same one where it cannot be resolved.
  virtual std::string realPath(const std::string& path) = 0;
  // Whether a process holds an exclusive flock(2) on the file; nullopt: cannot be known.
  virtual std::optional<bool> locked(const std::string& path) = 0;

  virtual Status makeDirectories(const std::string& path, mode_t mode) = 0;
  // Replaces the file as a whole.
  virtual Status write(const std::string& path, std::string_view content, mode_t mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // A missing file is success.
  virtual Status remove(const std::string& path) = 0;
  // Crosses no mount and follows no link; kBusy: something is mounted there.
  virtual Status removeTree(const std::string& path) = 0;
  // rmdir(2).
  virtual Status removeEmpty(const std::string& path) = 0;
};

// The real ones; without state, shared by all.
StateFiles& systemFiles();

}  // namespace efs::state

// LockTable: files on which this machine holds locks (/proc/locks, proc(5)). A mount that holds any
// must not meet another server's state: its locks would be lost.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::watchdog {

class LockTable {
 public:
  // kUnsupported in a pid namespace of its own: the kernel hides the locks of processes outside.
  static Result<LockTable> readKernel();
  // A file in the kernel's form, for tests.
  static Result<LockTable> readFile(const std::string& path);
  static LockTable parse(std::string_view text);

  // `device` as in mountinfo.
  bool heldOn(dev_t device) const { return devices_.count(device) != 0; }

 private:
  std::set<dev_t> devices_;
};

}  // namespace efs::watchdog

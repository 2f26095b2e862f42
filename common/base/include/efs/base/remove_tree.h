// rm -rf that never leaves the file system object it was given: it crosses no mount and follows no
// link, not even one that appears while it works.
#pragma once

#include <string>

#include "efs/base/result.h"

namespace efs {

// How a directory is opened to be emptied; kClassic is for tests of what kernels before 5.6, and
// sandboxes that refuse openat2(2), get.
enum class TreeWalk { kAuto, kClassic };

// Removes the file or directory `path`; a missing one is success. A mount at it or below it, of a
// directory or of a single file, is left alone with all that is in it, and nothing is asked of the
// server behind it: kBusy, and the message names what is mounted where. What lies beside the mount
// is removed nevertheless.
Status removeTree(const std::string& path, TreeWalk walk = TreeWalk::kAuto);

}  // namespace efs

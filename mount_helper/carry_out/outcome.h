// Outcome: how the program ends (contract section 7).
#pragma once

#include <optional>
#include <string>

#include "efs/base/result.h"

namespace efs::mount_helper {

struct Outcome {
  int code = 0;
  std::string out;                                // for stdout
  std::string err;                                // for stderr, one line without "mount.efs: "
  std::string notice = {};                        // for stderr, too, but no failure
  std::optional<ErrorKind> cause = std::nullopt;  // of a failure, where one is known
};

inline constexpr int kFatal = 1;         // every error of the helper itself
inline constexpr int kMountFailed = 32;  // mount(8): the mount failed

inline Outcome fatal(const Error& error) {
  return {kFatal, "", error.describe(), "", error.kind()};
}
inline Outcome mountFailed(const Error& error) {
  return {kMountFailed, "", error.describe(), "", error.kind()};
}

}  // namespace efs::mount_helper

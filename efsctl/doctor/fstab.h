// Lines of fstab(5) that mount EFS or S3 Files. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efs/base/file_system_kind.h"

namespace efs::efsctl {

inline constexpr const char* kFstabPath = "/etc/fstab";

struct FstabLine {
  int number = 0;  // from 1; 0: not of a file
  std::string device;
  std::string mountpoint;  // blanks and others that fstab writes as \040 are decoded
  std::string options;     // without mount(8)'s own "defaults"
  FileSystemKind kind = FileSystemKind::kEfs;
  bool has(std::string_view option) const;
};

// The lines of types efs and s3files; comments, other types and lines with fewer than four fields
// are left out.
std::vector<FstabLine> efsLines(std::string_view fstab);

// What is worth a word in a line that mount.efs takes: how it behaves at boot.
struct FstabAdvice {
  std::string seen;
  std::string todo;
};
std::vector<FstabAdvice> adviceFor(const FstabLine& line);

}  // namespace efs::efsctl

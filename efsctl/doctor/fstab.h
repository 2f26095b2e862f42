// Lines of fstab(5) that mount EFS. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace efs::efsctl {

inline constexpr const char* kFstabPath = "/etc/fstab";

struct FstabLine {
  int number = 0;  // from 1; 0: not of a file
  std::string device;
  std::string mountpoint;  // blanks and others that fstab writes as \040 are decoded
  std::string options;     // without mount(8)'s own "defaults"
  bool has(std::string_view option) const;
};

// The lines of type efs; comments, other types and lines with fewer than four fields are left out.
std::vector<FstabLine> efsLines(std::string_view fstab);

// What is worth a word in a line that mount.efs takes: how it behaves at boot.
struct FstabAdvice {
  std::string seen;
  std::string todo;
};
std::vector<FstabAdvice> adviceFor(const FstabLine& line);

}  // namespace efs::efsctl

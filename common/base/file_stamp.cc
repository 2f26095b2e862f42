#include "efs/base/file_stamp.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <system_error>

namespace efs {
namespace {

// GFS2, Lustre and VirtualBox have no name in linux/magic.h. virtiofs is one of FUSE.
constexpr std::array<std::uint32_t, 16> kFar{
    NFS_SUPER_MAGIC,    SMB_SUPER_MAGIC,  CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
    FUSE_SUPER_MAGIC,   V9FS_MAGIC,       AFS_SUPER_MAGIC,  AFS_FS_MAGIC,
    CEPH_SUPER_MAGIC,   CODA_SUPER_MAGIC, NCP_SUPER_MAGIC,  OCFS2_SUPER_MAGIC,
    AUTOFS_SUPER_MAGIC, 0x01161970,       0x0bd00bd0,       0x786f4256,
};

constexpr int kMostLinks = 40;  // as the kernel

// Without the file system of "/" nothing works anyway, this program's libraries included.
bool isOfRoot(const std::string& path) {
  struct stat root {};
  struct stat here {};
  return ::stat("/", &root) == 0 && ::stat(path.c_str(), &here) == 0 && root.st_dev == here.st_dev;
}

bool isFar(const std::string& path) {
  struct statfs info {};
  if (::statfs(path.c_str(), &info) != 0) return false;
  const auto type = static_cast<std::uint32_t>(info.f_type);
  return std::find(kFar.begin(), kFar.end(), type) != kFar.end() && !isOfRoot(path);
}

}  // namespace

FileStamp FileStamp::of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev,  info.st_ino,           info.st_size,
          info.st_mtim, info.st_mode & 07777U, info.st_ctim};
}

// Walks as the kernel does, which asks each directory and link of the path.
bool mayNotAnswer(const std::string& path) {
  std::string reached = ".";
  std::string rest = path;
  for (int links = 0; links <= kMostLinks;) {
    if (rest.starts_with('/')) reached = "/";
    if (isFar(reached)) return true;
    const auto begin = rest.find_first_not_of('/');
    if (begin == std::string::npos) return false;
    const auto end = rest.find('/', begin);
    const std::string next = reached + "/" + rest.substr(begin, end - begin);
    rest.erase(0, rest.find_first_not_of('/', end));
    std::error_code is_no_link;
    const std::string target = std::filesystem::read_symlink(next, is_no_link).string();
    if (target.empty()) {
      reached = next;
      continue;
    }
    ++links;
    rest = target + "/" + rest;
  }
  return false;
}

}  // namespace efs

#include "efs/base/file_stamp.h"

#include <sys/stat.h>

namespace efs {

FileStamp FileStamp::of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev,  info.st_ino,           info.st_size,
          info.st_mtim, info.st_mode & 07777U, info.st_ctim};
}

}  // namespace efs

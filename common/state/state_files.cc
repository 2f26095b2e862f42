#include "efs/state/state_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "efs/base/freed_by.h"
#include "efs/base/remove_tree.h"
#include "efs/base/unique_fd.h"

namespace efs::state {
namespace {

class SystemFiles final : public StateFiles {
 public:
  FileStamp stamp(const std::string& path) override { return FileStamp::of(path); }

  bool isRegular(const std::string& path) override {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, FreedBy<::closedir>> listing(::opendir(directory.c_str()));
    if (!listing) return Error::fromErrno(errno, "listing " + directory);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(listing.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    return names;
  }

  Result<std::string> read(const std::string& path, std::size_t limit) override {
    return readFile(path, limit);
  }

  std::string realPath(const std::string& path) override {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                           &std::free);
    return real ? real.get() : path;
  }

  std::optional<bool> locked(const std::string& path) override {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd.valid()) return std::nullopt;
    if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return false;
    return errno == EWOULDBLOCK ? std::optional<bool>(true) : std::nullopt;
  }

  Status makeDirectories(const std::string& path, mode_t mode) override {
    return efs::makeDirectories(path, mode);
  }
  Status write(const std::string& path, std::string_view content, mode_t mode) override {
    return writeFileAtomic(path, content, {.mode = mode});
  }
  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return Error::fromErrno(errno, "renaming " + from + " to " + to);
  }
  Status remove(const std::string& path) override { return removeFile(path); }
  Status removeTree(const std::string& path) override { return efs::removeTree(path); }
  Status removeEmpty(const std::string& path) override {
    if (::rmdir(path.c_str()) == 0) return {};
    return Error::fromErrno(errno, "removing the directory " + path);
  }
};

}  // namespace

StateFiles& systemFiles() {
  static SystemFiles files;
  return files;
}

}  // namespace efs::state

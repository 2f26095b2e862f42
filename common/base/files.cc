#include "efs/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "efs/base/regular_file.h"

namespace efs {
namespace {

struct PathParts {
  std::string directory;
  std::string name;
};

PathParts splitPath(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

Status syncDirectory(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return Error::fromErrno(errno, "syncing " + directory);
  return {};
}

Status fillTemporary(int fd, const std::string& temporary, std::string_view content,
                     const WriteOptions& options) {
  if (::fchmod(fd, options.mode) != 0)
    return Error::fromErrno(errno, "setting mode of " + temporary);
  EFS_CHECK(writeAll(fd, content, temporary));
  if (options.durable && ::fsync(fd) != 0) return Error::fromErrno(errno, "syncing " + temporary);
  return {};
}

struct OpenFile {
  UniqueFd fd;
  mode_t mode;
};

// Without O_NONBLOCK opening a pipe waits for its writer.
Result<OpenFile> openToRead(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd.valid()) return Error::fromErrno(errno, "opening " + path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return Error::fromErrno(errno, "looking at " + path);
  return OpenFile{std::move(fd), info.st_mode};
}

Error isNoFile(const std::string& path, mode_t mode) {
  const char* what = S_ISDIR(mode)    ? "a directory"
                     : S_ISFIFO(mode) ? "a pipe"
                                      : "not a regular file";
  return {ErrorKind::kInvalidInput, path + " is " + what};
}

}  // namespace

Result<std::string> readAll(int fd, const std::string& name, std::size_t limit) {
  std::string content;
  std::array<char, 16384> chunk{};
  while (true) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::fromErrno(errno, "reading " + name);
    if (got == 0) return content;
    if (static_cast<std::size_t>(got) > limit - content.size()) {
      return Error(ErrorKind::kInvalidInput,
                   "reading " + name + ": longer than " + std::to_string(limit) + " bytes");
    }
    content.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

Result<std::string> readFile(const std::string& path, std::size_t limit) {
  EFS_TRY(file, openToRead(path));
  if (S_ISFIFO(file.mode)) return isNoFile(path, file.mode);
  return readAll(file.fd.get(), path, limit);
}

Result<std::string> readRegularFile(const std::string& path, std::size_t limit) {
  EFS_TRY(file, openToRead(path));
  if (S_ISCHR(file.mode)) return std::string();
  if (!S_ISREG(file.mode)) return isNoFile(path, file.mode);
  return readAll(file.fd.get(), path, limit);
}

Status writeAll(int fd, std::string_view content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Error::fromErrno(errno, "writing " + name);
    // Some files of sysfs take nothing and say so; asking again would never end.
    if (put == 0) return Error(ErrorKind::kIo, "writing " + name + ": nothing was taken");
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

namespace {

// 0, or errno. The temporary file is gone, or the caller's to remove.
int publish(const std::string& temporary, const std::string& path, bool only_new) {
  if (only_new) {
    if (::link(temporary.c_str(), path.c_str()) == 0) {
      ::unlink(temporary.c_str());
      return 0;
    }
    const bool has_links = errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS;
    if (has_links) return errno;
  }
  return ::rename(temporary.c_str(), path.c_str()) == 0 ? 0 : errno;
}

}  // namespace

Status writeFileAtomic(const std::string& path, std::string_view content, WriteOptions options) {
  const auto [directory, name] = splitPath(path);
  std::string temporary = directory + "/." + name + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, "creating a file in " + directory);
  Status status = fillTemporary(fd.get(), temporary, content, options);
  if (status) {
    const int failed = publish(temporary, path, options.only_new);
    if (failed != 0) status = Error::fromErrno(failed, "renaming " + temporary + " to " + path);
  }
  if (!status) {
    ::unlink(temporary.c_str());
    return std::move(status).withContext("writing " + path);
  }
  return options.durable ? syncDirectory(directory) : Status{};
}

Status makeDirectories(const std::string& path, mode_t mode) {
  for (auto slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) {
      return Error::fromErrno(errno, "creating directory " + parent);
    }
  }
  if (::mkdir(path.c_str(), mode) == 0) {
    // The umask does not apply to what the contract fixes.
    if (::chmod(path.c_str(), mode) != 0) return Error::fromErrno(errno, "setting mode of " + path);
    return {};
  }
  const int err = errno;
  struct stat info {};
  if (err == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
  return Error::fromErrno(err, "creating directory " + path);
}

Status removeFile(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  const int err = errno;
  Error error = Error::fromErrno(err, "removing " + path);
  if (err == EBUSY) error.addHint("a file is mounted there; unmount it: umount " + path);
  return error;
}

bool fileExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string directoryOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace efs

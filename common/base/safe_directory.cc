#include "safe_directory.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>

#include "efs/base/text.h"

namespace efs {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's path resolution

class Walk {
 public:
  explicit Walk(std::string path) : path_(std::move(path)) {}

  Result<UniqueFd> run() {
    EFS_CHECK(restart());
    push(path_);
    while (!parts_.empty()) {
      const std::string part = parts_.front();
      parts_.pop_front();
      if (!part.empty() && part != ".") EFS_CHECK(step(part));
    }
    return std::move(here_);
  }

 private:
  Error problem(const std::string& part, const std::string& what) const {
    return {ErrorKind::kPermission, "directory " + path_ + ": \"" + printable(part) + "\" " + what};
  }

  Status restart() {
    here_.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!here_.valid()) return Error::fromErrno(errno, "opening /");
    return {};
  }

  void push(const std::string& path) {
    const auto parts = split(path, '/');
    parts_.insert(parts_.begin(), parts.begin(), parts.end());
  }

  Status step(const std::string& part) {
    EFS_TRY(next, enter(part));
    struct stat info {};
    if (::fstat(next.get(), &info) != 0)
      return Error::fromErrno(errno, "directory " + path_ + ": looking at " + part);
    if (info.st_uid != 0 && info.st_uid != ::geteuid())
      return problem(part, "belongs to user " + std::to_string(info.st_uid));
    if (S_ISLNK(info.st_mode)) return follow(part, next.get());
    if (!S_ISDIR(info.st_mode)) return problem(part, "is no directory");
    here_ = std::move(next);
    return {};
  }

  Result<UniqueFd> enter(const std::string& part) {
    constexpr int kFlags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd next(::openat(here_.get(), part.c_str(), kFlags));
    if (!next.valid() && errno == ENOENT) {
      if (::mkdirat(here_.get(), part.c_str(), 0755) != 0 && errno != EEXIST)
        return Error::fromErrno(errno, "creating directory " + path_);
      next.reset(::openat(here_.get(), part.c_str(), kFlags));
    }
    if (!next.valid()) return Error::fromErrno(errno, "opening directory " + path_);
    return next;
  }

  Status follow(const std::string& part, int link) {
    if (++links_ > kMaxLinks) return Error::fromErrno(ELOOP, "opening directory " + path_);
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
    if (length <= 0) return problem(part, "is a link that cannot be read");
    const std::string text(target.data(), static_cast<std::size_t>(length));
    push(text);
    return text.front() == '/' ? restart() : Status{};
  }

  std::string path_;
  UniqueFd here_;
  std::deque<std::string> parts_;
  int links_ = 0;
};

}  // namespace

Result<UniqueFd> openSafeDirectory(const std::string& path) { return Walk(path).run(); }

}  // namespace efs

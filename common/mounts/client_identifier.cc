#include "efs/mounts/client_identifier.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"

namespace efs::mounts {
namespace {

constexpr Duration kLockPatience{30000};
constexpr std::size_t kMaxIdentifier = 256;

// Sysfs takes a value in place and by one write(2), not by renaming.
Status writeValue(const std::string& path, const std::string& value) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, "opening " + path);
  return writeAll(fd.get(), value, path);
}

std::string randomIdentifier() {
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(random() & 0xFFU));
  return "efsmount-" + hex(bytes);
}

std::string hostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace

Result<FreshClientIdentifier> FreshClientIdentifier::set(const std::string& lock_path,
                                                         const Clock& clock,
                                                         const std::string& path) {
  EFS_TRY(lock, FileLock::acquire(lock_path, clock, kLockPatience));
  auto before = readFile(path, kMaxIdentifier);
  if (!before) {
    return std::move(before.error())
        .setKind(ErrorKind::kUnsupported)
        .addContext("this kernel cannot tell two mounts of one file system apart");
  }
  EFS_CHECK(writeValue(path, randomIdentifier()));
  return FreshClientIdentifier(std::move(lock), path, std::string(trim(*before)));
}

FreshClientIdentifier::FreshClientIdentifier(FreshClientIdentifier&& other) noexcept
    : lock_(std::move(other.lock_)),
      path_(std::exchange(other.path_, {})),
      before_(std::move(other.before_)) {}

FreshClientIdentifier::~FreshClientIdentifier() {
  if (path_.empty()) return;
  // The kernel shows "(null)" where none was set, and takes no empty value: the host name, which it
  // puts into the client's name anyway, comes nearest to none.
  const bool none = before_.empty() || before_ == "(null)";
  (void)writeValue(path_, none ? hostName() : before_);
}

}  // namespace efs::mounts

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

// Each of many first mounts holds it for as long as its mount(2) takes.
constexpr Duration kLockPatience{120000};
constexpr std::size_t kMaxIdentifier = 256;
constexpr int kIdentifierBytes = 8;

// Sysfs takes a value in place and by one write(2), not by renaming.
Status writeValue(const std::string& path, const std::string& value) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, "opening " + path);
  return writeAll(fd.get(), value, path);
}

std::string hostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

// What a killed process of ours left behind is nobody's choice.
bool chosenByTheHost(const std::string& identifier) {
  return !identifier.empty() && identifier != "(null)" &&
         identifier.rfind(kClientIdentifierPrefix, 0) != 0;
}

}  // namespace

std::string randomClientIdentifier() {
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < kIdentifierBytes; ++i) bytes.push_back(static_cast<char>(random() & 0xFFU));
  return kClientIdentifierPrefix + hex(bytes);
}

Result<OwnClientIdentifier> OwnClientIdentifier::set(const std::string& lock_path,
                                                     const Clock& clock,
                                                     const std::string& identifier,
                                                     const std::string& path) {
  EFS_TRY(lock, FileLock::acquire(lock_path, clock, kLockPatience));
  auto before = readFile(path, kMaxIdentifier);
  if (!before) {
    return std::move(before.error())
        .setKind(ErrorKind::kUnsupported)
        .addContext("this kernel cannot tell two mounts of one file system apart");
  }
  EFS_CHECK(writeValue(path, identifier));
  return OwnClientIdentifier(std::move(lock), path, std::string(trim(*before)));
}

OwnClientIdentifier::OwnClientIdentifier(OwnClientIdentifier&& other) noexcept
    : lock_(std::move(other.lock_)),
      path_(std::exchange(other.path_, {})),
      before_(std::move(other.before_)) {}

OwnClientIdentifier::~OwnClientIdentifier() {
  if (path_.empty()) return;
  // The kernel shows "(null)" where none was set, and takes no empty value: the host name, which it
  // puts into the client's name anyway, comes nearest to none.
  (void)writeValue(path_, chosenByTheHost(before_) ? before_ : hostName());
}

}  // namespace efs::mounts

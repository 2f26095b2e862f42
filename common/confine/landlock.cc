// Landlock (landlock(7)) by its numbers: headers of a distribution of 2022 know its first version.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "efs/base/unique_fd.h"
#include "parts.h"

namespace efs::confine {
namespace {

// The same on all architectures.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kPathBeneath = 1;

enum Right : std::uint64_t {
  kExecute = 1U << 0U,
  kWriteFile = 1U << 1U,
  kReadFile = 1U << 2U,
  kReadDirectory = 1U << 3U,
  kRefer = 1U << 13U,
  kTruncate = 1U << 14U,
};
// Those of a version and of all before it: 13 rights, then REFER, then TRUNCATE.
constexpr std::uint64_t kFirst = (1U << 13U) - 1;
constexpr std::uint64_t kOfFile = kExecute | kWriteFile | kReadFile | kTruncate;
// Libraries are mapped, which asks for no right to execute.
constexpr std::uint64_t kReading = kReadFile | kReadDirectory;

struct RulesetAttributes {
  std::uint64_t handled_files;
};
struct __attribute__((packed)) PathAttributes {
  std::uint64_t allowed;
  std::int32_t parent;
};

std::uint64_t rightsOf(long version) {
  std::uint64_t rights = kFirst;
  if (version >= 2) rights |= kRefer;
  if (version >= 3) rights |= kTruncate;
  return rights;
}

Status allow(int ruleset, const std::string& path, std::uint64_t rights) {
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd.valid()) return {};
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return Error::fromErrno(errno, path);
  if (!S_ISDIR(info.st_mode)) rights &= kOfFile;
  const PathAttributes rule{rights, fd.get()};
  if (::syscall(kAddRule, ruleset, kPathBeneath, &rule, 0) != 0)
    return Error::fromErrno(errno, "allowing " + path);
  return {};
}

}  // namespace

Status restrictFiles(const FilePlan& plan) {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version < 1) return Error::fromErrno(errno, "no Landlock in this kernel");
  const std::uint64_t rights = rightsOf(version);
  const RulesetAttributes attributes{rights};
  const UniqueFd ruleset(
      static_cast<int>(::syscall(kCreateRuleset, &attributes, sizeof attributes, 0)));
  if (!ruleset.valid()) return Error::fromErrno(errno, "making a set of Landlock's rules");
  for (const auto& path : plan.read) EFS_CHECK(allow(ruleset.get(), path, kReading));
  for (const auto& path : plan.write)
    EFS_CHECK(allow(ruleset.get(), path, rights & ~std::uint64_t{kExecute}));
  if (::syscall(kRestrictSelf, ruleset.get(), 0) != 0)
    return Error::fromErrno(errno, "restricting files by Landlock");
  return {};
}

}  // namespace efs::confine

#include "efs/mounts/detached_mount.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/mounts/mount_calls.h"
#include "efs/mounts/mount_table.h"
#include "mount_errors.h"

namespace efs::mounts {
namespace {

// A file system context keeps at most eight messages (fs/fs_context.c).
constexpr int kMaxMessages = 8;
constexpr std::size_t kMaxWords = 300;

std::string wordsOf(int context) {
  std::vector<std::string> lines;
  std::array<char, 1024> line{};
  for (int i = 0; i < kMaxMessages; ++i) {
    const ssize_t got = ::read(context, line.data(), line.size());
    if (got <= 0) break;
    lines.emplace_back(line.data(), static_cast<std::size_t>(got));
  }
  return kernelWords(lines);
}

// What no kernel with these calls answers to a caller that may mount.
bool lacksCalls(int err) { return err == ENOSYS || err == EPERM; }

// fsconfig(2) for each parameter, then the creation: here the server is asked. errno when false.
bool configure(const UniqueFd& context, const MountDescription& description) {
  for (const auto& [key, value] : description.parameters) {
    const unsigned command = value ? calls::kSetString : calls::kSetFlag;
    const char* text = value ? value->c_str() : nullptr;
    if (calls::fsconfig(context.get(), command, key.c_str(), text) != 0) return false;
  }
  return calls::fsconfig(context.get(), calls::kCreate, nullptr, nullptr) == 0;
}

Result<dev_t> deviceOf(int mount) {
  struct statx info {};
  if (::statx(mount, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &info) != 0) {
    return Error::fromErrno(errno, "looking at the new mount");
  }
  return makedev(info.stx_dev_major, info.stx_dev_minor);
}

}  // namespace

std::string kernelWords(const std::vector<std::string>& lines) {
  std::string words;
  for (const char level : {'e', 'w'}) {
    for (const auto& line : lines) {
      if (line.size() < 3 || line[0] != level || line[1] != ' ') continue;
      if (!words.empty()) words += "; ";
      words += trim(std::string_view(line).substr(2));
    }
  }
  return words.empty() ? words : printable(words, kMaxWords);
}

Result<DetachedMount::Attempt> DetachedMount::attempt(const MountDescription& description) {
  Attempt attempt;
  attempt.possible = description.fits() && calls::movesMounts();
  if (!attempt.possible) return attempt;
  const UniqueFd context(calls::fsopen(description.type.c_str()));
  if (!context.valid()) {
    attempt.err = errno;
    attempt.possible = !lacksCalls(attempt.err);
    return attempt;
  }
  UniqueFd mount;
  const bool configured = configure(context, description);
  if (configured) mount.reset(calls::fsmount(context.get(), description.attributes));
  if (!mount.valid()) {
    attempt.err = errno;
    // A filter may know some of the calls. Where it was the server's EPERM, mount(2) has it too.
    attempt.possible = !lacksCalls(attempt.err);
    attempt.words = wordsOf(context.get());
    return attempt;
  }
  EFS_TRY(device, deviceOf(mount.get()));
  attempt.mount = DetachedMount(std::move(mount), device);
  return attempt;
}

Result<std::optional<DetachedMount>> DetachedMount::make(const MountDescription& description) {
  EFS_TRY(made, attempt(description));
  if (!made.possible || made.mount) return std::move(made.mount);
  const std::string words = made.words.empty() ? "" : ": the kernel says \"" + made.words + "\"";
  return Error::fromErrno(made.err, "mounting a file system of type " + description.type + words);
}

Result<DetachedMount::Attempt> DetachedMount::attempt(const NfsMountRequest& request) {
  NfsMountRequest one = request;
  Attempt last;
  for (const auto& version : versionsToTry(request.options)) {
    if (!version.empty()) one.options.set(one.options.has("vers") ? "vers" : "nfsvers", version);
    EFS_TRY(description, MountDescription::ofNfs(one));
    EFS_TRY(made, attempt(description));
    last = std::move(made);
    if (!last.possible || last.mount || last.err != EPROTONOSUPPORT) break;
  }
  return last;
}

Result<std::optional<DetachedMount>> DetachedMount::make(const NfsMountRequest& request) {
  EFS_TRY(made, attempt(request));
  if (!made.possible || made.mount) return std::move(made.mount);
  return kernelError(request, made.err, made.words);
}

Result<std::optional<int>> DetachedMount::tunnelPort(const std::string& proc_net) const {
  EFS_TRY(volumes, readFile(proc_net + "/nfsfs/volumes"));
  return tunnelPortOfDevice(volumes, device_);
}

Status DetachedMount::askRoot() const {
  struct statx info {};
  if (::statx(mount_.get(), "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &info) !=
      0) {
    return Error::fromErrno(errno, "asking for the root of the new mount");
  }
  const bool deleted = (info.stx_mask & STATX_NLINK) != 0 && info.stx_nlink == 0;
  if (deleted) return Error::fromErrno(ESTALE, "the root of the new mount was deleted");
  return {};
}

Status DetachedMount::attach(int directory) const {
  if (calls::moveMount(mount_.get(), directory, 0) == 0) return {};
  return Error::fromErrno(errno, "attaching the new mount");
}

Status DetachedMount::attachBeneath(int directory) const {
  if (calls::moveMount(mount_.get(), directory, calls::kBeneath) == 0) return {};
  return Error::fromErrno(errno, "attaching the new mount beneath the old one");
}

}  // namespace efs::mounts

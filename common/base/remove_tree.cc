#include "efs/base/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "efs/base/files.h"
#include "efs/base/freed_by.h"
#include "efs/base/mounted_at.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"

// The rules of the kernel this rests on. unlink(2) and rmdir(2) look up the last name without
// stepping into a mount and without following a link: EBUSY tells a mount point (of a file or a
// directory) before anything of the mounted file system is asked. open(2) and stat(2) do step into
// it, and NFS then asks the server even for O_PATH. So: first try to remove, and only what answered
// ENOTEMPTY is opened, by a call that refuses to cross (openat2(2), RESOLVE_NO_XDEV): a mount or
// link that came in between is an error, not a way. Devices are no proof: a bind mount has the
// device of its source, and one overlay has several.
namespace efs {
namespace {

// Ours are two levels deep. Each level costs a descriptor and stack.
constexpr int kMaxDepth = 64;

struct Removal {
  TreeWalk walk;
  Status first;  // failure; the rest is removed all the same

  void note(Error error) {
    if (first) first = unexpected(std::move(error));
  }
};

Error mountedError(int parent, const std::string& name, const std::string& shown) {
  const auto thing = mountedAt(parent, name);
  if (!thing) return Error(ErrorKind::kBusy, "removing " + shown + ": something is mounted there");
  Error error(ErrorKind::kBusy, "removing " + shown + ": " + printable(thing->type) + " of " +
                                    printable(thing->source) + " is mounted there");
  error.addHint("it was left alone; unmount it: umount " + printable(thing->where));
  return error;
}

// Of the mount that a descriptor is on, as /proc/self/mountinfo numbers it. Asks no server.
std::optional<std::string> mountId(int fd) {
  const auto text = readFile("/proc/self/fdinfo/" + std::to_string(fd), 4096);
  if (!text) return std::nullopt;
  for (const auto& line : split(*text, '\n')) {
    if (line.rfind("mnt_id:", 0) == 0) return std::string(trim(line.substr(7)));
  }
  return std::nullopt;
}

// Kernels before 5.6. Whoever mounts between rmdir(2) and here is found by the mount's id. "." of a
// descriptor never leads into what is mounted on top of it.
int openClassic(int parent, const std::string& name) {
  const UniqueFd place(
      ::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!place.valid()) return -1;
  const auto inside = mountId(place.get());
  if (!inside || inside != mountId(parent)) {
    errno = EXDEV;
    return -1;
  }
  return ::openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int openInside(int parent, const std::string& name, TreeWalk walk) {
  if (walk == TreeWalk::kClassic) return openClassic(parent, name);
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  const long fd = ::syscall(SYS_openat2, parent, name.c_str(), &how, sizeof how);
  // EPERM is what sandboxes answer to calls that they do not know (old seccomp lists); opening a
  // directory for reading has no other cause for it.
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return openClassic(parent, name);
  return static_cast<int>(fd);
}

void removeEntry(int parent, const std::string& name, const std::string& shown, int depth,
                 Removal& removal);

void removeContent(UniqueFd directory, const std::string& shown, int depth, Removal& removal) {
  std::unique_ptr<DIR, FreedBy<::closedir>> listing(::fdopendir(directory.get()));
  if (!listing) return removal.note(Error::fromErrno(errno, "listing " + shown));
  const int fd = directory.release();  // now owned by the listing
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") removeEntry(fd, name, shown + "/" + name, depth, removal);
  }
}

// True when no more is to be done about this entry.
bool removed(int parent, const std::string& name, const std::string& shown, int flags,
             Removal& removal) {
  if (::unlinkat(parent, name.c_str(), flags) == 0 || errno == ENOENT) return true;
  if (errno == EBUSY) {
    removal.note(mountedError(parent, name, shown));
    return true;
  }
  const bool directory =
      flags == 0 ? errno == EISDIR || errno == EPERM : errno == ENOTEMPTY || errno == EEXIST;
  if (!directory) removal.note(Error::fromErrno(errno, "removing " + shown));
  return !directory;
}

void removeEntry(int parent, const std::string& name, const std::string& shown, int depth,
                 Removal& removal) {
  if (removed(parent, name, shown, 0, removal)) return;
  if (removed(parent, name, shown, AT_REMOVEDIR, removal)) return;
  if (depth >= kMaxDepth) {
    return removal.note(Error(ErrorKind::kInvalidInput, "removing " + shown + ": too deep"));
  }
  UniqueFd directory(openInside(parent, name, removal.walk));
  if (!directory.valid()) {
    if (errno == ENOENT) return;
    return removal.note(errno == EXDEV ? mountedError(parent, name, shown)
                                       : Error::fromErrno(errno, "opening " + shown));
  }
  removeContent(std::move(directory), shown, depth + 1, removal);
  if (!removed(parent, name, shown, AT_REMOVEDIR, removal)) {
    removal.note(Error::fromErrno(ENOTEMPTY, "removing " + shown));
  }
}

}  // namespace

Status removeTree(const std::string& path, TreeWalk walk) {
  const auto slash = path.rfind('/');
  const std::string directory =
      slash == std::string::npos ? "." : (slash == 0 ? "/" : path.substr(0, slash));
  const UniqueFd parent(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid()) {
    if (errno == ENOENT) return {};
    return Error::fromErrno(errno, "opening " + directory);
  }
  Removal removal{walk, {}};
  removeEntry(parent.get(), path.substr(slash == std::string::npos ? 0 : slash + 1), path, 0,
              removal);
  return std::move(removal.first);
}

}  // namespace efs

#include "efs/mounts/mount_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"

namespace efs::mounts {
namespace {

constexpr int kStay = 10000;  // ms

}  // namespace

Result<MountNamespace> MountNamespace::open(const std::string& where) {
  const std::string what = "mount namespace " + printable(where);
  const bool is_pid = parseInt(where).has_value();
  const std::string path = is_pid ? "/proc/" + where + "/ns/mnt" : where;
  if (!path.starts_with("/proc/")) EFS_CHECK(usersPathAnswers(path).withContext(what));
  // O_NONBLOCK: a pipe under that name must not stop us.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return Error::fromErrno(errno, what);
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNS) {
    return Error(ErrorKind::kInvalidInput, what + " is not a mount namespace");
  }
  return MountNamespace(std::move(fd));
}

bool MountNamespace::isOurs() const {
  struct stat its {};
  struct stat ours {};
  return ::fstat(fd_.get(), &its) == 0 && ::stat("/proc/self/ns/mnt", &ours) == 0 &&
         its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

Status MountNamespace::enter() const {
  if (::setns(fd_.get(), CLONE_NEWNS) == 0) return {};
  return Error::fromErrno(errno, "entering a mount namespace");
}

Result<MountTable> MountNamespace::table() const {
  EFS_TRY(pipe, makePipe());
  EFS_TRY(child, Subprocess::fork([this, &pipe] {
            const Status entered = enter();
            const char err = static_cast<char>(entered ? 0 : entered.error().osError());
            // Killed below; if nobody does, it goes by itself.
            if (::write(pipe.write_end.get(), &err, 1) == 1) ::poll(nullptr, 0, kStay);
            return 1;
          }));
  pipe.write_end.reset();
  char err = EIO;
  if (::read(pipe.read_end.get(), &err, 1) != 1) err = EIO;
  Result<MountTable> table = Error::fromErrno(err, "entering a mount namespace");
  if (err == 0) {
    table = MountTable::readFile("/proc/" + std::to_string(child.pid()) + "/mountinfo");
  }
  child.killAndReap();
  return table;
}

}  // namespace efs::mounts

#include "efs/net/network_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdlib>

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"

namespace efs::net {

Result<NetworkNamespace> NetworkNamespace::open(const std::string& path) {
  const std::string what = "network namespace " + printable(path);
  if (!path.starts_with("/proc/")) EFS_CHECK(usersPathAnswers(path).withContext(what));
  // O_NONBLOCK: a pipe under that name must not stop us.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return Error::fromErrno(errno, what);
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    return Error(ErrorKind::kInvalidInput, what + " is not a network namespace");
  }
  return NetworkNamespace(std::move(fd));
}

Result<NetworkNamespace> NetworkNamespace::ofSocket(int fd) {
  // The descriptor that the kernel gives is close-on-exec.
  UniqueFd own(::ioctl(fd, SIOCGSKNS));
  if (!own.valid()) return Error::fromErrno(errno, "network namespace of a socket");
  return NetworkNamespace(std::move(own));
}

Status NetworkNamespace::run(const std::function<Status()>& body) const {
  EFS_TRY(home, open("/proc/thread-self/ns/net"));
  if (::setns(fd_.get(), CLONE_NEWNET) != 0) {
    return Error::fromErrno(errno, "entering a network namespace");
  }
  Status result = body();
  if (::setns(home.fd(), CLONE_NEWNET) != 0) {
    log::error("cannot return from a network namespace: {}", errnoText(errno));
    std::abort();
  }
  return result;
}

}  // namespace efs::net

#include "mount_errors.h"

#include <cerrno>

namespace efs::mounts {
namespace {

// The texts of mount.nfs (nfs-utils, utils/mount/error.c), which users search for.
std::string sentenceFor(const NfsMountRequest& request, int err) {
  const std::string& source = request.source;
  switch (err) {
    case EACCES:
      return "access denied by server while mounting " + source;
    case ENOENT:
      return "mounting " + source + " failed, reason given by server";
    case EINVAL:
      return "an incorrect mount option was specified for " + source;
    case EPROTONOSUPPORT:
    case EOPNOTSUPP:
      return "requested NFS version or transport protocol is not supported for " + source;
    case ENODEV:
      return "mounting " + source + ": this kernel has no NFSv4 client";
    case EBUSY:
      return request.target + " is busy or already mounted";
    default:
      return "mounting " + source + " on " + request.target;
  }
}

std::string hintFor(int err, bool kernel_spoke) {
  switch (err) {
    case EPERM:
      return "denied by the server, or this container lacks CAP_SYS_ADMIN";
    case EINVAL:
      return kernel_spoke ? "" : "dmesg names an option that the kernel does not know";
    case ENODEV:
      return missingNfsHint();
    default:
      return "";
  }
}

}  // namespace

Error kernelError(const NfsMountRequest& request, int err, std::string_view words) {
  std::string text = sentenceFor(request, err);
  if (!words.empty()) text += ": the kernel says \"" + std::string(words) + "\"";
  Error error = Error::fromErrno(err, text);
  const std::string hint = hintFor(err, !words.empty());
  if (!hint.empty()) error.addHint(hint);
  return error;
}

}  // namespace efs::mounts

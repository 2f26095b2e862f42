// UtabNote: libmount's own record of a mount (/run/mount/utab), in which umount(8) and systemd look
// for _netdev, uhelper= and helper=. libmount prepares and finishes it around a mount that we make
// by calls of our own.
#pragma once

#include <memory>
#include <string>

struct libmnt_context;

namespace efs::mounts {

class UtabNote {
 public:
  UtabNote();
  ~UtabNote();
  UtabNote(const UtabNote&) = delete;
  UtabNote& operator=(const UtabNote&) = delete;

  // Before the mount. An errno, 0 = success.
  int prepare(const std::string& source, const std::string& target, const std::string& options);
  // After it. A failure, such as a read-only /run, leaves a good mount.
  void finish();

 private:
  libmnt_context* context_;
};

}  // namespace efs::mounts

#include "efs/base/error.h"

#include <cerrno>
#include <system_error>

namespace efs {

Error::Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

Error Error::fromErrno(int err, std::string_view what) {
  Error error(kindOfErrno(err), std::string(what) + ": " + errnoText(err));
  error.os_error_ = err;
  return error;
}

std::string Error::describe() const {
  return hint_.empty() ? message_ : message_ + " (" + hint_ + ")";
}

Error& Error::addContext(std::string_view context) {
  message_ = std::string(context) + ": " + message_;
  return *this;
}

Error& Error::addHint(std::string_view hint) {
  if (hint_.empty()) hint_ = hint;
  return *this;
}

Error& Error::setKind(ErrorKind kind) {
  kind_ = kind;
  return *this;
}

ErrorKind kindOfErrno(int err) {
  switch (err) {
    case ENOENT:
    case ESRCH:
      return ErrorKind::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kPermission;
    case ETIMEDOUT:
      return ErrorKind::kTimeout;
    case ECONNREFUSED:
      return ErrorKind::kRefused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
      return ErrorKind::kUnreachable;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return ErrorKind::kReset;
    case EBUSY:
    case EADDRINUSE:
    case EWOULDBLOCK:
      return ErrorKind::kBusy;
    case EINVAL:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
      return ErrorKind::kInvalidInput;
    case ENODEV:
    case ENOSYS:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
      return ErrorKind::kUnsupported;
    case EPROTO:
      return ErrorKind::kProtocol;
    default:
      return ErrorKind::kIo;
  }
}

std::string errnoText(int err) { return std::generic_category().message(err); }

}  // namespace efs

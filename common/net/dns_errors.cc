#include "dns_errors.h"

#include <ares.h>

#include "efs/base/text.h"

namespace efs::net {
namespace {

ErrorKind kindOfAres(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
      return ErrorKind::kNotFound;
    case ARES_ETIMEOUT:
      return ErrorKind::kTimeout;
    case ARES_ECONNREFUSED:
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
      return ErrorKind::kUnreachable;
    case ARES_EBADNAME:
    case ARES_EBADSTR:
      return ErrorKind::kInvalidInput;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
      return ErrorKind::kCancelled;
    case ARES_ENOMEM:
    case ARES_EFILE:
      return ErrorKind::kIo;
    default:
      return ErrorKind::kProtocol;
  }
}

Error aboutHost(const std::string& host, ErrorKind kind, std::string_view reason) {
  return {kind, "resolving \"" + printable(host) + "\": " + std::string(reason)};
}

}  // namespace

Error resolveError(const std::string& host, ErrorKind kind, std::string_view reason) {
  Error error = aboutHost(host, kind, reason);
  if (kind == ErrorKind::kTimeout || kind == ErrorKind::kUnreachable) {
    error.addHint("check the DNS servers in /etc/resolv.conf");
  }
  return error;
}

Error resolveError(const std::string& host, int ares_status) {
  return resolveError(host, kindOfAres(ares_status), ares_strerror(ares_status));
}

Error noSocketError(const std::string& host, int err) {
  Error error = Error::fromErrno(err, "no socket to ask DNS with");
  return error.addContext("resolving \"" + printable(host) + "\"");
}

Error noChannelError(int ares_status) {
  return {ErrorKind::kIo, std::string("starting the DNS client: ") + ares_strerror(ares_status)};
}

}  // namespace efs::net

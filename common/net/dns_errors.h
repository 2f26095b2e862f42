// Words for what c-ares and the sockets under it report.
#pragma once

#include <string>
#include <string_view>

#include "efs/base/error.h"

namespace efs::net {

// "resolving "<host>": <reason>", with a hint where the DNS servers are to blame.
Error resolveError(const std::string& host, ErrorKind kind, std::string_view reason);
Error resolveError(const std::string& host, int ares_status);
// There was no socket to be had, for this reason (an errno): nothing was asked.
Error noSocketError(const std::string& host, int err);
// c-ares could not be started.
Error noChannelError(int ares_status);

}  // namespace efs::net

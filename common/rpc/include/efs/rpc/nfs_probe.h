// NfsProbe: asks an NFSv4.1 server, over an established connection, whether a mount would be let
// in.
//
// NULL, then EXCHANGE_ID, CREATE_SESSION, SEQUENCE+PUTROOTFH+GETATTR with a throw-away client id
// (RFC 8881 sections 18.35, 18.36, 18.46, 18.21), then DESTROY_SESSION and DESTROY_CLIENTID so that
// nothing stays behind on the server. NULL alone does not show a policy denial.
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::rpc {

struct ProbeResult {
  std::string server_owner;  // so_major_id of EXCHANGE_ID, printable: equal owners are trunked by
                             // the kernel
};

// `fd`: blocking connected socket, stays open. Errors: kPermission (RPC or NFS level denial: the
// policy), kReset (closed before the first answer: certificate refused), kTimeout, kProtocol.
Result<ProbeResult> probeNfs(int fd, const Clock& clock, Duration patience);

}  // namespace efs::rpc

// NfsProbe: asks an NFSv4.1 server, over an established connection, whether a mount would be let
// in.
//
// NULL, then EXCHANGE_ID, CREATE_SESSION, SEQUENCE+PUTROOTFH+GETATTR with a throw-away client id
// (RFC 8881 sections 18.35, 18.36, 18.46, 18.21), then DESTROY_SESSION and DESTROY_CLIENTID so that
// nothing stays behind on the server. NULL alone does not show a policy denial.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::rpc {

struct ProbeResult {
  std::string server_owner;  // so_major_id of EXCHANGE_ID, printable: equal owners are trunked by
                             // the kernel
};

// Who asks. random() for every real use: an owner used twice would end the first one's state.
struct ProbeIdentity {
  std::uint32_t first_xid = 1;
  std::string verifier;      // 8 bytes: one life of the client (RFC 8881 section 2.4)
  std::string client_owner;  // at most 1024 bytes
  std::string machine;       // AUTH_SYS machine name, at most 255 bytes
  static Result<ProbeIdentity> random();
};

// `fd`: connected socket, blocking or not, stays open. Errors:
//   kReset        closed before the first byte of the first answer: certificate refused
//   kPermission   RPC or NFS level denial: the policy
//   kUnsupported  no NFSv4.1 there
//   kBusy         the server asks to come again later (NFS4ERR_DELAY)
//   kTimeout, kProtocol (also: closed later on)
// The message names the step. After a denial the client id is destroyed as well.
Result<ProbeResult> probeNfs(int fd, const Clock& clock, Duration patience);
Result<ProbeResult> probeNfs(int fd, const Clock& clock, Duration patience,
                             const ProbeIdentity& identity);
// The same for the directory `path` below the root, of which the first kProbedNames names are
// looked up. kNotFound: there is none; kInvalidInput: it is no directory.
inline constexpr std::size_t kProbedNames = 5;
Result<ProbeResult> probeNfs(int fd, const Clock& clock, Duration patience,
                             const std::string& path);

// Only NULL, as kQuestionXid: does an NFSv4 server answer at all? Errors as above.
Status pingNfs(int fd, const Clock& clock, Duration patience);

}  // namespace efs::rpc

// Renewal of a client certificate (contract CERT-7, WD-14). The work asks AWS for credentials and
// may wait for the network, so it runs in a child with a deadline; the loop only sees it end.
#pragma once

#include <optional>
#include <string>

#include "efs/aws/credential_context.h"
#include "efs/aws/credentials.h"
#include "efs/base/clock.h"
#include "efs/base/environment.h"
#include "efs/base/result.h"
#include "efs/state/mount_state.h"
#include "tools/renewal_request.h"

namespace efs::watchdog {

aws::Principal principalOf(const state::CredentialsOrigin& origin);

struct RenewalOutcome {
  std::string creation_time;  // for certificateCreationTime
  std::optional<WallTime> credentials_expire;
  aws::Principal principal = {};  // who signed; nothing known without IAM

  // One line, from the child to its parent.
  std::string encode() const;
  // kInternal for a line that is none.
  static Result<RenewalOutcome> decode(const std::string& line);
};

// What the child that renews for this mount has of the variables of aws::credentialVariables():
// what the state file tells, else (a mount of efs-utils or of an older version) the daemon's own.
Variables renewalEnvironment(const std::optional<state::CredentialsOrigin>& origin,
                             const Variables& daemon);

// The whole work: same key, new signature, new times; the file is replaced atomically, 0600, and on
// any error the old one stays. kPermission where the credentials found are not those of the mount's
// principal, unless that is allowed.
Result<RenewalOutcome> renewCertificate(const RenewalRequest& request,
                                        const aws::CredentialContext& context);

// The end of a certificate that cannot be read.
inline constexpr WallTime kUnreadable = WallTime::min() + std::chrono::hours(1);

struct CertificateAge {
  std::optional<WallTime> created, not_after, credentials_expire;
};
// When the certificate must be renewed: after `interval`, and before it or its credentials end. The
// past when its age is unknown or lies in the future. `spread` in [0, 1) takes up to a tenth off
// the interval, so that mounts made together are not renewed together.
WallTime renewalTime(const CertificateAge& age, Duration interval, double spread, WallTime now);

inline constexpr unsigned kRenewalDeadlineSeconds = 60;
// So many mounts may ask AWS at one moment; the others follow as these end.
inline constexpr std::size_t kMaxRenewals = 4;

// renewCertificate() for a ChildJob; the answer is for RenewalOutcome::decode().
Result<std::string> renewInChild(const RenewalRequest& request);

}  // namespace efs::watchdog

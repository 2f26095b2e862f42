// The search for credentials: the sources in the order of the contract, or the one that a renewal
// names.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "efs/aws/credential_context.h"
#include "efs/aws/credentials.h"
#include "efs/base/environment.h"
#include "efs/base/result.h"

namespace efs::aws {

struct CredentialOptions {
  std::optional<std::string> profile = {};                  // option awsprofile
  std::optional<std::string> credentials_uri = {};          // option awscredsuri (CRED-1)
  std::optional<std::string> role_arn = {}, jwt_path = {};  // options rolearn, jwtpath (CRED-2)
};

// The chain in contract order (CRED-1 to CRED-4). On failure the error lists every source tried and
// its result. A source that is configured but fails is an error that names it: another identity
// never takes its place, unless `fall_through` says so. Credentials that have ended are such a
// failure, but for those of an instance role. What looks like a source and is none by the contract
// is told in one warning (docs/credentials.md). A [default] profile without keys that asks
// for a role, a program or a log-in stands before the instance role.
Result<Credentials> findCredentials(const CredentialContext& context,
                                    const CredentialOptions& options);
// The environment for calls of AWS APIs: where it is silent about FIPS and dual-stack endpoints the
// profile of `options` (else $AWS_PROFILE, else "default") counts, as in the SDKs. A file that
// cannot be read counts as empty.
Environment apiEnvironment(const CredentialContext& context, const CredentialOptions& options);
// Only the source that `method` names (CRED-10), for renewal.
Result<Credentials> credentialsByMethod(const CredentialContext& context,
                                        const std::string& method);

// principalOf(), with what STS (GetCallerIdentity, which needs no permission) tells of them; one
// question of three seconds at most. Silence is no failure.
Principal askPrincipal(const CredentialContext& context, const Credentials& credentials);

// CRED-5: from the password file.
Result<std::string> homeDirectoryOf(uid_t uid);

}  // namespace efs::aws

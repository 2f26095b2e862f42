// AWS credentials and where they came from.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efs/aws/imds.h"
#include "efs/aws/principal.h"
#include "efs/base/clock.h"
#include "efs/base/environment.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"
#include "efs/http/http_client.h"

namespace efs::aws {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  std::optional<Secret> session_token;
  // By this machine's clock, right or wrong.
  std::optional<WallTime> expiration;
  // Of the identity that signs, where the source tells it; for people. Empty where unknown.
  std::string arn = {};
  // What the source itself tells, beside the ARN; principalOf() has it all.
  Principal principal = {};
  // Contract CRED-10, what a renewal uses: "credentials:default", "metadata:" ...
  std::string method;
  // For people: "profile default of /root/.aws/credentials", "instance role web-server".
  std::string source;
  // How far AWS's clock is ahead of this machine's, where a signature was refused for it: what is
  // signed with these credentials is signed with AWS's time.
  std::chrono::seconds clock_skew{0};
};

inline constexpr const char* kContainerEndpoint = "http://169.254.170.2";

// How long one source other than the metadata service is waited for.
struct SourcePatience {
  Duration request_timeout{5000};
  int tries = 3;            // after a time-out, a reset, status 429 and 5xx
  Duration pause{500};      // before the second try, doubled before each further one
  Duration process{20000};  // a credential_process as a whole
};

// What the sources look at; made once in main(), injected in tests.
struct CredentialContext {
  const http::HttpClient& http;
  const Clock& clock;
  std::string home_directory;  // of the running uid, from the password file, not $HOME (CRED-5)
  Environment environment;
  std::string region;
  bool disable_metadata_token = false;
  ImdsPatience imds_patience = {};
  // Of the region (CRED-8); empty: that of the region's partition.
  std::string dns_suffix = {};
  // Config key credential_fallthrough: a source of the environment that fails is a warning, and the
  // next one is tried, as amazon-efs-utils does.
  bool fall_through = false;
  SourcePatience patience = {};
  std::string container_endpoint = kContainerEndpoint;
  // What paths that do not begin with "/" begin at; empty: the process's own.
  std::string directory = {};

  std::string absolute(const std::string& path) const;
};

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

// Who signs, as far as `credentials` tell.
Principal principalOf(const Credentials& credentials);

// The same, with what STS (GetCallerIdentity, which needs no permission) tells of them; one
// question of three seconds at most. Silence is no failure.
Principal askPrincipal(const CredentialContext& context, const Credentials& credentials);

// CRED-5: from the password file.
Result<std::string> homeDirectoryOf(uid_t uid);

}  // namespace efs::aws

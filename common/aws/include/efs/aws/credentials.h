// AWS credentials and where they came from.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efs/aws/imds.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"
#include "efs/http/http_client.h"

namespace efs::aws {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  std::optional<Secret> session_token;
  std::optional<WallTime> expiration;
  // Contract CRED-10, what a renewal uses: "credentials:default", "metadata:" ...
  std::string method;
  // For people: "profile default of /root/.aws/credentials", "instance role web-server".
  std::string source;
};

// What the sources look at; made once in main(), injected in tests.
struct CredentialContext {
  const http::HttpClient& http;
  const Clock& clock;
  std::string home_directory;  // of the running uid, from the password file, not $HOME (CRED-5)
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::string region;
  bool disable_metadata_token = false;
  ImdsPatience imds_patience = {};
};

struct CredentialOptions {
  std::optional<std::string> profile = {};  // option awsprofile
  // Sources that options name and that this version does not support yet: given, they are an error.
  std::optional<std::string> credentials_uri = {};          // option awscredsuri (CRED-1)
  std::optional<std::string> role_arn = {}, jwt_path = {};  // options rolearn, jwtpath (CRED-2)
};

// The chain in contract order (CRED-3, CRED-4). On failure the error lists every source tried and
// its result. A source that is configured but cannot be used (a broken profile file, a source that
// this version does not know) is an error at once: another identity never takes its place.
Result<Credentials> findCredentials(const CredentialContext& context,
                                    const CredentialOptions& options);
// Only the source that `method` names (CRED-10), for renewal.
Result<Credentials> credentialsByMethod(const CredentialContext& context,
                                        const std::string& method);

// CRED-5: from the password file.
Result<std::string> homeDirectoryOf(uid_t uid);

}  // namespace efs::aws

// One source of credentials. Each lives in its own file; credential_chain.cc puts them in order.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "efs/aws/credential_context.h"
#include "efs/aws/credentials.h"
#include "efs/base/result.h"

namespace efs::aws {

// What a source had to say: credentials, or why it has none here ("no role is attached").
struct Attempt {
  std::optional<Credentials> credentials;
  std::string outcome;
};

class CredentialProvider {
 public:
  virtual ~CredentialProvider() = default;
  // For the list of sources tried: "instance role".
  virtual std::string name() const = 0;
  // Without credentials the chain goes on to the next source: this one is not configured here. An
  // error stops it: the source is configured and meant to be used, another identity must not take
  // its place.
  virtual Result<Attempt> find(const CredentialContext& context) const = 0;
};

using ProviderPtr = std::unique_ptr<CredentialProvider>;

// CRED-3, CRED-9: access keys of one profile, in the given files.
enum class ProfileFiles { kCredentials, kConfig, kBoth };
ProviderPtr makeProfileProvider(std::string profile, ProfileFiles files);
// CRED-3: whether [default] with an access key id stands in one of the two files. A broken one is
// an error.
Result<bool> hasDefaultProfile(const CredentialContext& context);
// Stands in the chain where no profile was found, so that the list of sources tried tells it.
ProviderPtr makeNoProfileProvider();

// The third step of CRED-3: what botocore makes of a profile without keys. An error when the
// profile does not exist or gives nothing.
ProviderPtr makeNamedProfileProvider(std::string profile);
// The same for [default], which is not a source when it asks for nothing.
ProviderPtr makeIndirectDefaultProvider();

// ECS (CRED-1): the path `uri` at the container endpoint.
ProviderPtr makeContainerUriProvider(std::string uri);
// The same with $AWS_CONTAINER_CREDENTIALS_RELATIVE_URI.
ProviderPtr makeContainerEnvironmentProvider();

// EKS Pod Identity (CRED-7).
ProviderPtr makePodIdentityProvider(std::string url, std::string token_file);
ProviderPtr makePodIdentityEnvironmentProvider();

// Web identity (CRED-8).
ProviderPtr makeWebIdentityProvider(std::string role_arn, std::string token_file);
ProviderPtr makeWebIdentityEnvironmentProvider();

// What the source of credentials that are the environment's own keys ends with.
inline constexpr const char* kEnvironmentKeySource = "access key of the environment";

// Section 8, "IMDS use".
ProviderPtr makeInstanceRoleProvider();

// Two variables that name a source only together. One alone is told in a warning, because whoever
// set it expects it to be used.
struct VariablePair {
  std::string first, second;  // values
  bool complete = false;
  std::string outcome;  // "A and B not set" when not complete
};
VariablePair readPair(const CredentialContext& context, const char* first, const char* second);

}  // namespace efs::aws

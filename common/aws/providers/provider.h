// One source of credentials. Each lives in its own file; credentials.cc puts them in order.
#pragma once

#include <memory>
#include <optional>
#include <string>

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
  // Without credentials the chain goes on to the next source. An error stops it: the source is
  // configured and meant to be used, another identity must not take its place.
  virtual Result<Attempt> find(const CredentialContext& context) const = 0;
};

using ProviderPtr = std::unique_ptr<CredentialProvider>;

// CRED-3, CRED-9: one profile, in the given files.
enum class ProfileFiles { kCredentials, kConfig, kBoth };
ProviderPtr makeProfileProvider(std::string profile, ProfileFiles files);
// CRED-3: whether [default] with an access key id stands in one of the two files.
Result<bool> hasDefaultProfile(const CredentialContext& context);
// Stands in the chain where no profile was found, so that the list of sources tried tells it.
ProviderPtr makeNoProfileProvider();

// Section 8, "IMDS use".
ProviderPtr makeInstanceRoleProvider();

// Sources that the environment names (CRED-4) and that this version cannot use yet.
ProviderPtr makeContainerUriProvider();
ProviderPtr makePodIdentityProvider();
ProviderPtr makeWebIdentityProvider();
// `what` is set or asked for, but there is no code for it.
Error unsupportedSource(const std::string& what);

}  // namespace efs::aws

#include <string>
#include <vector>

#include "efs/base/text.h"
#include "provider.h"

namespace efs::aws {
namespace {

// A source that is meant to be used when all its variables are set (CRED-4). Until there is code
// for it, it stops the chain: the instance role behind it may be a weaker or a mightier identity.
class UnsupportedProvider final : public CredentialProvider {
 public:
  UnsupportedProvider(std::string name, std::vector<std::string> variables)
      : name_(std::move(name)), variables_(std::move(variables)) {}

  std::string name() const override { return name_; }

  Result<Attempt> find(const CredentialContext& context) const override {
    std::vector<std::string> missing;
    for (const auto& variable : variables_) {
      if (context.environment(variable).value_or(std::string()).empty())
        missing.push_back(variable);
    }
    if (!missing.empty()) return Attempt{std::nullopt, join(missing, " and ") + " not set"};
    return unsupportedSource("environment variable " + join(variables_, " and "));
  }

 private:
  std::string name_;
  std::vector<std::string> variables_;
};

ProviderPtr unsupported(std::string name, std::vector<std::string> variables) {
  return std::make_unique<UnsupportedProvider>(std::move(name), std::move(variables));
}

}  // namespace

Error unsupportedSource(const std::string& what) {
  Error error(ErrorKind::kUnsupported,
              what + " asks for a source of credentials that this version does not support yet");
  error.addHint("use a profile with access keys in ~/.aws/credentials or the instance role");
  return error;
}

ProviderPtr makeContainerUriProvider() {
  return unsupported("container credentials", {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"});
}

ProviderPtr makePodIdentityProvider() {
  return unsupported("pod identity", {"AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"});
}

ProviderPtr makeWebIdentityProvider() {
  return unsupported("web identity", {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"});
}

}  // namespace efs::aws

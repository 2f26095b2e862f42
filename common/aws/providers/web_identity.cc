#include "../sts.h"
#include "efs/base/text.h"
#include "provider.h"

namespace efs::aws {
namespace {

constexpr const char* kRoleVariable = "AWS_ROLE_ARN";
constexpr const char* kTokenFileVariable = "AWS_WEB_IDENTITY_TOKEN_FILE";

Result<Attempt> fetchFor(const CredentialContext& context, const std::string& role_arn,
                         const std::string& token_file) {
  const RoleRequest role{.role_arn = role_arn, .of_profile = false};
  EFS_TRY(credentials, assumeRoleWithWebIdentity(context, role, token_file));
  credentials.method = "webidentity:" + role_arn + "," + token_file;
  credentials.source = "web identity token " + printable(token_file, 200);
  return Attempt{std::move(credentials), ""};
}

class WebIdentityProvider final : public CredentialProvider {
 public:
  WebIdentityProvider(std::string role_arn, std::string token_file)
      : role_arn_(std::move(role_arn)), token_file_(std::move(token_file)) {}

  std::string name() const override { return "web identity"; }

  Result<Attempt> find(const CredentialContext& context) const override {
    return fetchFor(context, role_arn_, context.absolute(token_file_));
  }

 private:
  std::string role_arn_;
  std::string token_file_;
};

class WebIdentityEnvironmentProvider final : public CredentialProvider {
 public:
  std::string name() const override {
    return std::string("web identity (") + kRoleVariable + ", " + kTokenFileVariable + ")";
  }

  Result<Attempt> find(const CredentialContext& context) const override {
    const VariablePair pair = readPair(context, kRoleVariable, kTokenFileVariable);
    if (!pair.complete) return Attempt{std::nullopt, pair.outcome};
    return fetchFor(context, pair.first, context.absolute(pair.second));
  }
};

}  // namespace

ProviderPtr makeWebIdentityProvider(std::string role_arn, std::string token_file) {
  return std::make_unique<WebIdentityProvider>(std::move(role_arn), std::move(token_file));
}

ProviderPtr makeWebIdentityEnvironmentProvider() {
  return std::make_unique<WebIdentityEnvironmentProvider>();
}

}  // namespace efs::aws

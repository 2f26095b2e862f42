#include "../container_request.h"
#include "../credential_http.h"
#include "efs/aws/credential_documents.h"
#include "efs/base/text.h"
#include "provider.h"

namespace efs::aws {
namespace {

constexpr const char* kVariable = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";

Result<Credentials> fetch(const CredentialContext& context, const std::string& uri) {
  EFS_TRY(request, agentRequest(context.container_endpoint, uri));
  EFS_TRY(body, fetchSecret(context, std::move(request)));
  EFS_TRY(credentials, parseContainerCredentials(body.reveal()));
  credentials.method = "ecs:" + uri;
  credentials.source = "container credentials of the ECS agent";
  return credentials;
}

class ContainerUriProvider final : public CredentialProvider {
 public:
  explicit ContainerUriProvider(std::string uri) : uri_(std::move(uri)) {}

  std::string name() const override { return "container credentials at " + printable(uri_, 120); }

  Result<Attempt> find(const CredentialContext& context) const override {
    EFS_TRY(credentials, fetch(context, uri_));
    return Attempt{std::move(credentials), ""};
  }

 private:
  std::string uri_;
};

class ContainerEnvironmentProvider final : public CredentialProvider {
 public:
  std::string name() const override {
    return std::string("container credentials (") + kVariable + ")";
  }

  Result<Attempt> find(const CredentialContext& context) const override {
    const std::string uri = context.environment(kVariable).value_or("");
    if (uri.empty()) return Attempt{std::nullopt, std::string(kVariable) + " not set"};
    EFS_TRY(credentials, fetch(context, uri));
    return Attempt{std::move(credentials), ""};
  }
};

}  // namespace

ProviderPtr makeContainerUriProvider(std::string uri) {
  return std::make_unique<ContainerUriProvider>(std::move(uri));
}

ProviderPtr makeContainerEnvironmentProvider() {
  return std::make_unique<ContainerEnvironmentProvider>();
}

}  // namespace efs::aws

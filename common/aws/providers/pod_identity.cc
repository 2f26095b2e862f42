#include "../container_request.h"
#include "../credential_http.h"
#include "../sts.h"
#include "efs/aws/credential_documents.h"
#include "provider.h"

namespace efs::aws {
namespace {

constexpr const char* kUrlVariable = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr const char* kFileVariable = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

// CRED-7: the URL as given, the token as the whole header.
Result<Attempt> fetch(const CredentialContext& context, const std::string& url,
                      const std::string& token_file) {
  EFS_TRY(request, containerRequest(url).withContext(kUrlVariable));
  EFS_TRY(token, readTokenFile(token_file).withContext("authorization token"));
  request.headers = {{"Authorization", std::string(token.reveal())}};
  EFS_TRY(body, fetchSecret(context, std::move(request)));
  EFS_TRY(credentials, parseContainerCredentials(body.reveal()));
  credentials.method = "podidentity:" + url + "," + token_file;
  credentials.source = "EKS Pod Identity";
  return Attempt{std::move(credentials), ""};
}

class PodIdentityProvider final : public CredentialProvider {
 public:
  PodIdentityProvider(std::string url, std::string token_file)
      : url_(std::move(url)), token_file_(std::move(token_file)) {}

  std::string name() const override { return "pod identity"; }

  Result<Attempt> find(const CredentialContext& context) const override {
    return fetch(context, url_, context.absolute(token_file_));
  }

 private:
  std::string url_;
  std::string token_file_;
};

class PodIdentityEnvironmentProvider final : public CredentialProvider {
 public:
  std::string name() const override {
    return std::string("pod identity (") + kUrlVariable + ", " + kFileVariable + ")";
  }

  Result<Attempt> find(const CredentialContext& context) const override {
    const VariablePair pair = readPair(context, kUrlVariable, kFileVariable);
    if (!pair.complete) return Attempt{std::nullopt, pair.outcome};
    return fetch(context, pair.first, context.absolute(pair.second));
  }
};

}  // namespace

ProviderPtr makePodIdentityProvider(std::string url, std::string token_file) {
  return std::make_unique<PodIdentityProvider>(std::move(url), std::move(token_file));
}

ProviderPtr makePodIdentityEnvironmentProvider() {
  return std::make_unique<PodIdentityEnvironmentProvider>();
}

}  // namespace efs::aws

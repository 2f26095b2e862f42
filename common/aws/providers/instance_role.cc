#include "../aws_names.h"
#include "efs/aws/imds.h"
#include "efs/aws/imds_documents.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "provider.h"

namespace efs::aws {
namespace {

constexpr const char* kRolePath = "meta-data/iam/security-credentials/";

// The service lists one role per line; an instance has at most one.
Result<std::string> roleName(ImdsClient& imds) {
  EFS_TRY(listing, imds.get(kRolePath));
  std::string name(trim(std::string_view(listing).substr(0, listing.find('\n'))));
  if (isRoleName(name)) return name;
  // Whatever it is instead, it is not shown: where somebody else answers it may be anything.
  return Error(ErrorKind::kProtocol, "instance metadata: the answer is not the name of a role");
}

void warnWhenExpired(const Credentials& credentials, const Clock& clock) {
  if (credentials.expiration && *credentials.expiration <= clock.now()) {
    log::warning("the credentials of {} expired at {}: is the clock of this machine right?",
                 credentials.source, utcText(*credentials.expiration, "%Y-%m-%dT%H:%M:%SZ"));
  }
}

class InstanceRoleProvider final : public CredentialProvider {
 public:
  std::string name() const override { return "instance role"; }

  Result<Attempt> find(const CredentialContext& context) const override {
    if (imdsDisabled(context.environment)) {
      return Attempt{std::nullopt, "AWS_EC2_METADATA_DISABLED is true"};
    }
    auto imds = ImdsClient::fromEnvironment(context.http, context.environment,
                                            context.disable_metadata_token, context.imds_patience);
    const auto role = roleName(imds);
    if (!role) return failed(role.error());
    auto document = imds.get(kRolePath + *role);
    if (!document) return failed(document.error());
    auto credentials = parseRoleCredentials(*document);
    wipe(*document);
    if (!credentials) return failed(credentials.error().addContext("role " + *role));
    credentials->method = "metadata:";
    credentials->source = "instance role " + *role;
    credentials->principal.name = "role/" + *role;
    // Only for the log: an older service without this document is no failure.
    if (const auto info = imds.get("meta-data/iam/info")) {
      credentials->arn = assumedRoleArn(*info, *role);
    }
    warnWhenExpired(*credentials, context.clock);
    return Attempt{std::move(*credentials), ""};
  }

 private:
  static Attempt failed(const Error& error) {
    if (error.kind() == ErrorKind::kNotFound) {
      return {std::nullopt, "no IAM role is attached to this instance (" + error.describe() + ")"};
    }
    return {std::nullopt, error.describe()};
  }
};

}  // namespace

ProviderPtr makeInstanceRoleProvider() { return std::make_unique<InstanceRoleProvider>(); }

}  // namespace efs::aws

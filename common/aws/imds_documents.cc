#include "efs/aws/imds_documents.h"

#include <vector>

#include "aws_json.h"
#include "aws_names.h"
#include "credential_values.h"
#include "efs/aws/credential_documents.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

// "aws" of "arn:aws:iam::123456789012:instance-profile/web"; empty where there is no such part.
std::string arnPart(const std::vector<std::string>& parts, std::size_t index) {
  return index < parts.size() && isHostLabel(parts[index]) ? parts[index] : std::string();
}

}  // namespace

Result<InstanceIdentity> parseInstanceIdentity(std::string_view json) {
  EFS_TRY(document, SecretJson::parse(json));
  const auto* root = &document.root();
  InstanceIdentity identity;
  identity.region = textOf(root, "region");
  if (!isHostLabel(identity.region)) {
    return Error(ErrorKind::kProtocol, "the document gives no usable region");
  }
  const auto zone = textOf(root, "availabilityZone");
  if (isHostLabel(zone)) identity.availability_zone = zone;
  const auto instance = textOf(root, "instanceId");
  if (isHostLabel(instance)) identity.instance_id = instance;
  return identity;
}

Result<Credentials> parseRoleCredentials(std::string_view json) {
  EFS_TRY(document, SecretJson::parse(json));
  const auto* root = &document.root();
  const auto code = textOf(root, "Code");
  const bool failed = !code.empty() && code != "Success";
  for (const char* name : {"AccessKeyId", "SecretAccessKey", "Token"}) {
    if (!textOf(root, name).empty()) continue;
    // With all of them it is no failure, as botocore and efs-utils have it.
    if (failed) {
      return Error(ErrorKind::kPermission, "the service answers with code " + printable(code, 80));
    }
    return Error(ErrorKind::kProtocol, std::string("the reply has no ") + name);
  }
  EFS_TRY(credentials, makeCredentials(textOf(root, "AccessKeyId"), textOf(root, "SecretAccessKey"),
                                       textOf(root, "Token")));
  // A time that cannot be read does not spoil keys that may well be good: the certificate is
  // renewed every hour anyway.
  credentials.expiration = parseAwsTime(textOf(root, "Expiration"));
  return credentials;
}

std::string assumedRoleArn(std::string_view json, const std::string& role) {
  const auto document = SecretJson::parse(json);
  if (!document) return {};
  const auto parts = split(textOf(&document->root(), "InstanceProfileArn"), ':');
  const std::string partition = arnPart(parts, 1);
  const std::string account = arnPart(parts, 4);
  if (partition.empty() || account.empty()) return {};
  return "arn:" + partition + ":sts::" + account + ":assumed-role/" + role;
}

}  // namespace efs::aws

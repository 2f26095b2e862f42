#include "efs/aws/imds_documents.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "aws_names.h"
#include "credential_values.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

using Json = nlohmann::json;

Result<Json> parseObject(std::string_view text) {
  // The third argument turns exceptions off; invalid UTF-8 is refused as well.
  Json document = Json::parse(text, nullptr, false);
  if (document.is_object()) return document;
  return Error(ErrorKind::kProtocol, "the reply is not a JSON object");
}

// Empty when missing or not a string.
std::string_view field(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  const auto* value = found->get_ptr<const std::string*>();
  return value == nullptr ? std::string_view() : *value;
}

std::optional<WallTime> parseTime(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

}  // namespace

Result<InstanceIdentity> parseInstanceIdentity(std::string_view json) {
  EFS_TRY(document, parseObject(json));
  InstanceIdentity identity;
  identity.region = field(document, "region");
  if (!isHostLabel(identity.region)) {
    return Error(ErrorKind::kProtocol, "the document gives no usable region");
  }
  const auto zone = field(document, "availabilityZone");
  if (isHostLabel(zone)) identity.availability_zone = zone;
  const auto instance = field(document, "instanceId");
  if (isHostLabel(instance)) identity.instance_id = instance;
  return identity;
}

Result<Credentials> parseRoleCredentials(std::string_view json) {
  EFS_TRY(document, parseObject(json));
  const auto code = field(document, "Code");
  if (!code.empty() && code != "Success") {
    return Error(ErrorKind::kPermission, "the service answers with code " + printable(code, 80));
  }
  for (const char* name : {"AccessKeyId", "SecretAccessKey", "Token"}) {
    if (field(document, name).empty()) {
      return Error(ErrorKind::kProtocol, std::string("the reply has no ") + name);
    }
  }
  EFS_TRY(credentials,
          makeCredentials(field(document, "AccessKeyId"), field(document, "SecretAccessKey"),
                          field(document, "Token")));
  credentials.expiration = parseTime(field(document, "Expiration"));
  return credentials;
}

}  // namespace efs::aws

#include "efs/aws/imds.h"

#include "aws_names.h"
#include "efs/aws/imds_documents.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"

namespace efs::aws {
namespace {

constexpr const char* kTokenLifetime = "21600";  // seconds: the longest that AWS grants

constexpr const char* kHopLimitHint =
    "in a container, the instance's metadata hop limit (HttpPutResponseHopLimit) must be 2 or more";

bool tokenMayStillCome(const Result<http::HttpReply>& reply) {
  return !reply || reply->status >= 500;
}

}  // namespace

std::string imdsEndpoint(const Environment& environment) {
  std::string endpoint = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or(std::string());
  // One: what else it ends with belongs to its path.
  if (endpoint.size() > 1 && endpoint.ends_with('/')) endpoint.pop_back();
  if (!endpoint.empty()) return endpoint;
  const auto mode = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
  const bool v6 =
      mode ? toLower(trim(*mode)) == "ipv6" : saysTrue(environment("AWS_IMDS_USE_IPV6"));
  return v6 ? kImdsEndpointV6 : kImdsEndpoint;
}

bool imdsDisabled(const Environment& environment) {
  return saysTrue(environment("AWS_EC2_METADATA_DISABLED"));
}

ImdsClient::ImdsClient(const http::HttpClient& http, std::string endpoint, bool disable_token,
                       ImdsPatience patience)
    : http_(http),
      endpoint_(std::move(endpoint)),
      disable_token_(disable_token),
      patience_(patience) {}

ImdsClient ImdsClient::fromEnvironment(const http::HttpClient& http, const Environment& environment,
                                       bool disable_token, ImdsPatience patience) {
  ImdsClient client(http, imdsDisabled(environment) ? std::string() : imdsEndpoint(environment),
                    disable_token, patience);
  client.forbids_version_1_ = saysTrue(environment("AWS_EC2_METADATA_V1_DISABLED"));
  return client;
}

Result<Secret> ImdsClient::fetchToken() const {
  http::HttpRequest request;
  request.method = "PUT";
  request.url = endpoint_ + "/latest/api/token";
  request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", kTokenLifetime}};
  request.timeout = patience_.token_timeout;
  request.direct = true;
  request.max_reply = 4096;
  auto reply = http_.send(request);
  for (int tries = 1; tries < patience_.token_tries && tokenMayStillCome(reply); ++tries) {
    EFS_CHECK(sleepFor(patience_.token_pause));
    reply = http_.send(request);
  }
  if (!reply) return unexpected(reply.error());
  if (reply->status != 200) {
    return Error(ErrorKind::kProtocol, "status " + std::to_string(reply->status));
  }
  // It goes into a header: nothing but visible characters may be in it.
  Secret token(trim(reply->body));
  if (!isVisibleAscii(token.reveal())) {
    return Error(ErrorKind::kProtocol, "the token is empty or not plain text");
  }
  return token;
}

const Secret* ImdsClient::token() {
  if (!disable_token_ && !token_asked_) {
    token_asked_ = true;
    auto fetched = fetchToken();
    if (fetched) {
      token_ = std::move(*fetched);
    } else {
      token_failure_ = fetched.error().describe();
      log::debug("no instance metadata token, going on without: {}", token_failure_);
    }
  }
  return token_ ? &*token_ : nullptr;
}

Error ImdsClient::refusal(int status) const {
  if (status == 404) return {ErrorKind::kNotFound, "status 404"};
  if (status != 401 && status != 403) {
    return {ErrorKind::kProtocol, "status " + std::to_string(status)};
  }
  Error error(ErrorKind::kPermission, "status " + std::to_string(status));
  if (status == 401 && disable_token_) {
    log::warning(
        "Unauthorized request to the instance metadata service (status 401): IMDSv2 is enabled on "
        "the instance, while disable_fetch_ec2_metadata_token = true in the config file; set it "
        "to false");
    error.addHint("set disable_fetch_ec2_metadata_token to false in the config file");
  } else if (status == 401 && !token_failure_.empty()) {
    error.addContext("no token could be fetched (" + token_failure_ + ")");
    error.addHint(kHopLimitHint);
  }
  return error;
}

Error ImdsClient::withoutToken() const {
  const std::string why = disable_token_ ? "disable_fetch_ec2_metadata_token = true"
                                         : "no token could be fetched: " + token_failure_;
  return {ErrorKind::kPermission,
          why +
              ", and version 1 is forbidden by AWS_EC2_METADATA_V1_DISABLED or a profile's "
              "ec2_metadata_v1_disabled"};
}

Result<std::string> ImdsClient::get(const std::string& path) {
  if (endpoint_.empty()) {
    return Error(ErrorKind::kNotFound, "AWS_EC2_METADATA_DISABLED is true");
  }
  const std::string what = "instance metadata " + printable(path);
  if (silence_) return unexpected(Error(*silence_).addContext(what));
  http::HttpRequest request;
  request.url = endpoint_ + "/latest/" + path;
  request.timeout = patience_.request_timeout;
  request.direct = true;  // another host's metadata is never wanted
  if (const Secret* session = token()) {
    request.headers.emplace_back("X-aws-ec2-metadata-token", session->reveal());
  } else if (forbids_version_1_) {
    return unexpected(withoutToken().addContext(what));
  }
  auto reply = http_.send(request);
  if (!reply) {
    if (reply.error().kind() == ErrorKind::kTimeout) silence_ = reply.error();
    return unexpected(std::move(reply.error().addContext(what)));
  }
  if (reply->status != 200) return unexpected(refusal(reply->status).addContext(what));
  return std::move(reply->body);
}

Result<InstanceIdentity> ImdsClient::askIdentity() {
  EFS_TRY(document, get("dynamic/instance-identity/document/"));
  return parseInstanceIdentity(document).withContext("instance identity document");
}

Result<InstanceIdentity> ImdsClient::identity() {
  if (!identity_) identity_ = askIdentity();
  return *identity_;
}

Result<std::string> ImdsClient::availabilityZoneId() {
  EFS_TRY(text, get("meta-data/placement/availability-zone-id"));
  std::string zone_id(trim(text));
  if (isHostLabel(zone_id)) return zone_id;
  return Error(ErrorKind::kProtocol,
               "instance metadata: not an availability zone id: " + printable(zone_id, 60));
}

}  // namespace efs::aws

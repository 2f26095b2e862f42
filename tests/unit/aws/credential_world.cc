#include "credential_world.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "efs/base/files.h"

namespace efs::aws {

using test::httpReply;

namespace {

std::string containerDocument(const std::string& id) {
  return R"({"RoleArn":"arn:aws:iam::1:role/)" + id + R"(","AccessKeyId":")" + id +
         R"(","SecretAccessKey":"S","Token":"T","Expiration":"2100-01-02T03:04:05Z"})";
}

std::string stsDocument(const std::string& action, const std::string& id) {
  return "{\"" + action + "Response\":{\"" + action + R"(Result":{"AssumedRoleUser":{"Arn":)" +
         R"("arn:aws:sts::1:assumed-role/r/efs-mount-helper"},"Credentials":{"AccessKeyId":")" +
         id + R"(","SecretAccessKey":"S","SessionToken":"T","Expiration":4102542245.0}}}})";
}

}  // namespace

CredentialWorld::CredentialWorld() : home_(::testing::TempDir() + "credentials-XXXXXX") {
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    ::unsetenv(name);
  }
  if (::mkdtemp(home_.data()) == nullptr) std::abort();
  if (!makeDirectories(home_ + "/.aws", 0700)) std::abort();
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server_.url());
  set("AWS_ENDPOINT_URL_STS", server_.url());
  set("AWS_ENDPOINT_URL_SSO", server_.url() + "/");
}

CredentialWorld::~CredentialWorld() { std::filesystem::remove_all(home_); }

void CredentialWorld::write(const std::string& name, const std::string& text, mode_t mode) {
  ASSERT_TRUE(writeFileAtomic(home_ + "/.aws/" + name, text, {.mode = mode}));
}

std::string CredentialWorld::keys(const std::string& section, const std::string& id) {
  return "[" + section + "]\naws_access_key_id = " + id + "\naws_secret_access_key = secret-of-" +
         id + "\n";
}

void CredentialWorld::offerContainer() { set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/ecs"); }

void CredentialWorld::offerPodIdentity() {
  write("pod-token", "  pod-token-text \n");
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server_.url() + "/pod");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", home_ + "/.aws/pod-token");
}

void CredentialWorld::offerWebIdentity() {
  write("jwt", "header.payload+/=.signature\n");
  set("AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
  set("AWS_WEB_IDENTITY_TOKEN_FILE", home_ + "/.aws/jwt");
}

void CredentialWorld::offerSsoProfile(const std::string& section) {
  const std::string old = readFile(home_ + "/.aws/config").value_or("");
  write("config", old + "[" + section + "]\nsso_session = corp\nsso_account_id = 123456789012\n" +
                      "sso_role_name = Dev Ops\n[sso-session corp]\nsso_region = eu-central-1\n" +
                      "sso_start_url = https://corp.awsapps.com/start\n");
  ASSERT_TRUE(makeDirectories(home_ + "/.aws/sso/cache", 0700));
  // sha1("corp")
  write("sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
        R"({"accessToken":"sso-token","expiresAt":"2100-01-01T00:00:00Z"})");
}

void CredentialWorld::answer(Endpoint endpoint, const std::string& raw_reply) {
  const std::lock_guard<std::mutex> guard(mutex_);
  answers_[endpoint] = raw_reply;
}

int CredentialWorld::requestsTo(Endpoint endpoint) const {
  int count = 0;
  for (const auto& request : server_.requests()) count += endpointOf(request) == endpoint ? 1 : 0;
  return count;
}

std::string CredentialWorld::lastRequest() const {
  const auto requests = server_.requests();
  return requests.empty() ? "" : requests.back();
}

CredentialContext CredentialWorld::context() {
  return {.http = *http_,
          .clock = clock_,
          .home_directory = home_,
          .environment =
              [this](const std::string& name) {
                const auto found = environment_.find(name);
                return found == environment_.end() ? std::nullopt : std::optional(found->second);
              },
          .region = "eu-west-1",
          .imds_patience = {.token_timeout = Duration(10000),
                            .token_pause = Duration(1),
                            .request_timeout = Duration(10000)},
          .fall_through = fall_through_,
          .patience = patience_,
          .container_endpoint = server_.url()};
}

Result<Credentials> CredentialWorld::find(const CredentialOptions& options) {
  return findCredentials(context(), options);
}

std::string CredentialWorld::failure(const CredentialOptions& options) {
  const auto found = find(options);
  EXPECT_FALSE(found) << found->source;
  return found ? "" : found.error().describe();
}

Endpoint CredentialWorld::endpointOf(const std::string& request) {
  if (request.starts_with("GET /latest/") || request.starts_with("PUT /latest/")) {
    return Endpoint::kImds;
  }
  if (request.starts_with("GET /ecs ")) return Endpoint::kContainer;
  if (request.starts_with("GET /pod ")) return Endpoint::kPod;
  if (request.starts_with("GET /?")) return Endpoint::kWebIdentity;
  if (request.starts_with("POST / ")) return Endpoint::kAssumeRole;
  if (request.starts_with("GET /federation/credentials?")) return Endpoint::kSso;
  return Endpoint::kUnknown;
}

std::string CredentialWorld::service(const std::string& request) {
  const Endpoint endpoint = endpointOf(request);
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (const auto told = answers_.find(endpoint); told != answers_.end()) return told->second;
  }
  switch (endpoint) {
    case Endpoint::kImds:
      return instanceMetadata(request);
    case Endpoint::kContainer:
      return httpReply(200, containerDocument("ECS"));
    case Endpoint::kPod:
      return httpReply(200, containerDocument("POD"));
    case Endpoint::kWebIdentity:
      return httpReply(200, stsDocument("AssumeRoleWithWebIdentity", "WEB"));
    case Endpoint::kAssumeRole:
      return httpReply(200, stsDocument("AssumeRole", "ASSUMED"));
    case Endpoint::kSso:
      return httpReply(200, R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"S",)"
                            R"("sessionToken":"T","expiration":4102542245000}})");
    default:
      return httpReply(404, "");
  }
}

std::string CredentialWorld::instanceMetadata(const std::string& request) const {
  const std::string path = "GET /latest/meta-data/iam/security-credentials/";
  if (request.starts_with("PUT /latest/api/token ")) return httpReply(200, "TOKEN");
  if (!has_role_) return httpReply(404, "");
  if (request.starts_with(path + " ")) return httpReply(200, "web-server\n");
  if (request.starts_with(path + "web-server ")) return httpReply(200, role_document_);
  if (request.starts_with("GET /latest/meta-data/iam/info ")) {
    return httpReply(200, R"({"Code":"Success","InstanceProfileArn":)"
                          R"("arn:aws-cn:iam::123456789012:instance-profile/web"})");
  }
  return httpReply(500, "");
}

}  // namespace efs::aws

// Every endpoint misbehaves in every way: the error names the source and the cause, within bounds,
// and never shows what came along.
#include <functional>

#include "credential_world.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

using test::httpReply;

class CredentialFaults : public CredentialWorld {
 protected:
  struct Source {
    const char* name;  // how the error names it
    Endpoint endpoint;
    std::function<CredentialOptions()> offer;
  };

  std::vector<Source> sources() {
    return {
        {"container credentials at /ecs", Endpoint::kContainer,
         [] { return CredentialOptions{.credentials_uri = "/ecs"}; }},
        {"pod identity", Endpoint::kPod,
         [this] {
           offerPodIdentity();
           return CredentialOptions{};
         }},
        {"web identity", Endpoint::kWebIdentity,
         [this] {
           offerWebIdentity();
           return CredentialOptions{};
         }},
        {"profile p: role arn:aws:iam::1:role/x", Endpoint::kAssumeRole,
         [this] {
           write("credentials", keys("base", "BASE"));
           write("config",
                 "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n");
           return CredentialOptions{.profile = "p"};
         }},
        {"profile corp: IAM Identity Center", Endpoint::kSso,
         [this] {
           offerSsoProfile("profile corp");
           return CredentialOptions{.profile = "corp"};
         }},
    };
  }

  void reset() {
    environment_.clear();
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server_.url());
    set("AWS_ENDPOINT_URL_STS", server_.url());
    set("AWS_ENDPOINT_URL_SSO", server_.url());
    write("config", "");
  }

  // The failure of each source when its endpoint answers `raw`.
  void forEachSource(const std::string& raw,
                     const std::function<void(const Source&, const std::string&)>& check) {
    for (const auto& source : sources()) {
      reset();
      SCOPED_TRACE(source.name);
      const auto options = source.offer();
      answer(source.endpoint, raw);
      const auto begin = clock_.monotonic();
      const std::string text = failure(options);
      EXPECT_LT(clock_.monotonic() - begin, std::chrono::seconds(10));
      EXPECT_NE(text.find(source.name), std::string::npos) << text;
      EXPECT_EQ(text.find("hush"), std::string::npos) << text;
      EXPECT_EQ(requestsTo(Endpoint::kImds), 0);
      check(source, text);
    }
  }

  void expectReason(const std::string& raw, const std::string& reason) {
    SCOPED_TRACE(reason);
    forEachSource(raw, [&](const Source&, const std::string& text) {
      EXPECT_NE(text.find(reason), std::string::npos) << text;
    });
  }
};

TEST_F(CredentialFaults, EveryStatusIsTold) {
  for (const int status : {400, 401, 403, 404, 418, 429, 500, 503}) {
    expectReason(httpReply(status, "hush"), "status " + std::to_string(status));
  }
}

TEST_F(CredentialFaults, OnlyPassingFaultsAreTriedAgain) {
  for (const auto& [status, tries] : {std::pair{403, 1}, {404, 1}, {429, 2}, {500, 2}, {503, 2}}) {
    std::map<Endpoint, int> before;
    for (const auto& source : sources()) before[source.endpoint] = requestsTo(source.endpoint);
    forEachSource(httpReply(status, ""), [&, wanted = tries](const Source& source, const auto&) {
      EXPECT_EQ(requestsTo(source.endpoint) - before[source.endpoint], wanted);
    });
  }
}

// As botocore does: STS throttles with status 400.
TEST_F(CredentialFaults, ThrottlingIsTriedAgain) {
  for (const auto& [body, tries] :
       {std::pair{R"({"Error":{"Code":"Throttling","Message":"Rate exceeded"}})", 2},
        {"<ErrorResponse><Error><Code>RequestTimeout</Code></Error></ErrorResponse>", 2},
        {R"({"__type":"com.amazonaws.sso#TooManyRequestsException"})", 2},
        {R"({"Error":{"Code":"ValidationError","Message":"Throttling"}})", 1}}) {
    std::map<Endpoint, int> before;
    for (const auto& source : sources()) before[source.endpoint] = requestsTo(source.endpoint);
    forEachSource(httpReply(400, body), [&, wanted = tries](const Source& source, const auto&) {
      EXPECT_EQ(requestsTo(source.endpoint) - before[source.endpoint], wanted);
    });
  }
}

// A redirect would carry the token to another host.
TEST_F(CredentialFaults, ARedirectIsNotFollowed) {
  expectReason(
      "HTTP/1.1 302 Found\r\nLocation: " + server_.url() + "/stolen\r\nContent-Length: 0\r\n\r\n",
      "status 302, a redirect, which is never followed");
  for (const auto& request : server_.requests())
    EXPECT_EQ(request.find("GET /stolen"), std::string::npos);
}

TEST_F(CredentialFaults, BrokenBodiesAreToldAndNotShown) {
  const std::string role_end = R"(,"Token":"T"})";
  expectReason(httpReply(200, ""), "the reply is not a JSON object");
  expectReason(httpReply(200, R"({"AccessKeyId":"A","SecretAccessKey":"hush)"),
               "the reply is not a JSON object");
  expectReason(httpReply(200, "[1]"), "the reply is not a JSON object");
  expectReason(httpReply(200, "{\"a\":\"\xff\xfe hush\"}"), "the reply is not a JSON object");
  expectReason(httpReply(200, std::string(2000, '[') + "hush"), "nested too deeply");
  expectReason(httpReply(200, R"({"AccessKeyId":7,"SecretAccessKey":["hush"]})"),
               "the reply has no ");
  expectReason(httpReply(200, std::string(70000, ' ')), "longer than 65536 bytes");
}

TEST_F(CredentialFaults, ACutConnectionIsTold) {
  patience_.tries = 1;
  expectReason("HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n{\"hush", " to 127.0.0.1:");
  expectReason("nonsense without any head hush", " to 127.0.0.1:");
  expectReason("", " to 127.0.0.1:");
}

TEST_F(CredentialFaults, ASilentServerIsLeftInTime) {
  patience_.request_timeout = Duration(100);
  expectReason(test::kNeverReply, "timed out");
}

TEST_F(CredentialFaults, NobodyListensIsTold) {
  const std::string closed = "http://127.0.0.1:1";
  offerWebIdentity();
  set("AWS_ENDPOINT_URL_STS", closed);
  EXPECT_NE(failure().find("GET to 127.0.0.1:1: "), std::string::npos);
  offerPodIdentity();
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", closed);
  EXPECT_NE(failure().find("GET to 127.0.0.1:1: "), std::string::npos);
}

// A secret with a line end would break the certificate's signature in a way that nobody finds.
TEST_F(CredentialFaults, ValuesThatCannotBeSignedWithAreRefused) {
  offerContainer();
  answer(Endpoint::kContainer,
         httpReply(200, R"({"AccessKeyId":"A","SecretAccessKey":"hush\n","Token":"T"})"));
  const std::string text = failure();
  EXPECT_NE(text.find("the secret access key contains blanks"), std::string::npos) << text;
  EXPECT_EQ(text.find("hush"), std::string::npos);
  answer(Endpoint::kContainer, httpReply(200, R"({"AccessKeyId":"A","SecretAccessKey":"S",)"
                                              R"("Token":"T","Expiration":"soon"})"));
  EXPECT_NE(failure().find("Expiration is not a time"), std::string::npos);
}

}  // namespace
}  // namespace efs::aws

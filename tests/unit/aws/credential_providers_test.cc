// What each source sends and what it makes of the answer.
#include <cstdlib>

#include "credential_world.h"
#include "efs/aws/endpoints.h"
#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

using test::httpReply;
using CredentialProviders = CredentialWorld;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// CRED-1, CRED-9
TEST_F(CredentialProviders, ContainerCredentialsComeFromThePath) {
  const auto found = find({.credentials_uri = "/ecs"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_TRUE(lastRequest().starts_with("GET /ecs HTTP/1.1\r\n"));
  EXPECT_EQ(found->secret_access_key.reveal(), "S");
  EXPECT_EQ(found->session_token->reveal(), "T");
  EXPECT_EQ(found->arn, "arn:aws:iam::1:role/ECS");
  EXPECT_EQ(found->expiration, std::chrono::system_clock::from_time_t(4102542245));
}

// CRED-7: the token stripped, in the header, the URL as given
TEST_F(CredentialProviders, PodIdentitySendsTheTokenOfTheFile) {
  offerPodIdentity();
  ASSERT_TRUE(find());
  EXPECT_TRUE(contains(lastRequest(), "\r\nAuthorization: pod-token-text\r\n")) << lastRequest();
}

// CRED-7: its owner replaces the file; each look-up reads it anew
TEST_F(CredentialProviders, RenewalReadsTheTokenAnew) {
  offerPodIdentity();
  const auto found = find();
  ASSERT_TRUE(found);
  write("pod-token", "second");
  ASSERT_TRUE(credentialsByMethod(context(), found->method));
  EXPECT_TRUE(contains(lastRequest(), "\r\nAuthorization: second\r\n"));
}

// CRED-8
TEST_F(CredentialProviders, WebIdentityAsksStsWithTheContractsQuery) {
  offerWebIdentity();
  const auto found = find();
  ASSERT_TRUE(found) << found.error().describe();
  const std::string request = lastRequest();
  EXPECT_TRUE(request.starts_with(
      "GET /?Version=2011-06-15&Action=AssumeRoleWithWebIdentity"
      "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fweb&RoleSessionName=efs-mount-helper"
      "&WebIdentityToken=header.payload%2B%2F%3D.signature HTTP/1.1\r\n"))
      << request;
  EXPECT_TRUE(contains(request, "\r\nAccept: application/json\r\n"));
  EXPECT_FALSE(contains(toLower(request), "authorization:"));
  EXPECT_EQ(found->arn, "arn:aws:sts::1:assumed-role/r/efs-mount-helper");
  EXPECT_EQ(found->method, "webidentity:arn:aws:iam::1:role/web," + home_ + "/.aws/jwt");
  EXPECT_EQ(found->expiration, std::chrono::system_clock::from_time_t(4102542245));
}

TEST_F(CredentialProviders, WebIdentityReadsTheXmlAnswerAsWell) {
  offerWebIdentity();
  answer(Endpoint::kWebIdentity,
         httpReply(200,
                   "<?xml version=\"1.0\"?>\n<AssumeRoleWithWebIdentityResponse "
                   "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Result><AssumedRoleUser>"
                   "<Arn>arn:aws:sts::1:assumed-role/x/y</Arn></AssumedRoleUser><Credentials>"
                   "<SessionToken> T&amp;T </SessionToken><SecretAccessKey>S</SecretAccessKey>"
                   "<Expiration>2100-01-02T03:04:05Z</Expiration><AccessKeyId>XML</AccessKeyId>"
                   "</Credentials></Result></AssumeRoleWithWebIdentityResponse>"));
  const auto found = find();
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "XML");
  EXPECT_EQ(found->session_token->reveal(), "T&T");
  EXPECT_EQ(found->arn, "arn:aws:sts::1:assumed-role/x/y");
}

// CRED-10: role names may contain commas
TEST_F(CredentialProviders, TheMethodsPartsAreSplitWhereThePathBegins) {
  offerWebIdentity();
  const auto found =
      credentialsByMethod(context(), "webidentity:arn:aws:iam::1:role/a,b," + home_ + "/.aws/jwt");
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_TRUE(contains(lastRequest(), "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%2Cb&"));
}

TEST_F(CredentialProviders, AMessageOfStsIsToldAndTheTokenIsNot) {
  offerWebIdentity();
  answer(Endpoint::kWebIdentity,
         httpReply(403, R"({"Error":{"Code":"AccessDenied","Message":"Not authorized to perform )"
                        R"(sts:AssumeRoleWithWebIdentity","Type":"Sender"},"RequestId":"1"})"));
  const std::string text = failure();
  EXPECT_TRUE(contains(text,
                       "role arn:aws:iam::1:role/web: the service answers with status 403, "
                       "AccessDenied: Not authorized to perform "
                       "sts:AssumeRoleWithWebIdentity"))
      << text;
  EXPECT_FALSE(contains(text, "payload"));
}

// Hosts that no test can reach: the endpoint shows in the failure of a proxy that refuses.
TEST_F(CredentialProviders, StsIsAskedInTheRegionAndItsPartition) {
  offerWebIdentity();
  unset("AWS_ENDPOINT_URL_STS");
  struct Row {
    const char* region;
    const char* suffix;
    const char* host;
  };
  const std::vector<Row> rows{
      {"eu-west-1", "amazonaws.com", "sts.eu-west-1.amazonaws.com"},
      {"eu-west-1", "on.aws", "sts.eu-west-1.amazonaws.com"},
      {"cn-north-1", "on.amazonwebservices.com.cn", "sts.cn-north-1.amazonaws.com.cn"},
      {"us-iso-east-1", "", "sts.us-iso-east-1.c2s.ic.gov"},
      {"us-isob-east-1", "", "sts.us-isob-east-1.sc2s.sgov.gov"},
      {"eusc-de-east-1", "", "sts.eusc-de-east-1.amazonaws.eu"},
      {"us-gov-west-1", "", "sts.us-gov-west-1.amazonaws.com"},
  };
  patience_.tries = 1;
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);
  for (const auto& row : rows) {
    auto asked = context();
    asked.region = row.region;
    asked.dns_suffix = row.suffix;
    const auto found = findCredentials(asked, {});
    ASSERT_FALSE(found);
    EXPECT_TRUE(contains(found.error().message(), std::string("GET to ") + row.host + ": "))
        << found.error().message();
  }
  ::unsetenv("https_proxy");
}

// As botocore: the variable, else the profile's key; section 10. The role of the environment has
// CRED-8's endpoint.
TEST_F(CredentialProviders, FipsAndDualStackAreTakenFromEnvironmentAndProfile) {
  unset("AWS_ENDPOINT_URL_STS");
  write("credentials", keys("base", "BASE"));
  const std::string role = "role_arn = arn:aws:iam::1:role/x\nsource_profile = base\n";
  write("config", "[profile p]\n" + role + "[profile fips]\nuse_fips_endpoint = TRUE\n" + role +
                      "[profile dual]\nuse_dualstack_endpoint = true\n" + role);
  struct Row {
    const char* profile;
    const char* fips;
    const char* dual;
    const char* host;
  };
  const std::vector<Row> rows{
      {"p", "", "", "sts.eu-west-1.amazonaws.com"},
      {"p", "true", "", "sts-fips.eu-west-1.amazonaws.com"},
      {"p", "true", "True", "sts-fips.eu-west-1.api.aws"},
      {"fips", "", "", "sts-fips.eu-west-1.amazonaws.com"},
      {"fips", "false", "", "sts.eu-west-1.amazonaws.com"},
      {"fips", "", "true", "sts-fips.eu-west-1.api.aws"},
      {"dual", "", "", "sts.eu-west-1.api.aws"},
      {"dual", "", "false", "sts.eu-west-1.amazonaws.com"},
      {"", "true", "true", "sts.eu-west-1.api.aws"},
  };
  patience_.tries = 1;
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.profile) + " " + row.fips + " " + row.dual);
    if (*row.profile == '\0') offerWebIdentity();
    unset("AWS_ENDPOINT_URL_STS");
    set("AWS_USE_FIPS_ENDPOINT", row.fips);
    set("AWS_USE_DUALSTACK_ENDPOINT", row.dual);
    for (const char* name : {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"}) {
      if (environment_[name].empty()) unset(name);
    }
    const std::string text = *row.profile == '\0' ? failure() : failure({.profile = row.profile});
    EXPECT_TRUE(contains(text, std::string(" to ") + row.host + ": ")) << text;
  }
  ::unsetenv("https_proxy");
}

// For the calls of EFS, EC2 and CloudWatch Logs.
TEST_F(CredentialProviders, TheProfilesEndpointSettingsCountForTheApis) {
  write("config",
        "[default]\nuse_dualstack_endpoint = true\n[profile p]\nuse_fips_endpoint = true\n");
  const auto asked = [&](const CredentialOptions& options) {
    return endpointOptions(Service::kEfs, apiEnvironment(context(), options), false);
  };
  EXPECT_TRUE(asked({}).dual_stack && !asked({}).fips);
  EXPECT_TRUE(asked({.profile = "p"}).fips && !asked({.profile = "p"}).dual_stack);
  set("AWS_PROFILE", "p");
  EXPECT_TRUE(asked({}).fips);
  write("config", "no section");
  EXPECT_FALSE(asked({}).fips);
}

TEST_F(CredentialProviders, TheGeneralEndpointVariableComesAfterTheSpecialOne) {
  offerWebIdentity();
  unset("AWS_ENDPOINT_URL_STS");
  set("AWS_ENDPOINT_URL", server_.url());
  ASSERT_TRUE(find());
  set("AWS_ENDPOINT_URL_STS", "ftp://x");
  EXPECT_TRUE(contains(failure(), "environment variable AWS_ENDPOINT_URL_STS is not an http"));
  for (const char* url : {"https://joe:hush@sts.example", "https://joe:hu/hush@sts.example"}) {
    set("AWS_ENDPOINT_URL_STS", url);  // CSI-20: it goes into the log
    EXPECT_TRUE(contains(failure(), "\"https://sts.example\""));
    EXPECT_FALSE(contains(failure(), "hush"));
  }
}

// IAM Identity Center
TEST_F(CredentialProviders, SsoSendsTheCachedTokenToThePortal) {
  offerSsoProfile("profile corp");
  const auto found = find({.profile = "corp"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->method, "named_profile:corp");
  EXPECT_EQ(found->source, "IAM Identity Center role Dev Ops of account 123456789012");
  EXPECT_TRUE(lastRequest().starts_with(
      "GET /federation/credentials?role_name=Dev%20Ops&account_id=123456789012 HTTP/1.1\r\n"));
  EXPECT_TRUE(contains(lastRequest(), "\r\nx-amz-sso_bearer_token: sso-token\r\n"));
}

TEST_F(CredentialProviders, SsoOfTheOlderFormIsKeyedByItsStartUrl) {
  write("config",
        "[profile old]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
        "sso_account_id = 1\nsso_role_name = r\n");
  ASSERT_TRUE(makeDirectories(home_ + "/.aws/sso/cache", 0700));
  // sha1("https://corp.awsapps.com/start")
  write("sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json",
        R"({"accessToken":"older","expiresAt":"2100-01-01T00:00:00UTC"})");
  const auto found = find({.profile = "old"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_TRUE(contains(lastRequest(), "x-amz-sso_bearer_token: older\r\n"));
}

TEST_F(CredentialProviders, AnEndedOrMissingLogInSaysWhatToRun) {
  offerSsoProfile("profile corp");
  const std::string cache = "sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
  write(cache, R"({"accessToken":"hush","expiresAt":"2020-01-01T00:00:00Z"})");
  for (int round = 0; round < 2; ++round) {
    const std::string text = failure({.profile = "corp"});
    EXPECT_TRUE(contains(text, "run: aws sso login --profile corp")) << text;
    EXPECT_FALSE(contains(text, "hush"));
    ASSERT_TRUE(removeFile(home_ + "/.aws/" + cache));
  }
  EXPECT_EQ(requestsTo(Endpoint::kSso), 0);
}

TEST_F(CredentialProviders, AnIncompleteSsoProfileNamesWhatIsMissing) {
  write("config",
        "[profile a]\nsso_session = corp\nsso_account_id = 1\n[sso-session corp]\nsso_region = x\n"
        "[profile b]\nsso_session = gone\nsso_role_name = r\n"
        "[profile c]\nsso_session = corp\nsso_account_id = 1\nsso_region = y\n");
  EXPECT_TRUE(contains(failure({.profile = "a"}), "sso_start_url and sso_role_name missing"));
  EXPECT_TRUE(contains(failure({.profile = "b"}), "there is no [sso-session gone]"));
  EXPECT_TRUE(contains(failure({.profile = "c"}), "sso_region differs from that of"));
}

// credential_process
class CredentialProcess : public CredentialWorld {
 protected:
  void script(const std::string& body) {
    write("helper", "#!/bin/sh\n" + body + "\n", 0700);
    write("config",
          "[profile p]\ncredential_process = \"" + home_ + "/.aws/helper\" 'a b' c\\ d\n");
  }
  std::string failed() { return failure({.profile = "p"}); }
};

TEST_F(CredentialProcess, IsRunWithoutAShellAndItsAnswerUsed) {
  script(
      "[ \"$1\" = 'a b' ] && [ \"$2\" = 'c d' ] && [ -n \"$HOME\" ] && "
      "echo '{\"Version\":1,\"AccessKeyId\":\"PROC\",\"SecretAccessKey\":\"S\","
      "\"Expiration\":\"2100-01-02T03:04:05+00:00\"}'");
  const auto found = find({.profile = "p"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "PROC");
  EXPECT_FALSE(found->session_token);
  EXPECT_EQ(found->source, "credential_process of profile p");
  EXPECT_EQ(found->expiration, std::chrono::system_clock::from_time_t(4102542245));
  EXPECT_EQ(credentialsByMethod(context(), "named_profile:p")->access_key_id, "PROC");
}

TEST_F(CredentialProcess, FailuresAreToldWithoutItsOutput) {
  struct Row {
    const char* body;
    const char* reason;
  };
  const std::vector<Row> rows{
      {"echo hush; echo hush >&2; exit 3", "the program exited with code 3"},
      {"kill -9 $$", "killed by signal 9"},
      {"echo hush", "not a JSON object"},
      {"echo '{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush\"}'",
       "\"Version\" is not 1"},
      {"echo '{\"Version\":1,\"AccessKeyId\":\"A\"}'", "has no SecretAccessKey"},
      {"echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush\","
       "\"Expiration\":\"2020-01-01T00:00:00Z\"}'",
       "ended at 2020-01-01T00:00:00Z"},
      {"while :; do echo hushhushhushhushhushhushhushhush; done", "more than 65536 bytes"},
  };
  for (const auto& row : rows) {
    script(row.body);
    const std::string text = failed();
    EXPECT_TRUE(contains(text, row.reason)) << text;
    EXPECT_TRUE(contains(text, "profile p: credential_process: ")) << text;
    EXPECT_FALSE(contains(text, "hush")) << text;
  }
}

TEST_F(CredentialProcess, OneThatHangsIsKilledInTime) {
  script("exec sleep 600");
  patience_.process = Duration(200);
  const auto begin = clock_.monotonic();
  EXPECT_TRUE(contains(failed(), "does not answer in time"));
  EXPECT_LT(clock_.monotonic() - begin, std::chrono::seconds(5));
}

TEST_F(CredentialProcess, OneThatCannotBeStartedIsNamed) {
  write("config", "[profile p]\ncredential_process = /no/such/program\n");
  EXPECT_TRUE(contains(failed(), "/no/such/program"));
  write("config", "[profile p]\ncredential_process = no-such-program-at-all\n");
  EXPECT_TRUE(contains(failed(), "program no-such-program-at-all is not in "));
  write("config", "[profile p]\ncredential_process = 'open\n");
  EXPECT_TRUE(contains(failed(), "a quotation mark is not closed"));
}

}  // namespace
}  // namespace efs::aws

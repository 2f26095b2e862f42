#include "efs/aws/credentials.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "loopback_http_server.h"

namespace efs::aws {
namespace {

using test::httpReply;

class CredentialChain : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("http_proxy");
    home_ = ::testing::TempDir() + "credentials-XXXXXX";
    ASSERT_NE(::mkdtemp(home_.data()), nullptr);
    ASSERT_TRUE(makeDirectories(home_ + "/.aws", 0700));
    environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server_.url();
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  void write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    ASSERT_TRUE(writeFileAtomic(home_ + "/.aws/" + name, text, {.mode = mode}));
  }
  static std::string keys(const std::string& section, const std::string& id) {
    return "[" + section + "]\naws_access_key_id = " + id + "\naws_secret_access_key = secret-of-" +
           id + "\n";
  }
  CredentialContext context() {
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
                              .request_timeout = Duration(10000)}};
  }
  Result<Credentials> find(const CredentialOptions& options = {}) {
    return findCredentials(context(), options);
  }
  std::string service(const std::string& request) const {
    const std::string path = "GET /latest/meta-data/iam/security-credentials/";
    if (request.starts_with("PUT /latest/api/token ")) return httpReply(200, "TOKEN");
    if (!has_role_) return httpReply(404, "");
    if (request.starts_with(path + " ")) return httpReply(200, "web-server\n");
    if (request.starts_with(path + "web-server ")) return httpReply(200, role_document_);
    return httpReply(500, "");
  }

  bool has_role_ = true;
  std::string role_document_ =
      R"({"Code":"Success","AccessKeyId":"ROLE","SecretAccessKey":"S","Token":"T"})";
  std::string home_;
  std::map<std::string, std::string> environment_;
  SystemClock clock_;
  std::unique_ptr<http::HttpClient> http_ = http::makeHttpClient();
  test::LoopbackHttpServer server_{[this](const std::string& request) { return service(request); }};
};

// CRED-3: default of the credentials file before default of the config file
TEST_F(CredentialChain, UsesTheDefaultProfileOfTheCredentialsFile) {
  write("credentials", keys("default", "ONE") + "aws_session_token = token\n");
  write("config", keys("default", "TWO"));
  const auto found = find();
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "ONE");
  EXPECT_EQ(found->secret_access_key.reveal(), "secret-of-ONE");
  EXPECT_EQ(found->session_token->reveal(), "token");
  EXPECT_EQ(found->method, "credentials:default");  // CRED-10
  EXPECT_EQ(found->source, "profile default of " + home_ + "/.aws/credentials");
  EXPECT_TRUE(server_.requests().empty());
}

// CRED-3, CRED-10
TEST_F(CredentialChain, UsesTheDefaultProfileOfTheConfigFile) {
  write("credentials", keys("other", "ONE"));
  write("config", keys("default", "TWO"));
  const auto found = find();
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "TWO");
  EXPECT_EQ(found->method, "config:default");
  EXPECT_FALSE(found->session_token);
}

// CRED-3: option before AWS_PROFILE before default
TEST_F(CredentialChain, PrefersTheOptionThenTheVariableThenDefault) {
  write("credentials",
        keys("default", "D") + keys("from-option", "O") + keys("from-variable", "V"));
  environment_["AWS_PROFILE"] = "from-variable";
  EXPECT_EQ(find({.profile = "from-option"})->access_key_id, "O");
  EXPECT_EQ(find({.profile = ""})->access_key_id, "V");
  EXPECT_EQ(find()->access_key_id, "V");
  environment_["AWS_PROFILE"] = "";
  EXPECT_EQ(find()->access_key_id, "D");
}

// CRED-3: a profile is final, and the section's name is taken exactly as given
TEST_F(CredentialChain, ANamedProfileThatIsNotThereIsFinal) {
  write("credentials", keys("default", "D"));
  write("config", keys("profile p", "P"));
  const auto found = find({.profile = "p"});
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().message().starts_with(
      "AWS Access Key ID and Secret Access Key are not found: profile p: no [p] in "))
      << found.error().message();
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(CredentialChain, AProfileWithoutItsSecretIsNotReplacedByTheInstanceRole) {
  write("credentials", "[default]\naws_access_key_id = ONE\n");
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("has no aws_secret_access_key"), std::string::npos);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(CredentialChain, ABrokenFileIsAnErrorWithItsLine) {
  write("credentials", "[default]\nnonsense\n");
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("/.aws/credentials: line 2: "), std::string::npos);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(CredentialChain, AProfileThatAssumesARoleIsNamedAsUnsupported) {
  write("config", "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n");
  const auto found = find({.profile = "p"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kUnsupported);
  EXPECT_NE(found.error().message().find("role_arn"), std::string::npos);
}

TEST_F(CredentialChain, ValuesWithBlanksAreRefusedAndNotShown) {
  write("credentials", "[default]\naws_access_key_id = A\naws_secret_access_key = hush # old\n");
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("the secret access key contains blanks"),
            std::string::npos);
  EXPECT_EQ(found.error().describe().find("hush"), std::string::npos);
}

// CRED-4, CRED-10
TEST_F(CredentialChain, UsesTheInstanceRoleWithoutAProfile) {
  write("config", "[default]\nregion = eu-west-1\n");
  const auto found = find();
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "ROLE");
  EXPECT_EQ(found->session_token->reveal(), "T");
  EXPECT_EQ(found->method, "metadata:");
  EXPECT_EQ(found->source, "instance role web-server");
}

// CRED-6
TEST_F(CredentialChain, KeysOfTheEnvironmentAreNotUsed) {
  environment_["AWS_ACCESS_KEY_ID"] = "ENV";
  environment_["AWS_SECRET_ACCESS_KEY"] = "hush";
  EXPECT_EQ(find()->access_key_id, "ROLE");
  has_role_ = false;
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("AWS_ACCESS_KEY_ID of the environment is never used"),
            std::string::npos);
}

TEST_F(CredentialChain, ListsEverySourceWhenAllAreSilent) {
  has_role_ = false;
  const auto found = find();
  ASSERT_FALSE(found);
  const std::string text = found.error().message();
  EXPECT_TRUE(text.starts_with("AWS Access Key ID and Secret Access Key are not found: "));
  for (const char* part : {"profile: none named", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI not set",
                           "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE",
                           "instance role: no IAM role is attached"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
  EXPECT_FALSE(found.error().hint().empty());
}

// CRED-4: what this version does not know must not fall through to the instance role
TEST_F(CredentialChain, SourcesNotSupportedYetStopTheChain) {
  const std::vector<std::vector<std::string>> sources{
      {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
      {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}};
  for (const auto& variables : sources) {
    for (const auto& variable : variables) environment_[variable] = "/x";
    const auto found = find();
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind(), ErrorKind::kUnsupported);
    for (const auto& variable : variables) {
      EXPECT_NE(found.error().message().find(variable), std::string::npos);
      environment_.erase(variable);
    }
    EXPECT_NE(found.error().message().find("does not support yet"), std::string::npos);
  }
  EXPECT_TRUE(server_.requests().empty());
}

// CRED-3: a profile comes before all of them
TEST_F(CredentialChain, AProfileComesBeforeTheEnvironmentsSources) {
  write("credentials", keys("default", "D"));
  environment_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/x";
  EXPECT_EQ(find()->access_key_id, "D");
}

// CRED-1, CRED-2
TEST_F(CredentialChain, OptionsNotSupportedYetAreNamed) {
  write("credentials", keys("default", "D"));
  const auto by_uri = find({.credentials_uri = "/x"});
  ASSERT_FALSE(by_uri);
  EXPECT_NE(by_uri.error().message().find("awscredsuri"), std::string::npos);
  const auto by_role = find({.role_arn = "arn", .jwt_path = "/jwt"});
  ASSERT_FALSE(by_role);
  EXPECT_NE(by_role.error().message().find("rolearn"), std::string::npos);
}

TEST_F(CredentialChain, ABrokenRoleDocumentIsToldWithoutItsContent) {
  role_document_ = R"({"AccessKeyId":"A","SecretAccessKey":"hush)";
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("role web-server: the reply is not a JSON object"),
            std::string::npos)
      << found.error().message();
  EXPECT_EQ(found.error().message().find("hush"), std::string::npos);
}

// CRED-10: renewal uses only the source named
TEST_F(CredentialChain, RenewalUsesOnlyTheNamedSource) {
  write("credentials", keys("p:q", "ONE"));
  write("config", keys("p:q", "TWO"));
  EXPECT_EQ(credentialsByMethod(context(), "credentials:p:q")->access_key_id, "ONE");
  EXPECT_EQ(credentialsByMethod(context(), "config:p:q")->access_key_id, "TWO");
  EXPECT_EQ(credentialsByMethod(context(), "metadata:")->access_key_id, "ROLE");
  EXPECT_FALSE(credentialsByMethod(context(), "credentials:gone"));
  for (const char* method : {"named_profile:p", "ecs:/x", "podidentity:u,f", "webidentity:a,f"}) {
    EXPECT_EQ(credentialsByMethod(context(), method).error().kind(), ErrorKind::kUnsupported);
  }
  for (const char* method : {"", ":", "credentials:", "credentials", "nonsense:x"}) {
    EXPECT_EQ(credentialsByMethod(context(), method).error().kind(), ErrorKind::kInvalidInput);
  }
}

TEST_F(CredentialChain, WarnsWhenOthersCanReadTheFile) {
  const std::string path = home_ + "/mount.log";
  ASSERT_TRUE(log::open({.path = path}));
  write("credentials", keys("default", "D"));
  ASSERT_TRUE(find());
  EXPECT_EQ(readFile(path).value_or(""), "");
  write("credentials", keys("default", "D"), 0644);
  ASSERT_TRUE(find());
  log::setLevel(log::Level::kOff);
  EXPECT_NE(readFile(path)->find("/.aws/credentials holds credentials and is accessible to other "
                                 "users (mode 0644)"),
            std::string::npos);
}

// CRED-5
TEST(HomeDirectory, ComesFromThePasswordFile) {
  ::setenv("HOME", "/somewhere/else", 1);
  EXPECT_EQ(homeDirectoryOf(0).value(), "/root");
  EXPECT_FALSE(homeDirectoryOf(4294967000U));
}

}  // namespace
}  // namespace efs::aws

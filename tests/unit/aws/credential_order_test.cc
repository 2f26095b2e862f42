// The order of sources (CRED-1 to CRED-4): for each pair of available sources the right one wins,
// and each broken source is named and not replaced by a weaker identity.
#include <functional>

#include "credential_world.h"
#include "efs/base/files.h"
#include "efs/base/log.h"

namespace efs::aws {
namespace {

using test::httpReply;

class CredentialOrder : public CredentialWorld {
 protected:
  struct Source {
    const char* name;
    const char* id;      // access key id that it gives
    const char* method;  // how its CRED-10 text begins
    std::function<void(CredentialOptions&)> offer;
  };

  CredentialOptions roleOptions(CredentialOptions options = {}) {
    write("option-jwt", "option.jwt.token");
    options.role_arn = "arn:aws:iam::1:role/option";
    options.jwt_path = home_ + "/.aws/option-jwt";
    return options;
  }

  // The strongest first.
  std::vector<Source> withoutRoleOptions() {
    return {
        {"awscredsuri", "ECS", "ecs:/ecs", [](auto& o) { o.credentials_uri = "/ecs"; }},
        {"awsprofile", "OPTION", "credentials:option",
         [this](auto& o) {
           append("credentials", keys("option", "OPTION"));
           o.profile = "option";
         }},
        {"AWS_PROFILE", "VARIABLE", "config:variable",
         [this](auto&) {
           append("config", keys("variable", "VARIABLE"));
           set("AWS_PROFILE", "variable");
         }},
        {"[default] of credentials", "DEFAULT1", "credentials:default",
         [this](auto&) { append("credentials", keys("default", "DEFAULT1")); }},
        {"ECS variable", "ECS", "ecs:/ecs", [this](auto&) { offerContainer(); }},
        {"Pod Identity", "POD", "podidentity:http", [this](auto&) { offerPodIdentity(); }},
        {"web identity", "WEB", "webidentity:arn", [this](auto&) { offerWebIdentity(); }},
        {"[default] with a log-in", "SSO", "named_profile:default",
         [this](auto&) { offerSsoProfile("default"); }},
        {"instance role", "ROLE", "metadata:", [this](auto&) { has_role_ = true; }},
    };
  }

  void append(const std::string& name, const std::string& text) {
    write(name, readFile(home_ + "/.aws/" + name).value_or("") + text);
  }

  void forget() {
    for (const char* file : {"credentials", "config"}) {
      ASSERT_TRUE(removeFile(home_ + "/.aws/" + file));
    }
    for (const char* variable :
         {"AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
          "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
          "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}) {
      unset(variable);
    }
    has_role_ = false;
  }

  void expectWinner(const Source& winner, const CredentialOptions& options) {
    const auto found = find(options);
    ASSERT_TRUE(found) << found.error().describe();
    EXPECT_EQ(found->access_key_id, winner.id);
    EXPECT_TRUE(found->method.starts_with(winner.method)) << found->method;
    // CRED-10: the text finds the same source again.
    const auto again = credentialsByMethod(context(), found->method);
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ(again->access_key_id, winner.id);
    EXPECT_EQ(again->method, found->method);
  }
};

// CRED-1, CRED-3, CRED-4, CRED-10
TEST_F(CredentialOrder, TheStrongerOfEachPairOfSourcesWins) {
  const auto sources = withoutRoleOptions();
  for (std::size_t strong = 0; strong < sources.size(); ++strong) {
    for (std::size_t weak = strong; weak < sources.size(); ++weak) {
      forget();
      SCOPED_TRACE(std::string(sources[strong].name) + " before " + sources[weak].name);
      CredentialOptions options;
      sources[weak].offer(options);
      if (weak != strong) sources[strong].offer(options);
      expectWinner(sources[strong], options);
    }
  }
}

// CRED-2: no profile is looked up, but the two container sources come before the option's role
TEST_F(CredentialOrder, TheRoleOfTheOptionsHasItsOwnOrder) {
  auto all = withoutRoleOptions();
  const Source role{"rolearn and jwtpath", "WEB", "webidentity:arn:aws:iam::1:role/option,",
                    [this](auto& o) { o = roleOptions(o); }};
  for (const auto& other : all) {
    forget();
    SCOPED_TRACE(other.name);
    CredentialOptions options;
    other.offer(options);
    role.offer(options);
    const std::string name = other.name;
    const bool stronger = name == "awscredsuri" || name == "ECS variable" || name == "Pod Identity";
    expectWinner(stronger ? other : role, options);
  }
}

// Each source made unusable while all weaker ones are there: an error that names it.
TEST_F(CredentialOrder, ABrokenSourceIsNamedAndNotReplaced) {
  struct Broken {
    const char* named;
    std::function<void(CredentialOptions&)> offer;
  };
  const std::vector<Broken> cases{
      {"container credentials at /ecs", [](auto& o) { o.credentials_uri = "/ecs"; }},
      {"profile gone", [](auto& o) { o.profile = "gone"; }},
      {"profile gone", [this](auto&) { set("AWS_PROFILE", "gone"); }},
      {"profile default",
       [this](auto&) { write("credentials", "[default]\naws_access_key_id=A"); }},
      {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", [this](auto&) { offerContainer(); }},
      {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
       [this](auto&) { set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil/"); }},
      {"pod identity", [this](auto&) { offerPodIdentity(); }},
      {"pod-token",
       [this](auto&) {
         offerPodIdentity();
         write("pod-token", "one\r\nInjected: two");
       }},
      {"web identity", [this](auto&) { offerWebIdentity(); }},
      {"/.aws/gone",
       [this](auto&) {
         offerWebIdentity();
         set("AWS_WEB_IDENTITY_TOKEN_FILE", home_ + "/.aws/gone");
       }},
      {"web identity", [this](auto& o) { o = roleOptions(); }},
      {"mount option rolearn is given without jwtpath", [](auto& o) { o.role_arn = "arn:x"; }},
      {"mount option jwtpath is given without rolearn", [](auto& o) { o.jwt_path = "/x"; }},
      {"[default] without access keys", [this](auto&) { offerSsoProfile("default"); }},
      {"[default] without access keys",
       [this](auto&) { write("config", "[default]\nrole_arn = arn:aws:iam::1:role/x\n"); }},
  };
  for (const auto endpoint : {Endpoint::kContainer, Endpoint::kPod, Endpoint::kWebIdentity,
                              Endpoint::kAssumeRole, Endpoint::kSso}) {
    answer(endpoint, httpReply(403, ""));
  }
  for (const auto& broken : cases) {
    forget();
    has_role_ = true;
    SCOPED_TRACE(broken.named);
    CredentialOptions options;
    broken.offer(options);
    const std::string text = failure(options);
    EXPECT_TRUE(text.starts_with("AWS Access Key ID and Secret Access Key are not found: "));
    EXPECT_NE(text.find(broken.named), std::string::npos) << text;
  }
  EXPECT_EQ(requestsTo(Endpoint::kImds), 0);
}

TEST_F(CredentialOrder, TheConfigKeyRestoresTheFallToTheNextSource) {
  offerContainer();
  offerPodIdentity();
  offerWebIdentity();
  answer(Endpoint::kContainer, httpReply(500, ""));
  answer(Endpoint::kPod, httpReply(403, ""));
  EXPECT_NE(failure().find("credential_fallthrough"), std::string::npos);
  fall_through_ = true;
  EXPECT_EQ(find()->access_key_id, "WEB");
  answer(Endpoint::kWebIdentity, httpReply(403, ""));
  EXPECT_EQ(find()->access_key_id, "ROLE");
  has_role_ = false;
  const std::string text = failure();
  for (const char* part : {"status 500", "status 403", "no IAM role is attached"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

// The key does not touch what the user names himself (CRED-1, CRED-3).
TEST_F(CredentialOrder, TheConfigKeyDoesNotReplaceANamedSource) {
  fall_through_ = true;
  answer(Endpoint::kContainer, httpReply(403, ""));
  EXPECT_NE(failure({.credentials_uri = "/ecs"}).find("status 403"), std::string::npos);
  EXPECT_NE(failure({.profile = "gone"}).find("profile gone"), std::string::npos);
  offerSsoProfile("default");
  EXPECT_EQ(find()->access_key_id, "ROLE");
}

TEST_F(CredentialOrder, AHalfSetPairOfVariablesIsToldInAWarning) {
  const std::vector<std::pair<const char*, const char*>> pairs{
      {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"},
      {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"},
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
      {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}};
  const std::string path = home_ + "/mount.log";
  ASSERT_TRUE(log::open({.path = path}));
  for (const auto& [given, missing] : pairs) {
    forget();
    has_role_ = true;
    set(given, "/x");
    EXPECT_EQ(find()->access_key_id, "ROLE");
    EXPECT_NE(readFile(path)->find("environment variable " + std::string(given) + " is set but " +
                                   missing + " is not"),
              std::string::npos);
  }
  log::setLevel(log::Level::kOff);
}

TEST_F(CredentialOrder, TheInstanceIsNotAskedWhenTheVariableForbidsIt) {
  set("AWS_EC2_METADATA_DISABLED", "True");
  EXPECT_NE(failure().find("instance role: AWS_EC2_METADATA_DISABLED is true"), std::string::npos);
  EXPECT_EQ(requestsTo(Endpoint::kImds), 0);
}

}  // namespace
}  // namespace efs::aws

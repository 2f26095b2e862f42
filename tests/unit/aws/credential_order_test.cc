// The order of sources (CRED-1 to CRED-4): for each pair of available sources the right one wins,
// and each broken source is named and not replaced by a weaker identity.
#include <functional>
#include <map>

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
        {"[default] of config", "DEFAULT2", "config:default",
         [this](auto&) { addToConfig("default", kKeys); }},
        {"ECS variable", "ECS", "ecs:/ecs", [this](auto&) { offerContainer(); }},
        {"Pod Identity", "POD", "podidentity:http", [this](auto&) { offerPodIdentity(); }},
        {"web identity", "WEB", "webidentity:arn", [this](auto&) { offerWebIdentity(); }},
        {"[default] with a log-in", "SSO", "named_profile:default",
         [this](auto&) { offerSsoProfile("default"); }},
        {"instance role", "ROLE", "metadata:", [this](auto&) { has_role_ = true; }},
    };
  }

  static constexpr const char* kKeys = "aws_access_key_id = DEFAULT2\naws_secret_access_key = S\n";

  // To a section that is there already, or a new one.
  void addToConfig(const std::string& section, const std::string& lines) {
    const std::string header = "[" + section + "]\n";
    std::string text = readFile(home_ + "/.aws/config").value_or("");
    if (text.find(header) == std::string::npos) text += header;
    write("config", text.insert(text.find(header) + header.size(), lines));
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
      {"profile p: role arn:aws:iam::1:role/x",
       [this](auto& o) {
         write("credentials", keys("base", "BASE"));
         write("config", "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n");
         o.profile = "p";
       }},
      {"profile p: credential_process",
       [this](auto&) {
         write("config", "[profile p]\ncredential_process = /bin/false\n");
         set("AWS_PROFILE", "p");
       }},
      {"profile corp: IAM Identity Center",
       [this](auto& o) {
         offerSsoProfile("profile corp");
         o.profile = "corp";
       }},
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

// CRED-3 and, behind it, botocore's order: what one profile can say. The strongest first; a role
// with a web identity token is not a role with a source profile, although both name role_arn.
class OrderInAProfile : public CredentialOrder {
 protected:
  struct Kind {
    const char* name;
    const char* id;
    Endpoint endpoint;  // that answers; kUnknown: none
    std::map<std::string, std::string> keys;
  };
  std::vector<Kind> kinds() const {
    const std::string role = "arn:aws:iam::1:role/x";
    return {
        {"web identity",
         "WEB",
         Endpoint::kWebIdentity,
         {{"role_arn", role}, {"web_identity_token_file", home_ + "/.aws/jwt"}}},
        {"role",
         "ASSUMED",
         Endpoint::kAssumeRole,
         {{"role_arn", role}, {"source_profile", "base"}}},
        {"Identity Center",
         "SSO",
         Endpoint::kSso,
         {{"sso_session", "corp"}, {"sso_account_id", "1"}, {"sso_role_name", "x"}}},
        {"process", "PROCESS", Endpoint::kUnknown, {{"credential_process", home_ + "/program"}}},
        {"keys of [profile p]",
         "CONFIG",
         Endpoint::kUnknown,
         {{"aws_access_key_id", "CONFIG"}, {"aws_secret_access_key", "S"}}}};
  }
  void offer(std::map<std::string, std::string> first, const Kind& second) {
    first.insert(second.keys.begin(), second.keys.end());
    std::string lines = "[profile p]\n";
    for (const auto& [key, value] : first) lines += key + " = " + value + "\n";
    write("config", "");
    offerSsoProfile("profile other");
    append("config", lines);
    write("credentials", keys("base", "BASE"));
    write("jwt", "a.b.c");
    ASSERT_TRUE(writeFileAtomic(home_ + "/program",
                                "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"PROCESS\","
                                "\"SecretAccessKey\":\"S\"}'\n",
                                {.mode = 0700}));
  }
};

TEST_F(OrderInAProfile, TheStrongerOfEachPairWins) {
  const auto all = kinds();
  for (std::size_t strong = 0; strong < all.size(); ++strong) {
    for (std::size_t weak = strong; weak < all.size(); ++weak) {
      SCOPED_TRACE(std::string(all[strong].name) + " before " + all[weak].name);
      offer(all[strong].keys, all[weak]);
      const auto found = find({.profile = "p"});
      ASSERT_TRUE(found) << found.error().describe();
      EXPECT_EQ(found->access_key_id, all[strong].id);
      append("credentials", keys("p", "CREDENTIALS"));
      EXPECT_EQ(find({.profile = "p"})->access_key_id, "CREDENTIALS");
    }
  }
}

TEST_F(OrderInAProfile, ABrokenOneIsNamedAndNotReplacedByAWeakerOne) {
  const auto all = kinds();
  for (std::size_t strong = 0; strong < all.size(); ++strong) {
    if (all[strong].endpoint == Endpoint::kUnknown) continue;
    answer(all[strong].endpoint, httpReply(403, ""));
    for (std::size_t weak = strong + 1; weak < all.size(); ++weak) {
      SCOPED_TRACE(std::string(all[strong].name) + " before " + all[weak].name);
      offer(all[strong].keys, all[weak]);
      const std::string text = failure({.profile = "p"});
      EXPECT_NE(text.find("profile p: "), std::string::npos) << text;
      EXPECT_NE(text.find("status 403"), std::string::npos) << text;
    }
  }
}

// The last source of all: its failure is in the list of what was tried.
TEST_F(CredentialOrder, AnInstanceRoleThatFailsIsNamedWithItsReason) {
  answer(Endpoint::kImds, httpReply(500, ""));
  const std::string text = failure();
  EXPECT_NE(text.find("instance role: instance metadata meta-data/iam/security-credentials/: "
                      "status 500"),
            std::string::npos)
      << text;
}

TEST_F(CredentialOrder, AnInstanceRoleThatIsRefusedIsNamedWithItsReason) {
  role_document_ = R"({"Code":"AssumeRoleUnauthorizedAccess"})";
  const std::string text = failure();
  EXPECT_NE(text.find("instance role: role web-server: "), std::string::npos) << text;
  EXPECT_NE(text.find("AssumeRoleUnauthorizedAccess"), std::string::npos) << text;
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

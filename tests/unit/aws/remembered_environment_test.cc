#include "efs/aws/remembered_environment.h"

#include <gtest/gtest.h>

namespace efs::aws {
namespace {

Environment of(const Variables& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

// CSI-20
TEST(RememberedEnvironment, HoldsNoSecret) {
  const Variables kept =
      rememberedEnvironment(of({{"AWS_ACCESS_KEY_ID", "hush"},
                                {"AWS_SECRET_ACCESS_KEY", "hush"},
                                {"AWS_SESSION_TOKEN", "hush"},
                                {"AWS_SECURITY_TOKEN", "hush"},
                                {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush"},
                                {"AWS_BEARER_TOKEN_BEDROCK", "hush"},
                                {"AWS_ENDPOINT_URL_STS", "https://hush:hush@sts.example/a@b"},
                                {"AWS_ENDPOINT_URL_SSO", "https://hush:hu/sh@sso.example"},
                                {"AWS_ENDPOINT_URL_EC2", "hush:hu://sh@ec2.example"},
                                {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[::1]:80/x@y"},
                                {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://hush@[::1]:80"},
                                {"http_proxy", "http://hush:hu/sh@proxy:3128"},
                                {"ALL_PROXY", "hush:hush@proxy:3128"},
                                {"https_proxy", "socks5h://hush:hu@sh@proxy"}}),
                            "/");
  EXPECT_EQ(kept, (Variables{{"AWS_ENDPOINT_URL_STS", "https://sts.example/a@b"},
                             {"AWS_ENDPOINT_URL_SSO", "https://sso.example"},
                             {"AWS_ENDPOINT_URL_EC2", "ec2.example"},
                             {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[::1]:80/x@y"},
                             {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[::1]:80"},
                             {"http_proxy", "http://proxy:3128"},
                             {"ALL_PROXY", "proxy:3128"},
                             {"https_proxy", "socks5h://proxy"}}));
}

TEST(RememberedEnvironment, MakesPathsAbsolute) {
  const Variables kept = rememberedEnvironment(of({{"AWS_SHARED_CREDENTIALS_FILE", "team/keys"},
                                                   {"AWS_CONFIG_FILE", "/etc/team/config"},
                                                   {"AWS_WEB_IDENTITY_TOKEN_FILE", "../token"},
                                                   {"AWS_CA_BUNDLE", "~/ca.pem"},
                                                   {"AWS_PROFILE", "backup"}}),
                                               "/srv/job");
  EXPECT_EQ(kept, (Variables{{"AWS_SHARED_CREDENTIALS_FILE", "/srv/job/team/keys"},
                             {"AWS_CONFIG_FILE", "/etc/team/config"},
                             {"AWS_WEB_IDENTITY_TOKEN_FILE", "/srv/job/../token"},
                             {"AWS_CA_BUNDLE", "~/ca.pem"},
                             {"AWS_PROFILE", "backup"}}));
}

TEST(RememberedEnvironment, ExpandsThePathsOfTheProfiles) {
  const Variables kept = rememberedEnvironment(of({{"AWS_SHARED_CREDENTIALS_FILE", "$TEAM/keys"},
                                                   {"AWS_CONFIG_FILE", "${TEAM}/$NONE/config"},
                                                   {"AWS_WEB_IDENTITY_TOKEN_FILE", "$TEAM/token"},
                                                   {"TEAM", "/srv/team"}}),
                                               "/srv/job");
  EXPECT_EQ(kept, (Variables{{"AWS_SHARED_CREDENTIALS_FILE", "/srv/team/keys"},
                             {"AWS_CONFIG_FILE", "/srv/team/$NONE/config"},
                             {"AWS_WEB_IDENTITY_TOKEN_FILE", "/srv/job/$TEAM/token"}}));
  EXPECT_EQ(rememberedEnvironment(of({{"AWS_CONFIG_FILE", "~team/config"}}), "/srv/job")
                .at("AWS_CONFIG_FILE"),
            "~team/config");
}

// Each fits into an environment; together they would not fit into a state file.
TEST(RememberedEnvironment, LeavesOutWhatIsLongerThanAnyListOfHosts) {
  const std::string list(16 * 1024, 'x');
  const Variables kept = rememberedEnvironment(
      of({{"no_proxy", list}, {"NO_PROXY", list + "x"}, {"PATH", "/bin"}}), "/");
  EXPECT_EQ(kept, (Variables{{"no_proxy", list}, {"PATH", "/bin"}}));
}

// What the AWS CLI as a credential_process reads.
TEST(RememberedEnvironment, KeepsWhatBotocoreReads) {
  const Variables all{{"REQUESTS_CA_BUNDLE", "/ca.pem"},
                      {"AWS_DATA_PATH", "/models"},
                      {"AWS_IMDS_USE_IPV6", "true"},
                      {"AWS_METADATA_SERVICE_TIMEOUT", "5"},
                      {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "3"},
                      {"AWS_MAX_ATTEMPTS", "9"},
                      {"AWS_RETRY_MODE", "standard"},
                      {"AWS_ENDPOINT_URL_SSO_OIDC", "https://oidc.example"}};
  EXPECT_EQ(rememberedEnvironment(of(all), "/"), all);
}

TEST(RememberedEnvironment, IsAllThatAStateFileMaySet) {
  EXPECT_EQ(onlyRemembered({{"AWS_PROFILE", "x"}, {"LD_PRELOAD", "y"}, {"AWS_SESSION_TOKEN", "z"}}),
            (Variables{{"AWS_PROFILE", "x"}}));
}

TEST(RememberedEnvironment, NamesProxiesWithAUser) {
  EXPECT_EQ(proxiesWithUser(of({{"http_proxy", "http://p:1"}, {"https_proxy", "http://u@p:1"}})),
            std::vector<std::string>{"https_proxy"});
}

}  // namespace
}  // namespace efs::aws

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
                                {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://hush@[::1]:80"},
                                {"http_proxy", "http://hush:hu/sh@proxy:3128"},
                                {"ALL_PROXY", "hush:hush@proxy:3128"},
                                {"https_proxy", "socks5h://hush:hu@sh@proxy"}}),
                            "/");
  EXPECT_EQ(kept, (Variables{{"AWS_ENDPOINT_URL_STS", "https://sts.example/a@b"},
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

#include "efs/aws/endpoints.h"

#include <gtest/gtest.h>

#include <map>

namespace efs::aws {
namespace {

struct Row {
  const char* region;
  const char* partition;
  const char* plain;  // host of the EFS API
  const char* fips;
  const char* dual;
  const char* dual_fips;
};

// CFG-2: the regions of the shipped configuration and the partitions they belong to.
constexpr Row kRows[] = {
    {"us-east-1", "aws", "elasticfilesystem.us-east-1.amazonaws.com",
     "elasticfilesystem-fips.us-east-1.amazonaws.com", "efs.us-east-1.api.aws",
     "efs-fips.us-east-1.api.aws"},
    {"mars-north-7", "aws", "elasticfilesystem.mars-north-7.amazonaws.com",
     "elasticfilesystem-fips.mars-north-7.amazonaws.com", "efs.mars-north-7.api.aws",
     "efs-fips.mars-north-7.api.aws"},
    {"us-gov-west-1", "aws-us-gov", "elasticfilesystem.us-gov-west-1.amazonaws.com",
     "elasticfilesystem-fips.us-gov-west-1.amazonaws.com", "efs.us-gov-west-1.api.aws",
     "efs-fips.us-gov-west-1.api.aws"},
    {"cn-north-1", "aws-cn", "elasticfilesystem.cn-north-1.amazonaws.com.cn",
     "elasticfilesystem-fips.cn-north-1.amazonaws.com.cn",
     "efs.cn-north-1.api.amazonwebservices.com.cn",
     "efs-fips.cn-north-1.api.amazonwebservices.com.cn"},
    {"us-iso-west-1", "aws-iso", "elasticfilesystem.us-iso-west-1.c2s.ic.gov",
     "elasticfilesystem-fips.us-iso-west-1.c2s.ic.gov",
     "elasticfilesystem.us-iso-west-1.api.aws.ic.gov",
     "elasticfilesystem-fips.us-iso-west-1.api.aws.ic.gov"},
    {"us-isob-east-1", "aws-iso-b", "elasticfilesystem.us-isob-east-1.sc2s.sgov.gov",
     "elasticfilesystem-fips.us-isob-east-1.sc2s.sgov.gov",
     "elasticfilesystem.us-isob-east-1.api.aws.scloud",
     "elasticfilesystem-fips.us-isob-east-1.api.aws.scloud"},
    {"eu-isoe-west-1", "aws-iso-e", "elasticfilesystem.eu-isoe-west-1.cloud.adc-e.uk",
     "elasticfilesystem-fips.eu-isoe-west-1.cloud.adc-e.uk",
     "elasticfilesystem.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
     "elasticfilesystem-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"},
    {"us-isof-south-1", "aws-iso-f", "elasticfilesystem.us-isof-south-1.csp.hci.ic.gov",
     "elasticfilesystem-fips.us-isof-south-1.csp.hci.ic.gov",
     "elasticfilesystem.us-isof-south-1.api.aws.hci.ic.gov",
     "elasticfilesystem-fips.us-isof-south-1.api.aws.hci.ic.gov"},
    {"eusc-de-east-1", "aws-eusc", "elasticfilesystem.eusc-de-east-1.amazonaws.eu",
     "elasticfilesystem-fips.eusc-de-east-1.amazonaws.eu",
     "elasticfilesystem.eusc-de-east-1.api.amazonwebservices.eu",
     "elasticfilesystem-fips.eusc-de-east-1.api.amazonwebservices.eu"},
};

TEST(Endpoints, EveryPartitionHasItsSuffixes) {
  for (const auto& row : kRows) {
    EXPECT_EQ(partitionOf(row.region).id, row.partition);
    const auto url = [&](bool fips, bool dual) {
      return endpointUrl(Service::kEfs, row.region, {fips, dual, {}}).value();
    };
    EXPECT_EQ(url(false, false), std::string("https://") + row.plain);
    EXPECT_EQ(url(true, false), std::string("https://") + row.fips);
    EXPECT_EQ(url(false, true), std::string("https://") + row.dual);
    EXPECT_EQ(url(true, true), std::string("https://") + row.dual_fips);
  }
}

TEST(Endpoints, GovCloudsPlainNamesOfEc2AndLogsAreFipsAlready) {
  for (const auto& [service, name] :
       std::map<Service, std::string>{{Service::kEc2, "ec2"}, {Service::kLogs, "logs"}}) {
    EXPECT_EQ(*endpointUrl(service, "us-gov-west-1", {true, false, {}}),
              "https://" + name + ".us-gov-west-1.amazonaws.com");
    EXPECT_EQ(*endpointUrl(service, "us-east-2", {true, false, {}}),
              "https://" + name + "-fips.us-east-2.amazonaws.com");
  }
}

Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

// Section 10
TEST(Endpoints, TheEnvironmentChoosesTheVariant) {
  const auto none = endpointOptions(Service::kEfs, environment({}), false);
  EXPECT_FALSE(none.fips || none.dual_stack || none.override_url);
  EXPECT_TRUE(endpointOptions(Service::kEfs, environment({}), true).fips);
  const auto both = endpointOptions(
      Service::kEfs,
      environment({{"AWS_USE_FIPS_ENDPOINT", "TRUE"}, {"AWS_USE_DUALSTACK_ENDPOINT", "true"}}),
      false);
  EXPECT_TRUE(both.fips && both.dual_stack);
  EXPECT_FALSE(
      endpointOptions(Service::kEfs, environment({{"AWS_USE_FIPS_ENDPOINT", "yes"}}), false).fips);
}

TEST(Endpoints, StsAndIdentityCenterHaveTheirVariants) {
  const auto url = [](Service service, const char* region, bool fips, bool dual) {
    return endpointUrl(service, region, {fips, dual, {}}).value();
  };
  EXPECT_EQ(url(Service::kSts, "eu-west-1", false, true), "https://sts.eu-west-1.api.aws");
  EXPECT_EQ(url(Service::kSts, "us-east-2", true, false),
            "https://sts-fips.us-east-2.amazonaws.com");
  EXPECT_EQ(url(Service::kSts, "us-gov-west-1", true, false),
            "https://sts.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(url(Service::kSsoPortal, "cn-north-1", true, true),
            "https://portal.sso-fips.cn-north-1.api.amazonwebservices.com.cn");
  // In GovCloud the ordinary names are FIPS ones already.
  for (const auto& [service, host] : {std::pair{Service::kSsoPortal, "https://portal.sso"},
                                      std::pair{Service::kSsoOidc, "https://oidc"}}) {
    EXPECT_EQ(url(service, "us-gov-east-1", true, false),
              std::string(host) + ".us-gov-east-1.amazonaws.com");
    EXPECT_EQ(url(service, "us-east-2", true, false),
              std::string(host) + "-fips.us-east-2.amazonaws.com");
  }
  // CRED-8: a suffix of the configuration, which dual-stack names do not have.
  EndpointOptions configured;
  configured.dns_suffix = "example.test";
  EXPECT_EQ(*endpointUrl(Service::kSts, "eu-west-1", configured),
            "https://sts.eu-west-1.example.test");
  configured.dual_stack = true;
  EXPECT_EQ(*endpointUrl(Service::kSts, "eu-west-1", configured), "https://sts.eu-west-1.api.aws");
}

TEST(Endpoints, TheServicesOwnUrlWinsOverTheGeneralOne) {
  const auto env = environment({{"AWS_ENDPOINT_URL", "https://all.test"},
                                {"AWS_ENDPOINT_URL_EFS", "http://efs.test:8080/"},
                                {"AWS_ENDPOINT_URL_LOGS", "https://logs.test/base"}});
  const auto url = [&](Service service) {
    return endpointUrl(service, "us-east-1", endpointOptions(service, env, true)).value();
  };
  EXPECT_EQ(url(Service::kEfs), "http://efs.test:8080/");
  EXPECT_EQ(url(Service::kEc2), "https://all.test");
  EXPECT_EQ(url(Service::kLogs), "https://logs.test/base");
}

TEST(Endpoints, APathGoesBehindThatOfTheEndpoint) {
  struct Joined {
    const char *endpoint, *root, *api;
  };
  // As botocore 1.44 joins them.
  for (const Joined& row :
       {Joined{"https://a.test", "https://a.test/", "https://a.test/x?y"},
        {"https://a.test/", "https://a.test/", "https://a.test/x?y"},
        {"https://a.test//", "https://a.test//", "https://a.test//x?y"},
        {"https://a.test/p", "https://a.test/p", "https://a.test/p/x?y"},
        {"https://a.test:8/p/", "https://a.test:8/p/", "https://a.test:8/p/x?y"}}) {
    EXPECT_EQ(atEndpoint(row.endpoint, "/"), row.root);
    EXPECT_EQ(atEndpoint(row.endpoint, "/x?y"), row.api);
  }
}

// As the patterns of botocore's partitions.json have it.
TEST(Endpoints, ARegionOfNoPartitionIsCommercial) {
  for (const char* region : {"cn-x", "eusc-xx-1", "cn-north-west-1", "us-gov-west", "cn--1"}) {
    EXPECT_EQ(partitionOf(region).id, "aws") << region;
  }
  for (const char* region : {"cn-new-12", "aws-cn-global"}) {
    EXPECT_EQ(partitionOf(region).id, "aws-cn") << region;
  }
}

TEST(Endpoints, AuthoritiesAreThoseOfTheFirstVariable) {
  const std::vector<const char*> names{"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"};
  std::map<std::string, std::string> variables;
  EXPECT_EQ(caBundle(environment(variables)), "");
  for (std::size_t i = names.size(); i-- > 0;) {
    variables[names[i]] = std::string("/") + names[i];
    EXPECT_EQ(caBundle(environment(variables)), std::string("/") + names[i]);
  }
  variables["AWS_CA_BUNDLE"] = "";
  EXPECT_EQ(caBundle(environment(variables)), "/REQUESTS_CA_BUNDLE");
}

TEST(Endpoints, AllUrlsCanBeIgnored) {
  const auto env = environment({{"AWS_ENDPOINT_URL", "https://all.test"},
                                {"AWS_ENDPOINT_URL_STS", "https://sts.test"},
                                {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"}});
  for (const Service service : {Service::kSts, Service::kEfs}) {
    EXPECT_FALSE(endpointOptions(service, env, false).override_url);
  }
}

TEST(Endpoints, RefusesWhatIsNotAUrlOrARegion) {
  for (const char* url :
       {"efs.test",          "ftp://efs.test",  "https://",        "https://a?b",     "https://a#b",
        "https://user@host", "https://a b",     "http:///",        "https:",          "",
        "https://a_b",       "https://-a",      "https://a-.test", "https://a..test", "https://a,b",
        "https://a;x",       "https://a:65536", "https://a:b",     "https://[",       "https://[]",
        "https://[::1"}) {
    EXPECT_FALSE(endpointUrl(Service::kEfs, "us-east-1", {false, false, url})) << url;
  }
  for (const char* url : {"https://a.test.", "https://a:", "https://a:0/", "https://[::1]:443/p",
                          "http://10.0.0.1:65535", "https://xn--nxasmq6b/"}) {
    EXPECT_TRUE(endpointUrl(Service::kEfs, "us-east-1", {false, false, url})) << url;
  }
  for (const char* region : {"", "a.b", "evil.com/", "123", "-us-east-1", "us-gov-"}) {
    EXPECT_FALSE(endpointUrl(Service::kEfs, region, {})) << region;
  }
}

}  // namespace
}  // namespace efs::aws

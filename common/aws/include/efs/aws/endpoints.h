// Where the AWS APIs of a region are: partitions, FIPS and dual-stack names, and the variables that
// override them (contract section 10). Pure.
//
// The tables are those of AWS's own partitions.json; an integration test compares the names with
// botocore's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/environment.h"
#include "efs/base/result.h"

namespace efs::aws {

// A group of regions with one identity system and one DNS suffix.
struct Partition {
  std::string_view id;                 // as in ARNs: "aws", "aws-cn", "aws-us-gov" ...
  std::string_view dns_suffix;         // "amazonaws.com"
  std::string_view dual_stack_suffix;  // "api.aws"
};

// By the region's name, "us-gov-<word>-<number>"; one that fits no partition belongs to "aws", as
// in the SDKs.
const Partition& partitionOf(std::string_view region);

enum class Service { kEfs, kEc2, kLogs, kSts, kSsoPortal, kSsoOidc };
// The name that stands in a signature's scope: "elasticfilesystem".
std::string_view signingName(Service service);

struct EndpointOptions {
  bool fips = false;
  bool dual_stack = false;
  std::optional<std::string> override_url = {};  // instead of everything else
  std::string override_variable = {};            // where that comes from, for the message
  std::string dns_suffix = {};  // instead of the partition's; not for dual-stack names
};

// $AWS_USE_FIPS_ENDPOINT and $AWS_USE_DUALSTACK_ENDPOINT ("true" in any case), and
// $AWS_ENDPOINT_URL_EFS, _EC2, _CLOUDWATCH_LOGS (or _LOGS), _STS, _SSO or _SSO_OIDC before
// $AWS_ENDPOINT_URL, and none of them where $AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true.
// `fips` is what the configuration says; either is enough.
EndpointOptions endpointOptions(Service service, const Environment& environment, bool fips);

// "fips-us-east-1" and "us-east-1-fips", as they were written before FIPS endpoints had a switch:
// "us-east-1", with FIPS endpoints. Any other region is itself.
std::string plainRegion(std::string_view region);

// Scheme and host: "https://elasticfilesystem.us-east-1.amazonaws.com"; or the override as it was
// written, perhaps with a path. atEndpoint() puts something behind it.
// plainRegion() where it differs switches FIPS on. kInvalidInput for an override that is not an
// http or https URL without query, and for a region that cannot be part of a host name.
Result<std::string> endpointUrl(Service service, const std::string& region,
                                const EndpointOptions& options);

// `path` begins with "/" and is added to the path of the endpoint, whose last slash is dropped; for
// "/" itself the endpoint's own path stays as it was written. As botocore joins them.
std::string atEndpoint(std::string endpoint, std::string_view path);

// The file of the authorities that servers are checked against: $AWS_CA_BUNDLE (or ca_bundle of a
// profile), else $REQUESTS_CA_BUNDLE, as botocore has it, else $SSL_CERT_FILE, which efs-utils' own
// calls obey. Empty: the system's.
std::string caBundle(const Environment& environment);

}  // namespace efs::aws

#include "efs/aws/endpoints.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "aws_names.h"
#include "efs/base/file_system_kind.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

struct PartitionRow {
  std::string_view region_prefix;  // before a word and a number: "north-1"
  std::string_view pseudo_region;  // of services that are the same in all of its regions
  Partition partition;
};

constexpr Partition kCommercial{"aws", "amazonaws.com", "api.aws"};
constexpr std::array<PartitionRow, 7> kOthers{{
    {"cn-", "aws-cn-global", {"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"}},
    {"us-gov-", "aws-us-gov-global", {"aws-us-gov", "amazonaws.com", "api.aws"}},
    {"us-iso-", "aws-iso-global", {"aws-iso", "c2s.ic.gov", "api.aws.ic.gov"}},
    {"us-isob-", "aws-iso-b-global", {"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"}},
    {"eu-isoe-", "aws-iso-e-global", {"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"}},
    {"us-isof-", "aws-iso-f-global", {"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"}},
    {"eusc-de-", "aws-eusc-global", {"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"}},
}};

struct ServiceRow {
  std::string_view signing_name;
  std::string_view host_prefix;
  // GovCloud's ordinary endpoints of some services are FIPS endpoints and have no other name.
  bool plain_name_is_fips_in_gov_cloud;
  std::array<const char*, 2> url_variables;
};

const ServiceRow& rowOf(Service service) {
  static constexpr std::string_view kName = factsOf(FileSystemKind::kEfs).service;
  static constexpr ServiceRow kEfs{kName, kName, false, {"AWS_ENDPOINT_URL_EFS", nullptr}};
  static constexpr ServiceRow kEc2{"ec2", "ec2", true, {"AWS_ENDPOINT_URL_EC2", nullptr}};
  static constexpr ServiceRow kLogs{
      "logs", "logs", true, {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "AWS_ENDPOINT_URL_LOGS"}};
  static constexpr ServiceRow kSts{"sts", "sts", true, {"AWS_ENDPOINT_URL_STS", nullptr}};
  static constexpr ServiceRow kSsoPortal{
      "awsssoportal", "portal.sso", true, {"AWS_ENDPOINT_URL_SSO", nullptr}};
  static constexpr ServiceRow kSsoOidc{
      "sso-oauth", "oidc", true, {"AWS_ENDPOINT_URL_SSO_OIDC", nullptr}};
  switch (service) {
    case Service::kEfs:
      return kEfs;
    case Service::kEc2:
      return kEc2;
    case Service::kSts:
      return kSts;
    case Service::kSsoPortal:
      return kSsoPortal;
    case Service::kSsoOidc:
      return kSsoOidc;
    case Service::kLogs:
      break;
  }
  return kLogs;
}

// The dual-stack names of EFS are younger than its others, and shorter where AWS introduced them.
std::string_view hostPrefix(Service service, const Partition& partition, bool dual_stack) {
  const bool short_name =
      service == Service::kEfs && dual_stack &&
      (partition.id == "aws" || partition.id == "aws-cn" || partition.id == "aws-us-gov");
  return short_name ? "efs" : rowOf(service).host_prefix;
}

// "north-1", behind the prefix of a partition; as in partitions.json.
bool isWordAndNumber(std::string_view text) {
  const auto hyphen = text.find('-');
  return hyphen != 0 && hyphen != std::string_view::npos && hyphen + 1 < text.size() &&
         text.find_first_not_of("0123456789", hyphen + 1) == std::string_view::npos;
}

// Labels of letters, digits and inner hyphens, perhaps a dot behind the last; "[::1]" is fine, too.
bool isHost(std::string_view host) {
  if (host.starts_with('[')) return host.size() > 2 && host.ends_with(']');
  if (host.size() > 255) return false;
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto labels = split(host, '.');
  return std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
    return isHostLabel(label) && label.front() != '-' && label.back() != '-';
  });
}

// "host", "host:", "host:443".
bool isAuthority(std::string_view text) {
  const auto bracket = text.rfind(']');
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return isHost(text);
  constexpr std::int64_t kLastPort = 65535;
  const auto port = text.substr(colon + 1);
  const bool digits = port.find_first_not_of("0123456789") == std::string_view::npos;
  const bool fits = port.empty() || (digits && parseInt(port).value_or(kLastPort + 1) <= kLastPort);
  return fits && isHost(text.substr(0, colon));
}

Result<std::string> checkedOverride(std::string url, const std::string& variable) {
  const std::size_t colon = std::min(url.find(':'), url.size());
  url.replace(0, colon, toLower(url.substr(0, colon)));
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  const bool good = scheme != 0 && isVisibleAscii(url) &&
                    url.find_first_of("?#@\\", scheme) == std::string::npos &&
                    isAuthority(url.substr(scheme, url.find('/', scheme) - scheme));
  if (good) return url;
  const std::string what = variable.empty() ? "endpoint" : "environment variable " + variable;
  return Error(ErrorKind::kInvalidInput, what + " is not an http or https URL: \"" +
                                             printable(withoutProxyUser(url), 200) + "\"")
      .addHint(
          "write https://host/path, without user and password; where the variable is not set, "
          "endpoint_url or services of the profile say it");
}

}  // namespace

const Partition& partitionOf(std::string_view region) {
  for (const auto& row : kOthers) {
    const bool named = region.starts_with(row.region_prefix) &&
                       isWordAndNumber(region.substr(row.region_prefix.size()));
    if (named || region == row.pseudo_region) return row.partition;
  }
  return kCommercial;
}

std::string_view signingName(Service service) { return rowOf(service).signing_name; }

EndpointOptions endpointOptions(Service service, const Environment& environment, bool fips) {
  EndpointOptions options;
  options.fips = fips || saysTrue(environment("AWS_USE_FIPS_ENDPOINT"));
  options.dual_stack = saysTrue(environment("AWS_USE_DUALSTACK_ENDPOINT"));
  if (saysTrue(environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))) return options;
  const auto& own = rowOf(service).url_variables;
  for (const char* name : {own[0], own[1], "AWS_ENDPOINT_URL"}) {
    if (name == nullptr) continue;
    auto url = environment(name);
    if (!url || url->empty()) continue;
    options.override_url = std::move(url);
    options.override_variable = name;
    break;
  }
  return options;
}

std::string plainRegion(std::string_view region) {
  return replaceAll(replaceAll(std::string(region), "fips-", ""), "-fips", "");
}

Result<std::string> endpointUrl(Service service, const std::string& named_region,
                                const EndpointOptions& options) {
  const std::string region = plainRegion(named_region);
  // With an override, too: the signature names it. Who only logs in signs nothing, and may leave it
  // empty there, as with botocore.
  const bool signs = service != Service::kSsoPortal && service != Service::kSsoOidc;
  const bool not_needed = !signs && named_region.empty() && options.override_url;
  if (!isRegionName(region) && !not_needed) {
    return Error(ErrorKind::kInvalidInput, "not a region: " + printable(named_region, 80));
  }
  if (options.override_url)
    return checkedOverride(*options.override_url, options.override_variable);
  const Partition& partition = partitionOf(region);
  const ServiceRow& row = rowOf(service);
  std::string host(hostPrefix(service, partition, options.dual_stack));
  const bool plain_is_fips = row.plain_name_is_fips_in_gov_cloud && partition.id == "aws-us-gov";
  const bool fips = options.fips || region != named_region;
  if (fips && (options.dual_stack || !plain_is_fips)) host += "-fips";
  host += "." + region + ".";
  if (options.dual_stack) return "https://" + host + std::string(partition.dual_stack_suffix);
  if (!options.dns_suffix.empty()) return "https://" + host + options.dns_suffix;
  return "https://" + host + std::string(partition.dns_suffix);
}

std::string atEndpoint(std::string endpoint, std::string_view path) {
  const auto own_path = endpoint.find('/', endpoint.find("://") + 3);
  if (path == "/" && own_path != std::string::npos) return endpoint;
  if (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint.append(path);
}

std::string caBundle(const Environment& environment) {
  for (const char* name : {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (auto file = environment(name); file && !file->empty()) return *file;
  }
  return {};
}

}  // namespace efs::aws

#include "efs/aws/region.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "aws_names.h"
#include "efs/base/log.h"
#include "efs/base/nearest_word.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

// Only for "did you mean": botocore's partitions.json of 1.43.
constexpr std::array<std::string_view, 46> kRegions{
    "af-south-1",     "ap-east-1",      "ap-east-2",      "ap-northeast-1",  "ap-northeast-2",
    "ap-northeast-3", "ap-south-1",     "ap-south-2",     "ap-southeast-1",  "ap-southeast-2",
    "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6",  "ap-southeast-7",
    "ca-central-1",   "ca-west-1",      "cn-north-1",     "cn-northwest-1",  "eu-central-1",
    "eu-central-2",   "eu-isoe-west-1", "eu-north-1",     "eu-south-1",      "eu-south-2",
    "eu-west-1",      "eu-west-2",      "eu-west-3",      "eusc-de-east-1",  "il-central-1",
    "me-central-1",   "me-south-1",     "mx-central-1",   "sa-east-1",       "us-east-1",
    "us-east-2",      "us-gov-east-1",  "us-gov-west-1",  "us-iso-east-1",   "us-iso-west-1",
    "us-isob-east-1", "us-isob-west-1", "us-isof-east-1", "us-isof-south-1", "us-west-1",
    "us-west-2"};

Result<Region> checked(const std::string& name, const std::string& source) {
  if (isRegionName(name)) return Region{name, source};
  return Error(ErrorKind::kInvalidInput,
               "Error retrieving region: " + source + " is not a region: " + printable(name, 80));
}

Error nothingFound(const Error& imds_error) {
  Error error(imds_error.kind(),
              "Error retrieving region: Cannot retrieve region from instance_metadata: " +
                  imds_error.describe());
  error.addHint(
      "set \"region\" in section [mount] of the config file, give the mount option region, or set "
      "AWS_REGION");
  return error;
}

}  // namespace

std::optional<std::string> regionOfDnsNameFormat(const std::string& dns_name_format) {
  if (dns_name_format.find("{region}") != std::string::npos) return std::nullopt;
  constexpr std::array<std::string_view, 3> kSuffixes{".{dns_name_suffix}", ".amazonaws.com",
                                                      ".amazonaws.com.cn"};
  for (const auto suffix : kSuffixes) {
    if (!dns_name_format.ends_with(suffix)) continue;
    const auto labels =
        split(dns_name_format.substr(0, dns_name_format.size() - suffix.size()), '.');
    const std::string& last = labels.back();
    // "{fs_id}.efs.{dns_name_suffix}" has no region; a region has a hyphen, a service has none.
    if (isHostLabel(last) && last.find('-') != std::string::npos) return last;
  }
  return std::nullopt;
}

std::string regionDoubt(const std::string& region) {
  if (std::find(kRegions.begin(), kRegions.end(), region) != kRegions.end()) return {};
  const auto meant = nearestWord(toLower(region), kRegions);
  if (meant.empty()) return {};
  return "region " + printable(region, 60) + " is not known, did you mean " + std::string(meant) +
         "?";
}

Result<Region> chooseRegion(const RegionSources& sources, ImdsClient& imds) {
  const std::array<std::pair<const std::optional<std::string>*, const char*>, 4> plain{{
      {&sources.option, "mount option region"},
      {&sources.aws_region, "environment variable AWS_REGION"},
      {&sources.aws_default_region, "environment variable AWS_DEFAULT_REGION"},
      {&sources.config, "key region of section [mount]"},
  }};
  for (const auto& [value, source] : plain) {
    if (!value->has_value() || (*value)->empty()) continue;
    if (const auto doubt = regionDoubt(**value); !doubt.empty()) {
      log::warning("{}: {}", source, doubt);
    }
    return checked(**value, source);
  }
  auto identity = imds.identity();
  if (identity) return Region{identity->region, kRegionOfInstance};
  if (auto label = regionOfDnsNameFormat(sources.dns_name_format)) {
    log::warning("Cannot retrieve region from instance_metadata ({}), using {} of dns_name_format",
                 identity.error().describe(), *label);
    return Region{*label, "key dns_name_format"};
  }
  return nothingFound(identity.error());
}

}  // namespace efs::aws

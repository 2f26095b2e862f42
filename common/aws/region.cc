#include "efs/aws/region.h"

#include <array>
#include <string_view>

#include "aws_names.h"
#include "efs/base/log.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

Result<Region> checked(const std::string& name, const std::string& source) {
  if (isHostLabel(name)) return Region{name, source};
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

Result<Region> chooseRegion(const RegionSources& sources, ImdsClient& imds) {
  const std::array<std::pair<const std::optional<std::string>*, const char*>, 4> plain{{
      {&sources.option, "mount option region"},
      {&sources.aws_region, "environment variable AWS_REGION"},
      {&sources.aws_default_region, "environment variable AWS_DEFAULT_REGION"},
      {&sources.config, "key region of section [mount]"},
  }};
  for (const auto& [value, source] : plain) {
    if (value->has_value() && !(*value)->empty()) return checked(**value, source);
  }
  auto identity = imds.identity();
  if (identity) return Region{identity->region, "instance identity document"};
  if (auto label = regionOfDnsNameFormat(sources.dns_name_format)) {
    log::warning("Cannot retrieve region from instance_metadata ({}), using {} of dns_name_format",
                 identity.error().describe(), *label);
    return Region{*label, "key dns_name_format"};
  }
  return nothingFound(identity.error());
}

}  // namespace efs::aws

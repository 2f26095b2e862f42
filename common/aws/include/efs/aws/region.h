// Which AWS region a mount belongs to (contract REG-1).
#pragma once

#include <optional>
#include <string>

#include "efs/aws/imds.h"
#include "efs/base/result.h"

namespace efs::aws {

// Everything but the instance itself; an empty value counts as absent.
struct RegionSources {
  std::optional<std::string> option = {};              // mount option `region`
  std::optional<std::string> aws_region = {};          // $AWS_REGION
  std::optional<std::string> aws_default_region = {};  // $AWS_DEFAULT_REGION
  std::optional<std::string> config = {};              // [mount] region
  std::string dns_name_format = {};                    // [mount] dns_name_format
};

struct Region {
  std::string name;
  std::string source;  // for people: "option region", "instance identity document" ...
};

// The source where the metadata service told it.
inline constexpr const char* kRegionOfInstance = "instance identity document";

// The first source that gives a region; the metadata service is asked only when all plain ones are
// silent. A value that cannot be a region is kInvalidInput naming its source, it is not skipped.
Result<Region> chooseRegion(const RegionSources& sources, ImdsClient& imds);

// What to tell with a failure where `region` may be misspelt: "region us-esat-1 is not known, did
// you mean us-east-1?". Empty for a region of the list, and for one that resembles none: AWS opens
// new ones, so a name alone is never refused.
std::string regionDoubt(const std::string& region);

// The label before the DNS suffix of a format without `{region}`:
// "{fs_id}.efs.us-east-1.{dns_name_suffix}" gives "us-east-1". nullopt when there is none.
std::optional<std::string> regionOfDnsNameFormat(const std::string& dns_name_format);

}  // namespace efs::aws

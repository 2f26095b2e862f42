// The EFS and EC2 calls that find a mount target where DNS does not (contract DNS-6). Permissions:
// elasticfilesystem:DescribeMountTargets, and ec2:DescribeAvailabilityZones where a zone was chosen
// by name.
//
// Upstream makes each EC2 call twice, first as a dry run, to learn whether it is allowed; the
// call's own refusal tells the same, so it is made once here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/aws/api_access.h"
#include "efs/base/result.h"

namespace efs::aws {

struct MountTargetRecord {
  std::string id;          // "fsmt-0123456789abcdef0"
  std::string zone_name;   // "us-east-1a": this account's name; empty where the reply is silent
  std::string zone_id;     // "use1-az1": the same for every account
  std::string state;       // "available", "creating" ...
  std::string address;     // IPv4 literal; empty for a target with IPv6 only
  std::string address_v6;  // IPv6 literal; empty without one

  bool available() const {
    return state == "available" && !(address.empty() && address_v6.empty());
  }
  // Contract DNS-6: the IPv4 address, else the other.
  const std::string& bestAddress() const { return address.empty() ? address_v6 : address; }
};

// All mount targets of a file system, in the order of the service; at most 1000 in at most 10
// pages. kNotFound: no such file system; kPermission: the identity may not ask.
Result<std::vector<MountTargetRecord>> describeMountTargets(const ApiAccess& access,
                                                            const std::string& fs_id);

// The id of a zone that this account calls `zone_name`. kNotFound when there is none.
Result<std::string> zoneIdOf(const ApiAccess& access, const std::string& zone_name);

// One page of a DescribeMountTargets reply (JSON).
struct MountTargetPage {
  std::vector<MountTargetRecord> targets;
  std::string next_marker;  // empty: the last page
};
// kProtocol when it is not the reply's form; fields that could not stand in a host name, a URL or a
// log are refused, unknown ones ignored.
Result<MountTargetPage> parseMountTargets(std::string_view json);

// From a DescribeAvailabilityZones reply (XML).
Result<std::string> parseZoneId(std::string_view xml, std::string_view zone_name);

}  // namespace efs::aws

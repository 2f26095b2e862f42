#include <nlohmann/json.hpp>

#include "api_services.h"
#include "efs/base/text.h"

namespace efs::simulator {
namespace {

using nlohmann::json;

constexpr std::size_t kPageSize = 2;

json describe(const std::string& fs_id, const TargetConfig& target, std::size_t number) {
  json item{{"OwnerId", "123456789012"},
            {"MountTargetId", "fsmt-" + std::to_string(10000000 + number)},
            {"FileSystemId", fs_id},
            {"SubnetId", "subnet-0123456789abcdef0"},
            {"LifeCycleState", "available"},
            {"NetworkInterfaceId", "eni-0123456789abcdef0"},
            {"AvailabilityZoneId", target.az_id},
            {"AvailabilityZoneName", target.az},
            {"VpcId", "vpc-0123456789abcdef0"}};
  item[target.ip.find(':') == std::string::npos ? "IpAddress" : "Ipv6Address"] = target.ip;
  return item;
}

}  // namespace

ApiReply efsError(int status, const std::string& code, const std::string& message) {
  return {status, "application/json", json{{"ErrorCode", code}, {"Message", message}}.dump()};
}

ApiReply answerEfs(const ApiRequest& request, World& world) {
  if (request.method != "GET" || request.path != "/2015-02-01/mount-targets") {
    return efsError(404, "UnknownOperationException", request.method + " " + request.path);
  }
  const auto fs_id = formValue(request.query, "FileSystemId");
  if (!fs_id) return efsError(400, "BadRequest", "FileSystemId, MountTargetId, or AccessPointId");
  const auto targets = world.targetsOf(*fs_id);
  if (!targets)
    return efsError(404, "FileSystemNotFound", "File system '" + *fs_id + "' does not exist.");
  std::size_t first = 0;
  if (const auto marker = formValue(request.query, "Marker")) {
    const auto number = marker->starts_with("page/") ? parseInt(marker->substr(5)) : std::nullopt;
    if (!number || *number < 0) return efsError(400, "BadRequest", "invalid Marker");
    first = static_cast<std::size_t>(*number);
  }
  json list = json::array();
  for (std::size_t i = first; i < targets->size() && i < first + kPageSize; ++i) {
    list.push_back(describe(*fs_id, (*targets)[i], i));
  }
  json body{{"MountTargets", list}};
  if (first + kPageSize < targets->size()) {
    body["NextMarker"] = "page/" + std::to_string(first + kPageSize);
  }
  return {200, "application/json", body.dump()};
}

}  // namespace efs::simulator

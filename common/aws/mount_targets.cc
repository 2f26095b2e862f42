#include "efs/aws/mount_targets.h"

#include <arpa/inet.h>

#include <nlohmann/json.hpp>

#include "api_call.h"
#include "aws_names.h"
#include "efs/aws/sigv4.h"
#include "efs/base/text.h"
#include "xml_element.h"

namespace efs::aws {
namespace {

using Json = nlohmann::json;

constexpr int kMaxPages = 10;
constexpr std::size_t kMaxTargetsInPage = 100;
constexpr std::size_t kMaxMarker = 2048;

Error malformed(const std::string& what) {
  return {ErrorKind::kProtocol, "DescribeMountTargets: " + what};
}

// Empty when missing or null; nullopt when it is not a text.
std::optional<std::string> textOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::string();
  const auto* value = found->get_ptr<const std::string*>();
  return value == nullptr ? std::nullopt : std::optional<std::string>(*value);
}

bool isAddress(int family, const std::string& text) {
  in6_addr bytes{};
  return ::inet_pton(family, text.c_str(), &bytes) == 1 && text.find('\0') == std::string::npos;
}

Result<MountTargetRecord> parseRecord(const Json& item) {
  if (!item.is_object()) return malformed("an entry of MountTargets is not an object");
  MountTargetRecord record;
  const std::pair<const char*, std::string*> labels[] = {
      {"MountTargetId", &record.id},
      {"AvailabilityZoneName", &record.zone_name},
      {"AvailabilityZoneId", &record.zone_id},
      {"LifeCycleState", &record.state},
  };
  for (const auto& [name, out] : labels) {
    auto value = textOf(item, name);
    if (!value || (!value->empty() && !isHostLabel(*value)))
      return malformed(std::string(name) + " is not usable");
    *out = std::move(*value);
  }
  auto v4 = textOf(item, "IpAddress");
  auto v6 = textOf(item, "Ipv6Address");
  if (!v4 || (!v4->empty() && !isAddress(AF_INET, *v4)))
    return malformed("IpAddress is not usable");
  if (!v6 || (!v6->empty() && !isAddress(AF_INET6, *v6)))
    return malformed("Ipv6Address is not usable");
  record.address = std::move(*v4);
  record.address_v6 = std::move(*v6);
  return record;
}

}  // namespace

Result<MountTargetPage> parseMountTargets(std::string_view json) {
  // The third argument turns exceptions off; invalid UTF-8 is refused as well.
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object()) return malformed("the reply is not a JSON object");
  const auto list = document.find("MountTargets");
  if (list == document.end() || !list->is_array())
    return malformed("the reply has no list MountTargets");
  if (list->size() > kMaxTargetsInPage) return malformed("the reply lists too many mount targets");
  MountTargetPage page;
  for (const auto& item : *list) {
    EFS_TRY(record, parseRecord(item));
    page.targets.push_back(std::move(record));
  }
  auto marker = textOf(document, "NextMarker");
  if (!marker || marker->size() > kMaxMarker) return malformed("NextMarker is not usable");
  page.next_marker = std::move(*marker);
  return page;
}

Result<std::vector<MountTargetRecord>> describeMountTargets(const ApiAccess& access,
                                                            const std::string& fs_id) {
  std::vector<MountTargetRecord> all;
  std::string marker;
  for (int page_number = 0; page_number < kMaxPages; ++page_number) {
    http::HttpRequest request;
    request.url = "/2015-02-01/mount-targets?FileSystemId=" + uriEncode(fs_id);
    if (!marker.empty()) request.url += "&Marker=" + uriEncode(marker);
    EFS_TRY(body,
            callApi(access, Service::kEfs, std::move(request)).withContext("DescribeMountTargets"));
    EFS_TRY(page, parseMountTargets(body));
    for (auto& target : page.targets) all.push_back(std::move(target));
    if (page.next_marker.empty() || page.next_marker == marker) return all;
    marker = std::move(page.next_marker);
  }
  return malformed("more than " + std::to_string(kMaxPages) + " pages");
}

Result<std::string> parseZoneId(std::string_view xml, std::string_view zone_name) {
  const auto list = xmlElement(xml, "availabilityZoneInfo");
  if (!list) {
    return Error(ErrorKind::kProtocol,
                 "DescribeAvailabilityZones: the reply has no availabilityZoneInfo");
  }
  // Entries hold lists of their own, whose entries have no zone: each zone's id is looked for
  // between its name and the next name.
  std::string_view rest = *list;
  while (const auto name = xmlElement(rest, "zoneName")) {
    rest.remove_prefix(static_cast<std::size_t>(name->data() + name->size() - rest.data()));
    if (trim(*name) != zone_name) continue;
    const auto id = xmlText(rest.substr(0, rest.find("<zoneName>")), "zoneId");
    if (id && isHostLabel(*id)) return *id;
    return Error(ErrorKind::kProtocol, "DescribeAvailabilityZones: the reply has no usable zoneId");
  }
  return Error(ErrorKind::kNotFound, "DescribeAvailabilityZones: there is no availability zone " +
                                         printable(zone_name, 80));
}

Result<std::string> zoneIdOf(const ApiAccess& access, const std::string& zone_name) {
  http::HttpRequest request;
  request.method = "POST";
  request.url = "/";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body =
      "Action=DescribeAvailabilityZones&Version=2016-11-15&ZoneName.1=" + uriEncode(zone_name);
  EFS_TRY(
      body,
      callApi(access, Service::kEc2, std::move(request)).withContext("DescribeAvailabilityZones"));
  return parseZoneId(body, zone_name);
}

}  // namespace efs::aws

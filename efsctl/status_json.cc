#include <nlohmann/json.hpp>

#include "efs/efsctl/status.h"

namespace efs::efsctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

Json orNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

template <typename Value>
Json orNull(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json milliseconds(std::optional<Duration> time) { return time ? Json(time->count()) : Json(); }

Json encode(const MountReport& mount) {
  return {{"file_system", mount.file_system},
          {"type", orNull(mount.type)},
          {"access_point", orNull(mount.access_point)},
          {"mount_point", orNull(mount.mount_point)},
          {"also_mounted_at", mount.also_mounted_at},
          {"state", conditionName(mount.condition)},
          {"healthy", mount.problem.empty()},
          {"problem", orNull(mount.problem)},
          {"mount_target", orNull(mount.mount_target)},
          {"availability_zone", orNull(mount.availability_zone)},
          {"region", orNull(mount.region)},
          {"port", mount.port},
          {"tunnel_pid", orNull(mount.tunnel_pid)},
          {"tls", mount.tls},
          {"certificate_expires", mount.certificate_ends
                                      ? Json(utcText(*mount.certificate_ends, "%Y-%m-%dT%H:%M:%SZ"))
                                      : Json()},
          {"restarts", orNull(mount.restarts)},
          {"oldest_call_ms", milliseconds(mount.oldest_call)},
          {"unreachable_ms", milliseconds(mount.unreachable_for)},
          {"server_address", orNull(mount.server_address)},
          {"cipher", orNull(mount.cipher)},
          {"last_error", orNull(mount.last_error)},
          {"name", mount.condition == MountCondition::kDirect ? Json() : Json(mount.name)}};
}

}  // namespace

std::string statusJson(const StatusReport& report) {
  Json mounts = Json::array();
  for (const auto& mount : report.mounts) mounts.push_back(encode(mount));
  const Json document = {{"version", kVersion},
                         {"time", utcText(report.now, "%Y-%m-%dT%H:%M:%SZ")},
                         {"healthy", report.healthy()},
                         {"watchdog",
                          {{"pid", orNull(report.watchdog_pid)},
                           {"version", orNull(report.watchdog_version)},
                           {"problem", orNull(report.watchdog_problem)}}},
                         {"mounts", mounts}};
  // Mount points are bytes; JSON is UTF-8.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace efs::efsctl

#include "efs/tunnel_control/watchdog_status.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "efs/base/text.h"
#include "efs/state/mount_state.h"

namespace efs::tunnel_control {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxMounts = 100000;
constexpr std::size_t kMaxErrorText = 1000;

Error badStatus(const std::string& why) {
  return {ErrorKind::kInvalidInput, "the watchdog's status: " + why};
}

const char* nameOf(Seen seen) {
  switch (seen) {
    case Seen::kNo:
      return "no";
    case Seen::kYes:
      return "yes";
    case Seen::kUnknown:
      break;
  }
  return "unknown";
}

std::string textOf(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

// A whole number from 0 to `limit`; nullopt for anything else.
std::optional<std::int64_t> numberOf(const Json& object, const char* key, std::int64_t limit) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_number_unsigned()) return std::nullopt;
  const auto value = at->get<std::uint64_t>();
  if (value > static_cast<std::uint64_t>(limit)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<int> pidOf(const Json& object, const char* key) {
  const auto value = numberOf(object, key, std::numeric_limits<int>::max());
  return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
}

Json encodeMount(const SupervisedMount& mount) {
  Json object{{"name", mount.name},
              {"pending", mount.pending},
              {"mounted", nameOf(mount.mounted)},
              {"restarts", mount.restarts},
              {"last_error", printable(mount.last_error, kMaxErrorText)}};
  if (mount.tunnel_pid) object["tunnel_pid"] = *mount.tunnel_pid;
  return object;
}

Result<SupervisedMount> decodeMount(const Json& object) {
  if (!object.is_object()) return badStatus("a mount is no object");
  SupervisedMount mount;
  mount.name = textOf(object, "name");
  if (!state::parseMountName(mount.name)) return badStatus("no valid mount name");
  const auto pending = object.find("pending");
  mount.pending = pending != object.end() && pending->is_boolean() && pending->get<bool>();
  const std::string mounted = textOf(object, "mounted");
  if (mounted == "yes") mount.mounted = Seen::kYes;
  if (mounted == "no") mount.mounted = Seen::kNo;
  mount.tunnel_pid = pidOf(object, "tunnel_pid");
  mount.restarts =
      numberOf(object, "restarts", std::numeric_limits<std::int64_t>::max()).value_or(0);
  mount.last_error = printable(textOf(object, "last_error"), kMaxErrorText);
  return mount;
}

}  // namespace

std::string WatchdogStatus::encode() const {
  Json list = Json::array();
  for (const auto& mount : mounts) list.push_back(encodeMount(mount));
  const Json object{
      {"v", kVersion}, {"pid", pid}, {"version", version}, {"idle", idle}, {"mounts", list}};
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<WatchdogStatus> WatchdogStatus::decode(std::string_view json) {
  if (json.size() > kMaxStatusText) return badStatus("too long");
  const Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return badStatus("not a JSON object");
  const auto version = object.find("v");
  if (version == object.end() || *version != kVersion) return badStatus("unknown version");
  const auto mounts = object.find("mounts");
  if (mounts == object.end() || !mounts->is_array()) return badStatus("no list of mounts");
  if (mounts->size() > kMaxMounts) return badStatus("too many mounts");
  WatchdogStatus status;
  status.pid = pidOf(object, "pid").value_or(0);
  status.version = printable(textOf(object, "version"));
  status.idle = printable(textOf(object, "idle"));
  for (const auto& entry : *mounts) {
    EFS_TRY(mount, decodeMount(entry));
    status.mounts.push_back(std::move(mount));
  }
  return status;
}

}  // namespace efs::tunnel_control

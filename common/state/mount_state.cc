#include "efs/state/mount_state.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::state {
namespace {

using Json = nlohmann::ordered_json;

// Real state files nest two levels and hold a handful of strings.
constexpr std::size_t kMaxBytes = std::size_t{256} * 1024;
constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxListEntries = 256;

Error invalid(const std::string& name, const std::string& what) {
  return {ErrorKind::kInvalidInput, "state file " + name + ": " + what};
}

// Checked before parsing because writing a deeply nested value recurses.
bool nestsTooDeep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

Result<Json> parseObject(std::string_view text, const std::string& name) {
  if (text.size() > kMaxBytes) {
    return invalid(name, "longer than " + std::to_string(kMaxBytes) + " bytes");
  }
  if (nestsTooDeep(text)) return invalid(name, "nested too deeply");
  try {
    Json object = Json::parse(text);
    if (!object.is_object()) return invalid(name, "not a JSON object");
    return object;
  } catch (const nlohmann::json::parse_error& e) {
    return invalid(name, "not valid JSON at byte " + std::to_string(e.byte));
  } catch (const nlohmann::json::exception&) {
    return invalid(name, "a number is out of range");
  }
}

// Takes known keys out of the object; what remains is unknown. Remembers the first failure.
class KeyTaker {
 public:
  KeyTaker(Json object, const std::string& name) : object_(std::move(object)), name_(name) {}

  void text(const char* key, std::string& out) {
    const Json value = take(key);
    if (value.is_null()) return;
    if (!value.is_string()) return wrong(key, "a string");
    out = value.get<std::string>();
  }
  void integer(const char* key, std::int64_t low, std::int64_t high,
               std::optional<std::int64_t>& out) {
    const Json value = take(key);
    if (value.is_null()) return;
    if (!value.is_number_integer()) return wrong(key, "an integer");
    // A value above the signed range is stored as unsigned by the library.
    const bool too_big =
        value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high);
    if (too_big || value.get<std::int64_t>() < low) return wrong(key, "an integer in range");
    out = value.get<std::int64_t>();
  }
  void seconds(const char* key, std::optional<double>& out) {
    const Json value = take(key);
    if (value.is_null()) return;
    if (!value.is_number()) return wrong(key, "a number");
    out = value.get<double>();
  }
  void texts(const char* key, std::map<std::string, std::string>& out) {
    const Json value = take(key);
    if (value.is_null()) return;
    if (!value.is_object() || value.size() > kMaxListEntries) return wrong(key, "strings by name");
    for (const auto& [name, entry] : value.items()) {
      if (!entry.is_string()) return wrong(key, "strings by name");
      out[name] = entry.get<std::string>();
    }
  }
  // nullopt when absent.
  std::optional<Json> object(const char* key) {
    Json value = take(key);
    if (value.is_null()) return std::nullopt;
    if (value.is_object()) return value;
    wrong(key, "an object");
    return std::nullopt;
  }
  void list(const char* key, std::vector<std::string>& out) {
    const Json value = take(key);
    if (value.is_null()) return;
    if (!value.is_array() || value.size() > kMaxListEntries) return wrong(key, "a list of strings");
    for (const auto& entry : value) {
      if (!entry.is_string()) return wrong(key, "a list of strings");
      out.push_back(entry.get<std::string>());
    }
  }
  Status finish(std::string& unknown_keys) const {
    if (failure_) return Error(*failure_);
    unknown_keys = object_.dump();
    return {};
  }

 private:
  Json take(const char* key) {
    const auto at = object_.find(key);
    if (at == object_.end()) return nullptr;
    Json value = std::move(*at);
    object_.erase(at);
    return value;
  }
  void wrong(const char* key, const std::string& expected) {
    if (failure_) return;
    failure_ = invalid(name_, "key \"" + std::string(key) + "\" is not " + expected);
  }

  Json object_;
  const std::string& name_;
  std::optional<Error> failure_;
};

Status takeOrigin(KeyTaker& taker, const std::string& name, MountState& state) {
  auto object = taker.object("awsCredentialsOrigin");
  if (!object) return {};
  KeyTaker inner(std::move(*object), name);
  CredentialsOrigin origin;
  inner.text("home", origin.home);
  inner.text("directory", origin.directory);
  inner.texts("environment", origin.environment);
  inner.text("account", origin.account);
  inner.text("principal", origin.principal);
  inner.text("accessKeyId", origin.access_key_id);
  std::string ignored;
  EFS_CHECK(inner.finish(ignored));
  state.credentials_origin = std::move(origin);
  return {};
}

void putText(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}
// JSON has no infinity; such a time says nothing.
void putSeconds(Json& object, const char* key, const std::optional<double>& value) {
  if (value && std::isfinite(*value)) object[key] = *value;
}

void putOrigin(Json& object, const std::optional<CredentialsOrigin>& origin) {
  if (!origin) return;
  Json inner = Json::object();
  putText(inner, "home", origin->home);
  putText(inner, "directory", origin->directory);
  inner["environment"] = origin->environment;
  putText(inner, "account", origin->account);
  putText(inner, "principal", origin->principal);
  putText(inner, "accessKeyId", origin->access_key_id);
  object["awsCredentialsOrigin"] = std::move(inner);
}

}  // namespace

Result<MountState> MountState::parse(std::string_view json, const std::string& name) {
  EFS_TRY(object, parseObject(json, name));
  KeyTaker taker(std::move(object), name);
  MountState state;
  std::optional<std::int64_t> pid;
  std::optional<std::int64_t> count;
  std::optional<std::int64_t> schema;
  taker.integer("efsmountSchema", 0, std::numeric_limits<std::int64_t>::max(), schema);
  taker.integer("pid", -1, std::numeric_limits<pid_t>::max(), pid);
  taker.list("cmd", state.cmd);
  taker.list("files", state.files);
  taker.seconds("mount_time", state.mount_time);
  taker.text("mountpoint", state.mountpoint);
  taker.text("service_type", state.service_type);
  taker.text("mountStateDir", state.mount_state_dir);
  taker.text("commonName", state.common_name);
  taker.text("region", state.region);
  taker.text("fsId", state.fs_id);
  taker.text("certificate", state.certificate);
  taker.text("privateKey", state.private_key);
  taker.text("certificateCreationTime", state.certificate_creation_time);
  taker.text("accessPoint", state.access_point);
  taker.text("awsCredentialsMethod", state.aws_credentials_method);
  taker.text("awsCredentialsExpiration", state.credentials_expiration);
  EFS_CHECK(takeOrigin(taker, name, state));
  taker.integer("unmount_count", 0, std::numeric_limits<std::int64_t>::max(), count);
  taker.seconds("unmount_time", state.unmount_time);
  EFS_CHECK(taker.finish(state.unknown_keys));
  // kill(0, ...) would signal ourselves: 0 is never a tunnel.
  if (pid == 0) return invalid(name, "key \"pid\" is 0");
  if (pid) state.pid = static_cast<pid_t>(*pid);
  state.unmount_count = count.value_or(0);
  state.schema = schema.value_or(0);
  return state;
}

std::string MountState::serialize() const {
  Json object = Json::object();
  if (pid) object["pid"] = *pid;
  object["cmd"] = cmd;
  object["files"] = files;
  putSeconds(object, "mount_time", mount_time);
  putText(object, "mountpoint", mountpoint);
  putText(object, "service_type", service_type);
  putText(object, "mountStateDir", mount_state_dir);
  putText(object, "commonName", common_name);
  putText(object, "region", region);
  putText(object, "fsId", fs_id);
  putText(object, "certificate", certificate);
  putText(object, "privateKey", private_key);
  putText(object, "certificateCreationTime", certificate_creation_time);
  putText(object, "accessPoint", access_point);
  putText(object, "awsCredentialsMethod", aws_credentials_method);
  putText(object, "awsCredentialsExpiration", credentials_expiration);
  putOrigin(object, credentials_origin);
  object["efsmountSchema"] = std::max(schema, kStateSchema);
  if (unmount_count != 0) object["unmount_count"] = unmount_count;
  putSeconds(object, "unmount_time", unmount_time);
  const Json unknown = Json::parse(unknown_keys, nullptr, false);
  if (unknown.is_object()) {
    for (const auto& [key, value] : unknown.items()) {
      if (!object.contains(key)) object[key] = value;
    }
  }
  // Bytes that are not UTF-8 cannot be written in JSON; "replace" keeps the rest readable.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string certificateTimeText(WallTime time) { return utcText(time, "%y%m%d%H%M%SZ"); }

std::optional<WallTime> parseCertificateTime(std::string_view text) {
  if (text.size() != 13 || text.back() != 'Z') return std::nullopt;
  int fields[6] = {};
  for (std::size_t i = 0; i < 12; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    fields[i / 2] = fields[i / 2] * 10 + (text[i] - '0');
  }
  std::tm parts{};
  // Two-digit years as in UTCTime (RFC 5280 section 4.1.2.5.1): 50 and above are 19xx.
  parts.tm_year = fields[0] < 50 ? fields[0] + 100 : fields[0];
  parts.tm_mon = fields[1] - 1;
  parts.tm_mday = fields[2];
  parts.tm_hour = fields[3];
  parts.tm_min = fields[4];
  parts.tm_sec = fields[5];
  const auto time = std::chrono::system_clock::from_time_t(::timegm(&parts));
  // timegm() accepts the 31st of February; the round trip does not.
  if (certificateTimeText(time) != text) return std::nullopt;
  return time;
}

}  // namespace efs::state

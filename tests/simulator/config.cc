#include "config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::simulator {
namespace {

using nlohmann::json;

// Thrown inside this file only; parseConfig() turns it into an Error.
struct Broken {
  std::string message;
};

void checkKeys(const json& object, const std::string& where,
               std::initializer_list<const char*> allowed) {
  if (!object.is_object()) throw Broken{where + " must be an object"};
  for (const auto& item : object.items()) {
    const bool known = std::any_of(allowed.begin(), allowed.end(),
                                   [&](const char* key) { return item.key() == key; });
    if (!known) throw Broken{where + ": unknown key \"" + item.key() + "\""};
  }
}

std::string text(const json& object, const std::string& where, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string() || found->get<std::string>().empty()) {
    throw Broken{where + ": \"" + key + "\" must be a text"};
  }
  return found->get<std::string>();
}

std::optional<std::string> optionalText(const json& object, const std::string& where,
                                        const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return text(object, where, key);
}

std::int64_t number(const json& object, const std::string& where, const char* key,
                    std::int64_t fallback, std::int64_t most) {
  const auto found = object.find(key);
  if (found == object.end()) return fallback;
  if (!found->is_number_integer()) throw Broken{where + ": \"" + key + "\" must be a number"};
  const auto value = found->get<std::int64_t>();
  if (value < 0 || value > most) throw Broken{where + ": \"" + key + "\" is out of range"};
  return value;
}

bool flag(const json& object, const std::string& where, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return false;
  if (!found->is_boolean()) throw Broken{where + ": \"" + key + "\" must be true or false"};
  return found->get<bool>();
}

void checkIp(const std::string& ip, const std::string& where) {
  in6_addr bytes{};
  if (inet_pton(AF_INET, ip.c_str(), &bytes) != 1 && inet_pton(AF_INET6, ip.c_str(), &bytes) != 1) {
    throw Broken{where + ": \"" + ip + "\" is not an IP address"};
  }
}

Endpoint endpoint(const json& object, const std::string& where, const char* key = "listen") {
  const std::string listen = text(object, where, key);
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) throw Broken{where + ": \"listen\" must be ip:port"};
  std::string ip = listen.substr(0, colon);
  if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  const auto port = parseInt(listen.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) throw Broken{where + ": bad port in \"listen\""};
  checkIp(ip, where);
  return {ip, static_cast<std::uint16_t>(*port)};
}

// The array under `key`, or an empty one where it may be absent.
json list(const json& object, const std::string& where, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return json::array();
  if (!found->is_array()) throw Broken{where + ": \"" + key + "\" must be a list"};
  return *found;
}

Imds parseImds(const json& object) {
  checkKeys(object, "imds", {"listen", "listen_v6", "instance_id", "az", "az_id", "role"});
  Imds imds;
  imds.listen = endpoint(object, "imds");
  if (object.contains("listen_v6")) imds.listen_v6 = endpoint(object, "imds", "listen_v6");
  imds.instance_id = text(object, "imds", "instance_id");
  imds.az = text(object, "imds", "az");
  imds.az_id = text(object, "imds", "az_id");
  imds.role = optionalText(object, "imds", "role").value_or("");
  return imds;
}

CredentialEndpoints parseCredentials(const json& object) {
  const std::string where = "credentials";
  checkKeys(
      object, where,
      {"listen", "pod_token", "pod_role", "web_identity_token", "sso_token", "sso_refresh_token"});
  return {endpoint(object, where),
          text(object, where, "pod_token"),
          text(object, where, "pod_role"),
          text(object, where, "web_identity_token"),
          text(object, where, "sso_token"),
          optionalText(object, where, "sso_refresh_token").value_or("")};
}

Identity parseIdentity(const json& object) {
  const std::string where = "identities";
  checkKeys(object, where, {"access_key_id", "secret_access_key", "session_token", "arn", "role"});
  return {text(object, where, "access_key_id"), text(object, where, "secret_access_key"),
          optionalText(object, where, "session_token"), text(object, where, "arn"),
          optionalText(object, where, "role")};
}

Policy parsePolicy(const json& object, const std::string& where) {
  checkKeys(object, where, {"require_tls", "require_iam", "deny_arns"});
  Policy policy;
  policy.require_tls = flag(object, where, "require_tls");
  policy.require_iam = flag(object, where, "require_iam");
  for (const auto& arn : list(object, where, "deny_arns")) {
    if (!arn.is_string()) throw Broken{where + ": \"deny_arns\" must hold texts"};
    policy.deny_arns.push_back(arn.get<std::string>());
  }
  return policy;
}

TargetConfig parseTarget(const json& object, const std::string& where) {
  checkKeys(object, where, {"az", "az_id", "ip"});
  TargetConfig target{text(object, where, "az"), text(object, where, "az_id"),
                      text(object, where, "ip")};
  checkIp(target.ip, where);
  return target;
}

mode_t parseMode(const std::string& octal, const std::string& where) {
  const bool good = !octal.empty() && octal.size() <= 5 &&
                    octal.find_first_not_of("01234567") == std::string::npos;
  if (!good) throw Broken{where + ": \"mode\" must be octal"};
  return static_cast<mode_t>(std::stoul(octal, nullptr, 8));
}

AccessPoint parseAccessPoint(const json& object, const std::string& where) {
  checkKeys(object, where, {"id", "path", "uid", "gid", "owner_uid", "owner_gid", "mode"});
  AccessPoint point;
  point.id = text(object, where, "id");
  point.path = text(object, where, "path");
  if (point.path.front() != '/' || point.path.find("..") != std::string::npos) {
    throw Broken{where + ": \"path\" must be absolute and without \"..\""};
  }
  constexpr std::int64_t kMostId = 4294967294;
  point.uid = static_cast<uid_t>(number(object, where, "uid", 0, kMostId));
  point.gid = static_cast<gid_t>(number(object, where, "gid", 0, kMostId));
  point.owner_uid = static_cast<uid_t>(number(object, where, "owner_uid", point.uid, kMostId));
  point.owner_gid = static_cast<gid_t>(number(object, where, "owner_gid", point.gid, kMostId));
  point.mode = parseMode(optionalText(object, where, "mode").value_or("0755"), where);
  return point;
}

Partitions parsePartitions(const json& object, const std::string& where) {
  checkKeys(object, where,
            {"count", "max_connections", "bytes_per_sec", "exceeded_sec", "look_back_sec"});
  constexpr std::int64_t kMost = 0x7fffffff;
  const auto word = [&](const char* key, std::uint32_t fallback) {
    return static_cast<std::uint32_t>(number(object, where, key, fallback, kMost));
  };
  Partitions partitions;
  partitions.count = static_cast<int>(number(object, where, "count", 1, 64));
  partitions.max_connections = word("max_connections", partitions.max_connections);
  partitions.bytes_per_sec = word("bytes_per_sec", partitions.bytes_per_sec);
  partitions.exceeded_sec = word("exceeded_sec", partitions.exceeded_sec);
  partitions.look_back_sec = word("look_back_sec", partitions.look_back_sec);
  return partitions;
}

FileSystem parseFileSystem(const json& object) {
  FileSystem fs;
  fs.id = text(object, "file_systems", "id");
  const std::string where = "file system " + fs.id;
  checkKeys(object, where,
            {"id", "kind", "data", "mount_targets", "policy", "access_points", "separate_state",
             "partitions"});
  fs.data = text(object, where, "data");
  if (fs.data.front() != '/') throw Broken{where + ": \"data\" must be absolute"};
  for (const auto& item : list(object, where, "mount_targets")) {
    fs.targets.push_back(parseTarget(item, where));
  }
  const std::string kind = optionalText(object, where, "kind").value_or("efs");
  if (kind != "efs" && kind != "s3files") throw Broken{where + ": \"kind\" is efs or s3files"};
  fs.s3files = kind == "s3files";
  fs.policy.require_tls = fs.policy.require_iam = fs.s3files;
  if (object.contains("policy")) fs.policy = parsePolicy(object["policy"], where);
  for (const auto& item : list(object, where, "access_points")) {
    fs.access_points.push_back(parseAccessPoint(item, where));
  }
  fs.separate_state = flag(object, where, "separate_state");
  if (object.contains("partitions")) {
    fs.partitions = parsePartitions(object["partitions"], where);
  }
  return fs;
}

void checkUnique(const Config& config) {
  std::set<std::string> ids;
  std::set<std::string> addresses;
  for (const auto& fs : config.file_systems) {
    if (!ids.insert(fs.id).second) throw Broken{fs.id + " appears twice"};
    for (const auto& point : fs.access_points) {
      if (!ids.insert(point.id).second) throw Broken{point.id + " appears twice"};
    }
    for (const auto& target : fs.targets) {
      if (!addresses.insert(target.ip).second) throw Broken{target.ip + " serves two targets"};
    }
  }
}

Config parseAll(const json& root) {
  checkKeys(root, "config",
            {"work_dir", "region", "dns_name_suffix", "s3files_dns_name_suffix", "dns", "imds",
             "credentials", "identities", "nfs_port", "max_skew_sec", "file_systems", "trunking",
             "api", "names"});
  Config config;
  config.work_dir = text(root, "config", "work_dir");
  if (config.work_dir.front() != '/') throw Broken{"\"work_dir\" must be absolute"};
  config.region = text(root, "config", "region");
  config.dns_name_suffix =
      optionalText(root, "config", "dns_name_suffix").value_or("amazonaws.com");
  config.s3files_dns_name_suffix =
      optionalText(root, "config", "s3files_dns_name_suffix").value_or("on.aws");
  if (!root.contains("dns") || !root.contains("imds")) throw Broken{"\"dns\" or \"imds\" missing"};
  checkKeys(root["dns"], "dns", {"listen"});
  config.dns = endpoint(root["dns"], "dns");
  config.imds = parseImds(root["imds"]);
  if (root.contains("api")) {
    checkKeys(root["api"], "api", {"listen"});
    config.api = endpoint(root["api"], "api");
  }
  if (root.contains("names")) {
    checkKeys(root["names"], "names", {"listen"});
    config.names = endpoint(root["names"], "names");
  }
  if (root.contains("credentials")) config.credentials = parseCredentials(root["credentials"]);
  for (const auto& item : list(root, "config", "identities")) {
    config.identities.push_back(parseIdentity(item));
  }
  config.nfs_port = static_cast<std::uint16_t>(number(root, "config", "nfs_port", 2049, 65535));
  config.max_skew_sec = number(root, "config", "max_skew_sec", 300, 86400);
  for (const auto& item : list(root, "config", "file_systems")) {
    config.file_systems.push_back(parseFileSystem(item));
  }
  config.trunking = flag(root, "config", "trunking");
  checkUnique(config);
  return config;
}

}  // namespace

std::string serviceOf(const FileSystem& fs) { return fs.s3files ? "s3files" : "elasticfilesystem"; }

std::string zoneOf(const Config& config, const FileSystem& fs) {
  return fs.s3files ? "s3files." + config.region + "." + config.s3files_dns_name_suffix
                    : "efs." + config.region + "." + config.dns_name_suffix;
}

Result<Config> parseConfig(const std::string& json_text) {
  try {
    return parseAll(json::parse(json_text));
  } catch (const Broken& broken) {
    return Error(ErrorKind::kInvalidInput, broken.message);
  } catch (const json::exception& e) {
    return Error(ErrorKind::kInvalidInput, e.what());
  }
}

Result<Config> loadConfig(const std::string& path) {
  EFS_TRY(content, readFile(path));
  return parseConfig(content).withContext(path);
}

}  // namespace efs::simulator

// The simulator's configuration file (JSON, README.md of this folder shows one). Unknown keys are
// errors: a misspelt key must not make a test vacuous.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/result.h"

namespace efs::simulator {

struct Endpoint {
  std::string ip;  // numeric, IPv4 or IPv6 without brackets
  std::uint16_t port = 0;
};

struct Identity {
  std::string access_key_id;
  std::string secret_access_key;
  std::optional<std::string> session_token;
  std::string arn;
  std::optional<std::string> role;  // the role whose credentials IMDS hands out
};

struct Imds {
  Endpoint listen;
  std::optional<Endpoint> listen_v6;  // a second address, [fd00:ec2::254] on AWS
  std::string instance_id;
  std::string az;
  std::string az_id;
  std::string role;  // empty: the instance has no role
};

// The port of credential_server.h and what its clients must show.
struct CredentialEndpoints {
  Endpoint listen;
  std::string pod_token;
  std::string pod_role;
  std::string web_identity_token;
  std::string sso_token;
  std::string sso_refresh_token;  // empty: no log-in can be refreshed
};

struct Policy {
  bool require_tls = false;
  bool require_iam = false;
  bool deny_all = false;
  std::vector<std::string> deny_arns;
};

struct TargetConfig {
  std::string az;
  std::string az_id;
  std::string ip;
};

struct AccessPoint {
  std::string id;
  std::string path;  // absolute inside the file system
  uid_t uid = 0;     // identity of every user who comes through this access point
  gid_t gid = 0;
  uid_t owner_uid = 0;  // owner and mode of the directory where it is created
  gid_t owner_gid = 0;
  mode_t mode = 0755;
};

// What the private program tells a client that binds a connection (partition.h).
struct Partitions {
  int count = 0;  // 0: the program is not served
  std::uint32_t max_connections = 5;
  std::uint32_t bytes_per_sec = 314572800;  // from which more connections are worth while
  std::uint32_t exceeded_sec = 1;
  std::uint32_t look_back_sec = 1;
};

struct FileSystem {
  std::string id;
  bool s3files = false;  // of Amazon S3 Files; else of EFS
  std::string data;      // directory that holds the content
  std::vector<TargetConfig> targets;
  Policy policy;
  std::vector<AccessPoint> access_points;
  bool separate_state = false;  // each mount target has NFS servers of its own over the same data
  Partitions partitions;
};

struct Config {
  std::string work_dir;
  std::string region;
  std::string dns_name_suffix;
  std::string s3files_dns_name_suffix;
  Endpoint dns;
  Imds imds;
  std::optional<Endpoint> api;                     // the AWS APIs; absent: there are none
  std::optional<CredentialEndpoints> credentials;  // absent: none of them
  std::optional<Endpoint> names;                   // AWS's own names over https (named_endpoints.h)
  std::vector<Identity> identities;
  std::uint16_t nfs_port = 2049;
  std::int64_t max_skew_sec = 300;
  std::vector<FileSystem> file_systems;
  bool trunking = false;
};

// The label of a file system's names and its service, and the zone that they end in.
std::string serviceOf(const FileSystem& fs);                     // "elasticfilesystem"
std::string zoneOf(const Config& config, const FileSystem& fs);  // "efs.us-east-1.amazonaws.com"

Result<Config> parseConfig(const std::string& json_text);
Result<Config> loadConfig(const std::string& path);

}  // namespace efs::simulator

#include "efs/mount_helper/mount_request.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/utf8.h"
#include "efs/net/address.h"

namespace efs::mount_helper {
namespace {

using mounts::OptionList;

Error invalid(std::string message) { return {ErrorKind::kInvalidInput, std::move(message)}; }

// Options of efs-utils that this version does not serve. Silently dropping one could mount with a
// weaker identity or in the wrong network namespace, so each is refused by name.
constexpr std::array<std::string_view, 6> kNotYetSupported = {"crossaccount", "netns", "ocsp",
                                                              "stunnel",      "azid",  "notunnel"};
// s3files and macOS words that mean nothing here and must not reach the kernel.
constexpr std::array<std::string_view, 4> kIgnored = {"notls", "noocsp", "nodirects3read",
                                                      "nos3readcache"};

Status refuseUnsupported(const OptionList& options) {
  if (options.has("capath")) {  // contract 3.2, anchor kept
    return invalid("Unsupported mount options detected: \"capath\"")
        .addHint("use cafile=<PEM file> instead");
  }
  for (const auto name : kNotYetSupported) {
    if (options.has(name)) {
      return invalid("mount option \"" + std::string(name) +
                     "\" is not supported by this version of efsmount")
          .addHint("remove it from the mount options, or keep amazon-efs-utils on this host");
    }
  }
  return {};
}

Status checkExclusions(const OptionList& options) {
  const bool tls = options.has("tls");
  if (options.has("port") && tls) {
    return invalid("The \"port\" and \"tls\" options are mutually exclusive")
        .addHint("use tlsport=<port> to choose the tunnel's local port");
  }
  if (options.has("ocsp") && options.has("noocsp")) {
    return invalid("The \"ocsp\" and \"noocsp\" options are mutually exclusive");
  }
  if (tls && options.has("notls")) {
    return invalid("The \"tls\" and \"notls\" options are mutually exclusive");
  }
  for (const char* name : {"accesspoint", "iam"}) {
    if (options.has(name) && !tls) {
      return invalid("The \"tls\" option is required when mounting via \"" + std::string(name) +
                     "\"");
    }
  }
  for (const char* name : {"awsprofile", "awscredsuri"}) {
    if (options.has(name) && !options.has("iam")) {
      return invalid(
          "The \"iam\" option is required when mounting with named profile or credentials "
          "option \"" +
          std::string(name) + "\"");
    }
  }
  if (options.has("awsprofile") && options.has("awscredsuri")) {
    return invalid("The \"awscredsuri\" and \"awsprofile\" options are mutually exclusive");
  }
  if (const auto uri = options.value("awscredsuri"); uri && (uri->empty() || uri->front() != '/')) {
    return invalid("awscredsuri " + printable(*uri) + " is malformed")
        .addHint("it must begin with /");
  }
  if (options.has("mounttargetip") && options.has("crossaccount")) {
    return invalid("The \"mounttargetip\" option is incompatible with \"crossaccount\"");
  }
  return {};
}

Status checkAccessPoint(const std::string& id) {
  constexpr std::string_view kPrefix = "fsap-";
  const bool good =
      id.size() == kPrefix.size() + 17 && id.compare(0, kPrefix.size(), kPrefix) == 0 &&
      std::all_of(id.begin() + kPrefix.size(), id.end(),
                  [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (good) return {};
  return invalid("Access Point ID \"" + printable(id) + "\" is malformed")
      .addHint("it must be fsap- followed by 17 digits or letters a-f");
}

Status checkRegion(const std::string& region) {
  const bool good = !region.empty() && region.size() <= 32 && region.front() != '-' &&
                    region.back() != '-' && std::all_of(region.begin(), region.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (good) return {};
  return invalid("Invalid region option \"" + printable(region) + "\"")
      .addHint("for example region=us-east-1");
}

Result<int> integer(const std::string& name, const std::string& value, int lowest, int highest) {
  const auto number = parseInt(value);
  if (number && *number >= lowest && *number <= highest) return static_cast<int>(*number);
  return invalid("mount option " + name + "=" + printable(value) + " is not an integer from " +
                 std::to_string(lowest) + " to " + std::to_string(highest));
}

// Takes an option out of the list: what remains belongs to mount(8) and the NFS client.
std::optional<std::string> take(OptionList& options, const char* name) {
  auto value = options.value(name);
  options.remove(name);
  return value;
}

Result<std::optional<std::string>> takeNonEmpty(OptionList& options, const char* name) {
  auto value = take(options, name);
  if (value && value->empty())
    return invalid(std::string("mount option ") + name + " needs a value");
  return value;
}

Result<std::optional<int>> takeInteger(OptionList& options, const char* name, int lowest,
                                       int highest) {
  const auto text = take(options, name);
  if (!text) return std::optional<int>();
  EFS_TRY(number, integer(name, *text, lowest, highest));
  return std::optional<int>(number);
}

Status takeOurs(MountRequest& request) {
  OptionList& options = request.nfs_options;
  request.tls = take(options, "tls").has_value();
  request.iam = take(options, "iam").has_value();
  EFS_TRY(tls_port, takeInteger(options, "tlsport", 1, 65535));
  request.tls_port = tls_port;
  EFS_TRY(verify, takeInteger(options, "verify", 0, 4));
  request.verify = verify;
  EFS_TRY(ca_file, takeNonEmpty(options, "cafile"));
  request.ca_file = std::move(ca_file);
  EFS_TRY(profile, takeNonEmpty(options, "awsprofile"));
  request.aws_profile = std::move(profile);
  EFS_TRY(credentials_uri, takeNonEmpty(options, "awscredsuri"));
  request.credentials_uri = std::move(credentials_uri);
  EFS_TRY(role_arn, takeNonEmpty(options, "rolearn"));
  request.role_arn = std::move(role_arn);
  EFS_TRY(jwt_path, takeNonEmpty(options, "jwtpath"));
  request.jwt_path = std::move(jwt_path);
  EFS_TRY(access_point, takeNonEmpty(options, "accesspoint"));
  request.access_point = std::move(access_point);
  EFS_TRY(az, takeNonEmpty(options, "az"));
  request.az = std::move(az);
  EFS_TRY(region, takeNonEmpty(options, "region"));
  request.region = std::move(region);
  EFS_TRY(ip, takeNonEmpty(options, "mounttargetip"));
  request.mount_target_ip = std::move(ip);
  for (const auto name : kIgnored) options.remove(name);
  return {};
}

Status checkValues(const MountRequest& request) {
  if (request.credentials_uri && request.credentials_uri->front() != '/') {
    return invalid("awscredsuri \"" + printable(*request.credentials_uri) + "\" is malformed")
        .addHint("it must begin with \"/\", like $AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  }
  if (request.access_point) EFS_CHECK(checkAccessPoint(*request.access_point));
  if (request.region) EFS_CHECK(checkRegion(*request.region));
  if (request.mount_target_ip && !net::isIpLiteral(*request.mount_target_ip)) {
    return invalid("mount option mounttargetip=" + printable(*request.mount_target_ip) +
                   " is not an IPv4 or IPv6 address");
  }
  if (request.ca_file && !fileExists(*request.ca_file)) {
    return invalid("Failed to find certificate authority file for verification: " +
                   *request.ca_file)
        .addHint("check the mount option cafile");
  }
  return {};
}

// State and tunnel files are text: JSON and lines.
Status checkMountpointText(const std::string& path) {
  const bool control = std::any_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (!control && isUtf8(path)) return {};
  return invalid("mount point \"" + printable(path) +
                 "\" contains control characters or invalid UTF-8");
}

// The device's own AZ and region labels against the options (DEV-5).
Status reconcileDevice(MountRequest& request) {
  const Device& device = request.device;
  if (device.az) {
    if (request.az && *request.az != *device.az) {
      return invalid("the DNS name " + device.dns_name + " is in availability zone " + *device.az +
                     ", but mount option az says " + *request.az);
    }
    request.az = device.az;
  }
  return {};
}

}  // namespace

Result<MountRequest> makeMountRequest(const CommandLine& command) {
  MountRequest request;
  request.raw_options = command.options;
  request.fake = command.fake;
  EFS_TRY(device, parseDevice(command.device));
  request.device = std::move(device);
  // ST-1: absolute and without "..", but symbolic links are the user's.
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(command.mountpoint, ignored).lexically_normal();
  request.mountpoint = absolute.string();
  if (request.mountpoint.size() > 1 && request.mountpoint.back() == '/')
    request.mountpoint.pop_back();

  EFS_CHECK(checkMountpointText(request.mountpoint));

  request.nfs_options = OptionList::parse(command.options);
  request.remount = request.nfs_options.has("remount");
  EFS_CHECK(checkExclusions(request.nfs_options));
  EFS_CHECK(refuseUnsupported(request.nfs_options));
  EFS_CHECK(takeOurs(request));
  EFS_CHECK(checkValues(request));
  EFS_CHECK(reconcileDevice(request));
  return request;
}

}  // namespace efs::mount_helper

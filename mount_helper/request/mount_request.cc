#include "request/mount_request.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/utf8.h"
#include "efs/identity/client_certificate.h"
#include "efs/net/address.h"

namespace efs::mount_helper {
namespace {

using mounts::OptionList;

constexpr std::size_t kMaxTargets = 16;  // more than there are availability zones in a region

Error invalid(std::string message) { return {ErrorKind::kInvalidInput, std::move(message)}; }

// Options of efs-utils that this version does not serve. Silently dropping one could mount with a
// weaker identity or in the wrong network namespace, so each is refused by name.
constexpr std::array<std::string_view, 1> kNotYetSupported = {"azid"};
// s3files and macOS words that mean nothing here and must not reach the kernel.
constexpr std::array<std::string_view, 3> kIgnored = {"notls", "nodirects3read", "nos3readcache"};

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
  if (tls && options.has("notunnel")) {
    return invalid("The \"tls\" and \"notunnel\" options are mutually exclusive")
        .addHint("without a tunnel there is nothing that encrypts");
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
  if (options.has("az") && options.has("crossaccount")) {
    return invalid("The \"az\" option is incompatible with \"crossaccount\"")
        .addHint("zone names differ between accounts; crossaccount uses this host's zone id");
  }
  return {};
}

Status checkAccessPoint(const std::string& id) {
  if (identity::isAccessPointId(id)) return {};
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

// Option fsid: for devices that do not name the file system. The NFS client has no such option.
Status adoptFileSystemId(Device& device, const std::string& fs_id) {
  if (!isFileSystemId(fs_id)) {
    return invalid("mount option fsid=" + printable(fs_id) + " is not a file system id")
        .addHint("for example fsid=fs-0123456789abcdef0");
  }
  if (!device.fs_id.empty() && device.fs_id != fs_id) {
    return invalid("the device names file system " + device.fs_id +
                   ", but mount option fsid says " + fs_id);
  }
  device.fs_id = fs_id;
  return {};
}

Status takeOurs(MountRequest& request) {
  OptionList& options = request.nfs_options;
  request.tls = take(options, "tls").has_value();
  request.iam = take(options, "iam").has_value();
  EFS_TRY(tls_port, takeInteger(options, "tlsport", 1, 65535));
  request.tls_port = tls_port;
  EFS_TRY(verify, takeInteger(options, "verify", 0, 4));
  request.verify = verify;
  if (take(options, "noocsp")) request.ocsp = false;
  if (take(options, "ocsp")) request.ocsp = true;
  request.stunnel = take(options, "stunnel").has_value();
  request.no_tunnel = take(options, "notunnel").has_value();
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
  EFS_TRY(ips, takeNonEmpty(options, "mounttargetip"));
  if (ips) request.mount_target_ips = split(*ips, '+');
  request.cross_account = take(options, "crossaccount").has_value();
  EFS_TRY(netns, takeNonEmpty(options, "netns"));
  request.netns = netns.value_or("");
  EFS_TRY(fs_id, takeNonEmpty(options, "fsid"));
  if (fs_id) EFS_CHECK(adoptFileSystemId(request.device, *fs_id));
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
  if (request.mount_target_ips.size() > kMaxTargets)
    return invalid("mount option mounttargetip names more than 16 addresses");
  for (const auto& ip : request.mount_target_ips) {
    if (!net::isIpLiteral(ip)) {
      return invalid("mount option mounttargetip: \"" + printable(ip) +
                     "\" is not an IPv4 or IPv6 address")
          .addHint("separate several addresses by '+'");
    }
  }
  if (!request.netns.empty() && request.netns.front() != '/') {
    return invalid("mount option netns=" + printable(request.netns) + " is not an absolute path");
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

// The device's own AZ label against the option (DEV-5).
Status reconcileZone(MountRequest& request) {
  const Device& device = request.device;
  if (!device.az) return {};
  if (request.az && *request.az != *device.az) {
    return invalid("the DNS name " + device.dns_name + " is in availability zone " + *device.az +
                   ", but mount option az says " + *request.az);
  }
  request.az = device.az;
  return {};
}

Status reconcileArn(MountRequest& request) {
  const Device& device = request.device;
  if (device.arn_region) {
    if (request.region && *request.region != *device.arn_region) {
      return invalid("the ARN names region " + *device.arn_region +
                     ", but mount option region says " + *request.region);
    }
    request.region = device.arn_region;
  }
  if (!device.access_point) return {};
  if (!request.tls)
    return invalid("The \"tls\" option is required when mounting via \"accesspoint\"");
  if (request.access_point && *request.access_point != *device.access_point) {
    return invalid("the ARN names access point " + *device.access_point +
                   ", but mount option accesspoint says " + *request.access_point);
  }
  request.access_point = device.access_point;
  return {};
}

// An address or a name of the user's own leads to one place: options that choose another place
// contradict it.
Status reconcileOwnAddress(MountRequest& request) {
  const Device& device = request.device;
  const bool own_name = device.own_name && !device.fs_id.empty();
  if (device.address.empty() && !own_name) return {};
  const std::string where = own_name ? device.dns_name : device.address;
  if (!request.mount_target_ips.empty() || request.cross_account || request.az) {
    return invalid("the device " + where +
                   " already says where to connect: the mount options mounttargetip, az and "
                   "crossaccount cannot be given too");
  }
  if (own_name && device.dns_name.find('.') == std::string::npos) {
    return invalid("the device " + where + " is not a full DNS name")
        .addHint("write it with its domain: the tunnel asks for it again at each connection");
  }
  if (!device.address.empty()) request.mount_target_ips = {device.address};
  return {};
}

Status reconcileDevice(MountRequest& request) {
  const Device& device = request.device;
  EFS_CHECK(reconcileZone(request));
  EFS_CHECK(reconcileArn(request));
  EFS_CHECK(reconcileOwnAddress(request));
  if (!device.fs_id.empty() || device.own_name) return {};
  // Without it neither the server's certificate nor the client's could name the file system.
  return invalid(
             std::string(device.address.empty() ? "the ARN of an access point" : "an IP address") +
             " does not tell which file system to mount")
      .addHint("add the mount option fsid=fs-...");
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

Status adoptCanonicalName(MountRequest& request, const std::string& canonical_name) {
  EFS_TRY(device, withCanonicalName(request.device, canonical_name));
  request.device = std::move(device);
  return reconcileZone(request);
}

}  // namespace efs::mount_helper

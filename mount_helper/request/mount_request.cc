#include "request/mount_request.h"

#include <algorithm>
#include <filesystem>

#include "efs/base/text.h"
#include "efs/base/utf8.h"
#include "request/option_table.h"

namespace efs::mount_helper {
namespace {

Error contradiction(std::string message) { return {ErrorKind::kInvalidInput, std::move(message)}; }

// State and tunnel files are text: JSON and lines.
Status checkMountpointText(const std::string& path) {
  const bool control = std::any_of(path.begin(), path.end(), isControl);
  if (!control && isUtf8(path)) return {};
  return contradiction("mount point \"" + printable(path) +
                       "\" contains control characters or invalid UTF-8");
}

// The device's own label against the option (DEV-5).
Status reconcileLabel(const Device& device, const std::optional<std::string>& label,
                      const std::string& option, std::optional<std::string>& chosen) {
  if (!label) return {};
  if (chosen && *chosen != *label) {
    return contradiction("the DNS name " + device.dns_name.value_or("") +
                         " is in availability zone " + *label + ", but mount option " + option +
                         " says " + *chosen);
  }
  chosen = label;
  return {};
}

Status reconcileZone(MountRequest& request) {
  const Device& device = request.device;
  EFS_CHECK(reconcileLabel(device, device.az, "az", request.az));
  return reconcileLabel(device, device.zone_id, "azid", request.zone_id);
}

Status reconcileArn(MountRequest& request) {
  const Device& device = request.device;
  if (device.arn_region) {
    if (request.region && *request.region != *device.arn_region) {
      return contradiction("the ARN names region " + *device.arn_region +
                           ", but mount option region says " + *request.region);
    }
    request.region = device.arn_region;
  }
  if (!device.access_point) return {};
  if (!request.tls) return contradiction(std::string(findOption("accesspoint")->needs.error));
  if (request.access_point && *request.access_point != *device.access_point) {
    return contradiction("the ARN names access point " + *device.access_point +
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
  if (!device.address && !own_name) return {};
  const std::string where = own_name ? *device.dns_name : *device.address;
  if (!request.mount_target_ips.empty() || request.cross_account || request.az) {
    return contradiction("the device " + where +
                         " already says where to connect: the mount options mounttargetip, az and "
                         "crossaccount cannot be given too");
  }
  if (own_name && where.find('.') == std::string::npos) {
    return contradiction("the device " + where + " is not a full DNS name")
        .addHint("write it with its domain: the tunnel asks for it again at each connection");
  }
  if (device.address) request.mount_target_ips = {*device.address};
  return {};
}

Status reconcileDevice(MountRequest& request) {
  const Device& device = request.device;
  EFS_CHECK(reconcileZone(request));
  EFS_CHECK(reconcileArn(request));
  EFS_CHECK(reconcileOwnAddress(request));
  if (!device.fs_id.empty() || device.own_name) return {};
  // Without it neither the server's certificate nor the client's could name the file system.
  return contradiction(
             std::string(device.address ? "an IP address" : "the ARN of an access point") +
             " does not tell which file system to mount")
      .addHint("add the mount option fsid=fs-...");
}

// S3 Files takes nobody without an identity: what is not asked for is added.
void addForced(mounts::OptionList& options) {
  for (const char* name : {"tls", "iam"}) {
    if (!options.has(name)) options.set(name, std::nullopt);
  }
}

// S3 Files serves NFS 4.1 and 4.2. A plain 4 means 4.0 to the kernel.
Status checkVersion(const mounts::OptionList& options) {
  bool refused = options.value("minorversion") == "0";
  for (const char* key : {"nfsvers", "vers"}) {
    const auto version = options.value(key);
    refused = refused || (version && *version != "4.1" && *version != "4.2");
  }
  for (const char* word : {"v2", "v3", "v4", "v4.0"}) refused = refused || options.has(word);
  if (!refused) return {};
  return contradiction("NFSv4.0 is not supported for S3 Files mounts")
      .addHint("leave nfsvers and vers out, or use 4.2 or 4.1");
}

}  // namespace

Result<MountRequest> makeMountRequest(const CommandLine& command) {
  MountRequest request;
  request.raw_options = command.options;
  request.fake = command.fake;
  request.kind = command.kind;
  EFS_TRY(device, parseDevice(command.device, request.kind));
  request.device = std::move(device);
  // ST-1: absolute and without "..", but symbolic links are the user's.
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(command.mountpoint, ignored).lexically_normal();
  request.mountpoint = absolute.string();
  if (request.mountpoint.size() > 1 && request.mountpoint.back() == '/')
    request.mountpoint.pop_back();

  EFS_CHECK(checkMountpointText(request.mountpoint));

  request.nfs_options = mounts::OptionList::parse(command.options);
  request.remount = request.nfs_options.has("remount");
  if (request.kind == FileSystemKind::kS3Files) {
    addForced(request.nfs_options);
    EFS_CHECK(checkVersion(request.nfs_options));
  }
  EFS_CHECK(checkOptions(request.nfs_options, request.kind));
  EFS_CHECK(takeOptions(request));
  EFS_CHECK(reconcileDevice(request));
  return request;
}

Error caFileMissing(const std::string& path) {
  return Error(ErrorKind::kNotFound,
               "Failed to find certificate authority file for verification: " + path)
      .addHint(
          "install the CA bundle there, or name another with the mount option cafile or config key "
          "stunnel_cafile");
}

Status adoptCanonicalName(MountRequest& request, const std::string& canonical_name) {
  EFS_TRY(device, withCanonicalName(request.device, canonical_name, request.kind));
  request.device = std::move(device);
  return reconcileZone(request);
}

}  // namespace efs::mount_helper

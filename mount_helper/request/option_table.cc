#include "request/option_table.h"

#include <algorithm>
#include <array>

#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "efs/identity/client_certificate.h"
#include "efs/net/address.h"

namespace efs::mount_helper {
namespace {

constexpr std::size_t kMaxTargets = 16;  // more than there are availability zones in a region

Error invalid(std::string message) { return {ErrorKind::kInvalidInput, std::move(message)}; }

// Plain fields.

template <bool MountRequest::*kField>
Status putFlag(MountRequest& request, const std::string& /*value*/) {
  request.*kField = true;
  return {};
}

template <std::optional<std::string> MountRequest::*kField>
Status putText(MountRequest& request, const std::string& value) {
  request.*kField = value;
  return {};
}

template <std::optional<int> MountRequest::*kField>
Status putInteger(MountRequest& request, const std::string& value) {
  request.*kField = static_cast<int>(parseInt(value).value_or(0));
  return {};
}

template <bool kWanted>
Status putOcsp(MountRequest& request, const std::string& /*value*/) {
  request.ocsp = kWanted;
  return {};
}

// Fields whose values have a form.

Status putCaFile(MountRequest& request, const std::string& path) {
  EFS_TRY(there, usersPathExists(path));
  if (!there) return caFileMissing(path);
  request.ca_file = path;
  return {};
}

Status putAccessPoint(MountRequest& request, const std::string& id) {
  if (!identity::isAccessPointId(id)) {
    return invalid("Access Point ID \"" + printable(id) + "\" is malformed")
        .addHint("it must be fsap- followed by 17 digits or letters a-f");
  }
  request.access_point = id;
  return {};
}

Status putRegion(MountRequest& request, const std::string& region) {
  const bool good = region.size() <= 32 && region.front() != '-' && region.back() != '-' &&
                    std::all_of(region.begin(), region.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (!good) {
    return invalid("Invalid region option \"" + printable(region) + "\"")
        .addHint("for example region=us-east-1");
  }
  request.region = region;
  return {};
}

Status putTargets(MountRequest& request, const std::string& addresses) {
  auto ips = split(addresses, '+');
  if (ips.size() > kMaxTargets)
    return invalid("mount option mounttargetip names more than 16 addresses");
  for (const auto& ip : ips) {
    if (net::isIpLiteral(ip)) continue;
    return invalid("mount option mounttargetip: \"" + printable(ip) +
                   "\" is not an IPv4 or IPv6 address")
        .addHint("separate several addresses by '+'");
  }
  request.mount_target_ips = std::move(ips);
  return {};
}

Status putNamespace(MountRequest& request, const std::string& path) {
  if (path.front() != '/') {
    return invalid("mount option netns=" + printable(path) + " is not an absolute path");
  }
  request.netns = path;
  return {};
}

Status putZoneId(MountRequest& request, const std::string& id) {
  const bool good = id.size() <= 63 && id.front() != '-' && id.back() != '-' &&
                    std::all_of(id.begin(), id.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (!good) {
    return invalid("mount option azid=" + printable(id) + " is not the id of an availability zone")
        .addHint("for example azid=use1-az1");
  }
  request.zone_id = id;
  return {};
}

// For devices that do not name the file system.
Status putFileSystemId(MountRequest& request, const std::string& fs_id) {
  if (!isFileSystemId(fs_id)) {
    return invalid("mount option fsid=" + printable(fs_id) + " is not a file system id")
        .addHint("for example fsid=fs-0123456789abcdef0");
  }
  Device& device = request.device;
  if (!device.fs_id.empty() && device.fs_id != fs_id) {
    return invalid("the device names file system " + device.fs_id +
                   ", but mount option fsid says " + fs_id);
  }
  device.fs_id = fs_id;
  return {};
}

constexpr std::array kTable = {
    // Security
    OptionRow{.name = "tls",
              .help = "encrypt and authenticate the connection",
              .excludes = {"port", "The \"port\" and \"tls\" options are mutually exclusive",
                           "use tlsport=<port> to choose the tunnel's local port"},
              .put = putFlag<&MountRequest::tls>},
    OptionRow{.name = "verify",
              .kind = ValueKind::kInteger,
              .value = "<0-4>",
              .help = "how the server's certificate is checked: 0 = not, 2 (default) = chain",
              .lowest = 0,
              .highest = 4,
              .put = putInteger<&MountRequest::verify>},
    OptionRow{.name = "cafile",
              .kind = ValueKind::kText,
              .value = "<path>",
              .help = "authorities that may have signed the server's certificate",
              .put = putCaFile},
    OptionRow{.name = "ocsp",
              .help = "ask whether the server's certificate was revoked",
              .excludes = {"noocsp", "The \"ocsp\" and \"noocsp\" options are mutually exclusive"},
              .put = putOcsp<true>},
    OptionRow{.name = "noocsp", .help = "do not ask whether it was revoked", .put = putOcsp<false>},
    OptionRow{.name = "notls",
              .help = "without effect",
              .service = Service::kAccepted,
              .s3files = Service::kRefused,
              .excludes = {"tls", "The \"tls\" and \"notls\" options are mutually exclusive"},
              .refusal_hint = "S3 Files is always encrypted"},
    OptionRow{.name = "notunnel",
              .help = "straight from the mount target, without supervision",
              .s3files = Service::kRefused,
              .excludes = {"tls", "The \"tls\" and \"notunnel\" options are mutually exclusive",
                           "without a tunnel there is nothing that encrypts"},
              .refusal_hint = "S3 Files is always encrypted",
              .put = putFlag<&MountRequest::no_tunnel>},
    OptionRow{.name = "stunnel",
              .help = "served by efs-proxy; without tls the same as notunnel",
              .s3files = Service::kRefused,
              .refusal_hint = "leave it out: efs-proxy is the only tunnel of S3 Files",
              .put = putFlag<&MountRequest::stunnel>},
    // Identity
    OptionRow{.name = "accesspoint",
              .kind = ValueKind::kText,
              .value = "fsap-...",
              .help = "mount through this access point",
              .needs = {"tls", "The \"tls\" option is required when mounting via \"accesspoint\""},
              .put = putAccessPoint},
    OptionRow{.name = "iam",
              .help = "sign the connection with this host's AWS identity",
              .needs = {"tls", "The \"tls\" option is required when mounting via \"iam\""},
              .put = putFlag<&MountRequest::iam>},
    OptionRow{.name = "awsprofile",
              .kind = ValueKind::kText,
              .value = "<name>",
              .help = "credentials from this profile of root's AWS files",
              .needs = {"iam",
                        "The \"iam\" option is required when mounting with named profile or "
                        "credentials option \"awsprofile\""},
              .put = putText<&MountRequest::aws_profile>},
    OptionRow{.name = "awscredsuri",
              .kind = ValueKind::kUrlPath,
              .value = "<path>",
              .help = "credentials from the container endpoint at this path",
              .needs = {"iam",
                        "The \"iam\" option is required when mounting with named profile or "
                        "credentials option \"awscredsuri\""},
              .excludes = {"awsprofile",
                           "The \"awscredsuri\" and \"awsprofile\" options are mutually exclusive"},
              .put = putText<&MountRequest::credentials_uri>},
    OptionRow{.name = "rolearn",
              .kind = ValueKind::kText,
              .value = "<arn>",
              .help = "assume this role, with the token of jwtpath",
              .put = putText<&MountRequest::role_arn>},
    OptionRow{.name = "jwtpath",
              .kind = ValueKind::kText,
              .value = "<file>",
              .help = "web identity token for rolearn",
              .put = putText<&MountRequest::jwt_path>},
    // Place
    OptionRow{.name = "mounttargetip",
              .kind = ValueKind::kText,
              .value = "<ip>[+...]",
              .help = "connect to the first of these that can be reached",
              .excludes = {"crossaccount",
                           "The \"mounttargetip\" option is incompatible with \"crossaccount\""},
              .put = putTargets},
    OptionRow{
        .name = "az",
        .kind = ValueKind::kText,
        .value = "<zone>",
        .help = "the mount target of this availability zone",
        .s3files = Service::kRefused,
        .excludes = {"crossaccount", "The \"az\" option is incompatible with \"crossaccount\"",
                     "zone names differ between accounts; crossaccount uses this host's "
                     "zone id"},
        .refusal_hint = "use azid=<zone id>, for example azid=use1-az1",
        .put = putText<&MountRequest::az>},
    OptionRow{.name = "crossaccount",
              .help = "a file system of another account: its target in this host's zone",
              .s3files = Service::kRefused,
              .refusal_hint = "leave it out: names of S3 Files have the zone id in any case",
              .put = putFlag<&MountRequest::cross_account>},
    OptionRow{.name = "region",
              .kind = ValueKind::kText,
              .value = "<region>",
              .help = "region of the file system",
              .put = putRegion},
    OptionRow{.name = "netns",
              .kind = ValueKind::kText,
              .value = "<path>",
              .help = "tunnel and mount live in this network namespace",
              .put = putNamespace},
    OptionRow{.name = "fsid",
              .kind = ValueKind::kText,
              .value = "fs-...",
              .help = "the file system, where the device does not name it",
              .put = putFileSystemId},
    OptionRow{.name = "tlsport",
              .kind = ValueKind::kInteger,
              .value = "<port>",
              .help = "local port of the tunnel",
              .lowest = 1,
              .highest = 65535,
              .put = putInteger<&MountRequest::tls_port>},
    OptionRow{.name = "azid",
              .kind = ValueKind::kText,
              .value = "<id>",
              .help = "the mount target of the availability zone with this id",
              .service = Service::kRefused,
              .refusal_hint = "use az=<zone>, or crossaccount for a file system of another account",
              .put = putZoneId},
    // Reads past the mount target, which this tunnel does not make
    OptionRow{.name = "nodirects3read",
              .help = "without effect: S3 is never read directly",
              .service = Service::kAccepted,
              .s3files = Service::kAccepted},
    OptionRow{.name = "nos3readcache",
              .help = "without effect: nothing is cached",
              .service = Service::kAccepted,
              .s3files = Service::kAccepted},
    // Refused
    OptionRow{.name = "capath",
              .kind = ValueKind::kText,
              .value = "<path>",
              .help = "use cafile=<path>",
              .service = Service::kRefused,
              .s3files = Service::kRefused,
              .refusal_hint = "use cafile=<PEM file> instead"},
};

Error errorOf(std::string_view text, std::string_view hint) {
  return invalid(std::string(text)).addHint(hint);
}

// A flag is on where it stands, whatever value it is given.
bool saysNo(const std::string& value) {
  const std::string lower = toLower(value);
  return lower == "false" || lower == "no" || lower == "off" || lower == "0";
}

Status checkValue(const OptionRow& row, const std::string& value) {
  const std::string name(row.name);
  switch (row.kind) {
    case ValueKind::kNone:
      if (!saysNo(value)) return {};
      return invalid("mount option " + name + "=" + printable(value) + " would turn " + name +
                     " on")
          .addHint("leave " + name + " out where it is not wanted");
    case ValueKind::kText:
      if (!value.empty()) return {};
      return invalid("mount option " + name + " needs a value");
    case ValueKind::kUrlPath:
      if (value.starts_with("/")) return {};
      return invalid(name + " " + printable(value) + " is malformed")
          .addHint("it must begin with /");
    case ValueKind::kInteger:
      const auto number = parseInt(value);
      if (number && *number >= row.lowest && *number <= row.highest) return {};
      return invalid("mount option " + name + "=" + printable(value) + " is not an integer from " +
                     std::to_string(row.lowest) + " to " + std::to_string(row.highest));
  }
  return {};
}

// Contract 3.2: one sentence for all of them.
Status checkRefused(const mounts::OptionList& options, FileSystemKind kind) {
  std::vector<std::string> names;
  std::vector<std::string> hints;
  for (const OptionRow& row : kTable) {
    if (row.serviceFor(kind) != Service::kRefused || !options.has(row.name)) continue;
    names.push_back("\"" + std::string(row.name) + "\"");
    hints.emplace_back(row.refusal_hint);
  }
  if (names.empty()) return {};
  return errorOf("Unsupported mount options detected: " + join(names, ", "), join(hints, "; "));
}

}  // namespace

std::span<const OptionRow> optionTable() { return kTable; }

const OptionRow* findOption(std::string_view name) {
  const auto* row = std::find_if(kTable.begin(), kTable.end(),
                                 [name](const OptionRow& one) { return one.name == name; });
  return row == kTable.end() ? nullptr : row;
}

std::string optionSyntax(const OptionRow& row) {
  std::string text(row.name);
  if (row.kind != ValueKind::kNone) text.append("=").append(row.value);
  return text;
}

Status checkOptions(const mounts::OptionList& options, FileSystemKind kind) {
  EFS_CHECK(checkRefused(options, kind));
  for (const OptionRow& row : kTable) {
    if (!options.has(row.name)) continue;
    const auto& [needed, needed_error, needed_hint] = row.needs;
    if (!needed.empty() && !options.has(needed)) return errorOf(needed_error, needed_hint);
    const auto& [other, other_error, other_hint] = row.excludes;
    if (!other.empty() && options.has(other)) return errorOf(other_error, other_hint);
  }
  return {};
}

Status takeOptions(MountRequest& request) {
  mounts::OptionList& options = request.nfs_options;
  for (const OptionRow& row : kTable) {
    const auto value = options.value(row.name);
    if (!value) continue;
    EFS_CHECK(checkValue(row, *value));
    if (row.put != nullptr) EFS_CHECK(row.put(request, *value));
    options.remove(row.name);
  }
  return {};
}

}  // namespace efs::mount_helper

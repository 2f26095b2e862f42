#include "request/device.h"

#include <algorithm>
#include <vector>

#include "efs/aws/endpoints.h"
#include "efs/base/text.h"
#include "efs/identity/client_certificate.h"
#include "efs/net/address.h"

namespace efs::mount_helper {
namespace {

constexpr std::size_t kMaxPath = 4096;  // PATH_MAX
constexpr std::size_t kMaxName = 253;   // RFC 1035 section 2.3.4

bool isHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool isDigit(char c) { return c >= '0' && c <= '9'; }

bool isLabel(std::string_view label) {
  return !label.empty() && label.size() <= 63 &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || isDigit(c) || c == '-' || c == '_';
         });
}

constexpr std::size_t kDigits = 17;
constexpr std::size_t kOldDigits = 8;

bool isHex(std::string_view text) { return std::all_of(text.begin(), text.end(), isHexDigit); }

std::string meant(const std::string& id, std::string_view path) {
  return "did you mean " + id + std::string(path) + "?";
}

// What a device that is none was probably meant to be: an access point's id, a URL, a file system
// id without "fs-", in upper case or with another sign. A phrase for a hint; empty: nothing is
// known.
std::string deviceSlip(std::string_view text) {
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    const std::string_view rest = text.substr(scheme + 3);
    const auto slash = std::min(rest.find('/'), rest.size());
    std::string host(rest.substr(0, slash));
    if (!host.empty() && host.back() == ':') host.pop_back();
    return "a device is no URL: " +
           meant(printable(host), slash < rest.size() ? ":" + printable(rest.substr(slash)) : ":/");
  }
  const auto colon = std::min(text.find(':'), text.size());
  const std::string name = toLower(text.substr(0, colon));
  const std::string path = printable(text.substr(colon));
  if (name.starts_with("fsap-")) {
    return "this is an access point: name its file system, with the mount options "
           "tls,accesspoint=" +
           printable(name);
  }
  if (name.starts_with("fs-")) {
    const bool written_large = name != text.substr(0, colon) && isFileSystemId(name);
    return written_large ? "ids are written in lower case: " + meant(name, path) : "";
  }
  std::string_view digits = name;
  if (digits.starts_with("fs")) digits.remove_prefix(2);
  if (digits.starts_with("_")) digits.remove_prefix(1);
  const bool bare = digits.size() == kDigits && isHex(digits);
  return bare ? meant("fs-" + std::string(digits), path) : "";
}

std::string article(const KindFacts& facts) {
  return "an " + std::string(facts.product);  // "an EFS", "an S3 Files"
}

// "fs-0123456789abcdef0.efs.<region>.amazonaws.com", a name that mounts.
std::string exampleName(const KindFacts& facts) {
  const std::string zone =
      facts.kind == FileSystemKind::kS3Files ? "<" + std::string(facts.zone) + ">." : "";
  return zone + "fs-0123456789abcdef0." + std::string(facts.label) + ".<region>." +
         std::string(facts.dns_name_suffix);
}

// Of another kind than this one: the type to mount it with. Empty: of none that is known.
std::string otherType(std::string_view text, const KindFacts& facts) {
  for (const KindFacts& other : kFileSystemKinds) {
    const bool named = text.find("." + std::string(other.label) + ".") != std::string_view::npos ||
                       text.find(":" + std::string(other.service) + ":") != std::string_view::npos;
    if (other.kind != facts.kind && named) return std::string(other.type);
  }
  return {};
}

Error badDevice(std::string_view text, const KindFacts& facts) {
  Error error(ErrorKind::kInvalidInput, "\"" + printable(text) + "\" is not " + article(facts) +
                                            " file system id, ARN or DNS name");
  const std::string other = otherType(text, facts);
  if (!other.empty()) return error.addHint("mount it with -t " + other);
  error.addHint(deviceSlip(text));
  return error.addHint("expected fs-0123456789abcdef0, fs-0123456789abcdef0:/path or " +
                       exampleName(facts) + ":/path");
}

// [<az>.]fs-<hex>.<label>.<region>.<suffix...>
std::optional<Device> parseAwsName(std::string_view name, const KindFacts& facts) {
  const std::vector<std::string> labels = split(name, '.');
  const std::size_t id = isFileSystemId(labels[0]) ? 0 : 1;
  if (labels.size() < id + 5 || !isFileSystemId(labels[id]) || labels[id + 1] != facts.label ||
      !std::all_of(labels.begin(), labels.end(), isLabel)) {
    return std::nullopt;
  }
  Device device;
  device.fs_id = labels[id];
  device.dns_name = name;
  auto& zone = facts.kind == FileSystemKind::kS3Files ? device.zone_id : device.az;
  if (id == 1) zone = labels[0];
  device.region = labels[id + 2];
  return device;
}

Result<Device> parseName(std::string_view name, std::string_view text, const KindFacts& facts) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (auto device = parseAwsName(name, facts)) return std::move(*device);
  Device device;
  device.dns_name = toLower(name);
  device.own_name = true;
  const auto labels = split(*device.dns_name, '.');
  // What looks like a name of AWS or an address with a slip in it is not looked up as a host.
  const bool slip = std::any_of(labels.begin(), labels.end(), isFileSystemId) ||
                    name.starts_with("fs-") ||
                    std::all_of(labels.back().begin(), labels.back().end(), isDigit);
  const bool good = name.size() <= kMaxName && !slip && labels[0].front() != '-' &&
                    std::all_of(labels.begin(), labels.end(), isLabel);
  if (good) return device;
  return badDevice(text, facts);
}

Status parseResource(std::string_view resource, Device& device) {
  const auto slash = resource.find('/');
  const std::string_view kind = resource.substr(0, slash);
  const std::string_view id = slash == std::string_view::npos ? "" : resource.substr(slash + 1);
  if (kind == "file-system" && isFileSystemId(id)) {
    device.fs_id = id;
    return {};
  }
  if (kind == "access-point" && identity::isAccessPointId(id)) {
    device.access_point = id;
    return {};
  }
  return Error(ErrorKind::kInvalidInput,
               "the ARN does not name a file system or access point: " + printable(resource, 100))
      .addHint("it must end in file-system/fs-... or access-point/fsap-...");
}

struct Split {
  std::string_view remote, path;
};

// At the first colon behind `from`.
Split splitAt(std::string_view text, std::size_t from) {
  const auto colon = text.find(':', from);
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// arn:<partition>:<service>:<region>:<account>:<resource>
Result<Device> parseArn(std::string_view arn, const KindFacts& facts) {
  const auto words = split(arn, ':');
  const bool form = words.size() == 6 && words[2] == facts.service && isLabel(words[3]) &&
                    words[4].size() == 12 && std::all_of(words[4].begin(), words[4].end(), isDigit);
  if (!form) {
    Error error(ErrorKind::kInvalidInput,
                "\"" + printable(arn) + "\" is not the ARN of " + article(facts) + " resource");
    const std::string other = otherType(arn, facts);
    if (!other.empty()) return error.addHint("mount it with -t " + other);
    return error.addHint("expected arn:aws:" + std::string(facts.service) +
                         ":<region>:<account>:file-system/fs-0123456789abcdef0");
  }
  const auto partition = aws::partitionOf(words[3]).id;
  if (words[1] != partition) {
    return Error(ErrorKind::kInvalidInput, "the ARN names partition " + printable(words[1], 40) +
                                               ", but region " + words[3] + " is in " +
                                               std::string(partition));
  }
  Device device;
  device.arn_region = words[3];
  EFS_CHECK(parseResource(words[5], device));
  return device;
}

std::size_t endOfArn(std::string_view text) {
  std::size_t at = 0;
  for (int colons = 0; colons < 5 && at != std::string_view::npos; ++colons) {
    at = text.find(':', at + (colons == 0 ? 0 : 1));
  }
  return at == std::string_view::npos ? text.size() : at + 1;
}

Result<Device> parseBracketed(std::string_view text, std::string_view& path,
                              const KindFacts& facts) {
  const auto end = text.find(']');
  const std::string_view inner = end == std::string_view::npos ? "" : text.substr(1, end - 1);
  const std::string_view behind = end == std::string_view::npos ? "" : text.substr(end + 1);
  if (!net::isIpLiteral(inner) || inner.find(':') == std::string_view::npos ||
      (!behind.empty() && behind.front() != ':')) {
    return badDevice(text, facts);
  }
  path = behind.empty() ? behind : behind.substr(1);
  Device device;
  device.address = inner;
  return device;
}

Result<Device> parseRemote(std::string_view text, std::string_view& path, const KindFacts& facts) {
  if (text.starts_with("[")) return parseBracketed(text, path, facts);
  if (net::isIpLiteral(text.substr(0, text.find(":/"))) &&
      text.substr(0, text.find(":/")).find(':') != std::string_view::npos) {
    return badDevice(text, facts).addHint("put an IPv6 address into brackets");
  }
  const auto parts = splitAt(text, text.starts_with("arn:") ? endOfArn(text) : 0);
  path = parts.path;
  if (text.starts_with("arn:")) return parseArn(parts.remote, facts);
  Device device;
  if (isFileSystemId(parts.remote)) {
    device.fs_id = parts.remote;
    return device;
  }
  if (net::isIpLiteral(parts.remote)) {
    device.address = parts.remote;
    return device;
  }
  return parseName(parts.remote, text, facts);
}

}  // namespace

bool isFileSystemId(std::string_view text) {
  constexpr std::string_view kPrefix = "fs-";
  return text.substr(0, kPrefix.size()) == kPrefix && text.size() > kPrefix.size() &&
         text.size() <= 63 && std::all_of(text.begin() + kPrefix.size(), text.end(), isHexDigit);
}

std::string idDoubt(std::string_view fs_id) {
  const std::size_t digits = fs_id.size() - std::min<std::size_t>(fs_id.size(), 3);
  if (digits == kDigits || digits == kOldDigits) return {};
  return std::string(fs_id) + " has " + std::to_string(digits) +
         " digits, an id has 17 (old ones 8)";
}

Result<Device> parseDevice(std::string_view text, FileSystemKind kind) {
  std::string_view path;
  // Some of these could be looked up as names of hosts; nobody has such a host.
  if (!deviceSlip(text).empty()) return badDevice(text, factsOf(kind));
  EFS_TRY(device, parseRemote(text, path, factsOf(kind)));
  if (path.size() > kMaxPath) {
    return Error(ErrorKind::kInvalidInput, "path after ':' is longer than 4096 characters");
  }
  if (!path.empty())
    device.path = path.front() == '/' ? std::string(path) : "/" + std::string(path);
  return device;
}

Result<Device> withCanonicalName(Device device, const std::string& canonical_name,
                                 FileSystemKind kind) {
  const KindFacts& facts = factsOf(kind);
  auto known = parseAwsName(canonical_name, facts);
  if (!known) {
    return Error(ErrorKind::kInvalidInput, printable(device.dns_name.value_or("")) +
                                               " did not resolve to a valid DNS name for " +
                                               std::string(facts.product) + ": " +
                                               printable(canonical_name))
        .addHint(
            "give the file system with the mount option fsid=fs-..., or make the name a CNAME of " +
            exampleName(facts));
  }
  known->path = std::move(device.path);
  return std::move(*known);
}

}  // namespace efs::mount_helper

#include "efs/mount_helper/device.h"

#include <algorithm>
#include <vector>

#include "efs/base/text.h"

namespace efs::mount_helper {
namespace {

constexpr std::size_t kMaxPath = 4096;  // PATH_MAX

bool isHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool isLabel(std::string_view label) {
  return !label.empty() && label.size() <= 63 &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

Error badDevice(std::string_view text) {
  return Error(ErrorKind::kInvalidInput,
               "\"" + printable(text) + "\" is not an EFS file system id or DNS name")
      .addHint(
          "expected fs-0123456789abcdef0, fs-0123456789abcdef0:/path or "
          "fs-0123456789abcdef0.efs.<region>.amazonaws.com:/path");
}

// [<az>.]fs-<hex>.efs.<region>.<suffix...>
Result<Device> parseName(std::string_view name, std::string_view text) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  const std::vector<std::string> labels = split(name, '.');
  const std::size_t id = !labels.empty() && isFileSystemId(labels[0]) ? 0 : 1;
  if (labels.size() < id + 5 || !isFileSystemId(labels[id]) || labels[id + 1] != "efs" ||
      !std::all_of(labels.begin(), labels.end(), isLabel)) {
    return badDevice(text);
  }
  Device device;
  device.fs_id = labels[id];
  device.dns_name = name;
  if (id == 1) device.az = labels[0];
  device.region = labels[id + 2];
  return device;
}

}  // namespace

bool isFileSystemId(std::string_view text) {
  constexpr std::string_view kPrefix = "fs-";
  return text.substr(0, kPrefix.size()) == kPrefix && text.size() > kPrefix.size() &&
         text.size() <= 63 && std::all_of(text.begin() + kPrefix.size(), text.end(), isHexDigit);
}

Result<Device> parseDevice(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view remote = text.substr(0, colon);
  const std::string_view path =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  Device device;
  if (isFileSystemId(remote)) {
    device.fs_id = remote;
  } else {
    EFS_TRY(named, parseName(remote, text));
    device = std::move(named);
  }
  if (path.size() > kMaxPath) {
    return Error(ErrorKind::kInvalidInput, "path after ':' is longer than 4096 characters");
  }
  if (!path.empty())
    device.path = path.front() == '/' ? std::string(path) : "/" + std::string(path);
  return device;
}

}  // namespace efs::mount_helper

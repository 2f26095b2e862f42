// FileSystemKind: the two kinds of file systems that are mounted, and every name by which they
// differ. No other file holds one of these names (tests/tidy). Source: contract sections 1, 8, 11,
// 17, 21.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace efs {

enum class FileSystemKind { kEfs, kS3Files };

struct KindFacts {
  FileSystemKind kind;
  std::string_view type;  // of mount(8) and fstab(5); its helpers are mount.<type>, umount.<type>
  std::string_view product;  // for people
  std::string_view service;  // in signatures, ARNs, policies, and `service_type` of a state file
  std::string_view label;    // in DNS names: <zone>.<fs id>.<label>.<region>.<suffix>
  std::string_view zone;     // placeholder of dns_name_format for the zone: its name, or its id
  std::string_view config;   // file in /etc/amazon/efs
  std::string_view dns_name_suffix;  // where the configuration has none
  std::string_view nfs_version;      // where the options have none
};

inline constexpr std::array<KindFacts, 2> kFileSystemKinds{{
    {FileSystemKind::kEfs, "efs", "EFS", "elasticfilesystem", "efs", "az", "efs-utils.conf",
     "amazonaws.com", "4.1"},
    {FileSystemKind::kS3Files, "s3files", "S3 Files", "s3files", "s3files", "az_id",
     "s3files-utils.conf", "on.aws", "4.2"},
}};

constexpr const KindFacts& factsOf(FileSystemKind kind) {
  return kFileSystemKinds[kind == FileSystemKind::kEfs ? 0 : 1];
}

// By the name a helper was called by ("/sbin/mount.s3files"); kEfs for any other name.
FileSystemKind kindOfHelper(std::string_view program);
// By the type of mount(8) or by the service; nullopt: of neither.
std::optional<FileSystemKind> kindOfType(std::string_view type);
std::optional<FileSystemKind> kindOfService(std::string_view service);
// By a name of a mount target: "fs-1.s3files.us-east-1.on.aws". kEfs for any other name, as it is
// for the user's own.
FileSystemKind kindOfTargetName(std::string_view name);
// Whether the text holds the label of a kind between dots, as names of mount targets do.
bool namesMountTarget(std::string_view text);

// As configurations are shipped with: "{az}.{fs_id}.<label>.{region}.{dns_name_suffix}".
std::string shippedNameFormat(FileSystemKind kind);

}  // namespace efs

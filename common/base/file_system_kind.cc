#include "efs/base/file_system_kind.h"

#include <algorithm>

namespace efs {
namespace {

std::string between(std::string_view label) { return "." + std::string(label) + "."; }

std::optional<FileSystemKind> kindBy(std::string_view KindFacts::*name, std::string_view value) {
  const auto found = std::find_if(kFileSystemKinds.begin(), kFileSystemKinds.end(),
                                  [&](const KindFacts& facts) { return facts.*name == value; });
  if (found == kFileSystemKinds.end()) return std::nullopt;
  return found->kind;
}

}  // namespace

FileSystemKind kindOfHelper(std::string_view program) {
  const std::string_view name = program.substr(program.rfind('/') + 1);
  return kindOfType(name.substr(name.rfind('.') + 1)).value_or(FileSystemKind::kEfs);
}

std::optional<FileSystemKind> kindOfType(std::string_view type) {
  return kindBy(&KindFacts::type, type);
}

std::optional<FileSystemKind> kindOfService(std::string_view service) {
  return kindBy(&KindFacts::service, service);
}

FileSystemKind kindOfTargetName(std::string_view name) {
  const std::string label = between(factsOf(FileSystemKind::kS3Files).label);
  return name.find(label) == std::string_view::npos ? FileSystemKind::kEfs
                                                    : FileSystemKind::kS3Files;
}

bool namesMountTarget(std::string_view text) {
  return std::any_of(kFileSystemKinds.begin(), kFileSystemKinds.end(), [&](const auto& facts) {
    return text.find(between(facts.label)) != std::string_view::npos;
  });
}

std::string shippedNameFormat(FileSystemKind kind) {
  const KindFacts& facts = factsOf(kind);
  return "{" + std::string(facts.zone) + "}.{fs_id}" + between(facts.label) +
         "{region}.{dns_name_suffix}";
}

}  // namespace efs

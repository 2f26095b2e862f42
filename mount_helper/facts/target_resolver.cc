#include "facts/target_resolver.h"

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "request/device.h"

namespace efs::mount_helper {
namespace {

// The resolver's messages name the name; ours do so already.
std::string withoutName(const Error& error, const std::string& name) {
  const std::string prefix = "resolving \"" + name + "\": ";
  const std::string& text = error.message();
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

}  // namespace

Result<std::string> formatDnsName(const settings::MountSettings& settings, const std::string& fs_id,
                                  const std::string& region,
                                  const std::optional<std::string>& zone) {
  std::string name = settings.dns_name_format;
  if (name.empty()) {
    return Error(ErrorKind::kInvalidInput,
                 "configuration: dns_name_format is missing in section [mount]")
        .addHint("the shipped value is " + shippedNameFormat(settings.kind));
  }
  if (name.find("{fs_id}") == std::string::npos) {
    return Error(ErrorKind::kInvalidInput,
                 "config key dns_name_format: \"" + printable(name) + "\" must contain {fs_id}");
  }
  const std::string place = "{" + std::string(factsOf(settings.kind).zone) + "}";
  name = zone ? replaceAll(name, place, *zone)
              : replaceAll(replaceAll(name, place + ".", ""), place, "");
  name = replaceAll(name, "{fs_id}", fs_id);
  name = replaceAll(name, "{region}", region);
  name = replaceAll(name, "{dns_name_suffix}", settings.dns_name_suffix);
  if (name.find_first_of("{}") != std::string::npos) {
    return Error(ErrorKind::kInvalidInput, "config key dns_name_format: unknown placeholder in \"" +
                                               printable(settings.dns_name_format) + "\"")
        .addHint("known are " + place + ", {fs_id}, {region} and {dns_name_suffix}");
  }
  return name;
}

Result<std::vector<NameCandidate>> nameCandidates(const TargetQuestion& question,
                                                  const settings::MountSettings& settings) {
  std::vector<NameCandidate> list;
  const auto add = [&](const std::optional<std::string>& az) -> Status {
    EFS_TRY(name, formatDnsName(settings, question.fs_id, question.region, az));
    if (list.empty() || list.back().name != name) list.push_back({std::move(name), az});
    return {};
  };
  if (question.cross_account) {
    EFS_CHECK(add(std::nullopt));
    list[0].name = *question.cross_account + "." + list[0].name;
    return list;
  }
  // Names of S3 Files are those of one zone each: there is no regional one.
  if (settings.kind == FileSystemKind::kS3Files) {
    EFS_CHECK(add(question.zone_id));
    return list;
  }
  if (question.wanted_az) {
    EFS_CHECK(add(question.wanted_az));
    return list;
  }
  const bool per_az = settings.dns_name_format.find("{az}") != std::string::npos;
  if (question.own_az && per_az) EFS_CHECK(add(question.own_az));
  EFS_CHECK(add(std::nullopt));
  return list;
}

Result<MountTarget> findMountTarget(const TargetQuestion& question,
                                    const settings::MountSettings& settings,
                                    const ResolveName& resolve, const Clock& clock) {
  EFS_TRY(list, nameCandidates(question, settings));
  std::vector<std::string> failures;
  ErrorKind kind = ErrorKind::kNotFound;
  for (const NameCandidate& candidate : list) {
    const MonoTime begin = clock.monotonic();
    auto found = resolve(candidate.name);
    const auto took = std::chrono::duration_cast<Duration>(clock.monotonic() - begin).count();
    if (found && !found->empty()) {
      log::info("mount target {} is {} ({} ms)", candidate.name, join(*found, ", "), took);
      return MountTarget{candidate.name, candidate.az, found->front()};
    }
    const std::string reason = found ? "no address" : withoutName(found.error(), candidate.name);
    if (!found) kind = found.error().kind();
    log::info("mount target {} not found: {} ({} ms)", candidate.name, reason, took);
    failures.push_back("Failed to resolve \"" + candidate.name + "\": " + reason);
    if (kind == ErrorKind::kCancelled) break;
  }
  Error error(kind, join(failures, "; "));
  const auto& zone = question.zone_id ? question.zone_id : question.wanted_az;
  if (kind == ErrorKind::kNotFound) {
    const std::string doubt = idDoubt(question.fs_id);
    error.addHint((doubt.empty() ? "" : doubt + "; ") + "check the file system id and region " +
                  question.region + ", that a mount target exists" +
                  (zone ? " in " + *zone : std::string()) +
                  ", and that the VPC has DNS hostnames enabled; see "
                  "https://docs.aws.amazon.com/console/efs/mount-dns-name");
  } else if (kind == ErrorKind::kIo) {
    error.addHint("nobody was asked: this process lacks descriptors or memory (ulimit -n)");
  } else {
    error.addHint("no DNS server answered; check /etc/resolv.conf and the network");
  }
  return error;
}

}  // namespace efs::mount_helper

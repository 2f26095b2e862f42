#include "doctor/doctor_target.h"

#include <algorithm>

#include "efs/base/text.h"
#include "efs/tunnel_control/tunnel_command.h"

namespace efs::efsctl {
namespace {

DoctorTarget targetOf(const FstabLine& line) {
  const std::string from = line.number == 0
                               ? "the line given"
                               : "line " + std::to_string(line.number) + " of " + kFstabPath;
  return {line.mountpoint, line.device, line.mountpoint, line.options, from, line.kind};
}

// What a state file tells of the options of its mount.
DoctorTarget targetOf(const state::MountState& state) {
  std::vector<std::string> options;
  const auto command = tunnel_control::TunnelCommand::parse(state.cmd);
  if (command && command->tls) options.push_back("tls");
  if (!state.access_point.empty()) options.push_back("accesspoint=" + state.access_point);
  const std::string& method = state.aws_credentials_method;
  if (!method.empty()) options.push_back("iam");
  constexpr std::string_view kProfile = "credentials:";
  if (method.starts_with(kProfile) && method != "credentials:default") {
    options.push_back("awsprofile=" + method.substr(kProfile.size()));
  }
  if (!state.region.empty()) options.push_back("region=" + state.region);
  if (command && !command->netns.empty()) options.push_back("netns=" + command->netns);
  return {state.mountpoint,
          state.fs_id + ":/",
          "",
          join(options, ","),
          "the state of the mount",
          kindOfService(state.service_type).value_or(FileSystemKind::kEfs)};
}

bool isOf(const FstabLine& line, const std::string& fs_id) {
  return line.device.find(fs_id) != std::string::npos;
}

std::vector<DoctorTarget> allOf(const KnownMounts& known) {
  std::vector<DoctorTarget> targets;
  for (const auto& line : known.lines) targets.push_back(targetOf(line));
  for (const auto& state : known.states) {
    const bool told =
        std::any_of(known.lines.begin(), known.lines.end(),
                    [&](const FstabLine& line) { return line.mountpoint == state.mountpoint; });
    if (!told) targets.push_back(targetOf(state));
  }
  return targets;
}

Result<DoctorTarget> ofMountPoint(const std::string& path, const KnownMounts& known) {
  for (const auto& state : known.states) {
    if (state.mountpoint == path) return targetOf(state);
  }
  for (const auto& line : known.lines) {
    if (line.mountpoint == path) return targetOf(line);
  }
  return Error(ErrorKind::kNotFound,
               printable(path) + " is neither an EFS mount nor in " + kFstabPath)
      .addHint("name the file system as well: efsctl doctor -o tls fs-... " + printable(path));
}

Result<DoctorTarget> ofAccessPoint(const std::string& id, const KnownMounts& known) {
  for (const auto& line : known.lines) {
    if (line.has("accesspoint=" + id)) return targetOf(line);
  }
  for (const auto& state : known.states) {
    if (state.access_point == id) return targetOf(state);
  }
  return Error(ErrorKind::kNotFound,
               "no mount and no line of fstab uses access point " + printable(id))
      .addHint("name its file system: efsctl doctor -o tls,accesspoint=" + printable(id) +
               " fs-...");
}

// A file system: with the options of its line in fstab, if it has one, else with tls.
DoctorTarget ofDevice(const std::string& device, FileSystemKind kind, const KnownMounts& known) {
  for (const auto& line : known.lines) {
    if (isOf(line, device)) return targetOf(line);
  }
  return {device, device, "", "tls", "the command line, with option tls", kind};
}

Result<DoctorTarget> ofOneWord(const DoctorWords& words, const KnownMounts& known) {
  const std::string& word = words.names[0];
  const auto lines = efsLines(word);
  if (!lines.empty()) {
    FstabLine line = lines[0];
    line.number = 0;
    return targetOf(line);
  }
  if (word.find_first_of(" \t") != std::string::npos) {
    return Error(ErrorKind::kInvalidInput,
                 "\"" + printable(word) + "\" is no line of fstab for type efs or s3files")
        .addHint("it has at least four fields: device, mount point, type, options");
  }
  if (words.options) {
    return DoctorTarget{word, word, "", *words.options, "the command line", words.kind};
  }
  if (word.starts_with("/")) return ofMountPoint(word, known);
  if (word.starts_with("fsap-")) return ofAccessPoint(word, known);
  return ofDevice(word, words.kind, known);
}

}  // namespace

Result<std::vector<DoctorTarget>> doctorTargets(const DoctorWords& words,
                                                const KnownMounts& known) {
  if (words.all) return allOf(known);
  if (words.names.empty()) return std::vector<DoctorTarget>();
  if (words.names.size() == 1) {
    EFS_TRY(target, ofOneWord(words, known));
    return std::vector<DoctorTarget>{std::move(target)};
  }
  return std::vector<DoctorTarget>{{words.names[0], words.names[0], words.names[1],
                                    words.options.value_or(""), "the command line", words.kind}};
}

}  // namespace efs::efsctl

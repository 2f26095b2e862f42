#include "doctor/host_checks.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <array>

#include "doctor/fstab.h"
#include "efs/aws/imds.h"
#include "efs/base/environment.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/efsctl/status.h"
#include "efs/http/http_client.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/net/socket.h"
#include "efs/state/state_store.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "request/mount_request.h"
#include "request/option_spelling.h"

namespace efs::efsctl {
namespace {

// Who mounts none needs no file.
void checkS3FilesConfiguration(const DoctorWorld& world, Reporter& report) {
  const std::string path = settings::configPath(FileSystemKind::kS3Files);
  if (!fileExists(path)) return;
  if (!world.s3files_settings) {
    return report.fail(world.s3files_settings.error(),
                       "correct the line; config/README.md has every key");
  }
  for (const auto& warning : world.s3files_settings->warnings) {
    report.warn(warning, "correct it in " + path);
  }
  if (world.s3files_settings->warnings.empty()) report.pass(path + " is in order");
}

void checkConfiguration(const DoctorWorld& world, Reporter& report) {
  if (!world.settings) {
    return report.fail(world.settings.error(), "correct the line; config/README.md has every key");
  }
  const auto& settings = *world.settings;
  if (!fileExists(settings::kConfigPath)) {
    return report.fail(std::string(settings::kConfigPath) + " is missing",
                       "install it from the package, or copy config/efs-utils.conf there");
  }
  for (const auto& warning : settings.warnings) {
    report.warn(warning, std::string("correct it in ") + settings::kConfigPath);
  }
  if (settings.mount.dns_name_format.empty()) {
    return report.fail("key dns_name_format of section [mount] is missing",
                       "the shipped value is " + shippedNameFormat(FileSystemKind::kEfs));
  }
  if (settings.warnings.empty()) report.pass(std::string(settings::kConfigPath) + " is in order");
  checkS3FilesConfiguration(world, report);
}

void checkKernel(Reporter& report) {
  const auto known = readFile("/proc/filesystems");
  if (known && known->find("\tnfs4\n") != std::string::npos) {
    return report.pass("the NFSv4 client is there");
  }
  const std::string hint = mounts::missingNfsHint();
  if (hint.find("modprobe") != std::string::npos) {
    return report.pass("the NFSv4 client is a module that the first mount loads");
  }
  report.fail("this kernel has no NFSv4 client", hint);
}

void checkPrograms(Reporter& report) {
  const auto tunnel = tunnel_control::findTunnelBinary();
  if (!tunnel) return report.fail(tunnel.error(), "install the package completely");
  constexpr std::array kOthers = {"amazon-efs-mount-watchdog", "efs-log-writer"};
  for (const char* name : kOthers) {
    if (tunnel_control::findProgram(name)) continue;
    return report.warn(std::string(name) + " is not installed",
                       "install the package completely: without it a dead tunnel stays dead");
  }
  report.pass(*tunnel + " and what belongs to it");
}

bool isUp(const char* name) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return true;
  bool up = false;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    up = up || (std::string_view(entry->ifa_name) == name && (entry->ifa_flags & IFF_UP) != 0 &&
                entry->ifa_addr != nullptr && entry->ifa_addr->sa_family == AF_INET);
  }
  ::freeifaddrs(list);
  return up;
}

void checkLoopback(Reporter& report) {
  if (isUp("lo")) return report.pass("lo is up: the kernel reaches the tunnels");
  report.fail("the interface lo is down: the kernel cannot reach any tunnel", "ip link set lo up");
}

void checkPorts(const DoctorWorld& world, Reporter& report) {
  if (!world.settings) return report.skip("no configuration");
  const auto& mount = world.settings->mount;
  if (mount.port_lower == 0 || mount.port_upper == 0) {
    return report.fail("port_range_lower_bound or port_range_upper_bound is missing",
                       "the shipped values are 20049 and 21049");
  }
  const state::StateStore store(world.state_dir);
  const auto listener = net::listenInRange(mount.port_lower, mount.port_upper,
                                           [&](int port) { return store.portReserved(port); });
  if (!listener) {
    return report.fail(listener.error().message(),
                       "each mount needs a local port: widen port_range_lower_bound to "
                       "port_range_upper_bound, or unmount what is not needed");
  }
  report.pass(
      fmt::format("local ports {} to {} have room", mount.port_lower, mount.port_upper - 1));
}

void checkMetadata(const DoctorWorld& world, Reporter& report) {
  if (aws::imdsDisabled(environmentVariable))
    return report.skip("AWS_EC2_METADATA_DISABLED is set");
  const bool no_token = world.settings && world.settings->mount.disable_ec2_metadata_token;
  const auto http = http::makeHttpClient();
  auto imds = aws::ImdsClient::fromEnvironment(*http, environmentVariable, no_token);
  const auto identity = imds.identity();
  if (identity) {
    return report.pass(fmt::format("instance {} in {} of {}",
                                   identity->instance_id.empty() ? "?" : identity->instance_id,
                                   identity->availability_zone, identity->region));
  }
  const bool needed = !world.settings || !world.settings->mount.region;
  const bool chosen =
      environmentVariable("AWS_REGION") || environmentVariable("AWS_DEFAULT_REGION");
  if (!needed || chosen) return report.skip("does not answer, and the region is configured");
  report.warn(
      "the metadata service does not answer: " + identity.error().message(),
      "no EC2 instance, a container behind a hop limit of 1, or IMDS is off: name the region "
      "with the mount option region or key region of [mount]");
}

void tellMount(const MountReport& mount, Reporter& report) {
  const std::string name = mount.mount_point.empty() ? mount.name : printable(mount.mount_point);
  if (mount.problem.empty()) return report.pass(name + ": " + conditionName(mount.condition));
  report.fail(name + ": " + mount.problem,
              "see /var/log/amazon/efs/mount-watchdog.log; `efsctl doctor " + name +
                  "` looks at its way to the server");
}

void checkMounts(const DoctorWorld& world, Reporter& report) {
  StatusOptions options;
  options.state_dir = world.state_dir;
  const auto facts = gatherStatus(options, world.clock);
  if (!facts) return report.fail(facts.error(), "look at the rights of " + world.state_dir);
  const StatusReport status = judgeStatus(*facts);
  report.begin("watchdog");
  if (status.watchdog_problem.empty()) {
    report.pass(fmt::format("runs, process {}", status.watchdog_pid.value_or(0)));
  } else if (status.mounts.empty()) {
    report.pass("none runs, and nothing is mounted; the first mount starts it");
  } else {
    report.fail(
        status.watchdog_problem,
        "systemctl start amazon-efs-mount-watchdog; without systemd the next mount starts it");
  }
  report.begin("mounts");
  if (status.mounts.empty()) return report.pass("none of EFS");
  for (const auto& mount : status.mounts) tellMount(mount, report);
}

void checkLine(const FstabLine& line, Reporter& report) {
  const std::string where = fmt::format("line {}: ", line.number);
  mount_helper::CommandLine command;
  command.device = line.device;
  command.mountpoint = line.mountpoint;
  command.options = line.options;
  command.kind = line.kind;
  const auto request = mount_helper::makeMountRequest(command);
  if (!request)
    return report.fail(Error(request.error()).addContext(fmt::format("line {}", line.number)),
                       "mount.efs(8) has the options and the forms of a device");
  const std::string doubt = mount_helper::spellingHint(request->nfs_options, request->kind);
  if (!doubt.empty()) {
    return report.fail(where + doubt, std::string("the kernel refuses it: correct ") + kFstabPath);
  }
  const auto advice = adviceFor(line);
  for (const auto& one : advice) report.warn(where + one.seen, one.todo);
  if (advice.empty()) report.pass(where + printable(line.mountpoint) + " is in order");
}

void checkFstab(const DoctorWorld& world, Reporter& report) {
  const auto text = readFile(world.fstab);
  if (!text) return report.skip(text.error().message());
  const auto lines = efsLines(*text);
  if (lines.empty()) return report.skip("no line of type efs or s3files");
  for (const auto& line : lines) checkLine(line, report);
}

void checkLeftovers(const DoctorWorld& world, Reporter& report) {
  const state::StateStore store(world.state_dir);
  const auto pending = store.pendingNames();
  if (!pending) return report.skip(pending.error().message());
  for (const auto& name : *pending) {
    if (store.pendingHeld(name) != false) continue;
    report.warn("a mount that nobody makes any more: ~" + name,
                "a running watchdog removes it; without one, start it");
  }
  report.pass(fmt::format("{} mounts are being made", pending->size()));
}

}  // namespace

std::vector<Check> hostChecks(const DoctorWorld& world) {
  return {
      {"configuration", "", [&](Reporter& report) { checkConfiguration(world, report); }},
      {"kernel", "", [](Reporter& report) { checkKernel(report); }},
      {"programs", "", [](Reporter& report) { checkPrograms(report); }},
      {"loopback", "", [](Reporter& report) { checkLoopback(report); }},
      {"local ports", "", [&](Reporter& report) { checkPorts(world, report); }},
      {"metadata service", "", [&](Reporter& report) { checkMetadata(world, report); }},
      {"watchdog", "", [&](Reporter& report) { checkMounts(world, report); }},
      {"leftovers", "", [&](Reporter& report) { checkLeftovers(world, report); }},
      {"fstab", "", [&](Reporter& report) { checkFstab(world, report); }},
  };
}

}  // namespace efs::efsctl

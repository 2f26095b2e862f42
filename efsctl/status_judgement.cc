#include <algorithm>

#include "efs/base/nfs_port.h"
#include "efs/base/text.h"
#include "efs/efsctl/status.h"
#include "efs/tunnel_control/tunnel_command.h"

namespace efs::efsctl {
namespace {

// A call may wait for a slow server; longer than this it is worth a look (issue: hang detection).
constexpr Duration kCallTooOld{15000};
// One refused attempt is repaired by the next.
constexpr Duration kServerAwayTooLong{5000};

// The tunnel runs: what it, and we, see of the mount.
MountCondition judgeRunning(const SeenMount& mount, const MountReport& report, bool table_read) {
  if (report.unreachable_for.value_or(Duration(0)) >= kServerAwayTooLong) {
    return MountCondition::kAway;
  }
  if (report.oldest_call.value_or(Duration(0)) >= kCallTooOld) return MountCondition::kHung;
  const bool elsewhere = table_read && mount.mount_points.empty();
  return elsewhere ? MountCondition::kForeignNamespace : MountCondition::kMounted;
}

MountCondition judgeCondition(const SeenMount& mount, const MountReport& report, bool supervised,
                              bool table_read) {
  if (mount.direct) return MountCondition::kDirect;
  if (mount.pending) return MountCondition::kPending;
  if (mount.mounted == Seen::kNo) return MountCondition::kUnmounting;
  if (mount.mounted == Seen::kUnknown) return MountCondition::kUnknown;
  if (mount.tunnel_pid) return judgeRunning(mount, report, table_read);
  return supervised && mount.last_error.empty() ? MountCondition::kRecovering
                                                : MountCondition::kTunnelDown;
}

std::string tunnelProblem(const MountReport& report) {
  if (report.condition == MountCondition::kTunnelDown) {
    return report.last_error.empty() ? "its tunnel is dead and nobody replaces it"
                                     : "its tunnel is dead: " + report.last_error;
  }
  if (report.condition == MountCondition::kRecovering) return "its tunnel is being replaced";
  if (report.condition == MountCondition::kUnknown) return "the mount table cannot be read";
  return {};
}

std::string certificateProblem(const SeenMount& mount, const MountReport& report, WallTime now) {
  const bool wanted = mount.state && !mount.state->certificate.empty();
  if (!wanted || report.condition == MountCondition::kPending) return {};
  if (!mount.certificate_ends) return "its client certificate cannot be read";
  if (*mount.certificate_ends <= now) return "its client certificate has expired";
  return {};
}

// The tunnel runs, but its server gives nothing.
std::string serverProblem(const MountReport& report) {
  const auto seconds = [](Duration time) { return std::to_string(time.count() / 1000) + " s"; };
  if (report.unreachable_for && *report.unreachable_for >= kServerAwayTooLong) {
    return "its mount target has not been reached for " + seconds(*report.unreachable_for);
  }
  if (report.oldest_call && *report.oldest_call >= kCallTooOld) {
    return "a call has waited for " + seconds(*report.oldest_call);
  }
  return {};
}

std::string judgeProblem(const SeenMount& mount, const MountReport& report, WallTime now) {
  // What goes away needs nothing any more; what has no tunnel of ours cannot be judged.
  const bool judged = report.condition != MountCondition::kUnmounting &&
                      report.condition != MountCondition::kDirect;
  if (!judged) return {};
  if (std::string tunnel = tunnelProblem(report); !tunnel.empty()) return tunnel;
  if (!mount.state) return "its state file cannot be read";
  if (std::string trouble = certificateProblem(mount, report, now); !trouble.empty()) {
    return trouble;
  }
  if (std::string trouble = serverProblem(report); !trouble.empty()) return trouble;
  return mount.last_error;
}

// "us-east-1a.fs-1.efs.us-east-1.amazonaws.com" -> "us-east-1a"; a zone's id before the name of S3
// Files.
std::string zoneOf(const std::string& host, const std::string& region) {
  std::string label = host.substr(0, host.find('.'));
  if (kindOfTargetName(host) == FileSystemKind::kS3Files && !label.starts_with("fs-")) return label;
  const bool is_zone = !region.empty() && label.size() > region.size() &&
                       label.compare(0, region.size(), region) == 0;
  return is_zone ? label : std::string();
}

void takeCounters(const SeenMount& mount, MountReport& report, MonoTime now) {
  if (!mount.counters) return;
  const auto& numbers = mount.counters->numbers;
  const auto since = [now](std::uint64_t time) {
    return time == 0 ? std::optional<Duration>() : tunnel_control::countersAge(time, now);
  };
  report.oldest_call = since(numbers.oldest_call);
  report.unreachable_for = since(numbers.unreachable_since);
  report.server_address = mount.counters->facts.upstream;
  report.cipher = mount.counters->facts.tls;
}

void takeDirect(const DirectMount& direct, MountReport& report) {
  report.file_system = direct.file_system;
  report.mount_target = direct.host;
  report.server_address = direct.address;
  report.region = direct.region;
  report.port = kNfsPort;
}

MountReport judgeMount(const SeenMount& mount, bool supervised, const StatusFacts& all) {
  MountReport report;
  report.name = mount.name;
  if (const auto parsed = state::parseMountName(mount.name)) {
    report.file_system = parsed->fs_id;
    report.port = parsed->port;
  }
  if (mount.tunnel_config) {
    report.mount_target = mount.tunnel_config->connect_host;
    report.region = mount.tunnel_config->region;
  }
  if (mount.state) {
    report.access_point = mount.state->access_point;
    if (const auto kind = kindOfService(mount.state->service_type)) {
      report.type = factsOf(*kind).type;
    }
    report.mount_point = mount.state->mountpoint;
    if (report.region.empty()) report.region = mount.state->region;
    const auto command = tunnel_control::TunnelCommand::parse(mount.state->cmd);
    report.tls = command && command->tls;
  }
  if (mount.direct) takeDirect(*mount.direct, report);
  report.availability_zone = zoneOf(report.mount_target, report.region);
  if (!mount.mount_points.empty()) {
    report.mount_point = mount.mount_points.front();
    report.also_mounted_at.assign(mount.mount_points.begin() + 1, mount.mount_points.end());
  }
  report.tunnel_pid = mount.tunnel_pid;
  report.certificate_ends = mount.certificate_ends;
  report.restarts = mount.restarts;
  takeCounters(mount, report, all.now_monotonic);
  report.last_error = mount.last_error;
  // What the tunnel met last is worth a look as long as it lasts.
  if (report.last_error.empty() && report.unreachable_for && mount.counters) {
    report.last_error = mount.counters->facts.error;
  }
  report.condition = judgeCondition(mount, report, supervised, all.table_read);
  report.problem = judgeProblem(mount, report, all.now);
  return report;
}

}  // namespace

const char* conditionName(MountCondition condition) {
  switch (condition) {
    case MountCondition::kMounted:
      return "mounted";
    case MountCondition::kHung:
      return "hung";
    case MountCondition::kAway:
      return "away";
    case MountCondition::kForeignNamespace:
      return "foreign_namespace";
    case MountCondition::kDirect:
      return "direct";
    case MountCondition::kTunnelDown:
      return "tunnel_down";
    case MountCondition::kRecovering:
      return "recovering";
    case MountCondition::kUnmounting:
      return "unmounting";
    case MountCondition::kPending:
      return "pending";
    case MountCondition::kUnknown:
      break;
  }
  return "unknown";
}

bool StatusReport::healthy() const {
  return watchdog_problem.empty() &&
         std::all_of(mounts.begin(), mounts.end(),
                     [](const auto& mount) { return mount.problem.empty(); });
}

StatusReport judgeStatus(const StatusFacts& facts) {
  StatusReport report;
  report.now = facts.now;
  if (facts.watchdog) {
    report.watchdog_pid = facts.watchdog->pid;
    report.watchdog_version = facts.watchdog->version;
    if (!facts.watchdog->idle.empty()) {
      report.watchdog_problem = "the watchdog does nothing: " + facts.watchdog->idle;
    }
  } else {
    report.watchdog_problem =
        "no watchdog answers, a dead tunnel is not replaced: " + facts.watchdog_error;
  }
  const bool supervised = report.watchdog_problem.empty();
  for (const auto& mount : facts.mounts) {
    report.mounts.push_back(judgeMount(mount, supervised, facts));
  }
  std::sort(report.mounts.begin(), report.mounts.end(), [](const auto& a, const auto& b) {
    return std::tie(a.mount_point, a.name) < std::tie(b.mount_point, b.name);
  });
  return report;
}

void keepOnly(StatusReport& report, const std::string& only) {
  const auto is_other = [&only](const MountReport& mount) {
    return mount.file_system != only && mount.mount_point != only &&
           std::find(mount.also_mounted_at.begin(), mount.also_mounted_at.end(), only) ==
               mount.also_mounted_at.end();
  };
  report.mounts.erase(std::remove_if(report.mounts.begin(), report.mounts.end(), is_other),
                      report.mounts.end());
}

}  // namespace efs::efsctl

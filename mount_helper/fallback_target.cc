#include "efs/mount_helper/fallback_target.h"

#include <algorithm>
#include <random>

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/net/address.h"
#include "efs/net/socket.h"

namespace efs::mount_helper {
namespace {

constexpr std::uint16_t kNfsPort = 2049;
// A file system has one target per zone; more would only be time spent.
constexpr std::size_t kMaxTries = 6;

// Ids decide where both sides have them.
bool sameZone(const Zone& zone, const aws::MountTargetRecord& record) {
  if (!zone.id.empty() && !record.zone_id.empty()) return zone.id == record.zone_id;
  return !zone.name.empty() && zone.name == record.zone_name;
}

std::string zoneText(const aws::MountTargetRecord& record) {
  if (record.zone_name.empty()) return record.zone_id;
  if (record.zone_id.empty()) return record.zone_name;
  return record.zone_name + " (" + record.zone_id + ")";
}

std::string zoneText(const Zone& zone) {
  return zoneText(aws::MountTargetRecord{{}, zone.name, zone.id, {}, {}, {}});
}

Zone wantedZone(const std::optional<std::string>& az, const FallbackEdges& edges) {
  if (!az) return {};
  auto id = edges.zone_id_of(*az);
  if (id) return {*az, *id};
  // The API names zones as this account does, so the name alone will do as well.
  log::info("zone id of {} not found: {}", *az, id.error().describe());
  return {*az, {}};
}

Error noTarget(const std::string& fs_id, const std::vector<aws::MountTargetRecord>& records,
               const std::optional<std::string>& wanted_az) {
  std::vector<std::string> seen;
  seen.reserve(records.size());
  for (const auto& record : records) {
    seen.push_back(zoneText(record) + " " + record.state);
  }
  std::string text = "file system " + fs_id + " has no available mount target";
  if (wanted_az) text += " in " + *wanted_az;
  text += seen.empty() ? ": none at all" : ": there are " + join(seen, ", ");
  return Error(ErrorKind::kNotFound, text)
      .addHint("create a mount target in this host's VPC, or choose another zone with az=");
}

void warnOtherZone(const TargetChoice& choice, const Zone& own) {
  if (choice.closeness != Closeness::kOtherZone) return;
  log::warning(
      "mount target {} is in availability zone {}, this host is in {}: every call crosses zones, "
      "which is slower and is billed as data transfer; create a mount target in this host's zone",
      choice.record.bestAddress(), zoneText(choice.record), zoneText(own));
}

}  // namespace

std::vector<TargetChoice> orderTargets(const std::vector<aws::MountTargetRecord>& records,
                                       const Zone& wanted, const Zone& own) {
  std::vector<TargetChoice> choices;
  for (const auto& record : records) {
    if (!record.available()) continue;
    if (wanted.known()) {
      if (sameZone(wanted, record)) choices.push_back({record, Closeness::kUnknown});
    } else if (!own.known()) {
      choices.push_back({record, Closeness::kUnknown});
    } else {
      choices.push_back(
          {record, sameZone(own, record) ? Closeness::kOwnZone : Closeness::kOtherZone});
    }
  }
  std::stable_sort(
      choices.begin(), choices.end(),
      [](const TargetChoice& a, const TargetChoice& b) { return a.closeness < b.closeness; });
  return choices;
}

Status reachTarget(const std::string& ip) {
  constexpr int kTries = 3;
  const auto endpoint = net::Endpoint::fromLiteral(ip, kNfsPort);
  if (!endpoint) return Error(ErrorKind::kInvalidInput, printable(ip) + " is not an IP address");
  for (int attempt = 1;; ++attempt) {
    auto reached = net::connectTcp(*endpoint, Duration(2000));
    if (reached) return {};
    if (attempt == kTries || reached.error().kind() != ErrorKind::kTimeout) {
      const bool refused = reached.error().kind() == ErrorKind::kRefused;
      return std::move(reached.error())
          .addContext("Cannot connect to file system mount target ip address " + ip)
          .addHint(
              refused
                  ? "no mount target listens there; check the address"
                  : "the mount target's security group must allow TCP port 2049 from this host");
    }
    EFS_CHECK(sleepFor(Duration(500)));
  }
}

Result<std::string> firstReachable(const std::vector<std::string>& ips, const ReachAddress& reach,
                                   const Clock& clock) {
  std::vector<std::string> failures;
  std::optional<Error> first;
  for (const auto& ip : ips) {
    const MonoTime begin = clock.monotonic();
    const auto reached = reach(ip);
    const auto took = std::chrono::duration_cast<Duration>(clock.monotonic() - begin).count();
    if (reached) {
      log::info("mount target {} can be reached ({} ms)", ip, took);
      return ip;
    }
    log::info("mount target {} cannot be reached: {} ({} ms)", ip, reached.error().message(), took);
    failures.push_back(reached.error().message());
    if (!first) first = reached.error();
    if (reached.error().kind() == ErrorKind::kCancelled) break;
  }
  if (!first) return Error(ErrorKind::kInternal, "no mount target address to try");
  return Error(first->kind(), join(failures, "; ")).addHint(first->hint());
}

Result<aws::MountTargetRecord> findByApi(const std::string& fs_id,
                                         const std::optional<std::string>& wanted_az,
                                         const FallbackEdges& edges, const Clock& clock) {
  const MonoTime begin = clock.monotonic();
  EFS_TRY(records, edges.describe_targets());
  log::info("DescribeMountTargets lists {} mount targets of {} ({} ms)", records.size(), fs_id,
            std::chrono::duration_cast<Duration>(clock.monotonic() - begin).count());
  const Zone wanted = wantedZone(wanted_az, edges);
  const Zone own = wanted_az ? Zone{} : edges.own_zone();
  auto choices = orderTargets(records, wanted, own);
  if (choices.empty()) return noTarget(fs_id, records, wanted_az);
  if (!wanted.known() && !own.known()) {
    std::random_device random;
    std::shuffle(choices.begin(), choices.end(), random);
  }
  if (choices.size() > kMaxTries) choices.resize(kMaxTries);
  std::vector<std::string> ips;
  ips.reserve(choices.size());
  for (const auto& choice : choices) ips.push_back(choice.record.bestAddress());
  EFS_TRY(ip, firstReachable(ips, edges.reach, clock));
  const auto chosen = std::find_if(choices.begin(), choices.end(), [&](const auto& choice) {
    return choice.record.bestAddress() == ip;
  });
  log::info("Found fall back mount target ip address {} for file system {}", ip, fs_id);
  warnOtherZone(*chosen, own);
  return chosen->record;
}

}  // namespace efs::mount_helper

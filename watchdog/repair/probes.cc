#include "repair/probes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "efs/base/clock.h"
#include "efs/base/file_system_kind.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/net/resolver.h"
#include "efs/net/socket.h"
#include "efs/procfs/processes.h"
#include "efs/rpc/nfs_probe.h"

namespace efs::watchdog {
namespace {

// Each below the deadline of its job (deadlineSeconds()), so that the child says what it found
// rather than being killed.
constexpr Duration kProbePatience{4500};
constexpr Duration kConnectPatience{1000};
constexpr Duration kNamePatience{8000};
constexpr Duration kNamesPatience{5000};
constexpr Duration kTargetPatience{3000};
constexpr const char* kStale = "stale";

Result<net::Resolver::Addresses> addressesOf(const std::string& host, int port) {
  EFS_TRY(resolver, net::Resolver::create());
  const SystemClock clock;
  return resolver.resolve(host, static_cast<std::uint16_t>(port), clock, kNamePatience);
}

// All at once; a name without an answer has no addresses.
Result<std::vector<net::Resolver::Addresses>> addressesOfAll(const std::vector<std::string>& names,
                                                             int port) {
  EFS_TRY(resolver, net::Resolver::create());
  std::vector<net::Resolver::Addresses> found(names.size());
  std::size_t answers = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    resolver.start(names[i], static_cast<std::uint16_t>(port),
                   [&, i](Result<net::Resolver::Addresses> answer) {
                     ++answers;
                     if (answer) found[i] = std::move(*answer);
                   });
  }
  const SystemClock clock;
  (void)resolver.serveUntil([&] { return answers == names.size(); },
                            Deadline(clock, kNamesPatience));
  // Late answers would be written to what is gone by then.
  resolver.cancel();
  return found;
}

}  // namespace

Result<std::string> askTunnel(int port) {
  const auto end = net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port));
  EFS_TRY(connection, net::connectTcp(*end, kConnectPatience));
  const SystemClock clock;
  // A connection of its own, marked as a question: it tells whether tunnel and server answer at
  // all, and nobody counts it among the calls that wait.
  EFS_CHECK(rpc::pingNfs(connection.get(), clock, kProbePatience));
  return std::string();
}

Probe judgeProbe(const Result<std::string>& answer) {
  if (answer) return Probe::kAnswered;
  switch (answer.error().kind()) {
    case ErrorKind::kReset:
    case ErrorKind::kProtocol:  // also: closed in the middle
      return Probe::kRefused;
    case ErrorKind::kPermission:
    case ErrorKind::kUnsupported:
    case ErrorKind::kBusy:
      return Probe::kAnswered;  // whatever it says, a server said it
    default:
      return Probe::kSilent;
  }
}

Result<std::string> askRoot(const std::string& mountpoint) {
  // Asked of the server, whatever the kernel remembers. A directory that was deleted there may
  // still have a handle that works, but no link.
  struct statx info {};
  if (::statx(AT_FDCWD, mountpoint.c_str(), AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &info) == 0) {
    const bool deleted = (info.stx_mask & STATX_NLINK) != 0 && info.stx_nlink == 0;
    return std::string(deleted ? kStale : "");
  }
  if (errno == ESTALE) return std::string(kStale);
  return Error::fromErrno(errno, "statx");
}

Root judgeRoot(const Result<std::string>& answer) {
  if (answer) return *answer == kStale ? Root::kStale : Root::kAnswered;
  // A time-out is silence, and so is the end of a child that was killed (kInternal): any other
  // error is what somebody answered.
  const ErrorKind kind = answer.error().kind();
  const bool silent = kind == ErrorKind::kTimeout || kind == ErrorKind::kInternal;
  return silent ? Root::kSilent : Root::kAnswered;
}

Result<std::string> askTarget(const std::string& host, int port) {
  EFS_TRY(addresses, addressesOf(host, port));
  Error last(ErrorKind::kNotFound, host + " has no address");
  for (const auto& address : addresses) {
    // TCP alone: for more this child would need the certificate of the mount.
    const auto connection = net::connectTcp(address, kTargetPatience);
    if (connection) return address.ip();
    last = connection.error();
  }
  return last;
}

namespace {

// "use1-az2" -> "use1-az"; empty where the name does not begin with the id of a zone.
std::string zonePrefix(const std::string& name) {
  const std::string label = name.substr(0, name.find('.'));
  const std::size_t end = label.find_last_not_of("0123456789");
  const bool is_zone = end != std::string::npos && end + 1 < label.size() &&
                       label.substr(0, end + 1).ends_with("-az");
  return is_zone ? label.substr(0, end + 1) : std::string();
}

}  // namespace

std::vector<std::string> targetNames(const std::string& name, const std::string& region,
                                     const std::string& current) {
  std::vector<std::string> names{name};
  if (region.empty() || name.rfind("fs-", 0) != 0) return names;
  if (kindOfTargetName(name) == FileSystemKind::kS3Files) {
    const std::string prefix = zonePrefix(current);
    if (prefix.empty()) return names;
    for (const char zone : std::string_view("123456")) names.push_back(prefix + zone + "." + name);
    return names;
  }
  for (const char zone : std::string_view("abcdef")) names.push_back(region + zone + "." + name);
  return names;
}

Result<std::string> findOtherTarget(const std::vector<std::string>& names,
                                    const std::string& current, int port) {
  std::vector<std::string> all = names;
  // Last, so that its addresses can be taken off the end below.
  all.push_back(current);
  EFS_TRY(found, addressesOfAll(all, port));
  std::set<std::string> known;
  // The target that failed, under whatever other name it appears.
  for (const auto& address : found.back()) known.insert(address.ip());
  for (const auto& addresses : found) {
    for (const auto& address : addresses) {
      if (known.insert(address.ip()).second && net::connectTcp(address, kTargetPatience)) {
        return address.ip();
      }
    }
  }
  return Error(ErrorKind::kNotFound, "no other mount target of " + names.front() + " answers");
}

Result<std::string> askCommandLine(pid_t pid) {
  return readFile(procfs::ofProcess(pid, "cmdline"), 3072);
}

std::vector<std::string> decodeCommandLine(const std::string& text) {
  auto words = split(text, '\0');
  if (!words.empty() && words.back().empty()) words.pop_back();
  return words;
}

}  // namespace efs::watchdog

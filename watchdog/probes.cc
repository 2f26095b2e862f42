#include "probes.h"

#include <sys/statfs.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "efs/base/clock.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/net/resolver.h"
#include "efs/net/socket.h"
#include "efs/rpc/nfs_probe.h"

namespace efs::watchdog {
namespace {

constexpr Duration kProbePatience{4500};
constexpr Duration kConnectPatience{1000};
constexpr Duration kNamePatience{8000};
constexpr Duration kTargetPatience{3000};
constexpr const char* kStale = "stale";

Result<net::Resolver::Addresses> addressesOf(const std::string& host, int port) {
  EFS_TRY(resolver, net::Resolver::create());
  const SystemClock clock;
  return resolver.resolve(host, static_cast<std::uint16_t>(port), clock, kNamePatience);
}

}  // namespace

Result<std::string> askTunnel(int port) {
  const auto end = net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port));
  EFS_TRY(connection, net::connectTcp(*end, kConnectPatience));
  const SystemClock clock;
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
  struct statfs info {};
  if (::statfs(mountpoint.c_str(), &info) == 0) return std::string();
  if (errno == ESTALE) return std::string(kStale);
  return Error::fromErrno(errno, "statfs");
}

Root judgeRoot(const Result<std::string>& answer) {
  if (answer) return *answer == kStale ? Root::kStale : Root::kAnswered;
  return answer.error().kind() == ErrorKind::kTimeout ? Root::kSilent : Root::kAnswered;
}

Result<std::string> askTarget(const std::string& host, int port) {
  EFS_TRY(addresses, addressesOf(host, port));
  Error last(ErrorKind::kNotFound, host + " has no address");
  for (const auto& address : addresses) {
    const auto connection = net::connectTcp(address, kTargetPatience);
    if (connection) return address.ip();
    last = connection.error();
  }
  return last;
}

Result<std::string> findOtherTarget(const std::string& name, const std::string& current, int port) {
  std::set<std::string> known;
  if (const auto own = addressesOf(current, port)) {
    for (const auto& address : *own) known.insert(address.ip());
  }
  EFS_TRY(candidates, addressesOf(name, port));
  for (const auto& address : candidates) {
    if (known.count(address.ip()) == 0 && net::connectTcp(address, kTargetPatience)) {
      return address.ip();
    }
  }
  return Error(ErrorKind::kNotFound, "no other mount target of " + name + " answers");
}

Result<std::string> askCommandLine(pid_t pid) {
  return readFile("/proc/" + std::to_string(pid) + "/cmdline", 3072);
}

std::vector<std::string> decodeCommandLine(const std::string& text) {
  auto words = split(text, '\0');
  if (!words.empty() && words.back().empty()) words.pop_back();
  return words;
}

}  // namespace efs::watchdog

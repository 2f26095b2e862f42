#include "facts/network_wait.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <time.h>

#include "efs/base/log.h"
#include "efs/base/wait.h"

namespace efs::mount_helper {
namespace {

constexpr Duration kPause{500};
// DNS servers of a machine that booted longer ago do not answer for another reason.
constexpr Duration kBootTime{120000};

bool hasRoutableInterface() {
  ifaddrs* list = nullptr;
  // Unknown counts as up: the answer only decides whether to wait.
  if (::getifaddrs(&list) != 0) return true;
  bool found = false;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const bool up = (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_LOOPBACK) == 0;
    const int family = entry->ifa_addr == nullptr ? AF_UNSPEC : entry->ifa_addr->sa_family;
    found = found || (up && (family == AF_INET || family == AF_INET6));
  }
  ::freeifaddrs(list);
  return found;
}

Duration uptime() {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return std::chrono::seconds(since_boot.tv_sec);
}

}  // namespace

bool networkMayBeTheCause(const Error& error, bool has_interface, Duration since_boot) {
  switch (error.kind()) {
    case ErrorKind::kInvalidInput:
    case ErrorKind::kCancelled:
      return false;
    case ErrorKind::kTimeout:
    case ErrorKind::kUnreachable:
      return !has_interface || since_boot < kBootTime;
    default:
      return !has_interface;
  }
}

NetworkWait untilNetworkIsUp(const std::function<Status()>& step, const Clock& clock,
                             Duration patience) {
  const Deadline deadline(clock, patience);
  while (true) {
    auto done = step();
    if (done || !networkMayBeTheCause(done.error(), hasRoutableInterface(), uptime()))
      return {std::move(done), false};
    if (deadline.passed()) {
      done.error()
          .addContext("the network is not up")
          .addHint("add \"_netdev\" to your mount options so that the mount waits for the network");
      return {std::move(done), true};
    }
    log::info("the network is not up yet, waiting: {}", done.error().message());
    if (auto slept = sleepFor(kPause); !slept) return {std::move(slept), true};
  }
}

}  // namespace efs::mount_helper

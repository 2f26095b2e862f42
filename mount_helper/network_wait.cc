#include "efs/mount_helper/network_wait.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <time.h>

namespace efs::mount_helper {
namespace {

constexpr Duration kBootTime{5 * 60 * 1000};

bool hasRoutableInterface() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0)
    return true;  // unknown counts as up: the caller only decides whether to wait
  bool found = false;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const bool up = (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_LOOPBACK) == 0;
    const int family = entry->ifa_addr == nullptr ? AF_UNSPEC : entry->ifa_addr->sa_family;
    found = found || (up && (family == AF_INET || family == AF_INET6));
  }
  ::freeifaddrs(list);
  return found;
}

}  // namespace

BootSituation bootSituation() {
  BootSituation situation;
  situation.has_interface = hasRoutableInterface();
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  situation.uptime = std::chrono::seconds(since_boot.tv_sec);
  return situation;
}

bool mayHealWhileBooting(const Error& error, const BootSituation& situation) {
  switch (error.kind()) {
    case ErrorKind::kTimeout:
    case ErrorKind::kUnreachable:
    case ErrorKind::kRefused:
      return !situation.has_interface || situation.uptime < kBootTime;
    case ErrorKind::kNotFound:
    case ErrorKind::kInvalidInput:
    case ErrorKind::kCancelled:
      return false;
    default:
      return !situation.has_interface;
  }
}

}  // namespace efs::mount_helper

#include "daemon/service_manager.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "efs/base/subprocess.h"

namespace efs::watchdog {
namespace {

const Duration kPatience{30000};

// What systemd does to a process: descriptors from 3 on, and variables that name its pid.
int asService(const char* count, const char* names, pid_t pid) {
  const UniqueFd null(::open("/dev/null", O_RDONLY));
  if (::dup2(null.get(), 3) != 3 || ::dup2(null.get(), 4) != 4) return 90;
  (void)::setenv("LISTEN_PID", std::to_string(pid).c_str(), 1);
  (void)::setenv("LISTEN_FDS", count, 1);
  (void)::setenv("LISTEN_FDNAMES", names, 1);
  const auto stored = ServiceManager::fromEnvironment().takeStoredListeners();
  if (std::getenv("LISTEN_FDS") != nullptr) return 91;
  for (const auto& [name, fd] : stored) {
    if ((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) == 0) return 92;
  }
  if (stored.empty()) return 0;
  const bool right = stored.size() == 2 && stored[0].first == "fs-0.mnt:1.20049" &&
                     stored[0].second.get() == 3 && stored[1].first == "fs-0.b.20050" &&
                     stored[1].second.get() == 4;
  return right ? 2 : 93;
}

int endOf(const char* count, const char* names, bool other_pid = false) {
  auto child = Subprocess::fork(
      [&] { return asService(count, names, other_pid ? ::getppid() : ::getpid()); });
  const auto ended = child ? child->wait(kPatience) : std::nullopt;
  return ended && *ended ? (*ended)->code : -1;
}

// WD-13
TEST(ServiceManager, TakesTheListenersThatSystemdKept) {
  EXPECT_EQ(endOf("2", "fs-0.mnt%3a1.20049:fs-0.b.20050"), 2);
}

TEST(ServiceManager, TakesNothingThatIsMeantForAnotherProcessOrMakesNoSense) {
  EXPECT_EQ(endOf("2", "fs-0.a.20049:fs-0.b.20050", true), 0);
  EXPECT_EQ(endOf("3", "fs-0.a.20049:fs-0.b.20050"), 0);
  EXPECT_EQ(endOf("-1", "fs-0.a.20049"), 0);
  EXPECT_EQ(endOf("many", "fs-0.a.20049"), 0);
}

TEST(ServiceManager, PingsAsOftenAsItIsToldTo) {
  const auto interval = [](const char* microseconds, const std::string& pid) {
    auto child = Subprocess::fork([&] {
      (void)::setenv("NOTIFY_SOCKET", "/nowhere", 1);
      (void)::setenv("WATCHDOG_USEC", microseconds, 1);
      if (!pid.empty()) (void)::setenv("WATCHDOG_PID", pid.c_str(), 1);
      const auto told = ServiceManager::fromEnvironment().pingInterval();
      return told ? static_cast<int>(told->count()) : 0;
    });
    const auto ended = child ? child->wait(kPatience) : std::nullopt;
    return ended && *ended ? (*ended)->code : -1;
  };
  EXPECT_EQ(interval("200000", ""), 100);
  EXPECT_EQ(interval("200000", "1"), 0);
  EXPECT_EQ(interval("0", ""), 0);
  EXPECT_EQ(interval("soon", ""), 0);
}

}  // namespace
}  // namespace efs::watchdog

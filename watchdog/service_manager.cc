#include "service_manager.h"

#include <systemd/sd-daemon.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "efs/base/environment.h"
#include "efs/base/log.h"
#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr std::size_t kMaxFdName = 255;  // systemd: FDNAME_MAX

// The names come from malloc (sd_listen_fds_with_names(3)).
struct NameList {
  char** names = nullptr;
  ~NameList() {
    for (char** name = names; name != nullptr && *name != nullptr; ++name) std::free(*name);
    std::free(names);
  }
};

}  // namespace

ServiceManager ServiceManager::fromEnvironment() {
  ServiceManager manager;
  manager.present_ = environmentVariable("NOTIFY_SOCKET").has_value();
  std::uint64_t microseconds = 0;
  if (manager.present_ && ::sd_watchdog_enabled(0, &microseconds) > 0) {
    manager.ping_interval_ = Duration(static_cast<Duration::rep>(microseconds / 2000));
  }
  return manager;
}

void ServiceManager::ready() {
  if (present_ && !std::exchange(ready_sent_, true)) ::sd_notify(0, "READY=1");
}

void ServiceManager::stopping() const {
  if (present_) ::sd_notify(0, "STOPPING=1");
}

void ServiceManager::status(const std::string& text) {
  if (!present_ || text == last_status_) return;
  last_status_ = text;
  ::sd_notify(0, ("STATUS=" + text).c_str());
}

void ServiceManager::ping() const {
  if (present_) ::sd_notify(0, "WATCHDOG=1");
}

void ServiceManager::storeListener(const std::string& mount_name, const UniqueFd& listener) const {
  if (!present_ || !listener.valid()) return;
  const auto name = escapeFdName(mount_name);
  if (!name) {
    log::info("the listener of {} is not kept over a restart: its name is too long", mount_name);
    return;
  }
  // FDPOLL=0: systemd would drop a descriptor that reports an error or a hang-up.
  const std::string message = "FDSTORE=1\nFDPOLL=0\nFDNAME=" + *name;
  const int fd = listener.get();
  ::sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1);
}

void ServiceManager::dropListener(const std::string& mount_name) const {
  const auto name = escapeFdName(mount_name);
  if (present_ && name) ::sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + *name).c_str());
}

std::vector<std::pair<std::string, UniqueFd>> ServiceManager::takeStoredListeners() const {
  std::vector<std::pair<std::string, UniqueFd>> listeners;
  NameList list;
  const int count = ::sd_listen_fds_with_names(1, &list.names);
  for (int i = 0; i < count; ++i) {
    UniqueFd fd(SD_LISTEN_FDS_START + i);
    if (const auto name = unescapeFdName(list.names[i])) {
      listeners.emplace_back(*name, std::move(fd));
    }
  }
  return listeners;
}

std::optional<std::string> escapeFdName(const std::string& mount_name) {
  std::string name;
  for (const char c : mount_name) {
    if (c > ' ' && c < 0x7F && c != ':' && c != '%') {
      name += c;
    } else {
      name += '%' + hex(std::string_view(&c, 1));
    }
  }
  if (name.empty() || name.size() > kMaxFdName) return std::nullopt;
  return name;
}

std::optional<std::string> unescapeFdName(const std::string& fd_name) {
  std::string name;
  for (std::size_t i = 0; i < fd_name.size(); ++i) {
    if (fd_name[i] != '%') {
      name += fd_name[i];
      continue;
    }
    if (fd_name.size() - i < 3) return std::nullopt;
    unsigned char byte = 0;
    const char* digits = fd_name.data() + i + 1;
    const auto [end, code] = std::from_chars(digits, digits + 2, byte, 16);
    if (code != std::errc() || end != digits + 2) return std::nullopt;
    name += static_cast<char>(byte);
    i += 2;
  }
  return name;
}

}  // namespace efs::watchdog

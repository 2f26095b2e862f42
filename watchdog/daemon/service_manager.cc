#include "daemon/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "efs/base/environment.h"
#include "efs/base/log.h"
#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr std::size_t kMaxFdName = 255;  // systemd: FDNAME_MAX
// A manager that is away for long; each may hold a descriptor. Four for each of a thousand mounts.
constexpr std::size_t kMostWaiting = 4096;
constexpr Duration kSendPause{100};

constexpr int kFirstListenFd = 3;  // SD_LISTEN_FDS_START

std::optional<std::int64_t> number(const char* variable) {
  return parseInt(environmentVariable(variable).value_or(""));
}

// A variable <what>_PID names the process that is meant.
bool meansUs(const char* variable) { return number(variable) == std::int64_t{::getpid()}; }

}  // namespace

ServiceManager ServiceManager::fromEnvironment() {
  ServiceManager manager;
  manager.socket_path_ = environmentVariable("NOTIFY_SOCKET").value_or("");
  manager.present_ = !manager.socket_path_.empty();
  // sd_watchdog_enabled(3): without WATCHDOG_PID whoever reads it is meant.
  const auto microseconds = number("WATCHDOG_USEC");
  const bool ours = !environmentVariable("WATCHDOG_PID") || meansUs("WATCHDOG_PID");
  if (manager.present_ && ours && microseconds && *microseconds > 0) {
    manager.ping_interval_ = Duration(*microseconds / 2000);
  }
  return manager;
}

void ServiceManager::ready() {
  if (!std::exchange(ready_sent_, true)) notify("READY=1");
}

void ServiceManager::stopping() { notify("STOPPING=1"); }

void ServiceManager::status(const std::string& text) {
  if (!present_ || text == last_status_) return;
  last_status_ = text;
  notify("STATUS=" + text);
}

void ServiceManager::keepPinging(loop::EventLoop& loop) {
  if (!ping_interval_) return;
  notify("WATCHDOG=1");
  ping_ = loop.after(*ping_interval_, [this, &loop] { keepPinging(loop); });
}

void ServiceManager::storeListener(const std::string& mount_name, const Listener& listener) {
  const UniqueFd& fd = listener.descriptor();
  if (!present_ || !fd.valid()) return;
  const auto name = escapeFdName(mount_name);
  if (!name) {
    log::info("the listener of {} is not kept over a restart: its name is too long", mount_name);
    return;
  }
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return;  // without descriptors a restart is a lesser trouble
  // FDPOLL=0: systemd would drop a descriptor that reports an error or a hang-up.
  notify("FDSTORE=1\nFDPOLL=0\nFDNAME=" + *name, std::move(copy));
}

void ServiceManager::dropListener(const std::string& mount_name) {
  const auto name = escapeFdName(mount_name);
  if (name) notify("FDSTOREREMOVE=1\nFDNAME=" + *name);
}

// Of statuses and pings only the newest counts; all else keeps its order.
void ServiceManager::notify(std::string text, UniqueFd fd) {
  if (!present_) return;
  const std::string key = text.substr(0, text.find('='));
  if (key == "STATUS" || key == "WATCHDOG") {
    const auto same = [&key](const Message& m) {
      return m.text.substr(0, m.text.find('=')) == key;
    };
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), same), waiting_.end());
  }
  if (waiting_.size() >= kMostWaiting) return;
  waiting_.push_back({std::move(text), std::move(fd)});
  (void)pump();
}

std::optional<Duration> ServiceManager::pump() {
  while (!waiting_.empty()) {
    if (send(waiting_.front()) == Sent::kLater) return kSendPause;
    waiting_.pop_front();
  }
  return std::nullopt;
}

ServiceManager::Sent ServiceManager::send(const Message& message) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path_.size() >= sizeof address.sun_path) return Sent::kNever;
  std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
  const bool is_abstract = socket_path_.front() == '@';
  if (is_abstract) address.sun_path[0] = '\0';
  const UniqueFd link(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!link.valid()) return Sent::kLater;
  iovec part{const_cast<char*>(message.text.data()), message.text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_name = &address;
  header.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                              socket_path_.size() + (is_abstract ? 0 : 1));
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (message.fd.valid()) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = message.fd.get();
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  if (::sendmsg(link.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Sent::kYes;
  // ETOOMANYREFS: it has not taken the descriptors that were sent before.
  const bool full = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR ||
                    errno == ETOOMANYREFS;
  return full ? Sent::kLater : Sent::kNever;
}

std::vector<std::pair<std::string, UniqueFd>> ServiceManager::takeStoredListeners() const {
  std::vector<std::pair<std::string, UniqueFd>> listeners;
  // sd_listen_fds_with_names(3); the variables are for one reader.
  const bool ours = meansUs("LISTEN_PID");
  const auto count = number("LISTEN_FDS");
  const auto names = split(environmentVariable("LISTEN_FDNAMES").value_or(""), ':');
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    (void)::unsetenv(variable);
  }
  if (!ours || !count || *count < 0 || std::cmp_not_equal(*count, names.size())) return listeners;
  int next = kFirstListenFd;
  for (const auto& escaped : names) {
    UniqueFd fd(next++);
    (void)::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    if (const auto name = unescapeFdName(escaped)) listeners.emplace_back(*name, std::move(fd));
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

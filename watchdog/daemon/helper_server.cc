#include "daemon/helper_server.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "efs/base/log.h"

namespace efs::watchdog {
namespace {

constexpr std::size_t kMaxConnections = 64;
constexpr Duration kPatience{2000};
constexpr Duration kPause{1000};

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

Status HelperServer::listen(const std::string& socket_path) {
  EFS_TRY(listener, tunnel_control::listenForHelpers(socket_path));
  listening_.reset();
  pause_.reset();
  listener_ = std::move(listener);
  struct stat info {};
  socket_inode_ = ::lstat(socket_path.c_str(), &info) == 0 ? info.st_ino : 0;
  return watchListener();
}

bool HelperServer::reachableAt(const std::string& socket_path) const {
  struct stat info {};
  return listener_.valid() && ::lstat(socket_path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) &&
         info.st_ino == socket_inode_;
}

Status HelperServer::watchListener() {
  EFS_TRY(watch, loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); }));
  listening_ = std::move(watch);
  return {};
}

void HelperServer::giveTime(int fd, Duration time) {
  connections_.at(fd).deadline = loop_.after(time, [this, fd] { expire(fd); });
}

// What has come is answered, even if we were too busy to do it in time: in the next turn.
void HelperServer::expire(int fd) {
  if (readable(fd)) return giveTime(fd, kPause);
  drop(fd);
}

void HelperServer::accept() {
  auto connection = tunnel_control::acceptHelper(listener_.get());
  if (!connection) {
    const ErrorKind kind = connection.error().kind();
    if (kind == ErrorKind::kBusy) return;
    log::warning("refused a helper: {}", connection.error().describe());
    if (kind == ErrorKind::kPermission) return;
    listening_.reset();
    pause_ = loop_.after(kPause, [this] { (void)watchListener(); });
    return;
  }
  // Closing one at the limit makes its helper go on without us, which costs only the open port.
  if (connections_.size() >= kMaxConnections) return;
  const int fd = connection->get();
  auto watch = loop_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) { serve(fd); });
  if (!watch) return;
  connections_[fd] = {std::move(*connection), std::move(*watch), {}};
  giveTime(fd, kPatience);
}

void HelperServer::serve(int fd) {
  auto received = tunnel_control::receiveRequest(fd);
  if (!received && received.error().kind() == ErrorKind::kBusy) return;
  Status done = received ? answer(fd, std::move(*received)) : Status(received.error());
  if (!done) {
    tunnel_control::WatchdogReply refusal;
    refusal.error = done.error().describe();
    log::warning("refused a helper's request: {}", refusal.error);
    (void)tunnel_control::sendReply(fd, refusal);
  }
  drop(fd);
}

Status HelperServer::answer(int fd, tunnel_control::ReceivedRequest received) const {
  using Op = tunnel_control::WatchdogRequest::Op;
  tunnel_control::WatchdogReply reply;
  reply.ok = true;
  switch (received.request.op) {
    case Op::kPing:
      reply.pid = ::getpid();
      break;
    case Op::kListener:
      EFS_CHECK(handlers_.take_listener(received.request.name, std::move(received.descriptor)));
      break;
    case Op::kUnmounted:
      handlers_.unmounted(received.request.name);
      break;
    case Op::kStatus:
      return tunnel_control::sendStatus(fd, handlers_.status());
  }
  // A helper that does not wait for the answer needs none.
  (void)tunnel_control::sendReply(fd, reply);
  return {};
}

void HelperServer::drop(int fd) { connections_.erase(fd); }

}  // namespace efs::watchdog

#include "efs/net/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <numeric>
#include <string>

#include "efs/base/random.h"
#include "efs/base/wait.h"

namespace efs::net {
namespace {

constexpr int kMaxPort = 65535;

Status setInt(int fd, int level, int option, int value, const char* name) {
  if (::setsockopt(fd, level, option, &value, sizeof value) == 0) return {};
  return Error::fromErrno(errno, std::string("setting socket option ") + name);
}

// The kernel counts keep-alive times in whole seconds and refuses 0.
int wholeSeconds(Duration time) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
  return static_cast<int>(std::clamp<long long>(seconds, 1, 32767));
}

Status waitWritable(int fd, const Deadline& deadline) {
  EFS_TRY(ready, waitReady(fd, POLLOUT, deadline));
  if (!ready) return Error::fromErrno(ETIMEDOUT, "connecting");
  return {};
}

Result<UniqueFd> boundLoopbackSocket(int port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error::fromErrno(errno, "creating a socket");
  // Connections of an earlier tunnel in TIME_WAIT must not keep its successor out (TUN-6).
  EFS_CHECK(setInt(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::fromErrno(errno, "binding 127.0.0.1:" + std::to_string(port));
  }
  return fd;
}

Result<int> boundPort(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return Error::fromErrno(errno, "reading a socket's port");
  }
  return static_cast<int>(ntohs(address.sin_port));
}

}  // namespace

Result<UniqueFd> connectTcp(const Endpoint& to, Duration patience) {
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  EFS_TRY(fd, startConnect(to));
  auto connected = waitWritable(fd.get(), deadline);
  if (connected) connected = connectResult(fd.get());
  if (!connected) return std::move(connected.error().addContext(to.text()));
  EFS_CHECK(setNonBlocking(fd.get(), false));
  return fd;
}

Result<UniqueFd> startConnect(const Endpoint& to) {
  UniqueFd fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error::fromErrno(errno, to.text() + ": creating a socket");
  EFS_CHECK(setNoDelay(fd.get()));
  if (::connect(fd.get(), to.address(), to.length()) == 0 || errno == EINPROGRESS) return fd;
  return Error::fromErrno(errno, to.text() + ": connecting");
}

Status connectResult(int fd) {
  int err = 0;
  socklen_t length = sizeof err;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length) != 0) err = errno;
  if (err == 0) return {};
  return Error::fromErrno(err, "connecting");
}

Status setKeepAlive(int fd, const KeepAlive& settings) {
  EFS_CHECK(setInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE"));
  EFS_CHECK(setInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, wholeSeconds(settings.idle), "TCP_KEEPIDLE"));
  EFS_CHECK(
      setInt(fd, IPPROTO_TCP, TCP_KEEPINTVL, wholeSeconds(settings.interval), "TCP_KEEPINTVL"));
  EFS_CHECK(setInt(fd, IPPROTO_TCP, TCP_KEEPCNT, settings.count, "TCP_KEEPCNT"));
  const auto user_timeout = std::clamp<long long>(settings.user_timeout.count(), 0, 86400000);
  return setInt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(user_timeout),
                "TCP_USER_TIMEOUT");
}

Status setNoDelay(int fd) { return setInt(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"); }

Result<ListeningSocket> listenLoopback(int port, int backlog) {
  if (port < 0 || port > kMaxPort) {
    return Error(ErrorKind::kInvalidInput, "port " + std::to_string(port) + " is not 0 to 65535");
  }
  EFS_TRY(fd, boundLoopbackSocket(port));
  // With SO_REUSEADDR two sockets may be bound to one port; only one may listen.
  if (::listen(fd.get(), backlog) != 0) {
    return Error::fromErrno(errno, "listening on 127.0.0.1:" + std::to_string(port));
  }
  EFS_TRY(actual, boundPort(fd.get()));
  return ListeningSocket{std::move(fd), actual};
}

Result<ListeningSocket> listenInRange(int lower, int upper,
                                      const std::function<bool(int)>& reserved) {
  const std::string range = std::to_string(lower) + " to " + std::to_string(upper);
  if (lower >= upper || lower < 1 || upper > kMaxPort + 1) {
    return Error(ErrorKind::kInvalidInput, "port range " + range + " is empty or not 1 to 65535");
  }
  std::vector<int> ports(static_cast<std::size_t>(upper - lower));
  std::iota(ports.begin(), ports.end(), lower);
  RandomSource random;
  std::shuffle(ports.begin(), ports.end(), random);
  for (const int port : ports) {
    if (reserved && reserved(port)) continue;
    auto listener = listenLoopback(port);
    if (listener) return listener;
    const ErrorKind kind = listener.error().kind();
    if (kind != ErrorKind::kBusy && kind != ErrorKind::kPermission) return listener;
  }
  return Error(ErrorKind::kBusy, "no port is free on 127.0.0.1 in the range " + range);
}

}  // namespace efs::net

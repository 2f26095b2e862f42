#include "efs/tls_tunnel/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "efs/base/environment.h"
#include "efs/base/text.h"
#include "efs/net/address.h"
#include "efs/net/socket.h"

namespace efs::tls_tunnel {
namespace {

constexpr int kFirstListenFd = 3;  // SD_LISTEN_FDS_START

std::optional<std::int64_t> takeNumber(const char* variable) {
  const auto number = parseInt(environmentVariable(variable).value_or(""));
  // Read once: a child of ours must not take descriptor 3 for its own (sd_listen_fds(3)).
  (void)::unsetenv(variable);
  return number;
}

Result<net::Endpoint> localAddress(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return Error::fromErrno(errno, "address of the listening socket");
  const auto endpoint = net::Endpoint::fromSockaddr(reinterpret_cast<sockaddr*>(&address), length);
  // Whoever starts us by mistake with another socket would open the mount to the network.
  if (!endpoint || endpoint->ip() != "127.0.0.1")
    return Error(ErrorKind::kInvalidInput,
                 "descriptor 3, handed over as listening socket, is not bound to 127.0.0.1");
  return *endpoint;
}

Result<TunnelListener> adopt(int fd) {
  TunnelListener listener;
  EFS_TRY(address, localAddress(fd));
  int listening = 0;
  socklen_t length = sizeof(listening);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || listening == 0)
    return Error(ErrorKind::kInvalidInput, "descriptor 3 is handed over but does not listen");
  listener.fd.reset(fd);
  listener.address = address;
  listener.inherited = true;
  (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
  EFS_CHECK(setNonBlocking(fd, true));
  return listener;
}

}  // namespace

Result<TunnelListener> takeListener(int port) {
  const auto pid = takeNumber("LISTEN_PID");
  const auto count = takeNumber("LISTEN_FDS");
  (void)::unsetenv("LISTEN_FDNAMES");
  // The variables may be somebody else's: they are inherited through programs that do not know
  // them.
  if (pid && *pid == ::getpid() && count && *count >= 1) return adopt(kFirstListenFd);
  EFS_TRY(own, net::listenLoopback(port));
  TunnelListener listener;
  listener.fd = std::move(own.fd);
  EFS_TRY(address, localAddress(listener.fd.get()));
  listener.address = address;
  return listener;
}

}  // namespace efs::tls_tunnel

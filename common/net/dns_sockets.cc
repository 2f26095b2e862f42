#include "dns_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "efs/base/unique_fd.h"

namespace efs::net {
namespace {

// More errors of earlier datagrams than that are a server's that is to be given up.
constexpr int kMostReports = 4;

// What an ICMP message can make of a later call (RFC 1122 section 4.1.3.3).
bool isReport(int err) {
  return err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH || err == EHOSTDOWN ||
         err == ENOPROTOOPT || err == EPROTO || err == EACCES;
}

ares_socket_t openSocket(int family, int type, int protocol, void* self) {
  const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd < 0) {
    if (isExhaustion(errno)) static_cast<DnsSockets*>(self)->exhausted = errno;
    return ARES_SOCKET_BAD;
  }
  // Also what a firewall says ("host prohibited"), which ip(7) keeps back otherwise.
  const int on = 1;
  if (type == SOCK_DGRAM && family == AF_INET)
    (void)::setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  if (type == SOCK_DGRAM && family == AF_INET6)
    (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
  return fd;
}

int closeSocket(ares_socket_t fd, void* /*self*/) {
  UniqueFd(fd).reset();
  return 0;
}

int connectSocket(ares_socket_t fd, const sockaddr* to, ares_socklen_t length, void* /*self*/) {
  return ::connect(fd, to, length);
}

ares_ssize_t receive(ares_socket_t fd, void* into, std::size_t size, int flags, sockaddr* from,
                     ares_socklen_t* length, void* /*self*/) {
  return ::recvfrom(fd, into, size, flags, from, length);
}

// Takes the report that a send met from the error queue, where it would keep the socket ready.
void dropReport(ares_socket_t fd) {
  msghdr none{};
  (void)!::recvmsg(fd, &none, MSG_ERRQUEUE | MSG_DONTWAIT);
}

ares_ssize_t send(ares_socket_t fd, const iovec* parts, int count, void* /*self*/) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<std::size_t>(count);
  ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  for (int i = 0; sent < 0 && isReport(errno) && i < kMostReports; ++i) {
    dropReport(fd);
    sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  }
  return sent;
}

constexpr ares_socket_functions kFunctions{openSocket, closeSocket, connectSocket, receive, send};

}  // namespace

void DnsSockets::attach(ares_channel channel) {
  ares_set_socket_functions(channel, &kFunctions, this);
}

bool isExhaustion(int err) {
  return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

}  // namespace efs::net

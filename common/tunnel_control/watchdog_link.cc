#include "efs/tunnel_control/watchdog_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"

namespace efs::tunnel_control {
namespace {

// More helpers than this at one moment wait in connect(); each is served in microseconds.
constexpr int kBacklog = 64;
// Room for a few more descriptors than allowed, so that a surplus is seen and closed here.
constexpr std::size_t kMaxPassed = 8;

Result<sockaddr_un> addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error(ErrorKind::kInvalidInput, "socket path " + path + " is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<UniqueFd> newSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error::fromErrno(errno, "creating a local socket");
  return fd;
}

// Only our own kind talks here: the descriptors that pass carry a mount's identity.
Status checkPeer(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return Error::fromErrno(errno, "asking who is on a local socket");
  }
  if (peer.uid == ::geteuid()) return {};
  return Error(ErrorKind::kPermission, "process " + std::to_string(peer.pid) + " of user " +
                                           std::to_string(peer.uid) + " is not trusted");
}

timeval toTimeval(Duration patience) {
  // Zero would mean "for ever".
  const auto ms = patience.count() < 1 ? 1 : patience.count();
  timeval value{};
  value.tv_sec = static_cast<time_t>(ms / 1000);
  value.tv_usec = static_cast<suseconds_t>(ms % 1000 * 1000);
  return value;
}

Error timeout() { return {ErrorKind::kTimeout, "the watchdog does not answer"}; }

Result<UniqueFd> connectTo(const std::string& path, Duration patience) {
  EFS_TRY(address, addressOf(path));
  EFS_TRY(fd, newSocket());
  // connect() waits while the backlog is full, up to the send timeout (unix(7)).
  const timeval limit = toTimeval(patience);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    return Error::fromErrno(errno, "setting a timeout");
  }
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return timeout();
    return Error::fromErrno(errno, "connecting to the watchdog at " + path);
  }
  EFS_CHECK(checkPeer(fd.get()));
  return fd;
}

// sendmsg with at most one descriptor.
Status sendMessage(int fd, const std::string& message, const UniqueFd* descriptor) {
  iovec part{const_cast<char*>(message.data()), message.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (descriptor != nullptr) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = descriptor->get();
    std::memcpy(CMSG_DATA(rights), &number, sizeof number);
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(fd, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return Error::fromErrno(errno, "sending on the watchdog's socket");
  return {};
}

struct Message {
  std::string text;
  std::vector<UniqueFd> descriptors;
};

void takeDescriptors(msghdr& header, std::vector<UniqueFd>& descriptors) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
      descriptors.emplace_back(number);
    }
  }
}

// One packet. Every descriptor that came along is owned, and closed unless the caller keeps it.
Result<Message> receiveMessage(int fd) {
  std::array<char, kMaxMessage> buffer{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxPassed)> control{};
  iovec part{buffer.data(), buffer.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return Error::fromErrno(errno, "reading a local socket");
  Message message;
  takeDescriptors(header, message.descriptors);
  if (got == 0) return Error(ErrorKind::kReset, "the peer closed the local socket");
  // MSG_CTRUNC: the kernel has closed what did not fit; what did fit is closed by us.
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return Error(ErrorKind::kInvalidInput, "watchdog message is too large");
  }
  message.text.assign(buffer.data(), static_cast<std::size_t>(got));
  return message;
}

Status waitReadable(int fd, const Deadline& deadline) {
  EFS_TRY(ready, waitReady(fd, POLLIN, deadline));
  if (!ready) return timeout();
  return {};
}

bool isListeningTcp(int fd) {
  int listening = 0;
  int type = 0;
  int domain = 0;
  socklen_t size = sizeof(int);
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1 &&
         ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
         ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_INET;
}

Status removeOldSocket(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Status{} : Error::fromErrno(errno, "looking at " + path);
  }
  if (!S_ISSOCK(info.st_mode)) return Error(ErrorKind::kBusy, path + " is not a socket");
  return removeFile(path);
}

Result<Message> exchange(const std::string& socket_path, const WatchdogRequest& request,
                         const UniqueFd* descriptor, Duration patience) {
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  EFS_TRY(fd, connectTo(socket_path, patience));
  EFS_CHECK(sendMessage(fd.get(), request.encode(), descriptor));
  EFS_CHECK(waitReadable(fd.get(), deadline));
  return receiveMessage(fd.get());
}

// A memfd that nobody can change any more: its reader need not fear that it shrinks meanwhile.
Result<UniqueFd> sealedText(const std::string& text) {
  const std::string name = "the watchdog's status";
  UniqueFd fd(::memfd_create("efs-status", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return Error::fromErrno(errno, "making room for " + name);
  EFS_CHECK(writeAll(fd.get(), text, name));
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) !=
          0 ||
      ::lseek(fd.get(), 0, SEEK_SET) != 0) {
    return Error::fromErrno(errno, "sealing " + name);
  }
  return fd;
}

}  // namespace

Result<WatchdogReply> askWatchdog(const std::string& socket_path, const WatchdogRequest& request,
                                  const UniqueFd* descriptor, Duration patience) {
  EFS_TRY(message, exchange(socket_path, request, descriptor, patience));
  return WatchdogReply::decode(message.text);
}

bool watchdogAnswers(const std::string& socket_path) {
  WatchdogRequest ping;
  ping.op = WatchdogRequest::Op::kPing;
  return askWatchdog(socket_path, ping, nullptr, kWatchdogPatience).has_value();
}

Result<WatchdogStatus> askWatchdogStatus(const std::string& socket_path, Duration patience) {
  WatchdogRequest request;
  request.op = WatchdogRequest::Op::kStatus;
  EFS_TRY(message, exchange(socket_path, request, nullptr, patience));
  EFS_TRY(reply, WatchdogReply::decode(message.text));
  if (!reply.ok) {
    return Error(ErrorKind::kUnsupported, "the watchdog refused: " + printable(reply.error));
  }
  struct stat info {};
  if (message.descriptors.size() != 1 || ::fstat(message.descriptors.front().get(), &info) != 0 ||
      !S_ISREG(info.st_mode)) {
    return Error(ErrorKind::kProtocol, "the watchdog sent no status");
  }
  EFS_TRY(text,
          readAll(message.descriptors.front().get(), "the watchdog's status", kMaxStatusText));
  return WatchdogStatus::decode(text);
}

Result<UniqueFd> listenForHelpers(const std::string& socket_path) {
  EFS_TRY(address, addressOf(socket_path));
  EFS_TRY(fd, newSocket());
  EFS_CHECK(removeOldSocket(socket_path));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::fromErrno(errno, "binding " + socket_path);
  }
  // Before listen(): until then nobody can connect, so the mode is never too wide.
  if (::chmod(socket_path.c_str(), 0600) != 0) {
    return Error::fromErrno(errno, "setting mode of " + socket_path);
  }
  if (::listen(fd.get(), kBacklog) != 0) return Error::fromErrno(errno, "listening");
  EFS_CHECK(setNonBlocking(fd.get(), true));
  return fd;
}

Result<UniqueFd> acceptHelper(int listener) {
  int number = -1;
  do {
    number = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return Error::fromErrno(errno, "accepting a helper");
  UniqueFd connection(number);
  EFS_CHECK(checkPeer(connection.get()));
  return connection;
}

Result<ReceivedRequest> receiveRequest(int connection) {
  EFS_TRY(message, receiveMessage(connection));
  EFS_TRY(request, WatchdogRequest::decode(message.text));
  const std::size_t wanted = request.op == WatchdogRequest::Op::kListener ? 1 : 0;
  if (message.descriptors.size() != wanted) {
    return Error(ErrorKind::kInvalidInput, "watchdog message: wrong number of descriptors");
  }
  ReceivedRequest received{std::move(request), UniqueFd()};
  if (wanted == 0) return received;
  received.descriptor = std::move(message.descriptors.front());
  if (isListeningTcp(received.descriptor.get())) return received;
  return Error(ErrorKind::kInvalidInput, "watchdog message: descriptor is not a TCP listener");
}

Status sendReply(int connection, const WatchdogReply& reply) {
  return sendMessage(connection, reply.encode(), nullptr);
}

Status sendStatus(int connection, const WatchdogStatus& status) {
  EFS_TRY(text, sealedText(status.encode()));
  WatchdogReply reply;
  reply.ok = true;
  return sendMessage(connection, reply.encode(), &text);
}

}  // namespace efs::tunnel_control

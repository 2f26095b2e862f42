#include "efs/tunnel_control/tunnel_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <set>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/procfs/process_look.h"
#include "efs/procfs/processes.h"

namespace efs::tunnel_control {
namespace {

using procfs::judged;
using procfs::Look;
using procfs::ofProcess;
using procfs::SocketTable;

constexpr int kMaxDescriptors = 65536;

Result<std::string> linkTarget(const std::string& path, Look look) {
  std::array<char, 256> buffer{};
  const ssize_t length = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (length < 0) return judged(look, Error::fromErrno(errno, "reading the link " + path));
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

Result<bool> namedLikeATunnel(pid_t pid) {
  const auto name = procfs::processName(pid);
  if (!name) return judged(Look::kName, name.error());
  return *name == "efs-proxy" || name->substr(0, 7) == "stunnel";
}

// Calls `visit` with the number and the target of each descriptor until it says false. One that may
// not be read leaves everything open: kPermission, unless the visit has ended before.
Status forEachDescriptor(pid_t pid, const std::function<bool(int, const std::string&)>& visit) {
  const std::string directory = ofProcess(pid, "fd");
  Status unread;
  std::error_code failed;
  int seen = 0;
  for (std::filesystem::directory_iterator it(directory, failed), end;
       !failed && it != end && seen < kMaxDescriptors; it.increment(failed), ++seen) {
    const auto number = parseInt(it->path().filename().string());
    const auto target = linkTarget(it->path(), Look::kDescriptor);
    if (!target && target.error().kind() != ErrorKind::kNotFound)
      unread = unexpected(target.error());
    if (target && number && !visit(static_cast<int>(*number), *target)) return {};
  }
  if (!failed) return unread;
  return judged(Look::kDescriptors, Error::fromErrno(failed.value(), "listing " + directory));
}

std::string socketName(ino_t inode) { return "socket:[" + std::to_string(inode) + "]"; }

// The number of the process's descriptor that is one of these sockets.
Result<std::optional<int>> descriptorOf(pid_t pid, const std::vector<ino_t>& inodes) {
  std::set<std::string> wanted;
  for (const ino_t inode : inodes) wanted.insert(socketName(inode));
  std::optional<int> found;
  const auto visited = forEachDescriptor(pid, [&](int number, const std::string& target) {
    if (wanted.count(target) != 0) found = number;
    return !found;
  });
  if (!visited) return visited.error();
  return found;
}

UniqueFd duplicateListener(int pidfd, int descriptor, int port) {
  auto copy = stealFd(pidfd, descriptor);
  if (!copy || !listensOnLoopback(copy->get(), port)) return UniqueFd();
  return std::move(*copy);
}

}  // namespace

TunnelProcess TunnelProcess::ownChild(Subprocess child) {
  TunnelProcess process;
  process.pid_ = child.pid();
  process.child_.emplace(std::move(child));
  return process;
}

TunnelProcess TunnelProcess::adopted(pid_t pid, UniqueFd pidfd) {
  TunnelProcess process;
  process.pid_ = pid;
  process.pidfd_ = std::move(pidfd);
  return process;
}

bool TunnelProcess::ended() const {
  pollfd entry{pidFd(), POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

std::optional<ExitStatus> TunnelProcess::reap() {
  if (!child_) return std::nullopt;
  const auto status = child_->wait(Duration(0));
  return status ? *status : std::nullopt;
}

Status TunnelProcess::signal(int signo) const {
  if (ended()) return {};
  if (::getpgid(pid_) != pid_) return signalPidFd(pidFd(), signo);
  if (::kill(-pid_, signo) == 0 || errno == ESRCH) return {};
  return Error::fromErrno(errno, "signalling process group " + std::to_string(pid_));
}

Result<const SocketTable*> TunnelFinder::socketsOf(pid_t pid) {
  EFS_TRY(network, linkTarget(ofProcess(pid, "ns/net"), Look::kNamespace));
  const auto known = tables_.find(network);
  if (known != tables_.end()) return &known->second;
  auto table = SocketTable::read(ofProcess(pid, "net/tcp"));
  if (!table) return judged(Look::kSockets, table.error());
  return &tables_.emplace(network, std::move(*table)).first->second;
}

Result<const SocketTable*> TunnelFinder::ownSockets() { return socketsOf(::getpid()); }

Result<std::optional<pid_t>> TunnelFinder::byPort(int port) {
  if (!by_port_) {
    EFS_TRY(found, tunnelsByPort());
    by_port_.emplace(std::move(found));
  }
  const auto found = by_port_->find(port);
  if (found == by_port_->end()) return std::optional<pid_t>();
  return std::optional<pid_t>(found->second);
}

// Its descriptor that listens on the port. The pidfd of the process is open: it tells afterwards
// whether all answers were about one process.
Result<int> TunnelFinder::listeningDescriptor(pid_t pid, int port) {
  const std::string name = "process " + std::to_string(pid);
  const auto named = namedLikeATunnel(pid);
  // It lives, for find() looks at the pidfd after this: /proc hides it (hidepid=).
  if (!named && named.error().kind() == ErrorKind::kNotFound) {
    return Error(ErrorKind::kPermission, name + " is hidden from us in /proc");
  }
  if (!named) return named.error();
  if (!*named) return Error(ErrorKind::kNotFound, name + " is not a tunnel");
  EFS_TRY(sockets, socketsOf(pid));
  EFS_TRY(descriptor, descriptorOf(pid, sockets->listeners(port)));
  if (descriptor) return *descriptor;
  return Error(ErrorKind::kNotFound,
               name + " does not listen on 127.0.0.1:" + std::to_string(port));
}

Result<FoundTunnel> TunnelFinder::find(pid_t pid, int port) {
  const std::string name = "process " + std::to_string(pid);
  if (pid <= 1) return Error(ErrorKind::kNotFound, name + " cannot be a tunnel");
  // The pidfd first: if the process is still there at the end, all answers were about it.
  auto pidfd = openPidFd(pid);
  if (!pidfd) return judged(Look::kPidFd, pidfd.error());
  TunnelProcess process = TunnelProcess::adopted(pid, std::move(*pidfd));
  const auto descriptor = listeningDescriptor(pid, port);
  UniqueFd listener;
  if (descriptor) listener = duplicateListener(process.pidFd(), *descriptor, port);
  // A zombie, too. Whatever the looks said, it serves nobody.
  if (process.ended()) return Error(ErrorKind::kNotFound, name + " has ended");
  if (!descriptor) return descriptor.error();
  return FoundTunnel{std::move(process), std::move(listener)};
}

Result<std::map<int, pid_t>> tunnelsByPort() {
  std::map<int, pid_t> found;
  EFS_TRY(sockets, SocketTable::read());
  std::map<std::string, int> ports;
  for (const auto& [port, inode] : sockets.listeners()) ports[socketName(inode)] = port;
  // One that we may not look at is left out; one that we could not look at may be any.
  Status unseen;
  const auto note = [&unseen](const Error& error) {
    if (error.kind() == ErrorKind::kIo) unseen = unexpected(error);
  };
  EFS_CHECK(procfs::forEachProcess([&](pid_t pid) {
    const auto named = namedLikeATunnel(pid);
    if (!named) note(named.error());
    if (!named || !*named) return unseen.has_value();
    const auto visited = forEachDescriptor(pid, [&](int, const std::string& target) {
      const auto port = ports.find(target);
      if (port != ports.end()) found.emplace(port->second, pid);
      return true;
    });
    if (!visited) note(visited.error());
    return unseen.has_value();
  }));
  if (!unseen) return unseen.error();
  return found;
}

bool listensOnLoopback(int fd, int port) {
  int listening = 0;
  socklen_t length = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0) return false;
  sockaddr_in address{};
  length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  return listening != 0 && address.sin_family == AF_INET &&
         address.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && ntohs(address.sin_port) == port;
}

}  // namespace efs::tunnel_control

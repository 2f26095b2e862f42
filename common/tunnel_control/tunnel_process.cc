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

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::tunnel_control {
namespace {

constexpr int kMaxDescriptors = 65536;

std::string procPath(pid_t pid, const char* entry) {
  return "/proc/" + std::to_string(pid) + "/" + entry;
}

std::optional<std::string> linkTarget(const std::string& path) {
  std::array<char, 256> buffer{};
  const ssize_t length = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (length < 0) return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

bool namedLikeATunnel(pid_t pid) {
  const auto comm = readFile(procPath(pid, "comm"), 64);
  if (!comm) return false;
  const std::string_view name = trim(*comm);
  return name == "efs-proxy" || name.substr(0, 7) == "stunnel";
}

// The number of the process's descriptor that is one of these sockets.
std::optional<int> descriptorOf(pid_t pid, const std::vector<ino_t>& inodes) {
  std::error_code failed;
  int seen = 0;
  for (std::filesystem::directory_iterator it(procPath(pid, "fd"), failed), end;
       !failed && it != end && seen < kMaxDescriptors; it.increment(failed), ++seen) {
    const auto target = linkTarget(it->path());
    const auto matches = [&](ino_t inode) {
      return target == "socket:[" + std::to_string(inode) + "]";
    };
    if (target && std::any_of(inodes.begin(), inodes.end(), matches)) {
      if (const auto number = parseInt(it->path().filename().string())) {
        return static_cast<int>(*number);
      }
    }
  }
  return std::nullopt;
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
  const auto network = linkTarget(procPath(pid, "ns/net"));
  if (!network) return Error(ErrorKind::kNotFound, "process " + std::to_string(pid) + " is gone");
  const auto known = tables_.find(*network);
  if (known != tables_.end()) return &known->second;
  EFS_TRY(table, SocketTable::read(procPath(pid, "net/tcp")));
  return &tables_.emplace(*network, std::move(table)).first->second;
}

Result<FoundTunnel> TunnelFinder::find(pid_t pid, int port) {
  const std::string name = "process " + std::to_string(pid);
  if (pid <= 1) return Error(ErrorKind::kNotFound, name + " cannot be a tunnel");
  // The pidfd first: if the process is still there at the end, all answers were about it.
  EFS_TRY(pidfd, openPidFd(pid));
  if (!namedLikeATunnel(pid)) return Error(ErrorKind::kNotFound, name + " is not a tunnel");
  EFS_TRY(sockets, socketsOf(pid));
  const auto descriptor = descriptorOf(pid, sockets->listeners(port));
  if (!descriptor) {
    return Error(ErrorKind::kNotFound,
                 name + " does not listen on 127.0.0.1:" + std::to_string(port));
  }
  UniqueFd listener = duplicateListener(pidfd.get(), *descriptor, port);
  TunnelProcess process = TunnelProcess::adopted(pid, std::move(pidfd));
  if (process.ended()) return Error(ErrorKind::kNotFound, name + " has ended");
  return FoundTunnel{std::move(process), std::move(listener)};
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

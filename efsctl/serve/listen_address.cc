#include "serve/listen_address.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/net/address.h"

namespace efs::efsctl {
namespace {

constexpr int kBacklog = 32;
constexpr const char* kForms = "the forms are 127.0.0.1:PORT, [::1]:PORT and unix:/PATH";

Error notAnAddress(const std::string& text) {
  return Error(ErrorKind::kInvalidInput, printable(text, 200) + " is no address to listen at")
      .addHint(kForms);
}

Result<ListenAddress> parseLocal(const std::string& text, const std::string& path) {
  if (path.empty() || path.front() != '/') return notAnAddress(text);
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error(ErrorKind::kInvalidInput, "socket path " + printable(path) + " is too long");
  }
  return ListenAddress{.ip = {}, .port = 0, .path = path};
}

Result<UniqueFd> listenTcp(const ListenAddress& address) {
  const auto endpoint =
      net::Endpoint::fromLiteral(address.ip, static_cast<std::uint16_t>(address.port));
  if (!endpoint) return notAnAddress(address.ip);
  UniqueFd fd(::socket(endpoint->family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  if (!fd.valid() || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(fd.get(), endpoint->address(), endpoint->length()) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return Error::fromErrno(errno, "listening at " + address.text());
  }
  return fd;
}

Result<gid_t> groupId(const std::string& name) {
  errno = 0;
  const group* found = ::getgrnam(name.c_str());
  if (found != nullptr) return found->gr_gid;
  return Error(ErrorKind::kNotFound, "there is no group " + printable(name))
      .addHint("make it: groupadd --system " + printable(name));
}

Result<sockaddr_un> nameOf(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) {
    return Error(ErrorKind::kInvalidInput, "socket path " + printable(path) + " is too long");
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

UniqueFd localSocket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Only a socket at which nobody listens is replaced: a slip in the path must cost neither a file
// nor another program its clients.
Status removeDeadSocket(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) return Error(ErrorKind::kBusy, path + " is there and is no socket");
  EFS_TRY(name, nameOf(path));
  const UniqueFd fd = localSocket();
  if (!fd.valid()) return Error::fromErrno(errno, "creating a local socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 &&
      errno == ECONNREFUSED) {
    return removeFile(path);
  }
  return Error(ErrorKind::kBusy, path + " is taken: somebody answers there");
}

Result<UniqueFd> listenLocal(const ListenAddress& address, const std::string& group) {
  const std::string& path = address.path;
  gid_t owner = ::getegid();
  if (!group.empty()) {
    EFS_TRY(id, groupId(group));
    owner = id;
  }
  EFS_TRY(name, nameOf(path));
  EFS_CHECK(makeDirectories(std::filesystem::path(path).parent_path(), 0755));
  EFS_CHECK(removeDeadSocket(path));
  UniqueFd fd = localSocket();
  if (!fd.valid()) return Error::fromErrno(errno, "creating a local socket");
  // With its mode from the beginning. chmod(2) would follow a link that somebody else put there.
  const mode_t before = ::umask(group.empty() ? 0177 : 0117);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const int why = errno;
  (void)::umask(before);
  if (bound != 0) return Error::fromErrno(why, "binding " + path);
  // Before listen(): until then nobody can connect.
  if (::lchown(path.c_str(), ::geteuid(), owner) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return Error::fromErrno(errno, "opening " + path);
  }
  return fd;
}

}  // namespace

std::string ListenAddress::text() const {
  if (local()) return "unix:" + path;
  const bool ipv6 = ip.find(':') != std::string::npos;
  return (ipv6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

Result<ListenAddress> parseListenAddress(const std::string& text) {
  if (text.starts_with("unix:")) return parseLocal(text, text.substr(5));
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return notAnAddress(text);
  std::string ip = text.substr(0, colon);
  if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  const auto port = parseInt(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535 || !net::isIpLiteral(ip)) return notAnAddress(text);
  if (ip != "::1" && !ip.starts_with("127.")) {
    return Error(ErrorKind::kInvalidInput, ip + " can be reached from other hosts")
        .addHint(std::string("there is neither TLS nor a password: put a proxy before it; ") +
                 kForms);
  }
  return ListenAddress{.ip = ip, .port = static_cast<int>(*port), .path = {}};
}

Result<UniqueFd> listenAt(const ListenAddress& address, const std::string& group) {
  return address.local() ? listenLocal(address, group) : listenTcp(address);
}

Result<ListenAddress> addressOf(const ListenAddress& asked, int fd) {
  if (asked.local()) return asked;
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return Error::fromErrno(errno, "asking a socket for its address");
  }
  ListenAddress real = asked;
  const auto endpoint =
      net::Endpoint::fromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length);
  if (endpoint) real.port = endpoint->port();
  return real;
}

}  // namespace efs::efsctl

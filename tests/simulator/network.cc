#include "network.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace efs::simulator {

Result<SocketAddress> socketAddress(const Endpoint& endpoint) {
  SocketAddress address;
  sockaddr_in v4{};
  if (inet_pton(AF_INET, endpoint.ip.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
    return address;
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, endpoint.ip.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
    return address;
  }
  return Error(ErrorKind::kInvalidInput, "\"" + endpoint.ip + "\" is not an IP address");
}

std::string peerName(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return "gone";
  std::array<char, INET6_ADDRSTRLEN> ip{};
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &v4->sin_addr, ip.data(), ip.size());
    return std::string(ip.data()) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  inet_ntop(AF_INET6, &v6->sin6_addr, ip.data(), ip.size());
  return "[" + std::string(ip.data()) + "]:" + std::to_string(ntohs(v6->sin6_port));
}

Result<std::unique_ptr<StopSignal>> StopSignal::create() {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return Error::fromErrno(errno, "making an eventfd");
  return std::unique_ptr<StopSignal>(new StopSignal(std::move(event)));
}

void StopSignal::raise() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the event is readable anyway.
  const ssize_t ignored = ::write(event_.get(), &one, sizeof one);
  (void)ignored;
}

bool StopSignal::wait(Duration patience) const {
  pollfd entry{event_.get(), POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(patience.count())) > 0;
}

Ready waitFor(int fd, short events, const StopSignal& stop, Duration patience) {
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  while (true) {
    std::array<pollfd, 2> entries{{{fd, events, 0}, {stop.fd(), POLLIN, 0}}};
    const int count = ::poll(entries.data(), 2, static_cast<int>(deadline.left().count()));
    if (count < 0 && errno == EINTR) continue;
    if (entries[1].revents != 0) return Ready::kStopped;
    if (count <= 0) return Ready::kTimeout;
    return Ready::kYes;
  }
}

bool ThreadCrew::run(std::function<void()> body) {
  {
    const std::lock_guard lock(mutex_);
    if (running_ >= kMostThreads) return false;
    ++running_;
  }
  const auto done = [this] {
    // Notified under the lock: after it is released the crew may be gone.
    const std::lock_guard lock(mutex_);
    --running_;
    idle_.notify_all();
  };
  try {
    std::thread([body = std::move(body), done] {
      body();
      done();
    }).detach();
  } catch (const std::system_error&) {
    done();
    return false;
  }
  return true;
}

void ThreadCrew::waitForAll() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return running_ == 0; });
}

Result<UniqueFd> bindSocket(const Endpoint& endpoint, int type) {
  const std::string name = endpoint.ip + ":" + std::to_string(endpoint.port);
  EFS_TRY(address, socketAddress(endpoint));
  UniqueFd fd(::socket(address.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return Error::fromErrno(errno, "making a socket for " + name);
  const int on = 1;
  // Only for TCP: with UDP the option would let two simulators share a port in silence.
  if (type == SOCK_STREAM) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address.get(), address.length) != 0) {
    return Error::fromErrno(errno, "binding " + name);
  }
  return fd;
}

Result<std::unique_ptr<Listener>> Listener::start(const Endpoint& endpoint, Handler handler) {
  EFS_TRY(fd, bindSocket(endpoint, SOCK_STREAM));
  if (::listen(fd.get(), 512) != 0) {
    return Error::fromErrno(errno,
                            "listening on " + endpoint.ip + ":" + std::to_string(endpoint.port));
  }
  return start(std::move(fd), std::move(handler));
}

Result<std::unique_ptr<Listener>> Listener::start(UniqueFd listening, Handler handler) {
  EFS_TRY(stop, StopSignal::create());
  return std::unique_ptr<Listener>(
      new Listener(std::move(listening), std::move(stop), std::move(handler)));
}

Listener::Listener(UniqueFd listening, std::unique_ptr<StopSignal> stop, Handler handler)
    : listening_(std::move(listening)), stop_(std::move(stop)), handler_(std::move(handler)) {
  thread_ = std::thread([this] { acceptLoop(); });
}

Listener::~Listener() {
  stop_->raise();
  thread_.join();
}

void Listener::acceptLoop() {
  constexpr Duration kLong(3600 * 1000);
  while (true) {
    const Ready ready = waitFor(listening_.get(), POLLIN, *stop_, kLong);
    if (ready == Ready::kStopped) return;
    UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.valid()) {
      handler_(std::move(fd));
    } else if (errno == EMFILE || errno == ENFILE) {
      if (stop_->wait(Duration(20))) return;
    }
  }
}

Result<UniqueFd> connectTo(const Endpoint& endpoint, const StopSignal& stop, Duration patience) {
  const std::string name = endpoint.ip + ":" + std::to_string(endpoint.port);
  EFS_TRY(address, socketAddress(endpoint));
  UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return Error::fromErrno(errno, "making a socket");
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd.get(), address.get(), address.length) == 0) return fd;
  if (errno != EINPROGRESS) return Error::fromErrno(errno, "connecting to " + name);
  if (waitFor(fd.get(), POLLOUT, stop, patience) != Ready::kYes) {
    return Error(ErrorKind::kTimeout, "connecting to " + name);
  }
  int err = 0;
  socklen_t length = sizeof err;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &err, &length);
  if (err != 0) return Error::fromErrno(err, "connecting to " + name);
  return fd;
}

void resetOnClose(int fd) {
  const linger hard{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

}  // namespace efs::simulator

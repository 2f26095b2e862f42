#include "loopback_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "efs/base/text.h"

namespace efs::test {
namespace {

// A test bed that cannot even listen on the loopback has nothing to test.
void require(bool condition) {
  if (!condition) std::abort();
}

bool isComplete(const std::string& request) {
  const auto end = request.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string head = toLower(request.substr(0, end + 2));
  const auto length = head.find("content-length:");
  if (length == std::string::npos) return true;
  const auto line_end = head.find("\r\n", length);
  const auto value = parseInt(trim(head.substr(length + 15, line_end - length - 15)));
  return value && request.size() - end - 4 >= static_cast<std::size_t>(*value);
}

}  // namespace

std::string httpReply(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

LoopbackHttpServer::LoopbackHttpServer(RawHandler handler)
    : handler_(std::move(handler)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  require(::bind(listener_.get(), generic, size) == 0 && ::listen(listener_.get(), 16) == 0 &&
          ::getsockname(listener_.get(), generic, &size) == 0);
  port_ = ntohs(address.sin_port);
  auto pipe = makePipe();
  require(pipe.has_value());
  stop_ = std::move(*pipe);
  thread_ = std::thread([this] { serve(); });
}

LoopbackHttpServer::~LoopbackHttpServer() {
  stop_.write_end.reset();
  thread_.join();
}

std::vector<std::string> LoopbackHttpServer::requests() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  return requests_;
}

bool LoopbackHttpServer::waitReadable(const UniqueFd& connection) const {
  std::array<pollfd, 2> fds{{{connection.get(), POLLIN, 0}, {stop_.read_end.get(), POLLIN, 0}}};
  return ::poll(fds.data(), fds.size(), -1) > 0 && fds[1].revents == 0;
}

void LoopbackHttpServer::serve() {
  while (waitReadable(listener_)) {
    const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.valid()) serveOne(connection);
  }
}

void LoopbackHttpServer::serveOne(const UniqueFd& connection) {
  std::string request;
  std::array<char, 4096> chunk{};
  while (!isComplete(request)) {
    if (!waitReadable(connection)) return;
    const ssize_t got = ::recv(connection.get(), chunk.data(), chunk.size(), 0);
    if (got <= 0) return;
    request.append(chunk.data(), static_cast<std::size_t>(got));
  }
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    requests_.push_back(request);
  }
  const std::string reply = handler_(request);
  if (reply == kNeverReply) {
    (void)waitReadable(connection);  // the client's end of file, when it gives up
    return;
  }
  for (std::size_t sent = 0; sent < reply.size();) {
    const ssize_t put =
        ::send(connection.get(), reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
    if (put <= 0) return;
    sent += static_cast<std::size_t>(put);
  }
}

}  // namespace efs::test

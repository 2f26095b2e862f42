#include "serve/status_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/efsctl/efsctl.h"
#include "efs/efsctl/metrics.h"

namespace efs::efsctl {
namespace {

constexpr std::size_t kMaxConnections = 32;  // of each listener
constexpr Duration kPatience{5000};
constexpr Duration kPause{1000};
constexpr Duration kFresh{1000};
constexpr Duration kEachTry{50};
constexpr std::size_t kMaxAnswer = 64U << 20U;
constexpr const char* kMetricsPath = "/metrics";
constexpr const char* kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

HttpAnswer refusal(int code, const std::string& why) {
  HttpAnswer answer;
  answer.code = code;
  answer.body = why + "\n";
  answer.exit_code = kFailed;
  return answer;
}

}  // namespace

Status StatusServer::listen(UniqueFd listener, bool status) {
  listeners_.push_back({std::move(listener), status, {}});
  pauses_.emplace_back();
  return watchListener(listeners_.size() - 1);
}

Status StatusServer::watchListener(std::size_t index) {
  EFS_TRY(watch, loop_.watch(listeners_[index].fd.get(), EPOLLIN,
                             [this, index](std::uint32_t) { accept(index); }));
  listeners_[index].watch = std::move(watch);
  return {};
}

void StatusServer::accept(std::size_t index) {
  UniqueFd peer(
      ::accept4(listeners_[index].fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!peer.valid()) {
    const bool gone = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    if (gone) return;
    // Out of descriptors or memory: the loop must not spin.
    listeners_[index].watch.reset();
    pauses_[index] = loop_.after(kPause, [this, index] { (void)watchListener(index); });
    return;
  }
  makeRoom(index);
  const int fd = peer.get();
  auto watch = loop_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) { serve(fd); });
  if (!watch) return;
  Connection& connection = connections_[fd];
  connection.fd = std::move(peer);
  connection.listener = index;
  connection.number = ++accepted_;
  connection.watch = std::move(*watch);
  connection.deadline = loop_.after(kPatience, [this, fd] { connections_.erase(fd); });
}

void StatusServer::makeRoom(std::size_t index) {
  std::size_t taken = 0;
  auto oldest = connections_.end();
  for (auto at = connections_.begin(); at != connections_.end(); ++at) {
    if (at->second.listener != index) continue;
    ++taken;
    if (oldest == connections_.end() || at->second.number < oldest->second.number) oldest = at;
  }
  if (taken >= kMaxConnections) connections_.erase(oldest);
}

void StatusServer::serve(int fd) {
  Connection& connection = connections_.at(fd);
  if (connection.head.empty()) return read(fd, connection);
  if (!send(connection)) connections_.erase(fd);
}

void StatusServer::read(int fd, Connection& connection) {
  std::array<char, 4096> chunk{};
  const ssize_t got = ::recv(fd, chunk.data(), chunk.size(), 0);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got > 0) connection.received.append(chunk.data(), static_cast<std::size_t>(got));
  const bool whole = requestComplete(connection.received);
  if (got <= 0 || (!whole && connection.received.size() > kMaxRequest)) {
    connections_.erase(fd);
    return;
  }
  if (!whole) return;
  answer(connection);
  if (!send(connection)) {
    connections_.erase(fd);
    return;
  }
  connection.watch.reset();
  auto watch = loop_.watch(fd, EPOLLOUT, [this, fd](std::uint32_t) { serve(fd); });
  if (watch) {
    connection.watch = std::move(*watch);
  } else {
    connections_.erase(fd);
  }
}

// True: there is more to send.
bool StatusServer::send(Connection& connection) {
  const std::string_view head = connection.head;
  const std::string_view body = *connection.body;
  while (connection.sent < head.size() + body.size()) {
    const bool in_head = connection.sent < head.size();
    const std::string_view rest =
        in_head ? head.substr(connection.sent) : body.substr(connection.sent - head.size());
    const int more = in_head && !body.empty() ? MSG_MORE : 0;
    const ssize_t sent = ::send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL | more);
    if (sent < 0) return errno == EINTR || errno == EAGAIN;
    connection.sent += static_cast<std::size_t>(sent);
  }
  // Closing with bytes unread would be a reset, and could take the answer with it.
  (void)::shutdown(connection.fd.get(), SHUT_WR);
  std::array<char, 4096> rest{};
  while (::recv(connection.fd.get(), rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
  }
  return false;
}

Result<const StatusServer::Known*> StatusServer::known() {
  const MonoTime now = loop_.clock().monotonic();
  if (known_ && now - known_at_ < kFresh) return &*known_;
  known_.reset();
  EFS_TRY(facts, gatherStatus(options_, loop_.clock()));
  StatusReport report = judgeStatus(facts);
  auto text =
      std::make_shared<const std::string>(metricsText(facts, report, MetricFormat::kOpenMetrics));
  known_.emplace(Known{std::move(report), std::move(text)});
  known_at_ = loop_.clock().monotonic();
  return &*known_;
}

void StatusServer::answer(Connection& connection) {
  const auto request = parseRequest(connection.received);
  const bool status = listeners_[connection.listener].status;
  HttpAnswer answer =
      request ? answerTo(*request, status) : refusal(400, "this is no request of HTTP/1.1");
  const bool numbers = answer.code == 200 && request->path == kMetricsPath;
  connection.body =
      numbers ? known_->metrics : std::make_shared<const std::string>(std::move(answer.body));
  connection.head = answerHead(answer, connection.body->size());
  if (request && request->method == "HEAD") connection.body = std::make_shared<std::string>();
}

// The body of /metrics is the one that all share.
HttpAnswer StatusServer::answerTo(const HttpRequest& request, bool status) {
  if (request.method != "GET" && request.method != "HEAD") {
    return refusal(405, "only GET is answered");
  }
  if (request.path == kMetricsPath) {
    const auto now = known();
    if (!now) return refusal(503, now.error().describe());
    HttpAnswer answer;
    answer.type = kOpenMetricsType;
    return answer;
  }
  const bool asked = request.path == "/status" || request.path == "/status.json";
  if (asked && status) return statusAnswer(request);
  return refusal(404, status ? "there is /metrics, /status and /status.json" : "there is /metrics");
}

HttpAnswer StatusServer::statusAnswer(const HttpRequest& request) {
  const auto now = known();
  if (!now) return refusal(503, now.error().describe());
  StatusReport report = (*now)->report;
  if (const auto only = request.query.find("only"); only != request.query.end()) {
    keepOnly(report, only->second);
    if (report.mounts.empty()) return refusal(404, "no EFS mount is " + printable(only->second));
  }
  HttpAnswer answer;
  answer.exit_code = report.healthy() ? kHealthy : kDegraded;
  if (request.path == "/status.json") {
    answer.type = "application/json";
    answer.body = statusJson(report);
  } else {
    answer.body =
        statusTable(report, {request.query.contains("wide"), request.query.contains("colours")});
  }
  return answer;
}

namespace {

// A server with much to do has its places before accept(2) taken for a moment.
Result<UniqueFd> connectTo(const std::string& socket_path, const Deadline& deadline) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof name.sun_path) {
    return Error(ErrorKind::kInvalidInput, "socket path " + socket_path + " is too long");
  }
  std::memcpy(name.sun_path, socket_path.data(), socket_path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return Error::fromErrno(errno, "creating a local socket");
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    if (errno != EAGAIN) return Error::fromErrno(errno, "connecting to " + socket_path);
    if (deadline.passed()) return Error(ErrorKind::kTimeout, socket_path + " takes nobody");
    EFS_CHECK(sleepFor(kEachTry));
  }
  return fd;
}

}  // namespace

Result<HttpAnswer> askStatusServer(const std::string& socket_path, const std::string& target,
                                   Duration patience) {
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  EFS_TRY(fd, connectTo(socket_path, deadline));
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return Error::fromErrno(errno, "asking " + socket_path);
  }
  std::string bytes;
  std::array<char, 16384> chunk{};
  while (bytes.size() < kMaxAnswer) {
    EFS_TRY(ready, waitReady(fd.get(), POLLIN, deadline));
    if (!ready) return Error(ErrorKind::kTimeout, socket_path + " does not answer");
    const ssize_t got = ::recv(fd.get(), chunk.data(), chunk.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    bytes.append(chunk.data(), static_cast<std::size_t>(got));
  }
  auto answer = parseAnswer(bytes);
  if (answer) return std::move(*answer);
  return Error(ErrorKind::kProtocol, socket_path + " gave no answer");
}

}  // namespace efs::efsctl

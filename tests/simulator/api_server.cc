#include "api_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "api_services.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "request_signature.h"

namespace efs::simulator {
namespace {

constexpr std::size_t kMostBytes = 1U << 20U;
constexpr Duration kPatience(30000);

struct ServiceRow {
  const char* name;
  const char* signing_name;
  ApiReply (*answer)(const ApiRequest&, World&);
  ApiReply (*error)(int, const std::string&, const std::string&);
  int refusal_status;  // of a signature that is not genuine
};

const ServiceRow& serviceOf(const ApiRequest& request) {
  static constexpr ServiceRow kEfs{"efs", "elasticfilesystem", answerEfs, efsError, 403};
  static constexpr ServiceRow kEc2{"ec2", "ec2", answerEc2, ec2Error, 401};
  static constexpr ServiceRow kLogs{"logs", "logs", answerLogs, logsError, 400};
  if (request.header("x-amz-target").starts_with("Logs_20140328.")) return kLogs;
  return request.path == "/" ? kEc2 : kEfs;
}

std::string serialise(const ApiReply& reply, const std::string& more_headers = "") {
  return "HTTP/1.1 " + std::to_string(reply.status) + " X\r\nContent-Type: " + reply.content_type +
         "\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\nConnection: close\r\n" +
         more_headers + "\r\n" + reply.body;
}

std::string faultyBytes(const ApiFault& fault, const ServiceRow& service, const ApiReply& genuine,
                        const std::string& date) {
  using Kind = ApiFault::Kind;
  switch (fault.kind) {
    case Kind::kStatus:
      return serialise(service.error(fault.status,
                                     fault.status == 403 ? "AccessDeniedException" : "Fault",
                                     "status " + std::to_string(fault.status) + " by command"));
    case Kind::kGarbage:
      return serialise({200, "application/json", "\xff\xfe{{{]"});
    case Kind::kHuge:
      return serialise({200, "application/json", std::string(8U << 20U, '[')});
    case Kind::kTruncated: {
      const std::string whole = serialise(genuine);
      return whole.substr(0, whole.size() - genuine.body.size() / 2 - 1);
    }
    case Kind::kRedirect:
      return serialise({302, "text/plain", ""}, "Location: http://127.0.0.1:1/\r\n");
    default:
      return serialise(genuine, date);
  }
}

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::start(World& world) {
  if (!world.config().api) return std::unique_ptr<ApiServer>();
  EFS_TRY(stop, StopSignal::create());
  std::unique_ptr<ApiServer> server(new ApiServer(world, std::move(stop)));
  ApiServer* raw = server.get();
  EFS_TRY(listener, Listener::start(*world.config().api, [raw](UniqueFd fd) {
            auto shared = std::make_shared<UniqueFd>(std::move(fd));  // std::function copies
            raw->crew_.run([raw, shared] { raw->serve(*shared); });
          }));
  server->listener_ = std::move(listener);
  return server;
}

ApiServer::~ApiServer() {
  stop_->raise();
  listener_.reset();
  crew_.waitForAll();
}

std::optional<ApiRequest> ApiServer::readRequest(const UniqueFd& connection) {
  std::string input;
  std::array<char, 4096> buffer{};
  std::optional<ApiRequest> request;
  std::size_t body_at = 0;
  std::size_t body_size = 0;
  while (!request || input.size() < body_at + body_size) {
    if (waitFor(connection.get(), POLLIN, *stop_, kPatience) != Ready::kYes) return std::nullopt;
    const ssize_t got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0 || input.size() > kMostBytes) return std::nullopt;
    input.append(buffer.data(), static_cast<std::size_t>(got));
    const auto end = input.find("\r\n\r\n");
    if (request || end == std::string::npos) continue;
    request = parseApiHead(std::string_view(input).substr(0, end));
    if (!request) return std::nullopt;
    body_at = end + 4;
    const auto length = parseInt(request->header("content-length"));
    if (length && *length > 0) body_size = static_cast<std::size_t>(*length);
    if (body_size > kMostBytes) return std::nullopt;
  }
  request->body = input.substr(body_at, body_size);
  return request;
}

void ApiServer::serve(const UniqueFd& connection) {
  const auto request = readRequest(connection);
  if (request) reply(connection, *request);
}

void ApiServer::reply(const UniqueFd& connection, const ApiRequest& request) {
  const ServiceRow& service = serviceOf(request);
  world_.api.countRequest(service.name);
  const ApiFault fault = world_.api.fault(service.name);
  if (stop_->wait(Duration(fault.delay_ms))) return;
  if (fault.kind == ApiFault::Kind::kBlackhole) {
    (void)stop_->wait(kPatience);
    return;
  }
  if (fault.kind == ApiFault::Kind::kReset) {
    resetOnClose(connection.get());
    return;
  }
  ApiReply answer;
  if (const auto refusal = checkSignature(request, world_, service.signing_name)) {
    world_.recordRefusal("api", "", peerName(connection.get()),
                         {std::string(service.name) + ".signature", refusal->message});
    answer = service.error(service.refusal_status, refusal->code, refusal->message);
  } else {
    answer = service.answer(request, world_);
  }
  if (!setNonBlocking(connection.get(), false)) return;
  const std::string date = "Date: " + utcText(world_.now(), "%a, %d %b %Y %H:%M:%S GMT") + "\r\n";
  (void)writeAll(connection.get(), faultyBytes(fault, service, answer, date), "api");
}

}  // namespace efs::simulator

#include "credential_server.h"

#include <poll.h>

#include <array>
#include <optional>

#include "efs/base/text.h"

namespace efs::simulator {
namespace {

constexpr std::size_t kMostRequest = 65536;

// nullopt while the request is not complete; `broken` when it never will be.
std::optional<EndpointRequest> parseRequest(std::string_view input, bool& broken) {
  const auto head_end = input.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::nullopt;
  const auto lines = split(input.substr(0, head_end), '\n');
  const auto words = split(trim(lines[0]), ' ');
  broken = words.size() != 3 || words[2] != "HTTP/1.1";
  if (broken) return std::nullopt;
  EndpointRequest request;
  request.method = words[0];
  const auto question = words[1].find('?');
  request.path = words[1].substr(0, question);
  if (question != std::string::npos) request.query = words[1].substr(question + 1);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(':');
    const std::string name = toLower(lines[i].substr(0, colon));
    // A header given twice could be signed one way and read another.
    broken = colon == std::string::npos || request.headers.count(name) != 0;
    if (broken) return std::nullopt;
    request.headers[name] = trim(lines[i].substr(colon + 1));
  }
  const auto length = parseInt(request.header("content-length")).value_or(0);
  broken = length < 0 || static_cast<std::size_t>(length) > kMostRequest;
  if (broken || input.size() - head_end - 4 < static_cast<std::size_t>(length)) return std::nullopt;
  request.body = input.substr(head_end + 4, static_cast<std::size_t>(length));
  return request;
}

std::string serialise(const EndpointReply& reply, const std::string& more_headers = "") {
  return "HTTP/1.1 " + std::to_string(reply.status) + " X\r\nContent-Type: " + reply.content_type +
         "\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\nConnection: close\r\n" +
         more_headers + "\r\n" + reply.body;
}

struct Route {
  const char* name;  // of the control command
  std::string_view prefix;
  EndpointReply (*answer)(const EndpointRequest& request, const World& world);
};
constexpr std::array<Route, 5> kRoutes{{{"ecs", "/v2/credentials/", &answerContainer},
                                        {"pod", "/v1/credentials", &answerPodIdentity},
                                        {"sso", "/federation/credentials", &answerSso},
                                        {"oidc", "/token", &answerOidc},
                                        {"sts", "/", &answerSts}}};

}  // namespace

std::string EndpointRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

Result<std::unique_ptr<CredentialServer>> CredentialServer::start(const World& world) {
  if (!world.config().credentials) return std::unique_ptr<CredentialServer>();
  EFS_TRY(stop, StopSignal::create());
  std::unique_ptr<CredentialServer> server(new CredentialServer(world, std::move(stop)));
  CredentialServer* raw = server.get();
  EFS_TRY(listener, Listener::start(world.config().credentials->listen, [raw](UniqueFd fd) {
            auto shared = std::make_shared<UniqueFd>(std::move(fd));  // std::function copies
            raw->crew_.run([raw, shared] { raw->serve(*shared); });
          }));
  server->listener_ = std::move(listener);
  return server;
}

CredentialServer::~CredentialServer() {
  stop_->raise();
  listener_.reset();
  crew_.waitForAll();
}

void CredentialServer::serve(const UniqueFd& connection) {
  constexpr Duration kPatience(30000);
  std::string input;
  std::array<char, 4096> buffer{};
  while (waitFor(connection.get(), POLLIN, *stop_, kPatience) == Ready::kYes) {
    const ssize_t got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0 || input.size() > 2 * kMostRequest) return;
    input.append(buffer.data(), static_cast<std::size_t>(got));
    bool broken = false;
    const auto request = parseRequest(input, broken);
    if (!request && !broken) continue;
    const std::string bytes =
        request ? answer(*request) : serialise({400, "text/plain", "not a request\n"});
    if (bytes.empty()) {
      stop_->wait(kPatience);
      return;
    }
    if (setNonBlocking(connection.get(), false)) {
      ::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    return;
  }
}

std::string CredentialServer::answer(const EndpointRequest& request) {
  for (const auto& route : kRoutes) {
    if (!request.path.starts_with(route.prefix)) continue;
    const EndpointFault fault = world_.endpointFault(route.name);
    if (stop_->wait(Duration(fault.delay_ms)) || fault.kind == "blackhole") return {};
    if (fault.status != 0) {
      const bool redirect = fault.status >= 300 && fault.status < 400;
      return serialise({fault.status, "text/plain", "told to\n"},
                       redirect ? "Location: /elsewhere\r\n" : "");
    }
    const std::string date = "Date: " + utcText(world_.now(), "%a, %d %b %Y %H:%M:%S GMT") + "\r\n";
    const std::string whole = serialise(route.answer(request, world_), date);
    if (fault.kind == "truncated") return whole.substr(0, whole.size() - 20);
    if (fault.kind == "garbage") return serialise({200, "application/json", "{\"x\":\xff"});
    if (fault.kind == "huge") return serialise({200, "text/plain", std::string(1U << 20U, 'x')});
    return whole;
  }
  return serialise({404, "text/plain", "no such endpoint\n"});
}

}  // namespace efs::simulator

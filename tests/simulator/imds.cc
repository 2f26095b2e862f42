#include "imds.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "efs/base/text.h"

namespace efs::simulator {
namespace {

using nlohmann::json;

constexpr std::size_t kMostHeaderBytes = 16384;

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    default:
      return "Method Not Allowed";
  }
}

// The head of a request without its final blank line.
std::optional<HttpRequest> parseHead(std::string_view head) {
  const auto lines = split(head, '\n');
  const auto words = split(trim(lines[0]), ' ');
  if (words.size() != 3 || words[2].rfind("HTTP/1.", 0) != 0) return std::nullopt;
  HttpRequest request;
  request.method = words[0];
  request.path = words[1];
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(':');
    if (colon == std::string::npos) return std::nullopt;
    request.headers[toLower(lines[i].substr(0, colon))] = trim(lines[i].substr(colon + 1));
  }
  return request;
}

std::string serialise(const HttpReply& reply, bool close) {
  return "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(reason(reply.status)) +
         "\r\nContent-Type: " + reply.content_type +
         "\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\n" + reply.more_headers +
         "Server: EC2ws\r\nConnection: " + (close ? "close" : "keep-alive") + "\r\n\r\n" +
         reply.body;
}

// As AWS: it is the packets of a token that must not travel far; and what of them is sent again.
void limitHops(int fd, int hops) {
  if (hops == 0) return;
  (void)::setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
  (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops);
}

HttpReply failure(int status) {
  return {status, "text/html",
          "<html><head><title>" + std::to_string(status) + " - " + std::string(reason(status)) +
              "</title></head></html>\n"};
}

}  // namespace

Result<std::unique_ptr<ImdsServer>> ImdsServer::start(const World& world) {
  EFS_TRY(stop, StopSignal::create());
  std::unique_ptr<ImdsServer> server(new ImdsServer(world, std::move(stop)));
  ImdsServer* raw = server.get();
  const auto admit = [raw](UniqueFd fd) {
    auto shared = std::make_shared<UniqueFd>(std::move(fd));  // std::function copies
    raw->crew_.run([raw, shared] { raw->serve(std::move(*shared)); });
  };
  EFS_TRY(listener, Listener::start(world.config().imds.listen, admit));
  server->listener_ = std::move(listener);
  if (const auto& second = world.config().imds.listen_v6) {
    EFS_TRY(listener_v6, Listener::start(*second, admit));
    server->listener_v6_ = std::move(listener_v6);
  }
  return server;
}

ImdsServer::~ImdsServer() {
  stop_->raise();
  listener_.reset();
  listener_v6_.reset();
  crew_.waitForAll();
}

void ImdsServer::serve(UniqueFd connection) {
  constexpr Duration kPatience(30000);
  std::string input;
  std::array<char, 4096> buffer{};
  while (waitFor(connection.get(), POLLIN, *stop_, kPatience) == Ready::kYes) {
    const ssize_t got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0 || input.size() > kMostHeaderBytes) return;
    if (world_.imds_mode == ImdsMode::kDown) {
      resetOnClose(connection.get());
      return;
    }
    input.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t end = 0;
    while ((end = input.find("\r\n\r\n")) != std::string::npos) {
      const auto request = parseHead(std::string_view(input).substr(0, end));
      input.erase(0, end + 4);
      if (stop_->wait(Duration(world_.imds_delay_ms.load()))) return;
      const HttpReply reply = request ? answer(*request) : failure(400);
      const bool close = !request || toLower(request->headers.count("connection") != 0
                                                 ? request->headers.at("connection")
                                                 : "") == "close";
      const std::string bytes = serialise(reply, close);
      if (request && request->method == "PUT") limitHops(connection.get(), world_.imds_hop_limit);
      ::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (close) return;
    }
  }
}

HttpReply ImdsServer::answer(const HttpRequest& request) {
  if (request.path == "/latest/api/token") {
    if (request.method != "PUT") return failure(405);
    return issueToken(request);
  }
  if (request.method != "GET") return failure(405);
  const bool token_given = request.headers.count("x-aws-ec2-metadata-token") != 0;
  const bool v1_allowed = world_.imds_mode == ImdsMode::kV1Only && !token_given;
  if (!v1_allowed && !tokenIsValid(request)) return failure(401);
  std::string_view path = request.path;
  if (path.substr(0, 7) != "/latest") return failure(404);
  return metadata(path.substr(7));
}

HttpReply ImdsServer::issueToken(const HttpRequest& request) {
  if (world_.imds_mode == ImdsMode::kV1Only) return failure(403);
  // As AWS: a request that came through a proxy gets no token.
  if (request.headers.count("x-forwarded-for") != 0) return failure(403);
  const auto ttl = request.headers.find("x-aws-ec2-metadata-token-ttl-seconds");
  if (ttl == request.headers.end()) return failure(400);
  const auto seconds = parseInt(ttl->second);
  if (!seconds || *seconds < 1 || *seconds > 21600) return failure(400);
  auto token = randomHex(28);
  if (!token) return failure(400);
  const std::lock_guard lock(mutex_);
  const MonoTime now = world_.clock().monotonic();
  std::erase_if(tokens_, [&](const auto& entry) { return entry.second <= now; });
  constexpr std::size_t kMostTokens = 4096;
  if (tokens_.size() >= kMostTokens) tokens_.clear();
  tokens_[*token] = now + std::chrono::seconds(*seconds);
  // AWS's SDKs take no token whose reply does not tell how long it lives.
  return {200, "text/plain", *token,
          "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: " + std::to_string(*seconds) + "\r\n"};
}

bool ImdsServer::tokenIsValid(const HttpRequest& request) {
  const auto given = request.headers.find("x-aws-ec2-metadata-token");
  if (given == request.headers.end()) return false;
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(given->second);
  return found != tokens_.end() && found->second > world_.clock().monotonic();
}

HttpReply ImdsServer::metadata(std::string_view path) const {
  const Imds& imds = world_.config().imds;
  constexpr std::string_view kCredentials = "/meta-data/iam/security-credentials";
  if (path.substr(0, kCredentials.size()) == kCredentials) {
    return credentials(path.substr(kCredentials.size()));
  }
  if (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path == "/dynamic/instance-identity/document") return identityDocument();
  if (path == "/meta-data/placement/availability-zone") return {200, "text/plain", imds.az};
  if (path == "/meta-data/placement/availability-zone-id") return {200, "text/plain", imds.az_id};
  if (path == "/meta-data/placement/region") {
    return {200, "text/plain", world_.config().region};
  }
  if (path == "/meta-data/iam/info" && world_.imds_mode != ImdsMode::kNoRole) {
    const std::string arn = "arn:aws:iam::123456789012:instance-profile/" + imds.role;
    if (world_.instanceRole()) {
      const json info{{"Code", "Success"}, {"InstanceProfileArn", arn}};
      return {200, "text/plain", info.dump(2)};
    }
  }
  if (path == "/meta-data/instance-id") return {200, "text/plain", imds.instance_id};
  return failure(404);
}

HttpReply ImdsServer::identityDocument() const {
  const Imds& imds = world_.config().imds;
  const json document{{"accountId", "123456789012"},
                      {"architecture", "x86_64"},
                      {"availabilityZone", imds.az},
                      {"billingProducts", nullptr},
                      {"imageId", "ami-0123456789abcdef0"},
                      {"instanceId", imds.instance_id},
                      {"instanceType", "t3.micro"},
                      {"kernelId", nullptr},
                      {"pendingTime", "2026-01-01T00:00:00Z"},
                      {"privateIp", "10.0.0.10"},
                      {"region", world_.config().region},
                      {"version", "2017-09-30"}};
  return {200, "text/plain", document.dump(2)};
}

HttpReply ImdsServer::credentials(std::string_view role) const {
  const auto identity = world_.instanceRole();
  if (world_.imds_mode == ImdsMode::kNoRole || !identity) return failure(404);
  if (!role.empty() && role.front() == '/') role.remove_prefix(1);
  if (role.empty()) return {200, "text/plain", *identity->role};
  if (role != *identity->role) return failure(404);
  const WallTime now = world_.now();
  const auto life = std::chrono::hours(world_.imds_mode == ImdsMode::kExpired ? -1 : 6);
  const json body{{"Code", "Success"},
                  {"LastUpdated", utcText(now, "%Y-%m-%dT%H:%M:%SZ")},
                  {"Type", "AWS-HMAC"},
                  {"AccessKeyId", identity->access_key_id},
                  {"SecretAccessKey", identity->secret_access_key},
                  {"Token", identity->session_token.value_or("")},
                  {"Expiration", utcText(now + life, "%Y-%m-%dT%H:%M:%SZ")}};
  return {200, "text/plain", body.dump(2)};
}

}  // namespace efs::simulator

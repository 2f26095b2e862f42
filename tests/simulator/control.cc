#include "control.h"

#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::simulator {
namespace {

using nlohmann::json;

constexpr std::size_t kMostLine = 4096;
constexpr Duration kPatience(60000);

Error usage(const std::string& text) { return {ErrorKind::kInvalidInput, "usage: " + text}; }

std::optional<bool> onOff(const std::string& word) {
  if (word == "on") return true;
  if (word == "off") return false;
  return std::nullopt;
}

Result<int> milliseconds(const std::string& word) {
  const auto value = parseInt(word);
  if (!value || *value < 0 || *value > 600000) {
    return Error(ErrorKind::kInvalidInput, "milliseconds must be 0-600000");
  }
  return static_cast<int>(*value);
}

Result<sockaddr_un> unixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error(ErrorKind::kInvalidInput, path + " is too long for a socket name");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(World& world, Targets& targets,
                                                            const GaneshaPool& servers) {
  const std::string path = world.config().work_dir + "/control.sock";
  EFS_TRY(address, unixAddress(path));
  EFS_CHECK(removeFile(path));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 64) != 0) {
    return Error::fromErrno(errno, "listening on " + path);
  }
  EFS_TRY(stop, StopSignal::create());
  std::unique_ptr<ControlServer> server(
      new ControlServer(world, targets, servers, std::move(stop)));
  ControlServer* raw = server.get();
  EFS_TRY(listener, Listener::start(std::move(fd), [raw](UniqueFd connection) {
            auto shared = std::make_shared<UniqueFd>(std::move(connection));
            raw->crew_.run([raw, shared] { raw->serve(std::move(*shared)); });
          }));
  server->listener_ = std::move(listener);
  return server;
}

ControlServer::~ControlServer() {
  stop_->raise();
  listener_.reset();
  crew_.waitForAll();
  (void)removeFile(world_.config().work_dir + "/control.sock");
}

void ControlServer::serve(UniqueFd connection) {
  std::string input;
  std::array<char, 1024> buffer{};
  while (waitFor(connection.get(), POLLIN, *stop_, kPatience) == Ready::kYes) {
    const ssize_t got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0 || input.size() > kMostLine) return;
    input.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t end = 0;
    while ((end = input.find('\n')) != std::string::npos) {
      const std::string reply = execute(input.substr(0, end)) + "\n";
      input.erase(0, end + 1);
      if (setNonBlocking(connection.get(), false)) {
        (void)writeAll(connection.get(), reply, "control socket");
      }
      (void)setNonBlocking(connection.get(), true);
    }
  }
}

std::string ControlServer::execute(const std::string& line) {
  Words words;
  for (auto& word : split(trim(line), ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  if (words.empty()) return "error no command";
  const std::lock_guard lock(execute_mutex_);
  const auto reply = dispatch(words);
  if (!reply) return "error " + printable(reply.error().describe());
  return reply->empty() ? "ok" : "ok " + *reply;
}

Result<std::string> ControlServer::dispatch(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "target") return target(words);
  if (verb == "dns") return dns(words);
  if (verb == "imds") return imds(words);
  if (verb == "credentials") return credentials(words);
  if (verb == "cert" || verb == "tls" || verb == "strict-skew") return certificate(words);
  if (verb == "deny" || verb == "fs-require-iam" || verb == "fs-require-tls") return policy(words);
  if (verb == "clock") return clock(words);
  if (verb == "deny-at") {
    const std::string where = words.size() == 2 ? words[1] : "";
    if (where != "putrootfh" && where != "putfh") return usage("deny-at putrootfh|putfh");
    world_.deny_at_root = where == "putrootfh";
    return std::string();
  }
  if (verb == "rotate-credentials") {
    const bool revoke = words.size() == 2 && words[1] == "revoke";
    if (words.size() != 1 && !revoke) return usage("rotate-credentials [revoke]");
    EFS_CHECK(world_.rotateCredentials(revoke));
    const auto role = world_.instanceRole();
    return role ? role->access_key_id : std::string();
  }
  if (verb == "api" && words.size() >= 3) {
    EFS_CHECK(world_.api.setFault(words[1], Words(words.begin() + 2, words.end())));
    return std::string();
  }
  if (verb == "api-logs") return world_.api.logs();
  if (verb == "api-requests") return json(world_.api.requests()).dump();
  if (verb == "stats") return stats();
  if (verb == "last-refusal") return world_.lastRefusal();
  if (verb == "connections") return connections();
  return Error(ErrorKind::kInvalidInput, "unknown command " + verb);
}

Result<std::string> ControlServer::target(const Words& words) {
  constexpr auto kUsage =
      "target <fs> <az> ok [<answer> ...]|refuse|reset|blackhole|delay <ms>|limit "
      "<bytes/s>|close-idle|cut|move "
      "<ip>|"
      "bind <answer> ...";
  if (words.size() < 4) return usage(kUsage);
  MountTarget* found = nullptr;
  for (auto& candidate : targets_) {
    const bool match = candidate->fsId() == words[1] &&
                       (candidate->az() == words[2] || candidate->azId() == words[2]);
    if (match) found = candidate.get();
  }
  if (found == nullptr) {
    return Error(ErrorKind::kNotFound, words[1] + " has no mount target in " + words[2]);
  }
  const std::string& what = words[3];
  Status status;
  if (what == "delay" && words.size() == 5) {
    EFS_TRY(ms, milliseconds(words[4]));
    status = found->delay(ms);
  } else if (what == "limit" && words.size() == 5) {
    const auto rate = parseInt(words[4]);
    if (!rate || *rate < 0 || *rate > 1 << 30) return usage(kUsage);
    found->limit(static_cast<int>(*rate));
  } else if (what == "ok") {
    status = found->behave(Words(words.begin() + 4, words.end()));
  } else if (what == "bind") {
    status = found->answerBinds(Words(words.begin() + 4, words.end()));
  } else if (what == "move" && words.size() == 5) {
    status = found->move(words[4]);
  } else if (words.size() != 4) {
    return usage(kUsage);
  } else if (what == "blackhole") {
    status = found->blackhole();
  } else if (what == "refuse") {
    found->refuse();
  } else if (what == "reset") {
    found->resetConnections();
  } else if (what == "cut") {
    found->cutOne();
  } else if (what == "close-idle") {
    found->closeIdleConnections();
  } else {
    return usage(kUsage);
  }
  if (!status) return status.error();
  return std::string();
}

Result<std::string> ControlServer::dns(const Words& words) {
  constexpr auto kUsage =
      "dns ok|down|servfail|slow <ms>|unset <name>|set <name>|alias <name> [<target>]|"
      "host <name> [<ip>]";
  if (words.size() == 3 && words[1] == "slow") {
    EFS_TRY(ms, milliseconds(words[2]));
    world_.dns_delay_ms = ms;
    return std::string();
  }
  const bool record = words.size() >= 3 && (words[1] == "alias" || words[1] == "host");
  if (record && words.size() <= 4) {
    const std::string value = words.size() == 4 ? toLower(words[3]) : "";
    words[1] == "alias" ? world_.setAlias(toLower(words[2]), value)
                        : world_.setHost(toLower(words[2]), value);
    return std::string();
  }
  if (words.size() == 3 && (words[1] == "unset" || words[1] == "set")) {
    world_.hideName(toLower(words[2]), words[1] == "unset");
    return std::string();
  }
  if (words.size() != 2) return usage(kUsage);
  if (words[1] == "ok") {
    world_.dns_mode = DnsMode::kOk;
    world_.dns_delay_ms = 0;
  } else if (words[1] == "down") {
    world_.dns_mode = DnsMode::kDown;
  } else if (words[1] == "servfail") {
    world_.dns_mode = DnsMode::kServfail;
  } else {
    return usage(kUsage);
  }
  return std::string();
}

Result<std::string> ControlServer::imds(const Words& words) {
  constexpr auto kUsage = "imds ok|down|slow <ms>|hop-limit <n>|v1-only|no-role|expired";
  if (words.size() == 3 && words[1] == "slow") {
    EFS_TRY(ms, milliseconds(words[2]));
    world_.imds_delay_ms = ms;
    return std::string();
  }
  if (words.size() == 3 && words[1] == "hop-limit") {
    const auto hops = parseInt(words[2]);
    if (!hops || *hops < 1 || *hops > 64) return usage(kUsage);
    world_.imds_hop_limit = static_cast<int>(*hops);
    return std::string();
  }
  if (words.size() != 2) return usage(kUsage);
  if (words[1] == "ok") {
    world_.imds_mode = ImdsMode::kOk;
    world_.imds_delay_ms = 0;
    world_.imds_hop_limit = 0;
  } else if (words[1] == "down") {
    world_.imds_mode = ImdsMode::kDown;
  } else if (words[1] == "v1-only") {
    world_.imds_mode = ImdsMode::kV1Only;
  } else if (words[1] == "no-role") {
    world_.imds_mode = ImdsMode::kNoRole;
  } else if (words[1] == "expired") {
    world_.imds_mode = ImdsMode::kExpired;
  } else {
    return usage(kUsage);
  }
  return std::string();
}

Result<std::string> ControlServer::credentials(const Words& words) {
  const std::string endpoint = words.size() >= 3 ? words[1] : "";
  const bool known = endpoint == "ecs" || endpoint == "pod" || endpoint == "sts" ||
                     endpoint == "sso" || endpoint == "oidc";
  EndpointFault fault;
  const std::string what = known ? words[2] : "";
  const std::int64_t number = words.size() == 4 ? parseInt(words[3]).value_or(0) : 0;
  if (what == "status" && number >= 200 && number <= 599) {
    fault.status = static_cast<int>(number);
  } else if (what == "slow" && words.size() == 4) {
    EFS_TRY(ms, milliseconds(words[3]));
    fault.delay_ms = ms;
  } else if (words.size() == 3 &&
             (what == "truncated" || what == "garbage" || what == "huge" || what == "blackhole")) {
    fault.kind = what;
  } else if (what != "ok" || words.size() != 3) {
    return usage(
        "credentials ecs|pod|sts|sso|oidc ok|status <n>|slow "
        "<ms>|truncated|garbage|huge|blackhole");
  }
  world_.setEndpointFault(endpoint, fault);
  return std::string();
}

Result<std::string> ControlServer::certificate(const Words& words) {
  if (words[0] == "tls") {
    const auto on = words.size() == 3 && words[1] == "handshake-stall" ? onOff(words[2])
                                                                       : std::optional<bool>();
    if (!on) return usage("tls handshake-stall on|off");
    world_.handshake_stall = *on;
    return std::string();
  }
  if (words[0] == "strict-skew") {
    const auto on = words.size() == 2 ? onOff(words[1]) : std::optional<bool>();
    if (!on) return usage("strict-skew on|off");
    world_.strict_skew = *on;
    return std::string();
  }
  const std::string kind = words.size() == 2 ? words[1] : "";
  if (kind == "ok") {
    world_.server_certificate = ServerCertificate::kOk;
  } else if (kind == "wrong-name") {
    world_.server_certificate = ServerCertificate::kWrongName;
  } else if (kind == "wrong-chain") {
    world_.server_certificate = ServerCertificate::kWrongChain;
  } else if (kind == "expired") {
    world_.server_certificate = ServerCertificate::kExpired;
  } else {
    return usage("cert ok|wrong-name|wrong-chain|expired");
  }
  return std::string();
}

Result<std::string> ControlServer::policy(const Words& words) {
  const auto on = words.size() == 3 ? onOff(words[2]) : std::optional<bool>();
  if (!on) return usage(words[0] + " <fs> on|off");
  const bool known = words[0] == "deny"             ? world_.setDenyAll(words[1], *on)
                     : words[0] == "fs-require-iam" ? world_.setRequireIam(words[1], *on)
                                                    : world_.setRequireTls(words[1], *on);
  if (!known) return Error(ErrorKind::kNotFound, "no file system " + words[1]);
  return std::string();
}

Result<std::string> ControlServer::clock(const Words& words) {
  const auto seconds = words.size() == 2 ? parseInt(words[1]) : std::nullopt;
  constexpr std::int64_t kMost = 100LL * 366 * 86400;
  if (!seconds || *seconds > kMost || *seconds < -kMost) return usage("clock <offset seconds>");
  world_.setClockOffset(*seconds);
  return utcText(world_.now(), "%Y-%m-%dT%H:%M:%SZ");
}

Result<std::string> sendCommand(const std::string& socket_path, const std::string& command) {
  EFS_TRY(address, unixAddress(socket_path));
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::fromErrno(errno, "connecting to " + socket_path);
  }
  EFS_CHECK(writeAll(fd.get(), command + "\n", socket_path));
  ::shutdown(fd.get(), SHUT_WR);
  std::string reply;
  std::array<char, 65536> buffer{};
  while (reply.find('\n') == std::string::npos) {
    pollfd entry{fd.get(), POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(kPatience.count())) <= 0) {
      return Error(ErrorKind::kTimeout, socket_path + " does not answer");
    }
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return Error(ErrorKind::kReset, socket_path + " closed without an answer");
    reply.append(buffer.data(), static_cast<std::size_t>(got));
    constexpr std::size_t kMostReply = 16U << 20U;
    if (reply.size() > kMostReply) return Error(ErrorKind::kProtocol, "endless reply");
  }
  return reply.substr(0, reply.find('\n'));
}

}  // namespace efs::simulator

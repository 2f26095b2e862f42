#include "named_endpoints.h"

#include <poll.h>

#include <array>

#include "efs/base/text.h"

namespace efs::simulator {
namespace {

constexpr Duration kPatience(30000);
constexpr std::size_t kMostHead = 65536;

// The name that the request is for; empty where it tells none.
std::string hostOf(std::string_view head) {
  for (const auto& line : split(head, '\n')) {
    const auto colon = line.find(':');
    if (toLower(line.substr(0, colon)) == "host" && colon != std::string::npos) {
      return toLower(trim(line.substr(colon + 1)));
    }
  }
  return {};
}

bool writeAll(Stream& to, std::string_view bytes, const StopSignal& stop) {
  while (!bytes.empty()) {
    const IoResult result = to.write(bytes);
    if (result.state == IoResult::State::kDone) {
      bytes.remove_prefix(result.count);
    } else if (result.state != IoResult::State::kAgain ||
               waitFor(to.fd(), result.wait_for, stop, kPatience) != Ready::kYes) {
      return false;
    }
  }
  return true;
}

// What is there to read now; false at the end.
bool pass(Stream& from, Stream& to, const StopSignal& stop) {
  std::array<char, 16384> buffer{};
  for (;;) {
    const IoResult result = from.read(buffer.data(), buffer.size());
    if (result.state == IoResult::State::kAgain) return true;
    if (result.state != IoResult::State::kDone) return false;
    if (!writeAll(to, {buffer.data(), result.count}, stop)) return false;
  }
}

void passBothWays(Stream& client, Stream& server, const StopSignal& stop) {
  while (pass(client, server, stop) && pass(server, client, stop)) {
    std::array<pollfd, 3> ready{
        {{client.fd(), POLLIN, 0}, {server.fd(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), static_cast<int>(kPatience.count())) <= 0) break;
    if (ready[2].revents != 0) return;
  }
  client.endOutput();
}

}  // namespace

Result<std::unique_ptr<NamedEndpoints>> NamedEndpoints::start(const World& world,
                                                              const ServerIdentity& identity) {
  if (!world.config().names) return std::unique_ptr<NamedEndpoints>();
  EFS_TRY(stop, StopSignal::create());
  std::unique_ptr<NamedEndpoints> self(new NamedEndpoints(world, identity, std::move(stop)));
  NamedEndpoints* raw = self.get();
  EFS_TRY(listener, Listener::start(*world.config().names, [raw](UniqueFd fd) {
            auto shared = std::make_shared<UniqueFd>(std::move(fd));  // std::function copies
            raw->crew_.run([raw, shared] { raw->serve(std::move(*shared)); });
          }));
  self->listener_ = std::move(listener);
  return self;
}

NamedEndpoints::~NamedEndpoints() {
  stop_->raise();
  listener_.reset();
  crew_.waitForAll();
}

Result<Stream> NamedEndpoints::connectFor(std::string_view head) const {
  const std::string host = hostOf(head);
  const auto& credentials = world_.config().credentials;
  const bool of_credentials =
      host.starts_with("sts") || host.starts_with("portal.sso") || host.starts_with("oidc");
  const std::optional<Endpoint> where = !of_credentials ? world_.config().api
                                        : credentials   ? std::optional(credentials->listen)
                                                        : std::nullopt;
  if (!where) return Error(ErrorKind::kNotFound, "nobody serves " + printable(host, 100));
  EFS_TRY(fd, connectTo(*where, *stop_, kPatience));
  return Stream::plain(std::move(fd));
}

void NamedEndpoints::serve(UniqueFd connection) {
  auto client = Stream::acceptTls(
      std::move(connection), identity_.context(ServerCertificate::kEndpoints), *stop_, kPatience);
  if (!client) return;
  std::string head;
  std::array<char, 4096> buffer{};
  while (head.find("\r\n\r\n") == std::string::npos && head.size() < kMostHead) {
    const IoResult result = client->read(buffer.data(), buffer.size());
    if (result.state == IoResult::State::kDone) {
      head.append(buffer.data(), result.count);
    } else if (result.state != IoResult::State::kAgain ||
               waitFor(client->fd(), result.wait_for, *stop_, kPatience) != Ready::kYes) {
      return;
    }
  }
  auto server = connectFor(head);
  if (server && writeAll(*server, head, *stop_)) passBothWays(*client, *server, *stop_);
}

}  // namespace efs::simulator

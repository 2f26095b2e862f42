// A session's way to its server: from the client's first byte to the relay.
#include <fmt/core.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "efs/base/text.h"
#include "efs/net/socket.h"
#include "efs/rpc/message.h"
#include "efs/rpc/record.h"
#include "efs/tls_tunnel/tunnel_session.h"

namespace efs::tls_tunnel {

using tunnel_control::Stage;
using tunnel_control::UpstreamState;

namespace {

std::string listed(const std::vector<net::Endpoint>& addresses) {
  std::vector<std::string> texts;
  texts.reserve(addresses.size());
  for (const auto& address : addresses) texts.push_back(address.ip());
  return join(texts, ",");
}

Stage stageOf(UpstreamConnector::Step step, const Error& error) {
  switch (step) {
    case UpstreamConnector::Step::kResolving:
      // A lack of our own (descriptors, memory) is no failure of DNS.
      return error.kind() == ErrorKind::kIo ? Stage::kConnected : Stage::kResolved;
    case UpstreamConnector::Step::kConnecting:
      return Stage::kConnected;
    case UpstreamConnector::Step::kSecuring:
      break;
  }
  return Stage::kSecured;
}

}  // namespace

void refreshAuthorities(tls::TlsClientContext& tls) {
  const auto fresh = tls.refreshAuthorities();
  if (!fresh) {
    log::error("New certificate authorities refused, the old ones stay: {}",
               fresh.error().describe());
  } else if (*fresh) {
    log::info("Certificate authorities read again");
  }
}

void TunnelSession::firstByte() {
  std::array<char, rpc::kMarkSize + sizeof(rpc::kQuestionXid)> start{};
  const ssize_t got = ::recv(client_.fd(), start.data(), start.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) {
    log::info("Accepted new connection {} from {}", id_, peer_);
    deadline_.reset();
    meter_.asked = meter_.last_up = now();
    meter_.question = rpc::beginsWithQuestion({start.data(), static_cast<std::size_t>(got)});
    context_.meter.add(meter_);
    return beginConnect();
  }
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  end(log::Level::kDebug, "client closed without sending a byte (port probe)", Client::kClose);
}

void TunnelSession::beginConnect() {
  state_ = State::kConnecting;
  meter_.state = UpstreamState::kConnecting;
  context_.meter.publish();
  const Duration pause = context_.pacer.delay(context_.loop.clock().monotonic());
  if (pause == Duration{0}) return startConnector();
  log::debug("Connection {}: next attempt in {} ms, {} failed", id_, pause.count(),
             context_.pacer.failures());
  deadline_ = context_.loop.after(pause, [this] { startConnector(); });
}

void TunnelSession::startConnector() {
  step_started_ = context_.loop.clock().monotonic();
  connector_ = std::make_unique<UpstreamConnector>(context_.loop, context_.limits);
  connector_->know(context_.addresses, context_.proven);
  if (context_.tls != nullptr) {
    refreshAuthorities(*context_.tls);
    connector_->secureWith(*context_.tls);
  }
  connector_->onConnected([this](const net::Endpoint& peer) { upstreamReached(peer); });
  connector_->start(
      context_.host, context_.port,
      [this](const std::vector<net::Endpoint>& addresses) {
        log::debug("Connection {}: {} resolves to {}", id_, context_.host, listed(addresses));
        context_.status.reached(Stage::kResolved, listed(addresses));
      },
      [this](Result<ConnectedUpstream> result) { connected(std::move(result)); });
}

void TunnelSession::upstreamReached(const net::Endpoint& peer) {
  upstream_name_ = peer.text();
  context_.status.reached(Stage::kConnected, upstream_name_);
  if (context_.tls == nullptr) return;
  meter_.state = UpstreamState::kSecuring;
  context_.meter.publish();
}

void TunnelSession::connected(Result<ConnectedUpstream> result) {
  const auto step = connector_->step();
  connector_.reset();
  if (!result) return upstreamFailed(stageOf(step, result.error()), result.error());
  upstream_peer_ = result->peer;
  upstream_name_ = result->peer.text();
  auto& facts = context_.meter.facts();
  facts.upstream = upstream_name_;
  facts.connect_ms =
      std::chrono::duration_cast<Duration>(result->connected - step_started_).count();
  facts.handshake_ms = facts.first_byte_ms = 0;
  step_started_ = result->connected;
  if (auto adopted = adopt(std::move(*result)); !adopted)
    return upstreamFailed(Stage::kConnected, adopted.error());
  context_.meter.connected();
  if (tls_ == nullptr) return mayBind() ? beginBind() : beginRelay();
  if (context_.revocation != nullptr) return checkRevocation();
  secured();
}

Status TunnelSession::adopt(ConnectedUpstream upstream) {
  if (upstream.secure != nullptr) {
    tls_ = upstream.secure.get();
    upstream_ = std::move(upstream.secure);
  } else {
    upstream_ = std::make_unique<io::TcpTransport>(std::move(upstream.fd));
  }
  EFS_CHECK(net::setNoDelay(upstream_->fd()));
  EFS_CHECK(net::setKeepAlive(upstream_->fd(), context_.limits.keepalive));
  EFS_TRY(watch, context_.loop.watch(upstream_->fd(), io::kEdges,
                                     [this](std::uint32_t events) { upstreamEvent(events); }));
  upstream_watch_ = std::move(watch);
  return {};
}

void TunnelSession::checkRevocation() {
  state_ = State::kChecking;
  auto check = tls::RevocationCheck::begin(*tls_, *context_.revocation, context_.loop.clock());
  if (!check) return upstreamFailed(Stage::kSecured, check.error());
  revocation_.emplace(context_.loop, context_.limits, std::move(*check));
  revocation_->start([this](const Status& verdict) {
    revocation_.reset();
    if (!verdict) return upstreamFailed(Stage::kSecured, verdict.error());
    secured();
  });
}

void TunnelSession::secured() {
  log::debug("Connection {}: {} secured with {}", id_, upstream_name_, tls_->describe());
  context_.status.reached(Stage::kSecured, tls_->describe());
  context_.meter.facts().tls = tls_->describe();
  context_.meter.facts().handshake_ms = stepDone();
  mayBind() ? beginBind() : beginRelay();
}

}  // namespace efs::tls_tunnel

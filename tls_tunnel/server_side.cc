#include "efs/tls_tunnel/server_side.h"

#include <utility>

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/io/tcp_transport.h"
#include "efs/net/socket.h"

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

void ServerSide::begin() {
  meter_.state = UpstreamState::kConnecting;
  context_.meter.publish();
  const Duration pause = context_.pacer.delay(context_.now());
  if (pause == Duration{0}) return startConnector();
  log::debug("Connection {}: next attempt in {} ms, {} failed", id_, pause.count(),
             context_.pacer.failures());
  pause_ = context_.loop.after(pause, [this] { startConnector(); });
}

void ServerSide::startConnector() {
  step_started_ = context_.now();
  connector_ = std::make_unique<UpstreamConnector>(context_.loop, context_.limits);
  connector_->know(context_.addresses, context_.proven);
  if (context_.tls != nullptr) {
    refreshAuthorities(*context_.tls);
    connector_->secureWith(*context_.tls);
  }
  connector_->onConnected([this](const net::Endpoint& peer) { reached(peer); });
  connector_->start(
      context_.host, context_.port,
      [this](const std::vector<net::Endpoint>& addresses) {
        log::debug("Connection {}: {} resolves to {}", id_, context_.host, listed(addresses));
        context_.status.reached(Stage::kResolved, listed(addresses));
      },
      [this](Result<ConnectedUpstream> result) { arrived(std::move(result)); });
}

void ServerSide::reached(const net::Endpoint& peer) {
  name_ = peer.text();
  context_.status.reached(Stage::kConnected, name_);
  if (context_.tls == nullptr) return;
  meter_.state = UpstreamState::kSecuring;
  context_.meter.publish();
}

void ServerSide::arrived(Result<ConnectedUpstream> result) {
  const auto step = connector_->step();
  connector_.reset();
  if (!result) return events_.failed(stageOf(step, result.error()), result.error());
  peer_ = result->peer;
  name_ = result->peer.text();
  auto& facts = context_.meter.facts();
  facts.upstream = name_;
  facts.connect_ms =
      std::chrono::duration_cast<Duration>(result->connected - step_started_).count();
  facts.handshake_ms = facts.first_byte_ms = 0;
  step_started_ = result->connected;
  if (auto adopted = adopt(std::move(*result)); !adopted)
    return events_.failed(Stage::kConnected, adopted.error());
  // Counted when the connection stands, not when it is used: the watchdog tells a reconnect by it.
  context_.meter.connected();
  if (tls_ == nullptr) return bindOrReady();
  if (context_.revocation != nullptr) return checkRevocation();
  secured();
}

Status ServerSide::adopt(ConnectedUpstream upstream) {
  if (upstream.secure != nullptr) {
    tls_ = upstream.secure.get();
    transport_ = std::move(upstream.secure);
  } else {
    transport_ = std::make_unique<io::TcpTransport>(std::move(upstream.fd));
  }
  EFS_CHECK(net::setNoDelay(transport_->fd()));
  EFS_CHECK(net::setKeepAlive(transport_->fd(), context_.limits.keepalive));
  EFS_TRY(watch, context_.loop.watch(transport_->fd(), io::kEdges,
                                     [this](std::uint32_t events) { event(events); }));
  watch_ = std::move(watch);
  return {};
}

void ServerSide::event(std::uint32_t events) {
  transport_->ready(events);
  if (binding_.underWay()) return binding_.step();
  events_.moved();
}

void ServerSide::checkRevocation() {
  auto check = tls::RevocationCheck::begin(*tls_, *context_.revocation, context_.loop.clock());
  if (!check) return events_.failed(Stage::kSecured, check.error());
  revocation_.emplace(context_.loop, context_.limits, std::move(*check));
  revocation_->start([this](const Status& verdict) {
    revocation_.reset();
    if (!verdict) return events_.failed(Stage::kSecured, verdict.error());
    secured();
  });
}

void ServerSide::secured() {
  log::debug("Connection {}: {} secured with {}", id_, name_, tls_->describe());
  context_.status.reached(Stage::kSecured, tls_->describe());
  context_.meter.facts().tls = tls_->describe();
  context_.meter.facts().handshake_ms = stepDone();
  bindOrReady();
}

void ServerSide::bindOrReady() {
  if (!binding_.allowed(meter_)) return events_.ready();
  binding_.begin(*transport_, [this](const Status& bound) {
    if (bound) return events_.ready();
    // The server may have taken the call for NFS, or still answer it: a fresh connection.
    watch_.reset();
    tls_ = nullptr;
    transport_.reset();
    startConnector();
  });
}

void ServerSide::stop() {
  pause_.reset();
  connector_.reset();
  revocation_.reset();
  binding_.leave();
}

void ServerSide::reset() {
  if (transport_) io::resetOnClose(transport_->fd());
}

void ServerSide::served() {
  served_ = true;
  context_.pacer.reset();
  context_.addresses.served(*peer_);
  context_.meter.serverAnswered();
  context_.meter.facts().first_byte_ms = stepDone();
  context_.meter.publishFacts();
  context_.meter.publish();
  context_.status.reached(Stage::kAccepted, name_);
}

void ServerSide::blameAddress() {
  if (peer_ && !served_) context_.addresses.failed(*peer_, context_.now());
}

std::string ServerSide::recordFailure(Stage tried, const Error& error) {
  // A lack of our own (descriptors, memory) is not the address's fault.
  if (error.kind() != ErrorKind::kIo) blameAddress();
  context_.status.failed(tried, error);
  // Once the server has served this connection its end is no failed attempt.
  if (served_) {
    context_.meter.failed(error, context_.countersNow());
  } else {
    context_.pacer.failed(context_.now());
    context_.meter.attemptFailed(error, context_.countersNow());
  }
  std::string where = context_.host;
  if (!name_.empty()) where += " (" + name_ + ")";
  return "upstream " + where + ": " + error.describe();
}

Error ServerSide::refusal(const Error& error) const {
  const bool said_why = error.kind() == ErrorKind::kPermission;
  if (tls_ == nullptr || (error.kind() != ErrorKind::kReset && !said_why)) return error;
  Error refused(ErrorKind::kPermission,
                said_why ? error.message()
                         : "server ended the connection after the TLS handshake, before its first "
                           "byte: client certificate refused? (" +
                               error.message() + ")");
  refused.addHint("check the file system policy, the access point and the credentials");
  return refused;
}

std::int64_t ServerSide::stepDone() {
  const MonoTime began = std::exchange(step_started_, context_.now());
  return std::chrono::duration_cast<Duration>(step_started_ - began).count();
}

}  // namespace efs::tls_tunnel

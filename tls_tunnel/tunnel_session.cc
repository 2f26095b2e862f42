#include "efs/tls_tunnel/tunnel_session.h"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "efs/base/text.h"
#include "efs/net/socket.h"
#include "efs/rpc/message.h"
#include "efs/rpc/record.h"

namespace efs::tls_tunnel {

using io::IoState;
using tunnel_control::Stage;
using tunnel_control::UpstreamState;

namespace {

// Edge-triggered and for everything: registered once, no epoll_ctl(2) on the data path.
constexpr std::uint32_t kEverything = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

std::string listed(const std::vector<net::Endpoint>& addresses) {
  std::vector<std::string> texts;
  texts.reserve(addresses.size());
  for (const auto& address : addresses) texts.push_back(address.ip());
  return join(texts, ",");
}

}  // namespace

TunnelSession::TunnelSession(SessionContext& context, std::uint64_t id, UniqueFd client,
                             std::string peer, Ended ended)
    : context_(context),
      id_(id),
      peer_(std::move(peer)),
      ended_(std::move(ended)),
      started_(context.loop.clock().monotonic()),
      client_(std::move(client)) {}

Status TunnelSession::start() {
  EFS_TRY(watch, context_.loop.watch(client_.fd(), kEverything,
                                     [this](std::uint32_t events) { clientEvent(events); }));
  client_watch_ = std::move(watch);
  deadline_ = context_.loop.after(context_.limits.first_byte, [this] {
    end(log::Level::kInfo, "client sent nothing", Client::kReset);
  });
  return {};
}

void TunnelSession::drop(log::Level level, const std::string& reason) {
  if (upstream_) io::resetOnClose(upstream_->fd());
  end(level, reason, Client::kReset);
}

bool TunnelSession::busy() const {
  if (state_ == State::kRelaying) return meter_.calls->outstanding() != 0;
  return state_ != State::kSilent;
}

std::uint64_t TunnelSession::lastHeard() const {
  return std::max(meter_.last_up, tunnel_control::countersTime(started_));
}

void TunnelSession::clientEvent(std::uint32_t events) {
  switch (state_) {
    case State::kSilent:
      return firstByte();
    case State::kConnecting:
    case State::kSecuring:
    case State::kChecking:
      // EPOLLRDHUP alone may be a half-close behind a request: that request is still served.
      if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        end(log::Level::kInfo, "client closed while the upstream was being connected",
            Client::kClose);
      return;
    case State::kRelaying:
      return pump();
    case State::kEnded:
      return;
  }
}

void TunnelSession::upstreamEvent() {
  if (state_ == State::kSecuring) return handshake();
  if (state_ == State::kRelaying) pump();
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
  connector_->prefer(context_.winner, context_.tls != nullptr);
  connector_->start(
      context_.host, context_.port,
      [this](const std::vector<net::Endpoint>& addresses) {
        log::debug("Connection {}: {} resolves to {}", id_, context_.host, listed(addresses));
        context_.status.reached(Stage::kResolved, listed(addresses));
      },
      [this](Result<ConnectedUpstream> result) { connected(std::move(result)); });
}

void TunnelSession::connected(Result<ConnectedUpstream> result) {
  const Stage tried = connector_->resolving() ? Stage::kResolved : Stage::kConnected;
  connector_.reset();
  if (!result) return upstreamFailed(tried, result.error());
  context_.winner = result->peer;
  upstream_name_ = result->peer.text();
  context_.status.reached(Stage::kConnected, upstream_name_);
  if (auto adopted = adopt(std::move(*result)); !adopted)
    return upstreamFailed(Stage::kConnected, adopted.error());
  context_.meter.connected();
  auto& facts = context_.meter.facts();
  facts.upstream = upstream_name_;
  facts.connect_ms = stepDone();
  facts.handshake_ms = facts.first_byte_ms = 0;
  if (tls_ == nullptr) return beginRelay();
  state_ = State::kSecuring;
  meter_.state = UpstreamState::kSecuring;
  context_.meter.publish();
  deadline_ = context_.loop.after(context_.limits.handshake, [this] {
    upstreamFailed(Stage::kSecured, Error(ErrorKind::kTimeout,
                                          fmt::format("TLS handshake not done within {} s",
                                                      context_.limits.handshake.count() / 1000)));
  });
  handshake();
}

Status TunnelSession::adopt(ConnectedUpstream upstream) {
  EFS_CHECK(net::setNoDelay(upstream.fd.get()));
  EFS_CHECK(net::setKeepAlive(upstream.fd.get(), context_.limits.keepalive));
  if (context_.tls != nullptr) {
    EFS_TRY(secure, context_.tls->connect(std::move(upstream.fd)));
    tls_ = secure.get();
    upstream_ = std::move(secure);
  } else {
    upstream_ = std::make_unique<io::TcpTransport>(std::move(upstream.fd));
  }
  EFS_TRY(watch, context_.loop.watch(upstream_->fd(), kEverything,
                                     [this](std::uint32_t) { upstreamEvent(); }));
  upstream_watch_ = std::move(watch);
  return {};
}

void TunnelSession::handshake() {
  const auto result = tls_->handshake();
  if (result.state == IoState::kWouldBlock) return;
  if (result.state != IoState::kDone) return upstreamFailed(Stage::kSecured, tls_->error());
  deadline_.reset();
  if (context_.revocation != nullptr) return checkRevocation();
  secured();
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
  beginRelay();
}

void TunnelSession::beginRelay() {
  state_ = State::kRelaying;
  meter_.state = UpstreamState::kConnected;
  // Not cleared: see CallTracker.
  meter_.calls = std::make_unique_for_overwrite<CallTracker>();
  relay_.emplace(client_, *upstream_, context_.limits, meter_.calls.get());
  context_.meter.publishFacts();
  peer_watch_.emplace(upstream_->fd(), context_.limits.keepalive);
  pump();
}

void TunnelSession::pump() {
  meter_.calls->setNow(now());
  const Relay::Outcome outcome = relay_->pump();
  count();
  if (!first_byte_after_ && relay_->bytesDown() > 0) {
    first_byte_after_ = age();
    context_.pacer.reset();
    context_.meter.serverAnswered();
    context_.meter.facts().first_byte_ms = stepDone();
    context_.meter.publishFacts();
    context_.meter.publish();
    context_.status.reached(Stage::kAccepted, upstream_name_);
  }
  if (outcome == Relay::Outcome::kMore) {
    context_.loop.requeue(client_watch_);
  } else if (outcome != Relay::Outcome::kWaiting) {
    return relayEnded(outcome);
  }
  if (!look_timer_.armed())
    look_timer_ = context_.loop.after(context_.limits.idle_look, [this] { look(); });
  if (relay_->halfClosed() && !deadline_.armed()) watchHalfClose();
}

void TunnelSession::count() {
  const bool measured = meter_.calls->measuring();
  const bool was_blocked = std::exchange(meter_.client_blocks, relay_->clientBlocks());
  const bool up = relay_->bytesUp() != std::exchange(meter_.bytes_up, relay_->bytesUp());
  const bool down = relay_->bytesDown() != std::exchange(meter_.bytes_down, relay_->bytesDown());
  if (up) meter_.last_up = meter_.calls->now();
  if (down) meter_.last_down = meter_.calls->now();
  if (up || down || was_blocked != meter_.client_blocks) context_.meter.publish();
  if (measured || unmeasured_said_) return;
  unmeasured_said_ = true;
  log::warning("Connection {}: its RPC records cannot be followed; it goes on unmeasured", id_);
}

void TunnelSession::relayEnded(Relay::Outcome outcome) {
  const bool refused = relay_->bytesDown() == 0 && !relay_->clientEnded();
  switch (outcome) {
    case Relay::Outcome::kFinished:
      return end(log::Level::kInfo, "client closed", Client::kClose);
    case Relay::Outcome::kClientFailed:
      if (upstream_) io::resetOnClose(upstream_->fd());
      return end(log::Level::kInfo, "client: " + client_.error().message(), Client::kReset);
    case Relay::Outcome::kUpstreamClosed:
      if (refused)
        return upstreamFailed(Stage::kAccepted,
                              refusal(Error(ErrorKind::kReset, "server closed the connection")));
      context_.meter.failed(Error(ErrorKind::kReset, "server closed the connection"), now());
      // After an orderly end the kernel waits up to 3 s before it connects again
      // (XS_TCP_INIT_REEST_TO); after a reset it comes back at once and replays.
      if (const std::size_t calls = meter_.calls->outstanding(); calls != 0)
        return end(log::Level::kWarning, fmt::format("server closed, {} calls unanswered", calls),
                   Client::kReset);
      return end(log::Level::kWarning, "server closed", Client::kClose);
    case Relay::Outcome::kUpstreamFailed:
      return upstreamFailed(Stage::kAccepted,
                            refused ? refusal(upstream_->error()) : upstream_->error());
    case Relay::Outcome::kWaiting:
    case Relay::Outcome::kMore:
      return;
  }
}

Error TunnelSession::refusal(const Error& error) const {
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

// Gives back the memory of a connection that moved nothing since the last look, and finds out
// whether the server still acknowledges. Nothing is looked at while nothing is under way.
void TunnelSession::look() {
  const PeerWatch::Verdict verdict = peer_watch_->look();
  if (verdict == PeerWatch::Verdict::kDead) {
    return upstreamFailed(Stage::kAccepted,
                          Error(ErrorKind::kTimeout, "server acknowledges nothing any more"));
  }
  const std::uint64_t moved = relay_->bytesUp() + relay_->bytesDown();
  if (moved == moved_at_look_) {
    relay_->releaseMemory();
    upstream_->releaseMemory();
    // pump() arms the timer again
    if (!relay_->holdsMemory() && verdict == PeerWatch::Verdict::kQuiet) return;
  }
  moved_at_look_ = moved;
  look_timer_ = context_.loop.after(context_.limits.idle_look, [this] { look(); });
}

void TunnelSession::watchHalfClose() {
  moved_at_half_close_ = relay_->bytesUp() + relay_->bytesDown();
  deadline_ = context_.loop.after(context_.limits.half_closed, [this] {
    if (relay_->bytesUp() + relay_->bytesDown() != moved_at_half_close_) return watchHalfClose();
    end(log::Level::kWarning, "one side ended and the other stayed silent", Client::kReset);
  });
}

void TunnelSession::upstreamFailed(Stage tried, const Error& error) {
  if (state_ == State::kEnded) return;
  context_.status.failed(tried, error);
  std::string where = context_.host;
  if (!upstream_name_.empty()) where += " (" + upstream_name_ + ")";
  // Once the server has served this connection its end is no failed attempt.
  if (first_byte_after_) {
    context_.meter.failed(error, now());
  } else {
    context_.pacer.failed(context_.loop.clock().monotonic());
    context_.meter.attemptFailed(error, now());
  }
  end(log::Level::kError, "upstream " + where + ": " + error.describe(), Client::kReset);
}

void TunnelSession::end(log::Level level, const std::string& reason, Client client) {
  if (state_ == State::kEnded) return;
  const bool was_silent = state_ == State::kSilent;
  state_ = State::kEnded;
  deadline_.reset();
  look_timer_.reset();
  connector_.reset();
  revocation_.reset();
  if (!was_silent) {
    context_.meter.remove(meter_, now());
    context_.meter.publish();
  }
  if (client == Client::kReset) io::resetOnClose(client_.fd());
  if (log::enabled(level)) {
    std::string detail;
    if (!was_silent && relay_) {
      detail = fmt::format("; {} bytes up, {} bytes down", relay_->bytesUp(), relay_->bytesDown());
      if (first_byte_after_)
        detail +=
            fmt::format(", first byte from the server after {} ms", first_byte_after_->count());
    }
    log::write(level, fmt::format("Connection {} from {} ended after {} ms: {}{}", id_, peer_,
                                  age().count(), reason, detail));
  }
  ended_();
}

std::int64_t TunnelSession::stepDone() {
  const MonoTime began = std::exchange(step_started_, context_.loop.clock().monotonic());
  return std::chrono::duration_cast<Duration>(step_started_ - began).count();
}

std::uint64_t TunnelSession::now() const {
  return tunnel_control::countersTime(context_.loop.clock().monotonic());
}

Duration TunnelSession::age() const {
  return std::chrono::duration_cast<Duration>(context_.loop.clock().monotonic() - started_);
}

}  // namespace efs::tls_tunnel

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

TunnelSession::TunnelSession(SessionContext& context, std::uint64_t id, UniqueFd client,
                             std::string peer, Ended ended)
    : context_(context),
      id_(id),
      peer_(std::move(peer)),
      ended_(std::move(ended)),
      started_(context.loop.clock().monotonic()),
      client_(std::move(client)) {}

Status TunnelSession::start() {
  EFS_TRY(watch, context_.loop.watch(client_.fd(), io::kEdges,
                                     [this](std::uint32_t events) { clientEvent(events); }));
  client_watch_ = std::move(watch);
  deadline_ = context_.loop.after(context_.limits.first_byte, [this] {
    end(log::Level::kInfo, "client sent nothing", Client::kReset);
  });
  return {};
}

void TunnelSession::drop(log::Level level, const std::string& reason) {
  blameAddress();
  if (upstream_) io::resetOnClose(upstream_->fd());
  end(level, reason, Client::kReset);
}

void TunnelSession::stop() {
  if (state_ == State::kEnded) return;
  // Of a stream that cannot be followed nobody knows: the kernel comes back sooner after a reset.
  const bool waits = busy() || (meter_.calls && !meter_.calls->measuring());
  if (state_ == State::kRelaying) {
    (void)upstream_->finishWriting();
    io::discardInput(upstream_->fd());
  }
  end(log::Level::kInfo, "the tunnel ends", waits ? Client::kReset : Client::kClose);
}

bool TunnelSession::busy() const {
  if (state_ == State::kRelaying) return meter_.calls->outstanding() != 0;
  return state_ != State::kSilent;
}

std::uint64_t TunnelSession::lastHeard() const {
  return std::max(meter_.last_up, tunnel_control::countersTime(started_));
}

void TunnelSession::clientEvent(std::uint32_t events) {
  client_.ready(events);
  switch (state_) {
    case State::kSilent:
      return firstByte();
    case State::kConnecting:
    case State::kChecking:
    case State::kBinding:
      // EPOLLRDHUP alone may be a half-close behind a request: that request is still served.
      if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        end(log::Level::kInfo, "client closed while the upstream was being connected",
            Client::kClose);
      return;
    case State::kRelaying:
      // Reading might not tell: it stands still while the server takes nothing.
      if ((events & (EPOLLHUP | EPOLLERR)) != 0) return clientFailed("connection reset");
      if ((events & EPOLLRDHUP) != 0) client_hung_up_ = true;
      return pump();
    case State::kEnded:
      return;
  }
}

void TunnelSession::upstreamEvent(std::uint32_t events) {
  upstream_->ready(events);
  if (state_ == State::kBinding) bindStep();
  if (state_ == State::kRelaying) pump();
}

void TunnelSession::beginRelay() {
  state_ = State::kRelaying;
  meter_.state = UpstreamState::kConnected;
  // Not cleared: see CallTracker.
  meter_.calls = std::make_unique_for_overwrite<CallTracker>();
  if (partition_.empty()) {
    relay_ = std::make_unique<Relay>(client_, *upstream_, context_.limits, meter_.calls.get());
  } else {
    beginPooled();
  }
  context_.meter.publishFacts();
  peer_watch_.emplace(upstream_->fd(), context_.limits.keepalive);
  pump();
}

void TunnelSession::pump() {
  meter_.calls->setNow(now());
  const Relay::Outcome outcome = relay_->pump();
  count();
  if (pooled_ != nullptr) tendPool();
  if (!first_byte_after_ && relay_->bytesDown() > 0) {
    first_byte_after_ = age();
    context_.pacer.reset();
    context_.addresses.served(*upstream_peer_);
    context_.meter.serverAnswered();
    context_.meter.facts().first_byte_ms = stepDone();
    context_.meter.publishFacts();
    context_.meter.publish();
    context_.status.reached(Stage::kAccepted, upstream_name_);
  }
  if (outcome == Relay::Outcome::kStarved) return starved();
  starved_since_.reset();
  if (outcome == Relay::Outcome::kMore) {
    context_.loop.requeue(client_watch_);
  } else if (outcome != Relay::Outcome::kWaiting) {
    return relayEnded(outcome);
  }
  if (!look_timer_.armed())
    look_timer_ = context_.loop.after(context_.limits.idle_look, [this] { look(); });
  if ((relay_->halfClosed() || client_hung_up_) && !deadline_.armed()) watchHalfClose();
}

void TunnelSession::starved() {
  const MonoTime now = context_.loop.clock().monotonic();
  if (!starved_since_) {
    starved_since_ = now;
    log::warning("Connection {}: no memory for a buffer of {} KiB; it waits", id_,
                 context_.limits.buffer >> 10U);
  }
  if (now - *starved_since_ >= context_.limits.starved)
    return drop(log::Level::kError, "no memory for its buffers");
  // No event will tell.
  starved_timer_ = context_.loop.after(context_.limits.starved_look, [this] { pump(); });
}

void TunnelSession::count() {
  const bool measured = meter_.calls->measuring();
  const bool was_blocked = std::exchange(meter_.client_blocks, relay_->clientBlocks());
  const bool ended = relay_->clientEnded() || client_hung_up_;
  const bool had_ended = std::exchange(meter_.client_ended, ended);
  const bool up = relay_->bytesUp() != std::exchange(meter_.bytes_up, relay_->bytesUp());
  const bool down = relay_->bytesDown() != std::exchange(meter_.bytes_down, relay_->bytesDown());
  if (up) meter_.last_up = meter_.calls->now();
  if (down) meter_.last_down = meter_.calls->now();
  if (up || down || was_blocked != meter_.client_blocks || had_ended != ended)
    context_.meter.publish();
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
      return clientFailed(client_.error().message());
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
    case Relay::Outcome::kCallsLost:
      return upstreamFailed(Stage::kAccepted, pooled_->error());
    case Relay::Outcome::kUpstreamFailed: {
      const Error& error = pooled_ != nullptr ? pooled_->error() : upstream_->error();
      return upstreamFailed(Stage::kAccepted, refused ? refusal(error) : error);
    }
    case Relay::Outcome::kWaiting:
    case Relay::Outcome::kMore:
    case Relay::Outcome::kStarved:
      return;
  }
}

void TunnelSession::clientFailed(const std::string& why) {
  if (age() >= context_.limits.unserved) blameAddress();
  if (upstream_) io::resetOnClose(upstream_->fd());
  end(log::Level::kInfo, "client: " + why, Client::kReset);
}

bool TunnelSession::clientOrphaned() const {
  if (!context_.orphaned || !relay_->serverBlocks()) return false;
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getpeername(client_.fd(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return true;
  const auto peer = net::Endpoint::fromSockaddr(reinterpret_cast<sockaddr*>(&address), length);
  return peer && context_.orphaned(*peer);
}

void TunnelSession::blameAddress() {
  if (!upstream_peer_ || first_byte_after_ || state_ == State::kEnded) return;
  context_.addresses.failed(*upstream_peer_, context_.loop.clock().monotonic());
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
  const bool others_quiet = !lookAtOthers();
  const std::uint64_t moved = relay_->bytesUp() + relay_->bytesDown();
  if (moved == moved_at_look_) {
    if (clientOrphaned()) return clientFailed("closed by its owner");
    relay_->releaseMemory();
    upstream_->releaseMemory();
    // pump() arms the timer again
    if (!relay_->holdsMemory() && verdict == PeerWatch::Verdict::kQuiet && others_quiet) return;
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
  if (error.kind() != ErrorKind::kIo) blameAddress();
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
  starved_timer_.reset();
  load_timer_.reset();
  lost_timer_.reset();
  connector_.reset();
  revocation_.reset();
  search_.reset();
  if (!partition_.empty()) --context_.scale.bound;
  context_.scale.joined -= others_.size();
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

#include "efs/tls_tunnel/tunnel_session.h"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

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
      client_(std::move(client)),
      server_(context, id, meter_, serverEvents()) {}

ServerSide::Events TunnelSession::serverEvents() {
  return {[this] { beginRelay(); },
          [this](Stage tried, const Error& error) { upstreamFailed(tried, error); },
          [this] {
            if (state_ == State::kRelaying) pump();
          }};
}

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
  if (state_ == State::kEnded) return;
  server_.blameAddress();
  server_.reset();
  end(level, reason, Client::kReset);
}

void TunnelSession::stop() {
  if (state_ == State::kEnded) return;
  // Of a stream that cannot be followed nobody knows: the kernel comes back sooner after a reset.
  const bool waits = busy() || (meter_.calls && !meter_.calls->measuring());
  if (state_ == State::kRelaying) {
    (void)server_.transport().finishWriting();
    io::discardInput(server_.transport().fd());
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

void TunnelSession::firstByte() {
  std::array<char, rpc::kMarkSize + sizeof(rpc::kQuestionXid)> start{};
  const ssize_t got = ::recv(client_.fd(), start.data(), start.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) {
    log::info("Accepted new connection {} from {}", id_, peer_);
    deadline_.reset();
    meter_.asked = meter_.last_up = context_.countersNow();
    meter_.question = rpc::beginsWithQuestion({start.data(), static_cast<std::size_t>(got)});
    context_.meter.add(meter_);
    state_ = State::kConnecting;
    return server_.begin();
  }
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  end(log::Level::kDebug, "client closed without sending a byte (port probe)", Client::kClose);
}

void TunnelSession::beginRelay() {
  state_ = State::kRelaying;
  meter_.state = UpstreamState::kConnected;
  // Only now: a probe or an attempt that fails needs no table of calls.
  // Not cleared: see CallTracker.
  meter_.calls = std::make_unique_for_overwrite<CallTracker>();
  io::Transport& server = server_.transport();
  if (server_.binding().partition().empty()) {
    relay_ = std::make_unique<Relay>(client_, server, context_.limits, meter_.calls.get());
  } else {
    auto pooled =
        std::make_unique<PooledRelay>(client_, server, context_.limits, meter_.calls.get());
    pooled_ = pooled.get();
    relay_ = std::move(pooled);
    pool_.emplace(context_, id_, server_.binding(), *pooled_,
                  PoolKeeper::Events{[this] {
                                       if (state_ == State::kRelaying) pump();
                                     },
                                     [this] { relayEnded(ByteMover::Outcome::kCallsLost); }});
  }
  context_.meter.publishFacts();
  peer_watch_.emplace(server.fd(), context_.limits.keepalive);
  pump();
}

void TunnelSession::pump() {
  meter_.calls->setNow(context_.countersNow());
  const ByteMover::Outcome outcome = relay_->pump();
  count();
  if (pool_) pool_->tend();
  if (!first_byte_after_ && relay_->bytesDown() > 0) {
    first_byte_after_ = age();
    server_.served();
  }
  if (outcome == ByteMover::Outcome::kStarved) return starved();
  starved_since_.reset();
  if (outcome == ByteMover::Outcome::kMore) {
    context_.loop.requeue(client_watch_);
  } else if (outcome != ByteMover::Outcome::kWaiting) {
    return relayEnded(outcome);
  }
  if (!look_timer_.armed())
    look_timer_ = context_.loop.after(context_.limits.idle_look, [this] { look(); });
  if ((relay_->halfClosed() || client_hung_up_) && !deadline_.armed()) watchHalfClose();
}

void TunnelSession::starved() {
  const MonoTime now = context_.now();
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

void TunnelSession::relayEnded(ByteMover::Outcome outcome) {
  const bool refused = relay_->bytesDown() == 0 && !relay_->clientEnded();
  switch (outcome) {
    case ByteMover::Outcome::kFinished:
      return end(log::Level::kInfo, "client closed", Client::kClose);
    case ByteMover::Outcome::kClientFailed:
      return clientFailed(client_.error().message());
    case ByteMover::Outcome::kUpstreamClosed:
      return upstreamClosed(refused);
    case ByteMover::Outcome::kCallsLost:
      return upstreamFailed(Stage::kAccepted, pooled_->error());
    case ByteMover::Outcome::kUpstreamFailed: {
      const Error& error = pooled_ != nullptr ? pooled_->error() : server_.transport().error();
      return upstreamFailed(Stage::kAccepted, refused ? server_.refusal(error) : error);
    }
    case ByteMover::Outcome::kWaiting:
    case ByteMover::Outcome::kMore:
    case ByteMover::Outcome::kStarved:
      return;
  }
}

void TunnelSession::upstreamClosed(bool refused) {
  const Error closed(ErrorKind::kReset, "server closed the connection");
  if (refused) return upstreamFailed(Stage::kAccepted, server_.refusal(closed));
  context_.meter.failed(closed, context_.countersNow());
  // After an orderly end the kernel waits up to 3 s before it connects again
  // (XS_TCP_INIT_REEST_TO); after a reset it comes back at once and replays.
  if (const std::size_t calls = meter_.calls->outstanding(); calls != 0)
    return end(log::Level::kWarning, fmt::format("server closed, {} calls unanswered", calls),
               Client::kReset);
  end(log::Level::kWarning, "server closed", Client::kClose);
}

void TunnelSession::clientFailed(const std::string& why) {
  // A client that gave up after so long has not met a slow server but a dead one.
  if (age() >= context_.limits.unserved) server_.blameAddress();
  server_.reset();
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

// Gives back the memory of a connection that moved nothing since the last look, and finds out
// whether the server still acknowledges. Nothing is looked at while nothing is under way.
void TunnelSession::look() {
  const PeerWatch::Verdict verdict = peer_watch_->look();
  if (verdict == PeerWatch::Verdict::kDead) {
    return upstreamFailed(Stage::kAccepted,
                          Error(ErrorKind::kTimeout, "server acknowledges nothing any more"));
  }
  const bool others_quiet = !pool_ || !pool_->look();
  const std::uint64_t moved = relay_->bytesUp() + relay_->bytesDown();
  if (moved == moved_at_look_) {
    if (clientOrphaned()) return clientFailed("closed by its owner");
    relay_->releaseMemory();
    server_.transport().releaseMemory();
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
  end(log::Level::kError, server_.recordFailure(tried, error), Client::kReset);
}

void TunnelSession::end(log::Level level, const std::string& reason, Client client) {
  if (state_ == State::kEnded) return;
  // Of a probe nothing was counted, and no server knows.
  const bool was_silent = state_ == State::kSilent;
  state_ = State::kEnded;
  deadline_.reset();
  look_timer_.reset();
  starved_timer_.reset();
  // Stopped, not destroyed: one of them may be what called.
  server_.stop();
  if (pool_) pool_->stop();
  if (!was_silent) {
    // With what it still waits for: its client comes back, and has waited since then.
    context_.meter.remove(meter_, context_.countersNow());
    context_.meter.publish();
  }
  if (client == Client::kReset) io::resetOnClose(client_.fd());
  if (log::enabled(level))
    log::write(level, fmt::format("Connection {} from {} ended after {} ms: {}{}", id_, peer_,
                                  age().count(), reason, moved()));
  ended_();
}

std::string TunnelSession::moved() const {
  if (!relay_) return {};
  std::string text =
      fmt::format("; {} bytes up, {} bytes down", relay_->bytesUp(), relay_->bytesDown());
  if (first_byte_after_)
    text += fmt::format(", first byte from the server after {} ms", first_byte_after_->count());
  return text;
}

Duration TunnelSession::age() const {
  return std::chrono::duration_cast<Duration>(context_.now() - started_);
}

}  // namespace efs::tls_tunnel

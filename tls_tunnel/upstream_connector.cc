#include "efs/tls_tunnel/upstream_connector.h"

#include <fmt/core.h>
#include <sys/epoll.h>

#include <algorithm>

#include "efs/base/log.h"
#include "efs/net/socket.h"

namespace efs::tls_tunnel {

void UpstreamConnector::start(const std::string& host, std::uint16_t port, Resolved resolved,
                              Done done) {
  host_ = host;
  resolved_ = std::move(resolved);
  done_ = std::move(done);
  auto resolver = net::Resolver::create(dns_);
  if (!resolver) return finish(unexpected(resolver.error().addContext("resolving " + host_)));
  resolver_.emplace(std::move(*resolver));
  overall_ = loop_.after(limits_.resolve, [this] {
    resolveFailed(Error(ErrorKind::kTimeout, fmt::format("resolving {}: no answer within {} s",
                                                         host_, limits_.resolve.count() / 1000)));
  });
  resolver_->start(
      host, port, [this](Result<net::Resolver::Addresses> answer) { answer_ = std::move(answer); });
  // In the next turn at the earliest, also for an answer that came at once.
  if (answer_) {
    resolver_timer_ = loop_.after(Duration{0}, [this] { takeAnswer(); });
  } else {
    watchResolver();
  }
}

// c-ares opens, closes and reuses sockets as it likes, so its set is registered afresh each time.
void UpstreamConnector::watchResolver() {
  // Before the sockets are asked for again: two watches of one number are refused by epoll.
  resolver_watches_.clear();
  for (const auto& socket : resolver_->sockets()) {
    const std::uint32_t events = (socket.read ? EPOLLIN : 0U) | (socket.write ? EPOLLOUT : 0U);
    auto watch = loop_.watch(socket.fd, events, [this, fd = socket.fd](std::uint32_t ready) {
      resolverEvent(fd, ready);
    });
    if (watch) resolver_watches_.push_back(std::move(*watch));
  }
  const auto timeout = resolver_->timeout();
  resolver_timer_ =
      loop_.after(timeout.value_or(limits_.resolve), [this] { resolverEvent(-1, 0); });
}

void UpstreamConnector::resolverEvent(int fd, std::uint32_t events) {
  resolver_->process(fd, (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0, (events & EPOLLOUT) != 0);
  if (answer_) return takeAnswer();
  watchResolver();
}

void UpstreamConnector::takeAnswer() {
  resolver_watches_.clear();
  resolver_timer_.reset();
  // Of DNS alone; connectTo() sets another.
  overall_.reset();
  auto answer = std::move(*answer_);
  if (answer && answer->empty())
    answer = Error(ErrorKind::kNotFound, "resolving " + host_ + ": no address");
  if (!answer) return resolveFailed(answer.error());
  const MonoTime now = loop_.clock().monotonic();
  connectTo(book_ != nullptr ? book_->order(*answer, now, limits_.addresses)
                             : interleaveFamilies(*answer, limits_.addresses));
}

void UpstreamConnector::resolveFailed(const Error& error) {
  // A lack of our own is no answer of DNS.
  const bool ours = error.kind() == ErrorKind::kIo || error.kind() == ErrorKind::kCancelled;
  if (ours || !proven_ || !book_->lastGood()) return finish(unexpected(error));
  log::warning("{}; trying the address of the last connection, {}", error.describe(),
               book_->lastGood()->text());
  resolver_watches_.clear();
  resolver_timer_.reset();
  connectTo({*book_->lastGood()});
}

void UpstreamConnector::connectTo(std::vector<net::Endpoint> addresses) {
  addresses_ = std::move(addresses);
  step_ = Step::kConnecting;
  // Before the last resort, which DNS did not say.
  resolved_(addresses_);
  addLastResort();
  const Duration limit = limits_.connect_all + (tls_ != nullptr ? limits_.handshake : Duration{0});
  overall_ = loop_.after(limit, [this, limit] {
    Error error(ErrorKind::kTimeout,
                fmt::format("connecting to {}: none of {} address(es) answered within {} s", host_,
                            addresses_.size(), limit.count() / 1000));
    finish(unexpected(error_step_ == Step::kSecuring ? *error_ : error));
  });
  startNext();
}

// A wrong answer of DNS (the address of a sinkhole, of a mount target that is gone) does not end a
// mount whose server is where it was.
void UpstreamConnector::addLastResort() {
  if (!proven_ || !book_->lastGood()) return;
  const net::Endpoint& good = *book_->lastGood();
  const auto same = [&](const net::Endpoint& address) { return address.ip() == good.ip(); };
  if (std::any_of(addresses_.begin(), addresses_.end(), same)) return;
  addresses_.push_back(good);
  last_resort_ = true;
}

void UpstreamConnector::startNext() {
  stagger_.reset();
  if (next_address_ == addresses_.size()) {
    if (attempts_.empty()) giveUp();
    return;
  }
  const net::Endpoint peer = addresses_[next_address_++];
  const bool is_last_resort = last_resort_ && next_address_ == addresses_.size();
  auto fd = net::startConnect(peer);
  if (!fd) return attemptFailed(peer, Step::kConnecting, is_last_resort, fd.error());
  const auto attempt = attempts_.emplace(attempts_.end());
  attempt->peer = peer;
  attempt->last_resort = is_last_resort;
  attempt->fd = std::move(*fd);
  auto watch = loop_.watch(attempt->fd.get(), EPOLLOUT | EPOLLERR | EPOLLHUP,
                           [this, attempt](std::uint32_t) { attemptConnected(attempt); });
  if (!watch) return attemptEnded(attempt, watch.error());
  attempt->watch = std::move(*watch);
  expect(attempt, limits_.connect_one, "no answer");
  if (next_address_ == addresses_.size()) return;
  const bool last_resort_next = last_resort_ && next_address_ + 1 == addresses_.size();
  stagger_ = loop_.after(last_resort_next ? limits_.last_resort : limits_.connect_stagger,
                         [this] { startNext(); });
}

void UpstreamConnector::expect(AttemptRef attempt, Duration limit, const char* what) {
  attempt->deadline = loop_.after(limit, [this, attempt, limit, what] {
    attemptEnded(attempt, Error(ErrorKind::kTimeout,
                                fmt::format("{} within {} s", what, limit.count() / 1000)));
  });
}

void UpstreamConnector::attemptConnected(AttemptRef attempt) {
  if (auto connected = net::connectResult(attempt->fd.get()); !connected)
    return attemptEnded(attempt, connected.error());
  attempt->connected = loop_.clock().monotonic();
  if (connected_) connected_(attempt->peer);
  if (tls_ == nullptr) return succeed(*attempt);
  step_ = Step::kSecuring;
  // The descriptor changes hands: TLS watches it for other events, and by edges.
  attempt->watch.reset();
  auto secure = tls_->connect(std::move(attempt->fd));
  if (!secure) return attemptEnded(attempt, secure.error());
  attempt->secure = std::move(*secure);
  auto watch =
      loop_.watch(attempt->secure->fd(), io::kEdges, [this, attempt](std::uint32_t events) {
        attempt->secure->ready(events);
        handshake(attempt);
      });
  if (!watch) return attemptEnded(attempt, watch.error());
  attempt->watch = std::move(*watch);
  expect(attempt, limits_.handshake, "TLS handshake not done");
  handshake(attempt);
}

void UpstreamConnector::handshake(AttemptRef attempt) {
  const auto result = attempt->secure->handshake();
  if (result.state == io::IoState::kWouldBlock) return;
  if (result.state != io::IoState::kDone) return attemptEnded(attempt, attempt->secure->error());
  succeed(*attempt);
}

// The error is a copy: the transport's own dies here.
void UpstreamConnector::attemptEnded(AttemptRef attempt, Error error) {
  const net::Endpoint peer = attempt->peer;
  const bool last_resort = attempt->last_resort;
  const Step at = attempt->secure != nullptr ? Step::kSecuring : Step::kConnecting;
  attempts_.erase(attempt);
  attemptFailed(peer, at, last_resort, std::move(error));
}

void UpstreamConnector::attemptFailed(const net::Endpoint& peer, Step at, bool last_resort,
                                      Error error) {
  const bool ours = error.kind() == ErrorKind::kIo;
  if (book_ != nullptr && !ours) book_->failed(peer, loop_.clock().monotonic());
  // net's own errors name the peer already, and TLS's need it only where there are several.
  if (error.message().find(peer.ip()) == std::string::npos &&
      (at == Step::kConnecting || addresses_.size() > 1))
    error.addContext((at == Step::kConnecting ? "connecting to " : "") + peer.text());
  log::debug("{}", error.describe());
  ++failures_;
  // What an old address says does not hide what is wrong with the ones of today.
  if (!error_ || (at > error_step_ && !last_resort)) {
    error_ = std::move(error);
    error_step_ = at;
  }
  // At once, without the pause: whoever failed keeps nobody waiting.
  // At most `limits_.addresses` deep.
  startNext();
}

void UpstreamConnector::giveUp() {
  Error error = *error_;
  if (failures_ > 1)
    error.addContext(fmt::format("all {} addresses of {} failed, first", failures_, host_));
  step_ = error_step_;
  finish(unexpected(std::move(error)));
}

void UpstreamConnector::succeed(Attempt& attempt) {
  attempt.watch.reset();
  finish(ConnectedUpstream{attempt.peer, std::move(attempt.fd), std::move(attempt.secure),
                           attempt.connected});
}

void UpstreamConnector::finish(Result<ConnectedUpstream> result) {
  if (finisher_.armed()) return;
  resolver_watches_.clear();
  resolver_timer_.reset();
  stagger_.reset();
  overall_.reset();
  // The losers of the race end now: a server that completes their handshake would count connections
  // that nobody uses.
  attempts_.clear();
  auto shared = std::make_shared<Result<ConnectedUpstream>>(std::move(result));
  // std::function must be copyable and the socket is not, hence the shared pointer.
  finisher_ = loop_.after(Duration{0}, [this, shared] {
    const Done done = std::move(done_);
    done(std::move(*shared));
  });
}

}  // namespace efs::tls_tunnel

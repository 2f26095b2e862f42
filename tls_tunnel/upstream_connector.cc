#include "efs/tls_tunnel/upstream_connector.h"

#include <fmt/core.h>
#include <sys/epoll.h>

#include <algorithm>

#include "efs/base/log.h"
#include "efs/net/socket.h"

namespace efs::tls_tunnel {

std::vector<net::Endpoint> interleaveFamilies(const std::vector<net::Endpoint>& addresses,
                                              std::size_t limit) {
  std::vector<net::Endpoint> first;
  std::vector<net::Endpoint> second;
  for (const net::Endpoint& address : addresses)
    (address.family() == addresses.front().family() ? first : second).push_back(address);
  std::vector<net::Endpoint> mixed;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  if (mixed.size() > limit) mixed.resize(limit);
  return mixed;
}

std::vector<net::Endpoint> winnerFirst(std::vector<net::Endpoint> addresses,
                                       const std::optional<net::Endpoint>& winner) {
  if (!winner) return addresses;
  std::stable_partition(addresses.begin(), addresses.end(), [&](const net::Endpoint& address) {
    return address.family() == winner->family();
  });
  std::stable_partition(addresses.begin(), addresses.end(),
                        [&](const net::Endpoint& address) { return address.ip() == winner->ip(); });
  return addresses;
}

void UpstreamConnector::start(const std::string& host, std::uint16_t port, Resolved resolved,
                              Done done) {
  host_ = host;
  resolved_ = std::move(resolved);
  done_ = std::move(done);
  auto resolver = net::Resolver::create(dns_);
  if (!resolver) return finish(unexpected(resolver.error()));
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
  overall_.reset();
  auto answer = std::move(*answer_);
  if (!answer) return resolveFailed(answer.error());
  if (answer->empty())
    return finish(Error(ErrorKind::kNotFound, "resolving " + host_ + ": no address"));
  connectTo(interleaveFamilies(winnerFirst(std::move(*answer), winner_), limits_.addresses));
}

void UpstreamConnector::resolveFailed(const Error& error) {
  const bool silent =
      error.kind() == ErrorKind::kTimeout || error.kind() == ErrorKind::kUnreachable;
  if (!silent || !winner_ || !without_dns_) return finish(unexpected(error));
  log::warning("{}; trying the address of the last connection, {}", error.describe(),
               winner_->text());
  resolver_watches_.clear();
  resolver_timer_.reset();
  connectTo({*winner_});
}

void UpstreamConnector::connectTo(std::vector<net::Endpoint> addresses) {
  addresses_ = std::move(addresses);
  have_addresses_ = true;
  resolved_(addresses_);
  overall_ = loop_.after(limits_.connect_all, [this] {
    finish(Error(ErrorKind::kTimeout,
                 fmt::format("connecting to {}: none of {} address(es) answered within {} s", host_,
                             addresses_.size(), limits_.connect_all.count() / 1000)));
  });
  startNext();
}

void UpstreamConnector::startNext() {
  stagger_.reset();
  if (next_address_ == addresses_.size()) {
    if (attempts_.empty()) {
      Error error = *first_error_;
      if (failures_ > 1)
        error.addContext(fmt::format("all {} addresses of {} failed, first", failures_, host_));
      finish(unexpected(std::move(error)));
    }
    return;
  }
  const net::Endpoint peer = addresses_[next_address_++];
  auto fd = net::startConnect(peer);
  if (!fd) return attemptFailed(peer, fd.error());
  const auto attempt = attempts_.emplace(attempts_.end());
  attempt->peer = peer;
  attempt->fd = std::move(*fd);
  auto watch = loop_.watch(attempt->fd.get(), EPOLLOUT | EPOLLERR | EPOLLHUP,
                           [this, attempt](std::uint32_t) {
                             attemptEnded(attempt, net::connectResult(attempt->fd.get()));
                           });
  if (!watch) return attemptEnded(attempt, unexpected(watch.error()));
  attempt->watch = std::move(*watch);
  attempt->deadline = loop_.after(limits_.connect_one, [this, attempt] {
    attemptEnded(attempt,
                 Error(ErrorKind::kTimeout,
                       fmt::format("no answer within {} s", limits_.connect_one.count() / 1000)));
  });
  if (next_address_ < addresses_.size())
    stagger_ = loop_.after(limits_.connect_stagger, [this] { startNext(); });
}

void UpstreamConnector::attemptEnded(std::list<Attempt>::iterator attempt, Status status) {
  if (status) return succeed(*attempt);
  const net::Endpoint peer = attempt->peer;
  attempts_.erase(attempt);
  attemptFailed(peer, status.error());
}

void UpstreamConnector::attemptFailed(const net::Endpoint& peer, Error error) {
  // net's own errors name the peer already.
  if (error.message().find(peer.ip()) == std::string::npos)
    error.addContext("connecting to " + peer.text());
  log::debug("{}", error.describe());
  ++failures_;
  if (!first_error_) first_error_ = std::move(error);
  // At most `limits_.addresses` deep.
  startNext();
}

void UpstreamConnector::succeed(Attempt& attempt) {
  attempt.watch.reset();
  ConnectedUpstream upstream{std::move(attempt.fd), attempt.peer};
  finish(std::move(upstream));
}

void UpstreamConnector::finish(Result<ConnectedUpstream> result) {
  if (finisher_.armed()) return;
  resolver_watches_.clear();
  resolver_timer_.reset();
  stagger_.reset();
  overall_.reset();
  attempts_.clear();
  auto shared = std::make_shared<Result<ConnectedUpstream>>(std::move(result));
  // std::function must be copyable and the socket is not, hence the shared pointer.
  finisher_ = loop_.after(Duration{0}, [this, shared] {
    const Done done = std::move(done_);
    done(std::move(*shared));
  });
}

}  // namespace efs::tls_tunnel

#include "efs/tls_tunnel/revocation_session.h"

#include <fmt/core.h>
#include <sys/epoll.h>

#include <utility>

namespace efs::tls_tunnel {

using io::IoState;

namespace {

Error silence(const char* who, Duration limit) {
  return {ErrorKind::kTimeout, fmt::format("{} within {} s", who, limit.count() / 1000)};
}

}  // namespace

void RevocationSession::start(Done done) {
  done_ = std::move(done);
  // Stapled, remembered, or nothing that could be asked.
  if (!check_.next()) return finish({});
  overall_ = loop_.after(limits_.revocation, [this] {
    finish(check_.undecided(silence("no verdict", limits_.revocation)));
  });
  askNext();
}

void RevocationSession::askNext() {
  const auto responder = check_.next();
  if (!responder) return finish({});
  responder_deadline_ = loop_.after(
      limits_.responder, [this] { responderFailed(silence("no answer", limits_.responder)); });
  connector_ = std::make_unique<UpstreamConnector>(loop_, limits_);
  // Without TLS, and without the book: a responder is no mount target, and its answer is signed.
  connector_->start(
      responder->host, responder->port, [](const auto&) {},
      [this](Result<ConnectedUpstream> result) { connected(std::move(result)); });
}

void RevocationSession::connected(Result<ConnectedUpstream> result) {
  connector_.reset();
  if (!result) return responderFailed(result.error());
  if (auto asked = check_.ask(std::move(result->fd)); !asked) return finish(asked);
  auto watch = loop_.watch(check_.fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                           [this](std::uint32_t) { drive(); });
  if (!watch) return finish(unexpected(watch.error()));
  watch_ = std::move(*watch);
  drive();
}

void RevocationSession::drive() {
  // The verdict is on its way: an event of the same turn comes too late.
  if (finisher_.armed()) return;
  const IoState state = check_.drive();
  if (state == IoState::kWouldBlock) return;
  watch_.reset();
  responder_deadline_.reset();
  if (state == IoState::kDone) return askNext();
  // A verdict, not a silence: another responder must not be able to overrule it.
  if (check_.answered()) return finish(check_.error());
  responderFailed(check_.error());
}

void RevocationSession::responderFailed(const Error& error) {
  if (finisher_.armed()) return;
  watch_.reset();
  connector_.reset();
  responder_deadline_.reset();
  if (auto status = check_.responderFailed(error); !status) return finish(status);
  askNext();
}

void RevocationSession::finish(Status status) {
  if (finisher_.armed()) return;
  watch_.reset();
  connector_.reset();
  responder_deadline_.reset();
  overall_.reset();
  finisher_ = loop_.after(Duration{0}, [this, status = std::move(status)] {
    const Done done = std::move(done_);
    done(status);
  });
}

}  // namespace efs::tls_tunnel

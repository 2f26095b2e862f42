// A session's further connections to its mount target: the private call, the search, the pool.
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "efs/base/random.h"
#include "efs/net/socket.h"
#include "efs/tls_tunnel/tunnel_session.h"

namespace efs::tls_tunnel {
namespace {

constexpr Duration kJudgement{1000};
// So much of the threshold is worth no further connection.
constexpr std::uint64_t kIdleShare = 10;

}  // namespace

// Who asks whether the server answers needs one connection. Revocation is asked about once for a
// session; a further connection could bring another certificate.
bool TunnelSession::mayBind() const {
  const ScaleState& scale = context_.scale;
  return scale.max_connections > 1 && !bind_tried_ && !meter_.question &&
         context_.revocation == nullptr && context_.loop.clock().monotonic() >= scale.not_before;
}

void TunnelSession::beginBind() {
  state_ = State::kBinding;
  bind_tried_ = true;
  ScaleState& scale = context_.scale;
  // A further connection of the kernel's (nconnect) belongs to the life of the first.
  if (std::exchange(scale.used, true) && scale.bound == 0) ++scale.who.incarnation;
  deadline_ = context_.loop.after(context_.limits.bind, [this] {
    bindFailed(Error(ErrorKind::kTimeout, "no answer"), context_.limits.scale_rest);
  });
  bind_.emplace(*upstream_, RandomSource()(), scale.who);
  bindStep();
}

void TunnelSession::bindStep() {
  const auto answer = bind_->step();
  if (!answer) return;
  deadline_.reset();
  if (!*answer) return bindFailed(answer->error(), context_.limits.scale_rest);
  bound(**answer);
}

void TunnelSession::bound(const BindAnswer& answer) {
  ScaleState& scale = context_.scale;
  terms_ = answer.terms;
  if (answer.kind == BindAnswer::Kind::kReady) {
    // There its sessions are unknown: NFS4ERR_BADSESSION.
    if (scale.bound != 0 && answer.partition != scale.partition)
      return bindFailed(Error(ErrorKind::kBusy, "bound to another partition"), Duration{0});
    partition_ = scale.partition = answer.partition;
    ++scale.bound;
    log::debug("Connection {}: bound to a partition, up to {} connections", id_,
               std::min(terms_.max_connections, scale.max_connections));
  } else {
    log::info("Connection {}: one connection only, the server binds no further{}{}", id_,
              answer.text.empty() ? "" : ": ", answer.text);
  }
  beginRelay();
}

void TunnelSession::bindFailed(const Error& error, Duration rest) {
  log::info("Connection {}: one connection only, no partition: {}", id_, error.describe());
  context_.scale.not_before = context_.loop.clock().monotonic() + rest;
  deadline_.reset();
  upstream_watch_.reset();
  bind_.reset();
  tls_ = nullptr;
  upstream_.reset();
  state_ = State::kConnecting;
  startConnector();
}

void TunnelSession::beginPooled() {
  auto pooled =
      std::make_unique<PooledRelay>(client_, *upstream_, context_.limits, meter_.calls.get());
  pooled_ = pooled.get();
  relay_ = std::move(pooled);
}

void TunnelSession::judgeLoad() {
  const std::uint64_t moved = relay_->bytesUp() + relay_->bytesDown();
  const std::uint64_t lately = moved - std::exchange(moved_at_judgement_, moved);
  above_threshold_ =
      lately >= terms_.bytes_per_second ? above_threshold_ + kJudgement : Duration{0};
  below_threshold_ =
      lately < terms_.bytes_per_second / kIdleShare ? below_threshold_ + kJudgement : Duration{0};
  if (above_threshold_ >= terms_.exceeded) search();
  if (below_threshold_ >= context_.limits.scale_idle && pooled_->connections() > 1) {
    log::info("Connection {}: its further connections leave after {} s of little traffic", id_,
              below_threshold_.count() / 1000);
    pooled_->retireOthers();
    return pump();
  }
  // pump() arms it again.
  if (lately == 0 && pooled_->connections() == 1) return;
  load_timer_ = context_.loop.after(kJudgement, [this] { judgeLoad(); });
}

void TunnelSession::search() {
  ScaleState& scale = context_.scale;
  const bool free = pooled_->freeRecords() != 0;  // vers=4.0 has none
  if (search_ || pooled_->closing() || !free || scale.roomForMore(terms_) == 0 ||
      context_.loop.clock().monotonic() < scale.search_not_before)
    return;
  const PartitionSearch::Wish wish{partition_, scale.roomForMore(terms_), scale.who};
  log::info("Connection {}: looking for {} more connection(s) to its partition", id_,
            wish.connections);
  search_ = std::make_unique<PartitionSearch>(
      context_.loop, scale.search, wish, [this](UpstreamConnector::Done done) {
        auto connector = std::make_unique<UpstreamConnector>(context_.loop, context_.limits);
        connector->know(context_.addresses, context_.proven);
        if (context_.tls != nullptr) connector->secureWith(*context_.tls);
        connector->start(
            context_.host, context_.port, [](const std::vector<net::Endpoint>&) {},
            std::move(done));
        return connector;
      });
  search_->start([this](std::unique_ptr<io::Transport> found) { join(std::move(found)); },
                 [this](const Status& status) {
                   search_.reset();
                   if (status) return;
                   log::info("Connection {}: {}", id_, status.error().describe());
                   context_.scale.search_not_before =
                       context_.loop.clock().monotonic() + context_.limits.scale_rest;
                 });
}

void TunnelSession::join(std::unique_ptr<io::Transport> transport) {
  // Another client's search may have been faster.
  if (context_.scale.roomForMore(terms_) == 0) return;
  io::Transport* joined = transport.get();
  auto watch = context_.loop.watch(joined->fd(), io::kEdges, [this, joined](std::uint32_t events) {
    joined->ready(events);
    if (state_ == State::kRelaying) pump();
  });
  if (!watch || !net::setKeepAlive(joined->fd(), context_.limits.keepalive)) return;
  others_.emplace(joined,
                  Other{PeerWatch(joined->fd(), context_.limits.keepalive), std::move(*watch)});
  pooled_->add(std::move(transport));
  ++context_.scale.joined;
  log::info("Connection {}: {} connections to its mount target", id_, pooled_->connections());
}

void TunnelSession::tendPool() {
  for (const auto& gone : pooled_->takeLeft()) context_.scale.joined -= others_.erase(gone.get());
  if (!load_timer_.armed()) load_timer_ = context_.loop.after(kJudgement, [this] { judgeLoad(); });
  if (!pooled_->closing() || lost_timer_.armed()) return;
  lost_timer_ = context_.loop.after(context_.limits.calls_lost, [this] {
    upstreamFailed(tunnel_control::Stage::kAccepted, pooled_->error());
  });
}

bool TunnelSession::lookAtOthers() {
  bool busy = false;
  for (auto& [transport, other] : others_) {
    const PeerWatch::Verdict verdict = other.peer_watch.look();
    busy = busy || verdict == PeerWatch::Verdict::kBusy;
    // Its end comes as an event, with the calls that are lost on it.
    if (verdict == PeerWatch::Verdict::kDead) (void)::shutdown(transport->fd(), SHUT_RDWR);
  }
  return busy;
}

}  // namespace efs::tls_tunnel

#include "efs/tls_tunnel/upstream/pool_keeper.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "efs/base/log.h"
#include "efs/net/socket.h"

namespace efs::tls_tunnel {
namespace {

constexpr Duration kJudgement{1000};
// So much of the threshold is worth no further connection.
constexpr std::uint64_t kIdleShare = 10;

}  // namespace

void PoolKeeper::judgeLoad() {
  const ScaleTerms& terms = binding_.terms();
  const std::uint64_t moved = relay_.bytesUp() + relay_.bytesDown();
  const std::uint64_t lately = moved - std::exchange(moved_at_judgement_, moved);
  above_threshold_ = lately >= terms.bytes_per_second ? above_threshold_ + kJudgement : Duration{0};
  below_threshold_ =
      lately < terms.bytes_per_second / kIdleShare ? below_threshold_ + kJudgement : Duration{0};
  if (above_threshold_ >= terms.exceeded) search();
  if (below_threshold_ >= context_.limits.scale_idle && relay_.connections() > 1) {
    log::info("Connection {}: its further connections leave after {} s of little traffic", id_,
              below_threshold_.count() / 1000);
    relay_.retireOthers();
    return events_.moved();
  }
  // tend() arms it again.
  if (lately == 0 && relay_.connections() == 1) return;
  load_timer_ = context_.loop.after(kJudgement, [this] { judgeLoad(); });
}

void PoolKeeper::search() {
  const ScaleState& scale = context_.scale;
  const std::size_t room = scale.roomForMore(binding_.terms());
  const bool free = relay_.freeRecords() != 0;  // vers=4.0 has none
  if (search_ || relay_.closing() || !free || room == 0 || context_.now() < scale.search_not_before)
    return;
  const PartitionSearch::Wish wish{binding_.partition(), room, scale.who};
  log::info("Connection {}: looking for {} more connection(s) to its partition", id_,
            wish.connections);
  search_ = std::make_unique<PartitionSearch>(
      context_.loop, SearchLimits(), wish,
      [this](UpstreamConnector::Done done) { return connect(std::move(done)); });
  search_->start([this](std::unique_ptr<io::Transport> found) { join(std::move(found)); },
                 [this](const Status& status) {
                   search_.reset();
                   if (status) return;
                   log::info("Connection {}: {}", id_, status.error().describe());
                   context_.scale.search_not_before = context_.now() + context_.limits.scale_rest;
                 });
}

std::unique_ptr<UpstreamConnector> PoolKeeper::connect(UpstreamConnector::Done done) {
  auto connector = std::make_unique<UpstreamConnector>(context_.loop, context_.limits);
  connector->know(context_.addresses, context_.proven);
  if (context_.tls != nullptr) connector->secureWith(*context_.tls);
  connector->start(
      context_.host, context_.port, [](const std::vector<net::Endpoint>&) {}, std::move(done));
  return connector;
}

void PoolKeeper::join(std::unique_ptr<io::Transport> transport) {
  // Another client's search may have been faster.
  if (context_.scale.roomForMore(binding_.terms()) == 0) return;
  io::Transport* joined = transport.get();
  auto watch = context_.loop.watch(joined->fd(), io::kEdges, [this, joined](std::uint32_t events) {
    joined->ready(events);
    events_.moved();
  });
  if (!watch || !net::setKeepAlive(joined->fd(), context_.limits.keepalive)) return;
  others_.emplace(joined,
                  Other{PeerWatch(joined->fd(), context_.limits.keepalive), std::move(*watch)});
  relay_.add(std::move(transport));
  ++counted_;
  ++context_.scale.joined;
  log::info("Connection {}: {} connections to its mount target", id_, relay_.connections());
}

void PoolKeeper::tend() {
  for (const auto& gone : relay_.takeLeft()) uncount(others_.erase(gone.get()));
  if (!load_timer_.armed()) load_timer_ = context_.loop.after(kJudgement, [this] { judgeLoad(); });
  if (!relay_.closing() || lost_timer_.armed()) return;
  lost_timer_ = context_.loop.after(context_.limits.calls_lost, [this] { events_.lost(); });
}

bool PoolKeeper::look() {
  bool busy = false;
  for (auto& [transport, other] : others_) {
    const PeerWatch::Verdict verdict = other.peer_watch.look();
    busy = busy || verdict == PeerWatch::Verdict::kBusy;
    // Its end comes as an event, with the calls that are lost on it.
    if (verdict == PeerWatch::Verdict::kDead) (void)::shutdown(transport->fd(), SHUT_RDWR);
  }
  return busy;
}

void PoolKeeper::stop() {
  load_timer_.reset();
  lost_timer_.reset();
  search_.reset();
  uncount(counted_);
}

void PoolKeeper::uncount(std::size_t connections) {
  const std::size_t known = std::min(connections, counted_);
  counted_ -= known;
  context_.scale.joined -= known;
}

}  // namespace efs::tls_tunnel

#include "efs/tls_tunnel/upstream/partition_search.h"

#include <fmt/core.h>

#include <utility>

#include "efs/base/log.h"
#include "efs/base/random.h"
#include "efs/io/tcp_transport.h"
#include "efs/net/socket.h"

namespace efs::tls_tunnel {

PartitionSearch::PartitionSearch(loop::EventLoop& loop, const SearchLimits& limits, Wish wish,
                                 Connect connect)
    : loop_(loop), limits_(limits), wish_(std::move(wish)), connect_(std::move(connect)) {}

void PartitionSearch::start(Found found, Done done) {
  found_ = std::move(found);
  done_ = std::move(done);
  // The search competes with the traffic for which it looks: it must end, found or not.
  overall_ = loop_.after(limits_.all, [this] {
    finish(Error(ErrorKind::kTimeout,
                 fmt::format("no further connection to its partition within {} s, {} attempts",
                             limits_.all.count() / 1000, begun_)));
  });
  keepTrying();
}

void PartitionSearch::keepTrying() {
  if (finisher_.armed()) return;
  if (wish_.connections == 0) return finish({});
  if (pause_.armed()) return;
  while (begun_ < limits_.attempts && attempts_.size() < limits_.side_by_side) begin();
  if (attempts_.empty())
    finish(Error(ErrorKind::kBusy, fmt::format("{} attempts found none", begun_)));
}

void PartitionSearch::begin() {
  ++begun_;
  const auto attempt = attempts_.emplace(attempts_.end());
  attempt->deadline = loop_.after(limits_.attempt, [this, attempt] { broke(attempt); });
  attempt->connector = connect_(
      [this, attempt](Result<ConnectedUpstream> result) { connected(attempt, std::move(result)); });
}

void PartitionSearch::connected(AttemptRef attempt, Result<ConnectedUpstream> result) {
  attempt->connector.reset();
  if (!result) return broke(attempt);
  if (result->secure != nullptr) {
    attempt->transport = std::move(result->secure);
  } else {
    attempt->transport = std::make_unique<io::TcpTransport>(std::move(result->fd));
  }
  io::Transport& transport = *attempt->transport;
  attempt->exchange.emplace(transport, RandomSource()(), wish_.who);
  auto watch = loop_.watch(transport.fd(), io::kEdges, [this, attempt](std::uint32_t events) {
    attempt->transport->ready(events);
    step(attempt);
  });
  // Without TCP_NODELAY the last piece of each record would wait for an acknowledgement.
  if (!watch || !net::setNoDelay(transport.fd())) return broke(attempt);
  attempt->watch = std::move(*watch);
  step(attempt);
}

void PartitionSearch::step(AttemptRef attempt) {
  const auto answer = attempt->exchange->step();
  if (answer) judge(attempt, *answer);
}

void PartitionSearch::judge(AttemptRef attempt, const Result<BindAnswer>& answer) {
  using Kind = BindAnswer::Kind;
  if (!answer) return broke(attempt);
  const bool ready = answer->kind == Kind::kReady;
  const bool again = ready || answer->kind == Kind::kRetry || answer->kind == Kind::kPreferred;
  if (ready && answer->partition == wish_.partition && wish_.connections > 0) {
    attempt->watch.reset();
    auto transport = std::move(attempt->transport);
    // A binding cannot be changed or given back but by closing the connection.
    attempts_.erase(attempt);
    --wish_.connections;
    found_(std::move(transport));
    return keepTrying();
  }
  attempts_.erase(attempt);
  if (again) return keepTrying();
  finish(Error(ErrorKind::kBusy, "the server wants no further connection" +
                                     (answer->text.empty() ? "" : ": " + answer->text)));
}

void PartitionSearch::broke(AttemptRef attempt) {
  attempts_.erase(attempt);
  // One pause for all: what broke one attempt is likely to break the others.
  pause_ = loop_.after(limits_.pause, [this] { keepTrying(); });
}

void PartitionSearch::finish(const Status& status) {
  if (finisher_.armed()) return;
  overall_.reset();
  pause_.reset();
  attempts_.clear();
  finisher_ = loop_.after(Duration{0}, [this, status] {
    const Done done = std::move(done_);
    done(status);
  });
}

}  // namespace efs::tls_tunnel

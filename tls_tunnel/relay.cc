#include "efs/tls_tunnel/relay.h"

namespace efs::tls_tunnel {

using io::IoState;

Relay::Relay(io::Transport& client, io::Transport& upstream, const Limits& limits,
             CallTracker* calls)
    : calls_(calls),
      up_{client, upstream, io::ByteRing(limits.buffer), limits.buffer_resume},
      down_{upstream, client, io::ByteRing(limits.buffer), limits.buffer_resume},
      bytes_per_turn_(limits.bytes_per_turn) {}

Relay::Outcome Relay::pump() {
  const std::uint64_t limit = up_.moved + down_.moved + bytes_per_turn_;
  for (;;) {
    // The client's direction first: what it has to say may be its end, which ends all.
    const Step up = move(up_, true);
    if (up == Step::kSourceFailed) return Outcome::kClientFailed;
    // What the server said before it broke off is still read below, by the other direction.
    const Step down = move(down_, false);
    if (down == Step::kSinkFailed) return Outcome::kClientFailed;
    if (down == Step::kSourceFailed || up == Step::kSinkFailed) return Outcome::kUpstreamFailed;
    // Not before the client has all of it: a reply that is cut off would be lost for good, since
    // the server will not send it again.
    if (down_.source_ended && down_.ring.empty())
      return up_.source_ended ? Outcome::kFinished : Outcome::kUpstreamClosed;
    if (up == Step::kIdle && down == Step::kIdle)
      return up_.starved || down_.starved ? Outcome::kStarved : Outcome::kWaiting;
    if (up_.moved + down_.moved >= limit) return Outcome::kMore;
  }
}

void Relay::releaseMemory() {
  for (Flow* flow : {&up_, &down_}) flow->ring.release();
}

Relay::Step Relay::move(Flow& flow, bool pass_end) {
  flow.starved = false;
  const Step filled = fill(flow);
  const Step drained = drain(flow);
  if (drained == Step::kSinkFailed) return drained;
  // What the server sent before it broke off is delivered first. A client that broke off replays
  // its calls: they must not keep the connection while the server takes nothing.
  if (flow.source_failed) return flow.ring.empty() || pass_end ? Step::kSourceFailed : drained;
  if (pass_end && flow.source_ended && flow.ring.empty() && !flow.sink_finished) {
    const auto result = flow.sink.finishWriting();
    if (result.state == IoState::kFailed) return Step::kSinkFailed;
    flow.sink_finished = result.state == IoState::kDone;
    flow.starved = flow.starved || result.state == IoState::kStarved;
  }
  return filled == Step::kProgress || drained == Step::kProgress ? Step::kProgress : Step::kIdle;
}

Relay::Step Relay::fill(Flow& flow) {
  if (flow.ring.size() <= flow.resume_at) flow.paused = false;
  Step step = Step::kIdle;
  while (!flow.source_ended && !flow.source_failed && !flow.paused) {
    // An empty piece of a ring that is not full: there was no memory for one.
    const auto space = flow.ring.writable();
    if (space.empty()) {
      flow.paused = flow.ring.full();
      flow.starved = !flow.paused;
      break;
    }
    const auto result = flow.source.read(space);
    flow.source_failed = result.state == IoState::kFailed;
    flow.starved = result.state == IoState::kStarved;
    if (flow.source_failed || flow.starved || result.state == IoState::kWouldBlock) break;
    step = Step::kProgress;
    flow.source_ended = result.state == IoState::kEnd;
    flow.ring.commit(result.bytes);
    if (calls_ != nullptr) {
      const auto bytes = space.first(result.bytes);
      &flow == &up_ ? calls_->fromClient(bytes) : calls_->fromServer(bytes);
    }
    flow.moved += result.bytes;
  }
  return step;
}

Relay::Step Relay::drain(Flow& flow) {
  Step step = Step::kIdle;
  while (!flow.ring.empty()) {
    const auto result = flow.sink.write(flow.ring.readable());
    if (result.state == IoState::kFailed) return Step::kSinkFailed;
    flow.starved = flow.starved || result.state == IoState::kStarved;
    if (result.state != IoState::kDone || result.bytes == 0) break;
    flow.ring.consume(result.bytes);
    step = Step::kProgress;
  }
  // TLS has collected records: without this they would wait for the next call.
  if (flow.sink.flush().state == IoState::kFailed) return Step::kSinkFailed;
  return step;
}

}  // namespace efs::tls_tunnel

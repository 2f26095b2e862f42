#include "observe/traffic.h"

#include <algorithm>

namespace efs::watchdog {
namespace {

// A kernel that waits sends its calls again as soon as it has a connection; one that has had all of
// its connections for so long without a call does not wait: the calls were given up by who made
// them.
constexpr Duration kForgotten{20000};
// Without a connection it may wait all the same. Its pauses between two attempts grow from 3 s to
// 5 min while no attempt leads to an answer (XS_TCP_INIT_REEST_TO, XS_TCP_MAX_REEST_TO).
constexpr Duration kLongestPause{320000};
// A page may hold anything, also what no clock can show.
constexpr std::uint64_t kLastTime =
    std::chrono::floor<std::chrono::milliseconds>(MonoTime::max()).time_since_epoch().count();
// More than all the small calls that fit into a session's slots.
constexpr std::uint64_t kLargeWrite = 64U << 10U;

}  // namespace

void Traffic::noteSent(const Calls& calls, MonoTime now) {
  if (!calls_ || calls.connection != calls_->connection || calls.sent < sent_mark_) {
    sent_mark_ = calls.sent;
    return;
  }
  if (calls.sent != calls_->sent) unread_since_.reset();
  if (calls.sent - sent_mark_ < kLargeWrite) return;
  sent_mark_ = calls.sent;
  sending_at_ = now;
}

bool Traffic::cameBack(const Calls& calls) {
  const bool successor = tunnel_ != 0 && calls.tunnel != 0 && calls.tunnel != tunnel_;
  const bool same = calls_ && calls_->tunnel == calls.tunnel;
  if (calls.tunnel != 0) tunnel_ = calls.tunnel;
  if (successor) return calls.received > 0;
  return same && calls.received > calls_->received;
}

void Traffic::note(const Calls& calls, MonoTime now) {
  noted_ = now;
  noteSent(calls, now);
  if (cameBack(calls)) {
    waiting_since_.reset();
    unread_since_.reset();
    gave_up_ = false;
  } else {
    noteProgress(calls);
  }
  const bool connected_before = !calls_ || calls_->connected;
  const bool came = !calls_ || calls.connection != calls_->connection;
  if (calls.waiting || came || connected_before != calls.connected) quiet_since_.reset();
  calls_ = calls;
  if (calls.waiting || (calls.since && calls.since > forgotten_)) {
    const MonoTime since = std::max(calls.since.value_or(now), forgotten_.value_or(MonoTime()));
    if (!waiting_since_) waiting_since_ = std::min(now, since);
    gave_up_ = false;
  }
  if (!calls.waiting) noteQuiet(calls, now);
}

// Without a byte for the kernel a server gets further when TLS is done: the same connections wait
// for less long than at the last look.
void Traffic::noteProgress(const Calls& calls) {
  if (!waiting_since_ || !calls_ || calls.connection != calls_->connection) return;
  if (waiting_since_ != calls_->since || calls.since <= calls_->since) return;
  waiting_since_ = std::min(*calls.since, noted_);
}

void Traffic::noteQuiet(const Calls& calls, MonoTime now) {
  if (!quiet_since_) quiet_since_ = now;
  if (now - *quiet_since_ < (calls.connected ? kForgotten : kLongestPause)) return;
  if (!waiting_since_) return;
  waiting_since_.reset();
  forgotten_ = now;
  gave_up_ = true;
}

Traffic::Calls Traffic::ofPage(const tunnel_control::TunnelNumbers& numbers,
                               const PageContext& context) {
  using tunnel_control::UpstreamState;
  const auto time = [](std::uint64_t ms) -> std::optional<MonoTime> {
    if (ms == 0) return std::nullopt;
    return MonoTime(std::chrono::milliseconds(std::min(ms, kLastTime)));
  };
  Calls calls{
      .received = numbers.bytes_down - numbers.question_bytes,
      .sent = numbers.bytes_up,
      .tunnel = context.generation + 1,
      .connection = (context.generation << 32U) + numbers.connections_total - numbers.questions,
      .waiting = numbers.outstanding != 0 || numbers.pending != 0,
      .since = time(numbers.waiting_since),
      .connected = numbers.clients != 0 && numbers.absent == 0};
  if (numbers.remembers != 0) return calls;
  calls.since = time(numbers.silent_since);
  const std::uint64_t ours = context.asking && numbers.connections_open != 0 ? 1 : 0;
  calls.connected = numbers.connections_open != ours;
  const auto state = static_cast<UpstreamState>(numbers.upstream_state);
  const bool on_its_way = state == UpstreamState::kConnecting || state == UpstreamState::kSecuring;
  if (calls.connected && on_its_way) calls.waiting = true;
  return calls;
}

void Traffic::note(const TransportCounters& counters, MonoTime now) {
  const std::uint64_t lead =
      counters.sends > counters.receives ? counters.sends - counters.receives : 0;
  const bool moved = counters.receives != last_.receives;
  const bool still = !moved && counters.sends == last_.sends;
  if (counters.connects != last_.connects) {
    relearn_ = true;
    answered_ = last_.connects == 0;
    smallest_lead_.reset();
  }
  answered_ = answered_ || moved;
  if (moved && last_.connects == counters.connects) {
    smallest_lead_ = std::min(lead, smallest_lead_.value_or(lead));
  }
  last_ = counters;
  if (lead < normal_lead_) normal_lead_ = lead;
  // A whole round without traffic after an answer: whatever lead is left was lost in a reconnect,
  // unless there was less of it while answers came: then the rest are calls that wait. Without such
  // a round one that waits just then is noticed with the next one.
  if (relearn_ && answered_ && still) {
    normal_lead_ = std::min(lead, smallest_lead_.value_or(lead));
    relearn_ = false;
    waiting_since_.reset();
  }
  note(Calls{.received = counters.receives, .waiting = lead > normal_lead_}, now);
}

void Traffic::noteUnread(bool unread, MonoTime now, MonoTime last_look) {
  unread_noted_ = now;
  if (!unread) {
    unread_since_.reset();
  } else if (!unread_since_) {
    unread_since_ = now;
    before_unread_ = std::min(last_look, now);
  } else {
    unread_since_ = before_unread_;
  }
}

std::optional<Duration> Traffic::stuck(MonoTime now) const {
  if (!waiting_since_ && !unread_since_) return std::nullopt;
  MonoTime::duration longest{0};
  if (waiting_since_) longest = noted_ - *waiting_since_;
  if (unread_since_) longest = std::max(longest, unread_noted_ - *unread_since_);
  if (sending_at_) longest = std::min(longest, now - *sending_at_);
  return std::chrono::duration_cast<Duration>(longest);
}

}  // namespace efs::watchdog

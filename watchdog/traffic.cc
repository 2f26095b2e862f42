#include "traffic.h"

#include <algorithm>

namespace efs::watchdog {
namespace {

// After a reconnect the calls are gone from the tunnel until the kernel sends them again; after so
// long without any, they were given up by who made them.
constexpr Duration kForgotten{20000};
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
  }
  calls_ = calls;
  if (calls.waiting) {
    quiet_since_.reset();
    if (!waiting_since_) waiting_since_ = std::min(now, calls.since.value_or(now));
    return;
  }
  if (!quiet_since_) quiet_since_ = now;
  if (now - *quiet_since_ >= kForgotten) waiting_since_.reset();
}

void Traffic::note(const TransportCounters& counters, MonoTime now) {
  const std::uint64_t lead =
      counters.sends > counters.receives ? counters.sends - counters.receives : 0;
  const bool moved = counters.receives != last_.receives;
  const bool still = !moved && counters.sends == last_.sends;
  if (counters.connects != last_.connects) {
    relearn_ = true;
    answered_ = last_.connects == 0;
  }
  answered_ = answered_ || moved;
  last_ = counters;
  if (lead < normal_lead_) normal_lead_ = lead;
  // A whole round without traffic after an answer: whatever lead is left was lost in a reconnect. A
  // call that waits just then is noticed with the next one.
  if (relearn_ && answered_ && still) {
    normal_lead_ = lead;
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

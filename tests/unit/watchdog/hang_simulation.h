// One mount whose server does not answer, simulated: the tunnel's real meter and the watchdog's
// real judgement (Traffic, climb) between a kernel and a server that are played, and time that
// jumps from event to event. The promises are in hang_simulation_test.cc.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "efs/rpc/message.h"
#include "efs/tls_tunnel/tunnel_meter.h"
#include "judge/ladder.h"
#include "observe/traffic.h"

namespace efs::watchdog::hang {

using tls_tunnel::CallTracker;
using tls_tunnel::ConnectionMeter;
using tls_tunnel::TunnelMeter;
using tunnel_control::TunnelNumbers;
using tunnel_control::UpstreamState;

using Ms = std::int64_t;
inline constexpr Ms kNever = 1'000'000'000;
inline constexpr Ms kStart = 3'600'000;  // of the simulation, on the monotonic clock
inline constexpr Ms kThird = 3333;       // hang_detection_sec / 3, as Supervisor::sampleAll()
inline constexpr Ms kSecond = 1000;
inline constexpr Ms kPromise = 15 * kSecond;   // config/README.md, hang_detection_sec
inline constexpr Ms kFailover = 45 * kSecond;  // config/README.md, az_failover_after_sec
inline constexpr Ms kFailoverOfRefused = 30 * kSecond;

inline MonoTime at(Ms time) { return MonoTime(std::chrono::milliseconds(time)); }
inline std::uint64_t word(Ms time) { return static_cast<std::uint64_t>(time); }

struct World {
  Ms phase = 0;                 // of the looks
  Ms handshake = 10 * kSecond;  // a connection waits so long for its upstream ...
  bool secured = false;         // ... and then relays; or else is reset
  Ms life = kNever;             // how long it relays, until the server resets it
  Ms answer_each = kNever;      // while it relays: the server's bytes
  Ms return_after = 0;          // the kernel connects anew
  bool backs_off = false;       // after 3, 6, 12 ... 300 s, counted from the attempt before
  Ms gives_up = kNever;         // the callers of the mount do
  int connections = 1;          // nconnect
  int answering = 0;            // so many of them have a server that answers each second
  bool questions_answered = false;
  bool old_page = false;  // a tunnel of the release before
  Ms watchdog_restart = kNever;
  Ms heals = kNever;  // the server does: from then on it takes everybody and answers each second
  std::string describe() const {
    return "phase " + std::to_string(phase) + " handshake " + std::to_string(handshake) + " life " +
           std::to_string(life) + " return " + std::to_string(return_after) +
           (backs_off ? " backing off" : "") + " nconnect " + std::to_string(connections) +
           " heals " + std::to_string(heals) + (old_page ? " old page" : "");
  }
};

struct Story {
  Ms told = kNever, moved = kNever;
  int hangs = 0, over = 0, reconnects = 0, kills = 0;
};

// A client of the tunnel: the kernel's, or the watchdog's own question.
struct Client {
  bool question = false, open = false, answering = false;
  ConnectionMeter meter;
  Ms next = kNever;  // what happens to it: secured, reset, answered
  Ms opened = 0, ends = kNever, back_off = 3 * kSecond;
};

class Simulation {
 public:
  explicit Simulation(const World& world) : world_(world) {
    for (int i = 0; i < world.connections; ++i) {
      Client& client = clients_.emplace_back();
      client.answering = i < world.answering;
      client.next = kStart + 7 * i;
    }
    look_ = kStart - 12 * kSecond + world.phase;
    seen_.can_reconnect = seen_.in_table = true;
    seen_.locks = Seen::kNo;
  }

  Story run(Ms duration) {
    while (now_ < kStart + duration) {
      now_ = nextEvent();
      if (now_ >= kStart + world_.watchdog_restart) forgetAll();
      if (now_ == tunnel_starts_) startTunnel();
      for (auto& client : clients_) {
        if (client.next <= now_) proceed(client);
      }
      if (question_ends_ <= now_) endQuestion();
      if (look_ <= now_) look();
      if (decision_.wake && *decision_.wake <= at(now_)) judge();
    }
    return story_;
  }

 private:
  Ms nextEvent() const {
    Ms next = std::min({look_, question_ends_, tunnel_starts_, kStart + world_.watchdog_restart});
    for (const auto& client : clients_) next = std::min(next, client.next);
    if (decision_.wake) {
      next = std::min<Ms>(next, decision_.wake->time_since_epoch() / std::chrono::milliseconds(1));
    }
    return std::max(next, now_);
  }

  // The tunnel and its clients.

  void proceed(Client& client) {
    client.next = kNever;
    if (!client.open) return connect(client);
    if (!client.meter.calls && (world_.secured || healed() || client.answering)) {
      return relay(client);
    }
    if (client.answering || (client.meter.calls && healed())) {
      return answer(client, now_ + kSecond);
    }
    if (client.meter.calls && now_ < client.ends) return answer(client, now_ + world_.answer_each);
    leave(client);
    if (client.question) question_refused_ = true;
  }

  bool healed() const { return now_ >= kStart + world_.heals; }
  bool questionsAnswered() const { return world_.questions_answered || healed(); }

  void connect(Client& client) {
    if (tunnel_starts_ != kNever) {
      client.next = tunnel_starts_;  // in the backlog of the held listener
      return;
    }
    if (now_ >= kStart + world_.gives_up && !client.question) return;
    client.open = true;
    client.opened = now_;
    client.meter = ConnectionMeter();
    client.meter.state = UpstreamState::kSecuring;
    client.meter.asked = client.meter.last_up = word(now_);
    client.meter.question = client.question && !world_.old_page;
    meter_->add(client.meter);
    meter_->connected();
    const bool quick =
        client.answering || healed() || (client.question && world_.questions_answered);
    client.next = now_ + (quick ? 5 : world_.handshake);
  }

  void relay(Client& client) {
    client.meter.state = UpstreamState::kConnected;
    client.meter.calls = std::make_unique<CallTracker>();
    call(client);
    client.ends = world_.life == kNever ? kNever : now_ + world_.life;
    client.next =
        client.answering || healed() ? now_ + 5 : std::min(client.ends, now_ + world_.answer_each);
  }

  void call(Client& client) {
    client.meter.calls->setNow(word(now_));
    const std::string record = rpc::nullCall(++xid_);
    client.meter.calls->fromClient(std::as_bytes(std::span(record)));
    client.meter.bytes_up += record.size();
    client.meter.last_up = word(now_);
  }

  // Some bytes of a reply; the next call is there already.
  void answer(Client& client, Ms next) {
    client.meter.bytes_down += 100;
    client.meter.last_down = word(now_);
    client.next = std::min(client.ends, next);
  }

  // The tunnel resets it; the kernel comes back.
  void leave(Client& client) {
    if (!client.open) return;
    client.open = false;
    meter_->remove(client.meter, word(now_));
    client.next = client.question ? kNever : now_ + pause(client);
  }

  Ms pause(Client& client) {
    if (!world_.backs_off) return world_.return_after;
    const Ms due = client.opened + client.back_off;
    client.back_off = std::min<Ms>(2 * client.back_off, 300 * kSecond);
    return std::max<Ms>(due - now_, 0);
  }

  void startTunnel() {
    tunnel_starts_ = kNever;
    meter_ = std::make_unique<TunnelMeter>(tunnel_control::CountersWriter());
    ++generation_;
    tunnel_since_ = now_;
  }

  TunnelNumbers page() const {
    TunnelNumbers numbers = meter_->numbers();
    if (!world_.old_page) return numbers;
    numbers.remembers = numbers.clients = numbers.pending = numbers.absent = numbers.waiting_since =
        0;
    numbers.questions = numbers.question_bytes = numbers.unread = 0;
    return numbers;
  }

  // The watchdog.

  void forgetAll() {
    world_.watchdog_restart = kNever;
    traffic_ = {};
    decision_ = {};
    numbers_ = {};
    seen_.probe = Probe::kNone;
  }

  void look() {
    const bool unread = std::any_of(clients_.begin(), clients_.end(), [](const Client& client) {
      return client.open && !client.meter.calls;
    });
    traffic_.noteUnread(unread && numbers_.unread == 0, at(now_), at(look_ - kThird));
    look_ += kThird;
    sample();
    const auto stuck = traffic_.stuck(at(now_));
    if (stuck >= kSuspicion || decision_.progress.hung_since) judge();
  }

  void sample() {
    if (tunnel_starts_ != kNever) return;
    numbers_ = page();
    traffic_.note(Traffic::ofPage(numbers_, {generation_, question_ends_ != kNever}), at(now_));
  }

  void judge() {
    for (int turn = 0; turn < 10; ++turn) {
      if (tunnel_starts_ != kNever) return decision_.wake.reset();  // decide() starts it first
      sample();
      seen_.stuck = traffic_.stuck(at(now_));
      seen_.tunnel_age = Duration(now_ - tunnel_since_);
      seen_.reconnects = (generation_ << 32U) + numbers_.reconnects;
      decision_ = climb(seen_, decision_.progress, HealthPolicy(), at(now_), 0.5);
      for (const Remedy remedy : decision_.remedies) apply(remedy);
      if (decision_.remedies.empty()) return;
    }
    ADD_FAILURE() << "climb() never comes to rest";
  }

  void apply(Remedy remedy) {
    switch (remedy) {
      case Remedy::kProbe:
        return ask();
      case Remedy::kReportHang:
        ++story_.hangs;
        story_.told = std::min(story_.told, now_ - kStart);
        return;
      case Remedy::kReportProgress:
        ++story_.over;
        return;
      case Remedy::kReconnect:
        ++story_.reconnects;
        for (auto& client : clients_) leave(client);
        return;
      case Remedy::kReplaceTunnel:
        ++story_.kills;
        for (auto& client : clients_) leave(client);
        tunnel_starts_ = now_ + 150;
        return;
      case Remedy::kMoveTarget:
        story_.moved = std::min(story_.moved, now_ - kStart);
        return;
      default:
        return;
    }
  }

  void ask() {
    std::erase_if(clients_, [](const Client& client) { return client.question && !client.open; });
    Client& client = clients_.emplace_back();
    client.question = true;
    client.answering = questionsAnswered();
    seen_.probe = Probe::kRunning;
    question_refused_ = false;
    connect(client);
    question_ends_ = now_ + (questionsAnswered() ? 20 : 4500);
  }

  // The client closes; while the upstream is not there the tunnel goes on for it.
  void endQuestion() {
    question_ends_ = kNever;
    seen_.probe = questionsAnswered() ? Probe::kAnswered
                  : question_refused_ ? Probe::kRefused
                                      : Probe::kSilent;
    for (auto& client : clients_) {
      if (client.question && client.meter.calls) leave(client);
    }
    judge();
  }

  World world_;
  Ms now_ = 0, look_ = 0, question_ends_ = kNever, tunnel_starts_ = kNever;
  Ms tunnel_since_ = kStart - 3'000'000;
  std::list<Client> clients_;
  std::unique_ptr<TunnelMeter> meter_ =
      std::make_unique<TunnelMeter>(tunnel_control::CountersWriter());
  std::uint64_t generation_ = 0;
  std::uint32_t xid_ = 0;
  bool question_refused_ = false;
  Traffic traffic_;
  TunnelNumbers numbers_;
  HealthSeen seen_;
  HealthDecision decision_;
  Story story_;
};

}  // namespace efs::watchdog::hang

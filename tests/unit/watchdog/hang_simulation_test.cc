// A hang is told within 15 s of its cause and another zone is tried within 45 s, whatever the
// phases of the clocks: the tunnel's handshake deadline, the kernel's pauses before it connects
// anew, the watchdog's looks. The tunnel's real meter, the watchdog's real judgement (Traffic,
// climb); a simulated kernel and server, and time that jumps from event to event.
#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <random>
#include <string>
#include <vector>

#include "efs/rpc/message.h"
#include "efs/tls_tunnel/tunnel_meter.h"
#include "judge/ladder.h"
#include "observe/traffic.h"

namespace efs::watchdog {
namespace {

using tls_tunnel::CallTracker;
using tls_tunnel::ConnectionMeter;
using tls_tunnel::TunnelMeter;
using tunnel_control::TunnelNumbers;
using tunnel_control::UpstreamState;

using Ms = std::int64_t;
constexpr Ms kNever = 1'000'000'000;
constexpr Ms kStart = 3'600'000;  // of the simulation, on the monotonic clock
constexpr Ms kThird = 3333;       // hang_detection_sec / 3, as Supervisor::sampleAll()
constexpr Ms kSecond = 1000;
constexpr Ms kPromise = 15 * kSecond;   // config/README.md, hang_detection_sec
constexpr Ms kFailover = 45 * kSecond;  // config/README.md, az_failover_after_sec
constexpr Ms kFailoverOfRefused = 30 * kSecond;

MonoTime at(Ms time) { return MonoTime(std::chrono::milliseconds(time)); }
std::uint64_t word(Ms time) { return static_cast<std::uint64_t>(time); }

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

class Phases : public ::testing::Test {
 protected:
  // Every phase of the looks against the cause, and so against each reset that follows it.
  template <typename Check>
  void eachPhase(World world, Ms duration, Check check) {
    for (world.phase = 0; world.phase < 10 * kSecond && !HasFailure(); world.phase += 100) {
      SCOPED_TRACE(world.describe());
      check(Simulation(world).run(duration));
    }
  }
  // `tolerance`: what is seen at two looks only may have come right after the one before.
  static void expectTold(const Story& story, Ms tolerance = 0) {
    EXPECT_LE(story.told, kPromise);
    EXPECT_GE(story.told, 10 * kSecond - tolerance);
    EXPECT_EQ(story.hangs, 1) << "told once";
    EXPECT_EQ(story.over, 0) << "a reset is no answer";
  }
  static void expectFailover(const Story& story, Ms tolerance = 0) {
    expectTold(story, tolerance);
    EXPECT_GE(story.moved, 15 * kSecond - tolerance);
    EXPECT_LE(story.moved, kFailover);
  }
  static void onTime(const Story& story) { expectFailover(story); }
  static void refusedOnTime(const Story& story) {
    expectFailover(story);
    EXPECT_LE(story.moved, kFailoverOfRefused);
  }
  static void toldOnTime(const Story& story) { expectTold(story); }
  static void expectPeace(const Story& story) {
    EXPECT_EQ(story.hangs, 0);
    EXPECT_EQ(story.reconnects + story.kills, 0);
  }
};

// The fault of issue 9, D32: TCP is accepted, TLS never comes. Deadlines that beat with the looks
// and such that do not, kernels that come back at once or late.
TEST_F(Phases, ServerSilentInTlsIsToldAndLeft) {
  for (const Ms handshake : {9000, 9900, 9999, 10000, 10001, 10100, 11000, 13333}) {
    for (const Ms return_after : {0, 1, 100, 1000, 3000}) {
      for (int connections = 1; connections <= 4; ++connections) {
        eachPhase(
            {.handshake = handshake, .return_after = return_after, .connections = connections},
            80 * kSecond, onTime);
      }
    }
  }
}

TEST_F(Phases, KernelThatReconnectsLateIsNotForgotten) {
  for (int connections = 1; connections <= 4; ++connections) {
    eachPhase({.backs_off = true, .connections = connections}, 600 * kSecond, onTime);
  }
  for (const Ms return_after : {19000, 21000, 60000, 300000}) {
    eachPhase({.return_after = return_after}, 900 * kSecond, onTime);
  }
}

// Refused at once: what waits is there for milliseconds between two pauses of the kernel.
TEST_F(Phases, ServerThatRefusesOrResetsIsTold) {
  for (const Ms handshake : {1, 50, 400, 5000}) {
    for (const Ms return_after : {3000, 6000, 12000}) {
      eachPhase({.handshake = handshake, .return_after = return_after}, 80 * kSecond,
                handshake < kSecond ? refusedOnTime : onTime);
    }
    eachPhase({.handshake = handshake, .backs_off = true}, 600 * kSecond,
              handshake < kSecond ? refusedOnTime : onTime);
  }
}

// TLS is done, then silence, then a reset before anybody loses patience.
TEST_F(Phases, ServerThatIsSilentAfterTlsAndResetsIsTold) {
  for (const Ms life : {3000, 9000, 9900}) {
    for (const Ms return_after : {0, 3000, 30000}) {
      eachPhase({.handshake = 50, .secured = true, .life = life, .return_after = return_after},
                120 * kSecond, toldOnTime);
    }
  }
}

// The watchdog's own question has an answer, the mount has none.
TEST_F(Phases, AnswersToQuestionsAreNoneForTheMount) {
  eachPhase({.handshake = 50,
             .secured = true,
             .life = 9000,
             .return_after = 100,
             .questions_answered = true},
            120 * kSecond, [](const Story& story) {
              expectTold(story);
              EXPECT_EQ(story.moved, kNever) << "the server answers";
              EXPECT_EQ(story.kills, 0) << "its tunnel too";
              EXPECT_GE(story.reconnects, 1);
            });
}

// nconnect: one connection's server answers each second, another one's never.
TEST_F(Phases, OneConnectionThatHangsBesideOneThatMovesIsTold) {
  for (int connections = 2; connections <= 4; ++connections) {
    eachPhase({.connections = connections, .answering = 1, .questions_answered = true},
              60 * kSecond, toldOnTime);
  }
}

TEST_F(Phases, RestartedWatchdogIsToldByTheTunnel) {
  eachPhase({.return_after = 3000, .watchdog_restart = 12500}, 60 * kSecond,
            [](const Story& story) { EXPECT_LE(story.told, 12500 + kThird); });
}

// Mixed versions: a page that tells only what a tunnel of the release before knew.
TEST_F(Phases, TunnelOfAnOlderReleaseIsJudgedToo) {
  const auto late = [](const Story& story) { expectFailover(story, kThird); };
  for (const Ms handshake : {9900, 10000, 10100}) {
    for (const Ms return_after : {0, 1000, 3000}) {
      for (int connections = 1; connections <= 4; ++connections) {
        eachPhase({.handshake = handshake,
                   .return_after = return_after,
                   .connections = connections,
                   .old_page = true},
                  80 * kSecond, late);
      }
    }
  }
  eachPhase({.backs_off = true, .old_page = true}, 600 * kSecond, late);
}

TEST_F(Phases, SlowServerThatMovesIsLeftAlone) {
  for (int connections = 1; connections <= 4; ++connections) {
    // Slow to connect, and slow to answer; each for less than a hang, together for more.
    eachPhase({.handshake = 8000, .secured = true, .answer_each = 9000, .connections = connections},
              120 * kSecond, expectPeace);
    // It resets now and then, and serves in between.
    eachPhase({.handshake = 2000,
               .secured = true,
               .life = 20000,
               .answer_each = 3000,
               .return_after = 3000,
               .connections = connections},
              300 * kSecond, expectPeace);
  }
}

// Soft mounts, killed jobs: the kernel does not come back. Its silence is no hang for ever, and the
// watchdog's own questions keep none alive.
// What no grid of the tests above holds: any deadlines, pauses and number of connections.
TEST_F(Phases, AnyServerThatIsSilentInTlsIsToldAndOneThatHealsIsLeftAlone) {
  std::mt19937_64 random(20261129);
  const auto any = [&](Ms low, Ms high) {
    return std::uniform_int_distribution<Ms>(low, high)(random);
  };
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    World world{.phase = any(0, 10 * kSecond),
                .handshake = any(1, 13 * kSecond),
                .return_after = any(0, 1) == 0 ? any(0, 5 * kSecond) : any(0, 300 * kSecond),
                .backs_off = any(0, 2) == 0,
                .connections = static_cast<int>(any(1, 16))};
    {
      SCOPED_TRACE(world.describe());
      expectFailover(Simulation(world).run(700 * kSecond));
    }
    world.heals = any(0, 400 * kSecond);
    SCOPED_TRACE(world.describe());
    const Story story = Simulation(world).run(1200 * kSecond);
    EXPECT_LE(story.hangs, 1);
    EXPECT_EQ(story.over, story.hangs);
    if (world.heals >= kPromise) {
      EXPECT_LE(story.told, kPromise);
    }
  }
}

// Each wait is shorter than a hang: connecting, answering, a reset in between.
TEST_F(Phases, AnyServerThatMovesIsLeftAlone) {
  std::mt19937_64 random(20261130);
  const auto any = [&](Ms low, Ms high) {
    return std::uniform_int_distribution<Ms>(low, high)(random);
  };
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    World world{.phase = any(0, 10 * kSecond),
                .handshake = any(1, 2400),
                .secured = true,
                .answer_each = any(1, 2400),
                .return_after = any(0, 2400),
                .connections = static_cast<int>(any(1, 16)),
                .old_page = any(0, 3) == 0};
    world.life = any(0, 3) == 0 ? kNever : any(2 * world.answer_each, 60 * kSecond);
    SCOPED_TRACE(world.describe());
    expectPeace(Simulation(world).run(200 * kSecond));
  }
}

TEST_F(Phases, CallsThatWereGivenUpAreForgotten) {
  for (const Ms gives_up : {5000, 15000}) {
    eachPhase({.gives_up = gives_up}, 3600 * kSecond, [](const Story& story) {
      EXPECT_LE(story.hangs, 1);
      EXPECT_EQ(story.over, story.hangs);
    });
  }
}

}  // namespace
}  // namespace efs::watchdog

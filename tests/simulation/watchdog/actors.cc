#include "actors.h"

#include <algorithm>
#include <utility>

namespace efs::watchdog::simulation {
namespace {

constexpr Duration kLook{50};

}  // namespace

// A run may end while some still wait: their stacks are unwound.
Actors::~Actors() {
  kill_one_in_ = 0;
  kill_at_.reset();
  closing_ = true;
  bool some = true;
  while (some) {
    some = false;
    for (const ActorPtr& actor : std::vector<ActorPtr>(all_)) {
      actor->on_end = [] {};
      actor->killed = true;
      actor->in_kernel = false;
      resume(actor, actor->turn);
      some = some || !actor->fiber->ended();
    }
  }
}

ActorPtr Actors::spawn(const std::string& name, std::function<void()> body,
                       std::function<void()> on_end) {
  std::erase_if(all_, [](const ActorPtr& actor) { return actor->over && actor->fiber->ended(); });
  auto actor = std::make_shared<Actor>();
  actor->name = name;
  actor->on_end = std::move(on_end);
  actor->fiber = std::make_unique<Fiber>([body = std::move(body)] {
    try {
      body();
    } catch (const Killed&) {
    }
  });
  all_.push_back(actor);
  schedule(actor, Duration(0));
  return actor;
}

void Actors::schedule(const ActorPtr& actor, Duration delay) {
  time_.in(delay, [this, actor, turn = ++actor->turn] { resume(actor, turn); });
}

void Actors::resume(const ActorPtr& actor, std::uint64_t turn) {
  if (turn != actor->turn || actor->fiber->ended()) return;
  self_ = actor;
  actor->fiber->resume();
  self_.reset();
  if (actor->fiber->ended()) end(actor);
}

void Actors::end(const ActorPtr& actor) {
  if (std::exchange(actor->over, true)) return;
  for (const auto& release : actor->release) release();
  if (actor->killed) journal_.note(actor->name + " was killed");
  actor->on_end();
}

void Actors::kill(const ActorPtr& actor) {
  if (actor->over || actor->killed) return;
  actor->killed = true;
  if (!actor->in_kernel) schedule(actor, Duration(0));
}

void Actors::setAlarm(const ActorPtr& actor, unsigned seconds) {
  const std::uint64_t number = ++actor->alarm;
  if (seconds == 0) return;
  time_.in(Duration(1000 * seconds), [this, actor, number] {
    if (number != actor->alarm || actor->over) return;
    actor->timed_out = true;
    kill(actor);
  });
}

void Actors::sleep(Duration time) {
  schedule(self_, time);
  const ActorPtr actor = self_;
  Fiber::giveWay();
  self_ = actor;
}

void Actors::step(const char* what) {
  ++steps_;
  const bool chosen =
      (kill_at_ && steps_ == *kill_at_) || (kill_one_in_ != 0 && time_.oneIn(kill_one_in_));
  // Nothing is to end a process in the one moment in which a place is bare; SIGKILL by a person
  // there is what docs/faults.md names.
  if (chosen && !self_->in_kernel && !self_->killed && !self_->uninterrupted) {
    journal_.note(self_->name + ": killed at " + what);
    Probes::reach("process killed at a step");
    self_->killed = true;
  }
  pause(time_.between(Duration(0), Duration(8)));
}

void Actors::pause(Duration time) {
  const ActorPtr actor = self_;
  if (!actor->killed) sleep(time);
  if (actor->killed && !actor->in_kernel) throw Killed{};
}

bool Actors::waitFor(const std::function<bool()>& condition, Duration patience) {
  const MonoTime limit = time_.monotonic() + patience;
  Duration look{5};
  while (!condition()) {
    if (time_.monotonic() >= limit) return false;
    pause(look);
    look = std::min(2 * look, kLook * 10);
  }
  return true;
}

void Actors::outlive(const ActorPtr& child) {
  const ActorPtr actor = self_;
  actor->in_kernel = true;
  while (!child->fiber->ended()) sleep(kLook);
  actor->in_kernel = false;
  if (actor->killed) throw Killed{};
}

void Actors::waitInKernel(const std::function<bool()>& condition, Duration limit) {
  const ActorPtr actor = self_;
  actor->in_kernel = true;
  const MonoTime end = time_.monotonic() + limit;
  while (!closing_ && !condition() && time_.monotonic() < end) sleep(kLook * 20);
  actor->in_kernel = false;
  if (actor->killed) throw Killed{};
}

}  // namespace efs::watchdog::simulation

// Actors: simulated processes that do one step after the other: children of the watchdog, mount
// helpers, administrators. Between two steps others act, and a process may be killed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "fiber.h"
#include "journal.h"
#include "timeline.h"

namespace efs::watchdog::simulation {

// Thrown at the next step of a process that got SIGKILL. No code of the product catches it.
struct Killed {};

struct Actor {
  std::string name;
  std::unique_ptr<Fiber> fiber;
  bool killed = false;
  bool over = false;       // for others it has ended
  bool in_kernel = false;  // waits for what cannot be interrupted: SIGKILL comes when that is over
  bool timed_out = false;  // its alarm came
  bool uninterrupted = false;  // it outlives the process that made it
  std::uint64_t alarm = 0;     // number of the one that counts
  std::uint64_t turn = 0;      // number of the resumption that counts
  std::function<void()> on_end;
  std::vector<std::function<void()>> release;  // what a process gives back when it ends
};
using ActorPtr = std::shared_ptr<Actor>;

class Actors {
 public:
  Actors(Timeline& time, Journal& journal) : time_(time), journal_(journal) {}
  Actors(const Actors&) = delete;
  Actors& operator=(const Actors&) = delete;
  ~Actors();

  // `on_end` runs once, when the process has ended, however.
  ActorPtr spawn(
      const std::string& name, std::function<void()> body, std::function<void()> on_end = [] {});
  void kill(const ActorPtr& actor);
  // SIGALRM after so many seconds; 0: never.
  void setAlarm(const ActorPtr& actor, unsigned seconds);

  // --- within an actor; all may throw Killed
  ActorPtr self() const { return self_; }
  // A call of this process is over; the next one begins after a moment.
  void step(const char* what);
  void pause(Duration time);
  // False: not within `patience`.
  bool waitFor(const std::function<bool()>& condition, Duration patience);
  // As the kernel waits for what cannot be interrupted.
  void waitInKernel(const std::function<bool()>& condition, Duration limit);
  // Until the stack of a child that shares ours is no longer used, even when we are killed.
  void outlive(const ActorPtr& child);
  // For others it has ended now; its stack goes on, for whoever still uses it.
  void end(const ActorPtr& actor);

  // One in so many steps is the last one of its process; 0: none.
  void killOneIn(int steps) { kill_one_in_ = steps; }
  // The step with this number, counted from now, is the last one of its process.
  void killAtStep(std::optional<int> number) { kill_at_ = number; }
  int steps() const { return steps_; }

 private:
  void resume(const ActorPtr& actor, std::uint64_t turn);
  void schedule(const ActorPtr& actor, Duration delay);
  void sleep(Duration time);

  Timeline& time_;
  Journal& journal_;
  std::vector<ActorPtr> all_;
  ActorPtr self_;
  bool closing_ = false;  // the run is over
  int kill_one_in_ = 0;
  std::optional<int> kill_at_;
  int steps_ = 0;
};

}  // namespace efs::watchdog::simulation

#include "run.h"

#include <algorithm>

#include "simulated_processes.h"
#include "turmoil.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

// The longest back-off of all is that between two remounts: 36 minutes.
constexpr Duration kHealing{std::chrono::minutes(75)};
constexpr Duration kCleaning{std::chrono::minutes(20)};
constexpr Duration kShortLife{std::chrono::minutes(6)};

class Run {
 public:
  explicit Run(const Plan& plan) : world_(plan), turmoil_(world_) {}

  Outcome play() {
    configure();
    world_.actors.killAtStep(world_.plan.kill_at_step);
    world_.daemon.start();
    turmoil_.begin();
    pass(Duration(30000));
    live();
    turmoil_.calm();
    pass(kHealing);
    if (going()) world_.invariants.checkHealed();
    turmoil_.unmountAll();
    pass(kCleaning);
    if (going()) world_.invariants.checkEmpty();
    return outcome();
  }

 private:
  bool going() const { return !world_.journal.violation(); }

  void configure() {
    settings::Settings settings;
    settings.mount.port_lower = kFirstPort;
    settings.mount.port_upper = kLastPort;
    if (world_.plan.remounts) settings.watchdog.remount_after = Duration(120000);
    world_.daemon.configure(settings);
  }

  // The part in which something happens.
  void live() {
    if (!world_.plan.faults) return liveQuietly();
    const MonoTime end = world_.time.monotonic() + world_.plan.turmoil;
    while (going() && world_.time.monotonic() < end) {
      turmoil_.strike();
      pass(world_.time.oneIn(3) ? world_.time.between(Duration(10), Duration(3000))
                                : world_.time.between(Duration(1000), Duration(120000)));
    }
  }

  void liveQuietly() {
    turmoil_.killTunnel();
    pass(kShortLife);
    if (world_.plan.stale_once) turmoil_.loseRoots();
    pass(kShortLife);
    turmoil_.umountOne();
    pass(kShortLife);
  }

  void pass(Duration time) {
    const MonoTime end = world_.time.monotonic() + time;
    while (going()) {
      world_.daemon.turn();
      world_.mounts.settle();
      world_.invariants.check();
      const MonoTime limit = std::min(end, world_.daemon.wake().value_or(end));
      if (world_.time.monotonic() >= end && world_.time.nextEvent().value_or(MonoTime::max()) > end)
        return;
      world_.time.advance(limit);
    }
  }

  Outcome outcome() const {
    const auto begin = std::chrono::hours(10);
    const auto lived = world_.time.monotonic().time_since_epoch() - begin;
    return {world_.journal.violation(), world_.journal.lastLines(),
            std::chrono::duration<double, std::ratio<3600>>(lived).count(), world_.daemon.calls(),
            world_.actors.steps()};
  }

  World world_;
  Turmoil turmoil_;
};

}  // namespace

Plan Plan::ofSeed(std::uint64_t seed) {
  Timeline dice(seed ^ 0x5EED);
  Plan plan;
  plan.seed = seed;
  plan.mounts = 1 + dice.roll(4);
  plan.pages = !dice.oneIn(8);
  plan.old_kernel = dice.oneIn(6);
  plan.remounts = dice.oneIn(2);
  plan.turmoil = dice.between(std::chrono::minutes(30), std::chrono::hours(4));
  return plan;
}

Outcome play(const Plan& plan) { return Run(plan).play(); }

}  // namespace efs::watchdog::simulation

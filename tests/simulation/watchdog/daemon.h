// Daemon: the watchdog's process: a Supervisor with its loop, which may crash at every call of its
// tools, is started anew, and gets back what systemd keeps for it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/settings/settings.h"
#include "tunnels.h"

namespace efs::watchdog {
class Supervisor;
}

namespace efs::watchdog::simulation {

struct World;
class SimulatedTools;

class Daemon {
 public:
  explicit Daemon(World& world);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  void start();
  // SIGTERM.
  void stop();
  void crash();
  void startIn(Duration delay);
  bool runs() const { return supervisor_ != nullptr; }
  MonoTime runningSince() const { return since_; }
  // Another number for each.
  std::uint64_t life() const { return life_; }
  Supervisor* supervisor() { return supervisor_.get(); }

  // Its turn: until it has nothing to do at this moment.
  void turn();
  // When it wants to run without an event.
  std::optional<MonoTime> wake() const;

  void post(std::function<void()> callback);
  // From mount.efs and umount.efs.
  void giveListener(const std::string& name, const SocketPtr& socket);
  void noteUnmounted(int port);
  void tableChanged();
  void filesChanged();
  void clockWasSet();
  void configure(const settings::Settings& settings);
  const settings::Settings& settings() const { return settings_; }

  // --- for its tools
  // A call of it begins; false: it is dead, and nothing happens any more. May throw Crash.
  bool enter(const char* what);
  void crashOneIn(int calls) { crash_one_in_ = calls; }
  int calls() const { return calls_; }

  std::map<std::string, SocketPtr> stored;  // what systemd keeps

 private:
  void tick();
  void afterCrash();
  void runCallbacks();

  World& world_;
  settings::Settings settings_;
  std::unique_ptr<SimulatedTools> tools_;
  std::unique_ptr<Supervisor> supervisor_;
  std::vector<std::function<void()>> posted_;
  std::uint64_t life_ = 0;
  MonoTime since_{}, next_tick_{};
  bool table_changed_ = false, files_changed_ = false, clock_set_ = false, dead_ = false;
  int calls_ = 0, crash_one_in_ = 0;
};

}  // namespace efs::watchdog::simulation

// World: one host of the simulation, with everything the watchdog meets there.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "actors.h"
#include "daemon.h"
#include "files.h"
#include "invariants.h"
#include "journal.h"
#include "mounts.h"
#include "network.h"
#include "plan.h"
#include "timeline.h"
#include "tunnels.h"

namespace efs::watchdog::simulation {

struct World {
  explicit World(const Plan& its_plan)
      : plan(its_plan),
        time(its_plan.seed),
        journal(time),
        files(*this),
        tunnels(*this),
        mounts(*this),
        invariants(*this),
        daemon(*this),
        actors(time, journal) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Plan plan;
  Timeline time;
  Journal journal;
  Network network;
  Files files;
  Tunnels tunnels;
  Mounts mounts;
  Invariants invariants;
  // The NFS client's identifier, of the whole host.
  std::string client_name = "host";
  bool identifier_taken = false;
  // Whose keys a profile has.
  std::map<std::string, std::string> principals;
  bool aws_answers = true;
  Daemon daemon;
  Actors actors;  // goes first: the stacks of those that still wait hold parts of the world

  void tableChanged() { daemon.tableChanged(); }
  void filesChanged() { daemon.filesChanged(); }
  // For the watchdog that runs now, from its loop; never, if it has ended by then.
  void loop(std::function<void()> callback) { daemon.post(std::move(callback)); }
};

}  // namespace efs::watchdog::simulation

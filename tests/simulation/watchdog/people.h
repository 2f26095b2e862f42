// People: what others do on the host: mount.efs and umount.efs, step by step as the programs do it,
// and administrators.
#pragma once

#include <string>

#include "actors.h"

namespace efs::watchdog::simulation {

struct World;

struct MountWish {
  std::string file_system;
  std::string access_point;
  std::string profile;  // whose keys sign; empty: none
  std::string target;
};

// Its body; killed at any step it leaves what the real one leaves.
void mountEfs(World& world, const MountWish& wish);
// Waits, as the real one does, until the kernel is done; false: busy, or nothing of ours is there.
bool umountEfs(World& world, const std::string& target, bool lazy);

}  // namespace efs::watchdog::simulation

// Turmoil: the faults and the people of a run, chosen by its seed, one after the other. Each has an
// end of its own; calm() ends all that are left.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mounts.h"
#include "network.h"
#include "tunnels.h"

namespace efs::watchdog::simulation {

struct World;

class Turmoil {
 public:
  explicit Turmoil(World& world);

  // The file systems and mounts with which a run begins.
  void begin();
  // One thing happens now.
  void strike();
  void calm();
  // Everything is unmounted, by whatever means.
  void unmountAll();

  // --- single ones, for tests
  void mountNew();
  void umountOne();
  void loseRoots();
  void killTunnel();

 private:
  using Fault = void (Turmoil::*)();
  void freezeTunnel();
  void silence();
  void moveTarget();
  void crashWatchdog();
  void restartWatchdog();
  void crashOften();
  void killChildren();
  void fillDisk();
  void useUpDescriptors();
  void loseStateFile();
  void tearStateFile();
  void loseCertificate();
  void reusePid();
  void takePidWhileDown();
  void inheritPidWhileDown();
  void interruptRemounts();
  void mountOver();
  void mountWithin();
  void detachLazily();
  void replaceByOther();
  void copyToNamespace();
  void useFiles();
  void toggleWork();
  void setClock();
  void silenceAws();
  void changePrincipal();
  void mountInStateDirectory();
  void killHelper();
  void bindElsewhere();

  Duration lasting();
  void later(std::function<void()> end);
  void endAll();
  NfsClientPtr anyClient();
  TunnelProcessPtr anyTunnel();
  std::string anyWanted();
  std::string anyName();
  FileSystem& anyFileSystem();
  void put(const std::string& path, const std::string& type);
  void takeAway(std::uint64_t unique);

  World& world_;
  std::map<std::uint64_t, std::function<void()>> ends_;
  std::uint64_t last_end_ = 0;
  int targets_ = 0;
};

}  // namespace efs::watchdog::simulation

// MountView: what the kernel shows of a tunnel's mounts and of who uses its port.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "efs/mounts/mount_table.h"
#include "judge/decide.h"
#include "tools/kernel.h"
#include "tools/log.h"

namespace efs::watchdog {

class MountView {
 public:
  MountView(Kernel& kernel, Log& log) : kernel_(kernel), log_(log) {}

  // Mounts below this folder are nobody's yet: none of the answers here is about them.
  void ignoreBelow(const std::string& folder) { ignored_ = folder + "/"; }
  // Whether the tunnel of this port is in another network namespace than ours, so that nothing can
  // be told by ours.
  using LivesElsewhere = std::function<bool(int port)>;
  void tellPortsElsewhere(LivesElsewhere elsewhere) { elsewhere_ = std::move(elsewhere); }

  // Reads the table again; on failure (logged once per change) every answer is "unknown".
  void refresh();

  Seen mounted(int port) const;
  // Mounts of this port as last read; valid until the next refresh(). A container with a network of
  // its own and shared mount points may have given the same port to a mount of its own: from the
  // moment when both kinds are seen, only those of our network are told here.
  std::vector<const mounts::MountEntry*> entries(int port) const;
  // nullptr: it cannot be read.
  const mounts::MountTable* table() const { return table_ ? &*table_ : nullptr; }
  // All mounts of tunnels as last read.
  std::vector<const mounts::MountEntry*> tunnelled() const;
  // The mount of this port that no other mount covers; null: none.
  const mounts::MountEntry* visible(int port) const;
  // `proc_net`: /proc/<pid>/net of a tunnel in another network namespace; empty: our own view.
  Seen kernelClient(int port, const std::string& proc_net) const;
  Seen connected(int port, const std::string& proc_net) const;
  // A mount of our network, with or without a tunnel, belongs to this port: nobody else may take
  // it.
  bool asksForPort(int port) const;

 private:
  using Entries = std::vector<const mounts::MountEntry*>;
  bool counts(const mounts::MountEntry& entry) const;
  bool mayBeOfTwoNetworks(const Entries& entries, int port) const;
  void dropOtherNetworks(Entries& entries, int port) const;

  Kernel& kernel_;
  Log& log_;
  std::string ignored_;
  std::optional<mounts::MountTable> table_;
  std::string last_error_;
  LivesElsewhere elsewhere_ = [](int) { return false; };
  // Whose port a mount of another network showed as well, while one of ours did.
  mutable std::set<int> contested_;
  // Ports that showed several superblocks at our first look: which of them our tunnel serves was
  // not seen. It may be the other network's, of a driver that came back with this one.
  std::set<int> unclear_;
  bool looked_ = false;
  // What was told of such a port since the last refresh(): once counted, they stay the same.
  mutable std::map<int, Entries> judged_;
};

}  // namespace efs::watchdog

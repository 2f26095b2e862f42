// What is left to do after an unmount: the tunnel and the state of a mount whose superblock is
// gone.
//
// With a watchdog it is the watchdog's work, told that it need not wait. Without one it is done
// here, under the watchdog's lock, so that a watchdog which starts just now finds all or nothing.
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/state/state_store.h"

namespace efs::mount_helper {

enum class TunnelEnd {
  kEnded,    // tunnel and state are gone
  kLeft,     // told to the watchdog, which is still at it
  kInUse,    // the kernel still uses the port: open files, or another mount of it
  kNoState,  // nothing of ours belongs to this port
  kFailed,   // see the log
};

struct AfterUnmount {
  const state::StateStore& store;
  const Clock& clock;
  Duration quiet{3000};     // how long the kernel may take to let go of the port
  Duration patience{5000};  // for the watchdog, for SIGTERM
};

// A loopback port and whose mounts may go through it. What went was a mount of this network
// namespace: then those of others, whose loopbacks have the same ports, are not its tunnel's.
// Otherwise (the tunnel may be anywhere) each mount that shows the port counts.
struct PortUse {
  int port = 0;
  bool by_this_network = false;
};

// Ends whatever serves this loopback port, once neither the kernel's NFS client nor a connection
// uses it.
TunnelEnd endTunnel(const PortUse& use, const AfterUnmount& after);

// Waits until neither a mount, the kernel's NFS client nor a connection uses the port. What cannot
// be looked at counts as used. In the tunnel's network namespace.
bool portFallsSilent(const PortUse& use, const Clock& clock, Duration patience);

// True when a tunnel could take a connection: somebody listens on the port.
bool tunnelListens(int port);

}  // namespace efs::mount_helper

// MountRecord: all the watchdog knows of one mount.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "efs/state/mount_state.h"
#include "efs/state/state_files.h"
#include "efs/tunnel_control/tunnel_command.h"
#include "efs/tunnel_control/tunnel_counters.h"
#include "judge/decide.h"
#include "mounts/novelty.h"
#include "observe/traffic.h"
#include "tools/jobs.h"
#include "tools/processes.h"

namespace efs::watchdog {

using state::FileStamp;

// What a child may be doing; at most one of each kind for a mount.
enum class Task { kRenewal, kProbe, kRoot, kHome, kFindTarget, kFindNetwork, kRemount, kRemoval };

// What is known of a mount's traffic and of the answers to questions about it.
struct Health {
  TunnelPagePtr page;                   // of the tunnel that runs now, if it has one
  tunnel_control::TunnelCounters last;  // as last read
  std::uint64_t generation = 0;         // one more for each tunnel
  // How often the kernel has connected; only for tunnels without a page.
  std::optional<std::uint64_t> connects;
  Traffic traffic;
  Probe probe = Probe::kNone;
  std::uint64_t clients_before_probe = 0;
  // The tunnel did not even take the last one from its socket, which it does before it connects to
  // the server: one that is silent from the first byte on makes no tunnel deaf.
  bool ignored_probe = false;
  Root root = Root::kNone;
  int stale_answers = 0;
  std::optional<std::string> home;  // its own target while it uses another one
  Seen home_answers = Seen::kUnknown;
  bool given_up = false;   // it was to take another one's place, in vain
  std::string successor;   // name of the mount that is to take its place
  std::string last_error;  // for people
};

// A mount of which everything is to go. The record, and with it the listener that holds the port,
// stays until that is done: nobody can make a mount of the same name before.
struct Removal {
  MonoTime next{};     // not tried before
  MonoTime overdue{};  // a try that has not returned by then waits in the kernel
};

// What is known of the certificate's file.
struct CertificateFile {
  FileStamp stamp;
  std::optional<WallTime> ends;
};

struct MountRecord {
  std::string name;
  int port = 0;

  // The state file.
  bool pending = false;
  bool readable = false;  // it was parsed at least once; nothing is done before that
  FileStamp stamp;
  state::MountState state;
  // Its `cmd`, or why that is none of a tunnel.
  Result<tunnel_control::TunnelCommand> command = Error(ErrorKind::kNotFound, "no state file yet");
  std::string config_text;  // of its tunnel, as last seen; empty: never
  void setState(state::MountState read) {
    command = tunnel_control::TunnelCommand::parse(read.cmd);
    state = std::move(read);
  }

  TunnelPtr tunnel;
  ListenerPtr listener;  // duplicate of the tunnel's listening socket

  CertificateFile certificate;
  std::optional<MonoTime> network_seen;  // when its network was last looked at
  double renewal_spread = 0.5;  // [0, 1), fixed: mounts of one moment are not renewed at one moment

  // What children are doing for this mount.
  std::map<Task, JobId> jobs;
  bool busy(Task task) const { return jobs.count(task) != 0; }

  Health health;

  std::int64_t restarts = 0;       // tunnels started here
  bool unmount_announced = false;  // umount.efs said so

  std::optional<Removal> removal;

  Progress progress;
  bool due = true;  // something happened: decide now
  std::optional<MonoTime> wake;
  std::vector<Reason> because;  // of what was last done, and why
  bool blind = false;           // whether its tunnel lives could not be found out
  bool forbidden = false;       // ... because the process may not be looked at: its port decides
  // Connections to its port wait for somebody; looks that follow one another.
  struct Unaccepted {
    MonoTime since, seen;
  };
  std::optional<Unaccepted> unaccepted;
  std::optional<MonoTime> searched;        // blind: its tunnel was looked for among all processes
  std::optional<MonoTime> unneeded_since;  // blind: not mounted, and nobody uses its port
  // For a tunnel that no file names, before everything goes.
  enum class Search { kNone, kRunning, kDone };
  Search stray_search = Search::kNone;
  bool unsaved = false;        // the state file could not be written
  bool renewal_waits = false;  // due, but as many run as may
  bool root_waits = false;     // is to be asked, but as many are as may
  Novelty novelty;
};

using Records = std::map<std::string, MountRecord>;

}  // namespace efs::watchdog

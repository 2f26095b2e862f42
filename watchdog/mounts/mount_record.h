// MountRecord: all the watchdog knows of one mount.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>

#include "act/renewal.h"
#include "daemon/child_job.h"
#include "efs/base/unique_fd.h"
#include "efs/state/mount_state.h"
#include "efs/tunnel_control/tunnel_counters.h"
#include "efs/tunnel_control/tunnel_process.h"
#include "judge/decide.h"
#include "judge/traffic.h"

namespace efs::watchdog {

using tunnel_control::listensOnLoopback;
using tunnel_control::TunnelFinder;
using tunnel_control::TunnelProcess;

// Tells whether a file is still the one that was read.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;
  timespec modified{};

  // Of a file that does not exist: a stamp that no file has.
  static FileStamp of(const std::string& path);
  bool operator==(const FileStamp& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
  }
  bool operator!=(const FileStamp& other) const { return !(*this == other); }
  bool exists() const { return size >= 0; }
};

// Lets a message through when it differs from the last one of its topic.
class Novelty {
 public:
  bool isNew(const std::string& topic, const std::string& text) {
    std::string& last = last_[topic];
    if (last == text) return false;
    last = text;
    return true;
  }
  void clear(const std::string& topic) { last_.erase(topic); }
  // The last message of the topic; empty after clear().
  std::string text(const std::string& topic) const {
    const auto found = last_.find(topic);
    return found == last_.end() ? std::string() : found->second;
  }

 private:
  std::map<std::string, std::string> last_;
};

// What a child may be doing; at most one of each kind for a mount.
enum class Task { kRenewal, kProbe, kRoot, kHome, kFindTarget, kRemount, kRemoval };

// What is known of a mount's traffic and of the answers to questions about it.
struct Health {
  std::optional<tunnel_control::CountersReader> counters;  // of the tunnel that runs now
  tunnel_control::TunnelCounters last;                     // as last read
  std::uint64_t generation = 0;                            // one more for each tunnel
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

struct MountRecord {
  std::string name;
  int port = 0;

  // The state file.
  bool pending = false;
  bool readable = false;  // it was parsed at least once; nothing is done before that
  FileStamp stamp;
  state::MountState state;

  std::optional<TunnelProcess> tunnel;
  UniqueFd listener;  // duplicate of the tunnel's listening socket

  FileStamp certificate_stamp;
  std::optional<WallTime> certificate_ends;
  double renewal_spread = 0.5;  // [0, 1), fixed: mounts of one moment are not renewed at one moment

  // What children are doing for this mount.
  std::map<Task, ChildJob> jobs;
  bool busy(Task task) const { return jobs.count(task) != 0; }

  Health health;

  std::int64_t restarts = 0;       // tunnels started here
  bool unmount_announced = false;  // umount.efs said so

  std::optional<Removal> removal;

  Progress progress;
  bool due = true;  // something happened: decide now
  std::optional<MonoTime> wake;
  bool blind = false;      // whether its tunnel lives could not be found out
  bool forbidden = false;  // ... because the process may not be looked at: its port decides
  std::optional<MonoTime> unaccepted_since;  // connections to its port wait for somebody
  bool unsaved = false;                      // the state file could not be written
  bool renewal_waits = false;                // due, but as many run as may
  Novelty novelty;
};

}  // namespace efs::watchdog

// efsctl status: facts of every mount -> judgement -> table or JSON. README.md of this folder holds
// the JSON and the states.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/mounts/mount_table.h"
#include "efs/state/mount_state.h"
#include "efs/state/state_store.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "efs/tunnel_control/tunnel_counters.h"
#include "efs/tunnel_control/watchdog_status.h"

namespace efs::efsctl {

// Where the watchdog's `efsctl metrics --listen` answers the members of status_group.
inline constexpr const char* kStatusSocket = "/run/efsmount/status.sock";

struct StatusOptions {
  bool help = false;
  bool json = false;
  bool wide = false;                   // -o wide: every column
  bool watch = false;                  // -w: again and again
  std::string socket = kStatusSocket;  // whom to ask without being root (status_server.h)
  std::string only;                    // file system id or mount point; empty = all
  std::string state_dir = state::kStateDirectory;
  std::string mountinfo;  // a file instead of the kernel's table
};
// Words after "status". kInvalidInput for an unknown option or a second name.
Result<StatusOptions> parseStatusOptions(const std::vector<std::string>& words);

// A mount of EFS without a tunnel of ours: option notunnel, or plain NFS by somebody else. Only
// what stands in the mount table is known of it.
struct DirectMount {
  std::string file_system;
  std::string host;     // "us-east-1a.fs-1.efs.us-east-1.amazonaws.com"
  std::string address;  // that the kernel talks to
  std::string region;
};
// What was seen of one mount.
struct SeenMount {
  std::string name;
  bool pending = false;
  Seen mounted = Seen::kUnknown;
  std::vector<std::string> mount_points;   // in this mount namespace
  std::optional<state::MountState> state;  // nullopt: the file cannot be read
  std::optional<tunnel_control::TunnelConfig> tunnel_config;
  std::optional<WallTime> certificate_ends;
  std::optional<int> tunnel_pid;
  std::optional<std::int64_t> restarts;                    // known to a watchdog alone
  std::optional<tunnel_control::TunnelCounters> counters;  // of a tunnel that runs
  std::string last_error;
  std::optional<DirectMount> direct;  // then there is nothing of the above but names and places
};
// By superblock, each with its mount points: a name that EFS makes is what tells.
std::vector<SeenMount> directMounts(const mounts::MountTable& table);

struct StatusFacts {
  WallTime now;
  MonoTime now_monotonic;
  std::optional<tunnel_control::WatchdogStatus> watchdog;  // nullopt: none answers
  std::string watchdog_error;                              // why not
  bool table_read = false;                                 // the mount table of this namespace
  std::vector<SeenMount> mounts;
};
// From state files, the mount table, the watchdog, /proc. Never looks at a mount, never waits
// longer than a second.
Result<StatusFacts> gatherStatus(const StatusOptions& options, const Clock& clock);

enum class MountCondition {
  kMounted,
  kHung,              // a call has waited for long
  kAway,              // the mount target is not reached
  kTunnelDown,        // dead, and nobody replaces it
  kRecovering,        // dead, the watchdog is replacing it
  kForeignNamespace,  // mounted and well, but not to be seen from here
  kDirect,            // DirectMount
  kUnmounting,
  kPending,
  kUnknown,
};
const char* conditionName(MountCondition condition);  // "tunnel_down"

// One line of the answer.
struct MountReport {
  std::string name;
  std::string type;  // of mount(8): "efs", "s3files"; empty where the state does not tell
  std::string file_system;
  std::string access_point;  // empty = none
  std::string mount_point;
  std::vector<std::string> also_mounted_at;
  MountCondition condition = MountCondition::kUnknown;
  std::string problem;  // empty = healthy
  std::string mount_target;
  std::string availability_zone;
  std::string region;
  int port = 0;
  std::optional<int> tunnel_pid;
  bool tls = false;
  std::optional<WallTime> certificate_ends;
  std::optional<std::int64_t> restarts;
  std::optional<Duration> oldest_call;      // age of the oldest call without an answer
  std::optional<Duration> unreachable_for;  // no server could be reached for so long
  std::string server_address;               // of the newest connection
  std::string cipher;                       // TLS protocol and cipher
  std::string last_error;
};
struct StatusReport {
  WallTime now;
  std::optional<int> watchdog_pid;
  std::string watchdog_version;
  std::string watchdog_problem;     // empty = it runs and supervises
  std::vector<MountReport> mounts;  // by mount point
  bool healthy() const;
};
// Pure. A watchdog that does nothing is a problem also where there is no mount: the next one would
// be without it.
StatusReport judgeStatus(const StatusFacts& facts);
// What the user named as the table would name it; a file system id stays what it is.
std::string canonicalName(const std::string& only);
// Keeps the mounts of this file system or mount point; an absolute path.
void keepOnly(StatusReport& report, const std::string& only);

inline constexpr std::size_t kTableWidth = 100;
struct TableLook {
  bool wide = false;     // every column, as long as it takes; else what fits into `width`
  bool colours = false;  // for a terminal
  std::size_t width = kTableWidth;
};
std::string statusTable(const StatusReport& report, const TableLook& look);
std::string statusJson(const StatusReport& report);

std::string statusHelp();
// The subcommand: its words, its exit code.
int runStatus(const std::vector<std::string>& words);

}  // namespace efs::efsctl

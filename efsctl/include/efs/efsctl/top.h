// efsctl top: what each mount and kind of NFS operation does now, from two looks at the NFS
// client's counters (efs/mounts/nfs_stats.h) and the tunnels' pages. No mount is touched.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/efsctl/status.h"
#include "efs/mounts/nfs_stats.h"
#include "efs/tunnel_control/tunnel_counters.h"

namespace efs::efsctl {

enum class NfsClass { kRead, kWrite, kOpen, kMetadata, kLock, kSession };
inline constexpr std::size_t kNfsClasses = 6;
std::string_view nfsClassName(NfsClass kind);     // "metadata"
NfsClass nfsClassOf(std::string_view operation);  // "GETATTR"; kSession: none of the others

// Since the mount.
struct TopCounts {
  std::uint64_t calls = 0;
  std::uint64_t sent = 0;   // transmissions
  std::uint64_t bytes = 0;  // both ways
  std::uint64_t total_ms = 0;
  std::uint64_t errors = 0;
};
struct TopMount {
  std::string name;  // that of one sample is that of the next
  std::string mount_point;
  std::string file_system;
  std::string state;  // conditionName()
  bool well = true;
  // nullopt: the kernel's counters have no such mount (another namespace, or no counters).
  std::optional<std::array<TopCounts, kNfsClasses>> classes;
  std::optional<std::uint64_t> connects;  // of the kernel's to the tunnel
  std::optional<tunnel_control::TunnelNumbers> tunnel;
};
struct TopSample {
  MonoTime at;
  std::vector<TopMount> mounts;
};
// Pure. `report` is judgeStatus(facts).
TopSample topSample(const StatusFacts& facts, const StatusReport& report,
                    const std::vector<mounts::NfsStats>& stats);

// What happened between two samples, per second.
struct TopRow {
  std::string mount_point;
  std::string kind;  // "all", or the name of a class
  std::string state;
  bool well = true;
  double calls = 0;                      // each second
  double bytes = 0;                      // each second
  std::optional<double> mean_ms;         // from request to end, in the kernel; else in the tunnel
  std::optional<double> p50_ms, p99_ms;  // at most so long: buckets of the tunnel's page
  std::optional<std::uint64_t> resent;   // transmissions beyond the first, in this time
  std::optional<std::uint64_t> reconnects;  // of the tunnel to the server, in this time
  std::optional<std::uint64_t> waiting;     // calls without an answer now
};
struct TopGroup {
  TopRow all;
  std::vector<TopRow> classes;  // those that did anything
};
// A mount that is new, or whose counters went back (a new tunnel), counts from zero. Pure.
std::vector<TopGroup> topGroups(const TopSample& before, const TopSample& now);

enum class TopSort { kCalls, kBytes, kLatency, kName };
std::string_view topSortName(TopSort sort);
struct TopLook {
  TopSort sort = TopSort::kBytes;
  std::string filter;  // part of a mount point, or of a kind
  bool classes = true;
  bool colours = false;
  bool paused = false;
  bool typing = false;  // the filter
  std::size_t width = 80;
  std::size_t height = 24;
};
// Sorted, and without what the filter leaves out.
std::vector<TopGroup> arranged(std::vector<TopGroup> groups, const TopLook& look);
// A whole screen; `history`: bytes each second of the mounts so far, by mount point. Pure.
using TopHistory = std::vector<std::pair<std::string, std::vector<double>>>;
std::string topScreen(const std::vector<TopGroup>& groups, const TopHistory& history,
                      const TopLook& look);
// Lines for a pipe: one for each mount and class, blanks between. `time`: HH:MM:SS.
std::string topHeading();
std::string topLines(const std::vector<TopGroup>& groups, const std::string& time);
// One key. False: it asks for the end.
bool topKey(char key, TopLook& look);

struct TopOptions {
  bool help = false;
  Duration interval{2000};
  std::optional<int> count;  // screens, or blocks of lines; nullopt: until it is interrupted
  std::string mountstats = "/proc/self/mountstats";
  StatusOptions status;
};
Result<TopOptions> parseTopOptions(const std::vector<std::string>& words);
std::string topHelp();
// The subcommand: its words, its exit code.
int runTop(const std::vector<std::string>& words);

}  // namespace efs::efsctl

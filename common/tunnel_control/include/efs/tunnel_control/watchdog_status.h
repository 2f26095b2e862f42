// WatchdogStatus: what the watchdog alone knows of its mounts, as efsctl asks for it. Everything
// else stands in the state files, where efsctl reads it itself, so that an answer costs the
// watchdog no file.
//
// It travels as a sealed memfd next to the reply (watchdog_link.h), because 1,000 mounts do not fit
// into one packet and a slow reader must never hold up the watchdog's loop:
//   {"v":1,"pid":123,"version":"0.1.0","idle":"",
//    "mounts":[{"name":"fs-x.mnt.20049","pending":false,"mounted":"yes","tunnel_pid":456,
//               "restarts":2,"last_error":""}]}
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/seen.h"

namespace efs::tunnel_control {

// Ten thousand mounts with long names and long errors.
inline constexpr std::size_t kMaxStatusText = 16U << 20U;

struct SupervisedMount {
  std::string name;
  bool pending = false;  // its mount helper is still at work
  Seen mounted = Seen::kUnknown;
  std::optional<int> tunnel_pid;  // of a living, verified tunnel
  std::int64_t restarts = 0;      // tunnels started since this watchdog began
  std::string last_error;         // what fails at present, one line; empty = nothing
};

struct WatchdogStatus {
  int pid = 0;
  std::string version;
  std::string idle;  // why nothing is supervised, one line; empty = it is
  std::vector<SupervisedMount> mounts;

  std::string encode() const;
  // kInvalidInput for anything but such an object; unknown keys are ignored.
  static Result<WatchdogStatus> decode(std::string_view json);
};

}  // namespace efs::tunnel_control

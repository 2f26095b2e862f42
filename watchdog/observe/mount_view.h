// MountView: what the kernel shows of a tunnel's mounts and of who uses its port.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/directory_watch.h"
#include "daemon/event_loop.h"
#include "efs/base/result.h"
#include "efs/mounts/mount_table.h"
#include "judge/decide.h"

namespace efs::watchdog {

class MountView {
 public:
  // `mountinfo`: a file to read instead of the kernel's table; empty: the kernel's.
  MountView(std::string mountinfo, std::string proc_net);

  // Mounts below this folder are nobody's yet: none of the answers here is about them.
  void ignoreBelow(const std::string& folder) { ignored_ = folder + "/"; }

  // Calls `changed` from the loop whenever the table may differ from the one last read.
  Status watch(EventLoop& loop, std::function<void()> changed);
  // Reads the table again; on failure (logged once per change) every answer is "unknown".
  void refresh();

  Seen mounted(int port) const;
  // Mounts of this port as last read; valid until the next refresh().
  std::vector<const mounts::MountEntry*> entries(int port) const;
  // nullptr: it cannot be read.
  const mounts::MountTable* table() const { return table_ ? &*table_ : nullptr; }
  // All mounts of tunnels as last read.
  std::vector<const mounts::MountEntry*> tunnelled() const;
  // A mount point of this port that no other mount covers.
  std::optional<std::string> visiblePoint(int port) const;
  // `proc_net`: /proc/<pid>/net of a tunnel in another network namespace; empty: our own view.
  Seen kernelClient(int port, const std::string& proc_net) const;
  Seen connected(int port, const std::string& proc_net) const;
  // A mount of our network, with or without a tunnel, belongs to this port: nobody else may take
  // it.
  bool asksForPort(int port) const;

 private:
  bool counts(const mounts::MountEntry& entry) const;

  std::string mountinfo_, proc_net_, ignored_;
  std::optional<mounts::MountTable> table_;
  std::string last_error_;
  UniqueFd monitor_;
  std::optional<DirectoryWatch> file_watch_;
};

}  // namespace efs::watchdog

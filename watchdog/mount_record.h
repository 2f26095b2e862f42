// MountRecord: all the watchdog knows of one mount.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>

#include "decide.h"
#include "efs/base/unique_fd.h"
#include "efs/state/mount_state.h"
#include "efs/tunnel_control/tunnel_process.h"
#include "renewal.h"

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

  std::optional<RenewalJob> renewal;
  FileStamp certificate_stamp;
  std::optional<WallTime> certificate_ends;

  std::int64_t restarts = 0;       // tunnels started here
  bool unmount_announced = false;  // umount.efs said so

  Progress progress;
  bool due = true;  // something happened: decide now
  std::optional<MonoTime> wake;
  Novelty novelty;
};

}  // namespace efs::watchdog

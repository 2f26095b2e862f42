// Listeners: listening sockets that helpers, or systemd, hand over, until their mounts are known.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "mounts/context.h"

namespace efs::watchdog {

class Listeners {
 public:
  explicit Listeners(Context& context) : context_(context) {}

  // It may come before the state file. kInvalidInput: not the socket of this mount.
  Status take(const std::string& name, ListenerPtr listener);
  // What waits for a mount of this name; null: nothing.
  ListenerPtr claim(const std::string& name);
  // The record of this name goes, and with it what systemd keeps of its socket; what waits for a
  // mount of the same name is kept.
  void drop(const std::string& name);
  // A socket without a state file belongs to a mount that failed, and must not keep its port; but
  // where the kernel uses the port, the state file is what is missing.
  void expire();

 private:
  struct Waiting {
    ListenerPtr listener;
    MonoTime since;                                 // or since the last look at who needs it
    std::optional<MonoTime> needed = std::nullopt;  // when the kernel last did
  };
  bool isNeeded(const std::string& name) const;
  bool isWorthKeeping(const std::string& name, Waiting& waiting) const;

  Context& context_;
  std::map<std::string, Waiting> waiting_;
};

}  // namespace efs::watchdog

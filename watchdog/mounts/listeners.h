// Listeners: listening sockets that helpers, or systemd, hand over, until their mounts are known.
#pragma once

#include <map>
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
    MonoTime since;
  };
  bool isNeeded(const std::string& name) const;

  Context& context_;
  std::map<std::string, Waiting> waiting_;
};

}  // namespace efs::watchdog

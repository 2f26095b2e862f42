// TunnelWatch: from the moment on in which a record has a tunnel its end is heard of.
#pragma once

#include <string>

#include "mounts/context.h"

namespace efs::watchdog {

class TunnelWatch {
 public:
  explicit TunnelWatch(Context& context) : context_(context) {}
  TunnelWatch(const TunnelWatch&) = delete;
  TunnelWatch& operator=(const TunnelWatch&) = delete;

  // The record has this tunnel from now on.
  void begin(MountRecord& mount, TunnelPtr tunnel);
  // If it has ended: told, reaped, and the record has none.
  void noteEnd(MountRecord& mount);

 private:
  void ended(const std::string& name);

  Context& context_;
};

}  // namespace efs::watchdog

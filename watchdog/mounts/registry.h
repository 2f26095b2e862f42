// Registry: from the state directory to records: which mounts there are.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "mounts/adoption.h"
#include "mounts/context.h"
#include "mounts/listeners.h"
#include "mounts/record_files.h"

namespace efs::watchdog {

class Registry {
 public:
  // `on_forget` hears of each record that is about to go.
  Registry(Context& context, RecordFiles& files, Adoption& adoption, Listeners& listeners,
           std::function<void(MountRecord&)> on_forget)
      : context_(context),
        files_(files),
        adoption_(adoption),
        listeners_(listeners),
        on_forget_(std::move(on_forget)) {}

  // Reads the directory if that is wanted and it is time for it. True: it was read.
  bool scanIfDue();
  // When scanIfDue() wants to be called; only where a scan is wanted.
  MonoTime earliestScan() const { return earliest_scan_; }
  // A mount that no file tells about: it has a record from now on, and its file as soon as one can
  // be written.
  void take(const std::string& name, state::MountState state);
  // The record, its listener and its tunnel go; a tunnel that lives goes on.
  void forget(MountRecord& mount);

 private:
  void scan();
  void look(const std::string& name, bool pending);
  MountRecord& recordOf(const std::string& name);
  bool isNeeded(const MountRecord& mount);
  bool keepDespite(MountRecord& mount);
  void forgetMissing(const std::map<std::string, bool>& names);
  void adoptTunnels();

  Context& context_;
  RecordFiles& files_;
  Adoption& adoption_;
  Listeners& listeners_;
  std::function<void(MountRecord&)> on_forget_;
  MonoTime earliest_scan_{};
  bool table_fresh_ = false;  // within one scan
  bool blind_ = false;        // descriptors ran out, or the like
};

}  // namespace efs::watchdog

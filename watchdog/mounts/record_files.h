// RecordFiles: a record and its files: the state file, read and written, and the configuration of
// its tunnel.
#pragma once

#include <string>

#include "mounts/context.h"

namespace efs::watchdog {

class RecordFiles {
 public:
  explicit RecordFiles(Context& context) : context_(context) {}

  // The file as it is now: what it says goes into the record. One that cannot be understood leaves
  // the record as it was (WD-10).
  void read(MountRecord& mount);
  // What a file says, or what is known without one.
  void take(MountRecord& mount, state::MountState state);
  // Somebody may have written it since the last look: what is saved next must not undo that.
  void readIfChanged(MountRecord& mount);
  FileStamp stampOf(const MountRecord& mount, bool pending) const;
  // A file that cannot be written is told once and noted in the record; retried by the caller.
  void save(MountRecord& mount);
  // "~name" becomes "name"; a failure is told.
  void publish(const std::string& name);

  Result<std::string> configText(const MountRecord& mount) const;
  // Keeps the file's mode.
  Status writeConfig(MountRecord& mount, const std::string& text);
  // Before its tunnel is started: somebody deleted the content of the state directory. A file that
  // is there, whatever it says, stays as it is.
  void restoreConfig(MountRecord& mount);

 private:
  Context& context_;
};

}  // namespace efs::watchdog

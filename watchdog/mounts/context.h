// Context: what the parts of one Supervisor share: tools, settings, records, and what the next
// round has to look at.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "efs/base/environment.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"
#include "judge/decide.h"
#include "mounts/mount_record.h"
#include "mounts/novelty.h"
#include "observe/mount_view.h"
#include "tools/tools.h"

namespace efs::watchdog {

// What the daemon is.
struct Identity {
  std::string version;
  Variables environment = {};  // ours at the start (RenewalRequest::daemon_environment)
};

struct Context {
  Context(const Tools& its_tools, state::StateStore its_store, Identity its_identity)
      : tools(its_tools),
        store(std::move(its_store)),
        identity(std::move(its_identity)),
        view(its_tools.kernel, its_tools.log) {
    view.tellPortsElsewhere([this](int port) { return servesElsewhere(port); });
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Tools tools;
  state::StateStore store;
  Identity identity;
  settings::Settings settings;
  Policy policy;
  MountView view;
  Records records;

  bool scan_due = true;                 // the state directory may have changed
  bool table_due = true;                // the mount table may have
  bool directory_unreadable = false;    // which mounts there are is not known
  bool records_changed = true;          // a mount came, went, or cannot be read
  std::optional<MonoTime> next_sample;  // when traffic is looked at
  Duration lateness{0};                 // of such looks; half of it is forgotten with each
  std::optional<MonoTime> woke;         // from the last standstill
  Novelty novelty;                      // of what is about no mount alone

  // Null: no such record (any more).
  MountRecord* find(const std::string& name) {
    const auto found = records.find(name);
    return found == records.end() ? nullptr : &found->second;
  }

  // A tunnel of this port is in another network namespace (mount option netns).
  bool servesElsewhere(int port) const {
    return std::any_of(records.begin(), records.end(), [port](const auto& entry) {
      const auto& command = entry.second.command;
      return entry.second.port == port && command && !command->netns.empty();
    });
  }
};

}  // namespace efs::watchdog

// MountSession: one attempt of a mount, step by step; whatever fails, everything before it is
// undone, newest first, at the latest when the object goes. README.md tells why in this order.
#pragma once

#include <functional>
#include <optional>

#include "carry_out/mount_context.h"
#include "carry_out/outcome.h"
#include "carry_out/own_mount.h"
#include "carry_out/rollback.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/net/network_namespace.h"
#include "efs/net/socket.h"
#include "facts/fact_finder.h"
#include "facts/mount_facts.h"
#include "plan/mount_plan.h"
#include "request/mount_request.h"
#include "trial/own_tunnel.h"

namespace efs::mount_helper {

class MountSession {
 public:
  // `context` and `attempt` outlive the object.
  MountSession(const MountRequest& request, const MountContext& context,
               const MountAttempt& attempt);
  MountSession(const MountSession&) = delete;
  MountSession& operator=(const MountSession&) = delete;

  // Once. With code 0 the mount stands (or the checks of -f are through): its tunnel runs on, its
  // state is published, and the watchdog has been handed its listener. With any other code nothing
  // of it is left once the object is gone, but for a mount that cannot be undone: that keeps its
  // tunnel and its state.
  Outcome run();
  // Section 20: one line about it in CloudWatch Logs.
  void report(const Outcome& outcome);

 private:
  Status gatherFacts();
  Status checkTlsSettings() const;
  Outcome mountDirectly();
  Outcome mountThroughTunnel();
  Status prepareTunnel();
  Status findCredentials();
  Status listen();
  Status writeFiles();
  Status startTunnel();
  Status mountInKernel();
  void setReadAhead() const;
  void endTunnel();
  void finish();
  Outcome failed(int code, const Error& error) const;

  // NET-1: the steps that touch the mount's network.
  Status inNetwork(const std::function<Status()>& step) const;

  MountRequest request_;  // completed when the device's own name is resolved
  const MountContext& context_;
  const MountAttempt& attempt_;
  FactFinder facts_finder_;
  std::optional<net::NetworkNamespace> network_;
  MountFacts facts_;
  net::ListeningSocket listener_;
  MountPlan plan_;
  std::optional<OwnTunnel> tunnel_;
  std::optional<OwnMount> own_mount_;
  mounts::MountOutcome mounted_;
  UniqueFd sign_of_life_;  // for the watchdog: our mount is under way
  Rollback rollback_;      // last: undone before anything above is gone
};

// A session after a look at what is there (existing_mount.h) and at the kernel. Also reports what
// came of it, unless there will be another attempt.
Outcome attemptMount(const MountRequest& request, const MountContext& context,
                     const MountAttempt& attempt);
// Whether `outcome` is not the end.
bool worthAnother(const MountAttempt& attempt, const Outcome& outcome);

}  // namespace efs::mount_helper

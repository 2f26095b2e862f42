// WayToServer: the steps of a mount up to the kernel's first question, each told to the doctor. A
// tunnel of its own is started in the doctor's directory, which no watchdog looks into, and ended
// again; nothing is mounted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/check_runner.h"
#include "doctor/doctor_target.h"
#include "doctor/trial_key.h"
#include "efs/net/network_namespace.h"
#include "efs/settings/settings.h"
#include "facts/fact_finder.h"
#include "facts/mount_facts.h"
#include "request/mount_request.h"
#include "trial/diagnosis.h"
#include "trial/own_tunnel.h"

namespace efs::efsctl {

class WayToServer {
 public:
  // `work_dir`: for the tunnel's files; exists. The references outlive the object.
  WayToServer(const settings::Settings& settings, const Clock& clock, std::string work_dir,
              Reporter& report);
  // Until the first step that fails.
  void walk(const DoctorTarget& target);

 private:
  // False: the step failed, and was told.
  bool makeRequest(const DoctorTarget& target);
  bool lookAtPlace(const DoctorTarget& target);
  bool findRegion();
  bool findTarget();
  bool findIdentity();
  bool findAuthorities();
  bool connect();
  bool makeKey();
  bool tryTunnel();
  Result<mount_helper::MountPlan> planTrial(int port);
  void judgeTrial(const Status& answer, mount_helper::OwnTunnel& tunnel);
  void askThrough(int port, mount_helper::OwnTunnel& tunnel);
  void askDirectly();
  Error explained(const Error& cause, const std::string& peer,
                  std::optional<tunnel_control::TunnelStatus> failure) const;
  Status inNetwork(const std::function<Status()>& step) const;

  const settings::Settings& settings_;
  const Clock& clock_;
  std::string work_dir_;
  Reporter& report_;
  mount_helper::MountRequest request_;
  TrialKey key_;
  std::optional<mount_helper::FactFinder> finder_;
  std::optional<net::NetworkNamespace> network_;
  mount_helper::MountFacts facts_;
  std::vector<std::string> addresses_;
};

}  // namespace efs::efsctl

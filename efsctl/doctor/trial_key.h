// TrialKey: the private key of the doctor's trial certificate. The host's where it has one; else
// one that is made aside while names and connections are tried, because it takes seconds of a busy
// processor. It is never left on the host.
#pragma once

#include <optional>
#include <string>

#include "efs/base/ask_child.h"
#include "efs/base/result.h"

namespace efs::efsctl {

class TrialKey {
 public:
  // `host_key`: PEM file of the host. `path`: of the copy, or the new one; mode 0600.
  TrialKey(std::string host_key, std::string path)
      : host_key_(std::move(host_key)), path_(std::move(path)) {}
  TrialKey(const TrialKey&) = delete;
  TrialKey& operator=(const TrialKey&) = delete;
  ~TrialKey();

  // Begins to make one where the host has none. Never waits.
  void prepare();
  // One is being made, so that who takes it may have to wait.
  bool underWay() const { return maker_.has_value(); }
  // Waits until it is made. The PEM stands in `path` then.
  Status take();
  const std::string& path() const { return path_; }

 private:
  std::string host_key_;
  std::string path_;
  std::optional<ChildWork> maker_;
};

}  // namespace efs::efsctl

// What the APIs remember and how they misbehave; changed by the control socket. Safe for several
// threads.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "efs/base/result.h"

namespace efs::simulator {

// What a service does instead of answering.
struct ApiFault {
  enum class Kind { kNone, kStatus, kGarbage, kHuge, kTruncated, kReset, kBlackhole, kRedirect };
  Kind kind = Kind::kNone;
  int status = 0;
  int delay_ms = 0;  // before any reply
};

struct LogEvent {
  std::string group, stream, message;
};

class ApiState {
 public:
  // `words`: ok | status <n> | slow <ms> | garbage | huge | truncated | reset | blackhole |
  // redirect.
  Status setFault(const std::string& service, const std::vector<std::string>& words);
  ApiFault fault(const std::string& service) const;

  void countRequest(const std::string& service);
  std::map<std::string, int> requests() const;

  // CloudWatch Logs. False: there is none of that name (or there is one already).
  bool createGroup(const std::string& group);
  bool createStream(const std::string& group, const std::string& stream, bool& group_exists);
  bool setRetention(const std::string& group, std::optional<int> days);
  bool putEvent(const LogEvent& event);
  // {"events": [...], "retention": {...}} as JSON.
  std::string logs() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, ApiFault> faults_;
  std::map<std::string, int> requests_;
  std::map<std::string, std::optional<int>> groups_;
  std::set<std::pair<std::string, std::string>> streams_;
  std::vector<LogEvent> events_;
};

}  // namespace efs::simulator

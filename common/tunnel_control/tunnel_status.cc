#include "efs/tunnel_control/tunnel_status.h"

#include <array>
#include <utility>
#include <vector>

#include "efs/base/text.h"

namespace efs::tunnel_control {
namespace {

// Well below PIPE_BUF (4096), so that each line is written whole or not at all (pipe(7)).
constexpr std::size_t kMaxDetail = 1024;
constexpr std::size_t kMaxLine = 2048;

constexpr std::array<std::pair<Stage, std::string_view>, 6> kStages{{
    {Stage::kListening, "listening"},
    {Stage::kResolved, "resolved"},
    {Stage::kConnected, "connected"},
    {Stage::kSecured, "secured"},
    {Stage::kAccepted, "accepted"},
    {Stage::kFailed, "failed"},
}};

constexpr std::array<std::pair<ErrorKind, std::string_view>, 14> kKinds{{
    {ErrorKind::kInvalidInput, "invalid-input"},
    {ErrorKind::kNotFound, "not-found"},
    {ErrorKind::kPermission, "permission"},
    {ErrorKind::kTimeout, "timeout"},
    {ErrorKind::kRefused, "refused"},
    {ErrorKind::kUnreachable, "unreachable"},
    {ErrorKind::kReset, "reset"},
    {ErrorKind::kUntrusted, "untrusted"},
    {ErrorKind::kBusy, "busy"},
    {ErrorKind::kUnsupported, "unsupported"},
    {ErrorKind::kIo, "io"},
    {ErrorKind::kProtocol, "protocol"},
    {ErrorKind::kCancelled, "cancelled"},
    {ErrorKind::kInternal, "internal"},
}};

template <typename Value, std::size_t N>
std::string_view nameOf(const std::array<std::pair<Value, std::string_view>, N>& table,
                        Value value) {
  for (const auto& [candidate, name] : table) {
    if (candidate == value) return name;
  }
  return table.back().second;
}

template <typename Value, std::size_t N>
std::optional<Value> valueOf(const std::array<std::pair<Value, std::string_view>, N>& table,
                             std::string_view wanted) {
  for (const auto& [value, name] : table) {
    if (name == wanted) return value;
  }
  return std::nullopt;
}

std::string oneField(std::string_view text) {
  std::string field(text.substr(0, kMaxDetail));
  for (char& c : field) {
    if (isControl(c)) c = '?';
  }
  return field;
}

}  // namespace

std::string_view stageName(Stage stage) { return nameOf(kStages, stage); }

std::string TunnelStatus::encode() const {
  std::string line(stageName(stage));
  if (stage == Stage::kFailed) {
    line += "\t" + std::string(stageName(failed_stage)) + "\t" + std::string(nameOf(kKinds, kind));
  }
  return line + "\t" + oneField(detail) + "\n";
}

std::optional<TunnelStatus> TunnelStatus::decode(std::string_view line) {
  if (line.size() > kMaxLine) return std::nullopt;
  const auto fields = split(line, '\t');
  const auto stage = valueOf(kStages, fields[0]);
  if (!stage) return std::nullopt;
  const bool failed = *stage == Stage::kFailed;
  if (fields.size() != (failed ? 4U : 2U)) return std::nullopt;
  TunnelStatus status;
  status.stage = *stage;
  status.detail = fields.back();
  for (const char c : status.detail) {
    if (isControl(c)) return std::nullopt;
  }
  if (!failed) return status;
  const auto failed_stage = valueOf(kStages, fields[1]);
  const auto kind = valueOf(kKinds, fields[2]);
  if (!failed_stage || *failed_stage == Stage::kFailed || !kind) return std::nullopt;
  status.failed_stage = *failed_stage;
  status.kind = *kind;
  return status;
}

}  // namespace efs::tunnel_control

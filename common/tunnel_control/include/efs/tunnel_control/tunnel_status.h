// TunnelStatus: what a tunnel tells the process that started it, line by line over a pipe.
//
// The pipe's descriptor number is in the tunnel's environment as EFS_STATUS_FD. Each line is
//   <stage> TAB <detail> LF            e.g. "connected\t10.0.0.5:2049"
//   failed TAB <stage> TAB <kind> TAB <text> LF
// The tunnel writes without blocking and forgets the pipe when the reader is gone or full; the
// stream ends when the tunnel does. Stages repeat for each upstream connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/error.h"

namespace efs::tunnel_control {

inline constexpr const char* kStatusFdVariable = "EFS_STATUS_FD";

enum class Stage {
  kListening,  // detail: 127.0.0.1:<port>
  kResolved,   // detail: addresses, comma-separated
  kConnected,  // TCP is up; detail: <ip>:<port>
  kSecured,    // TLS handshake done; detail: protocol and cipher
  kAccepted,   // first byte from the server: it took our certificate
  kFailed,     // see `failed_stage`; an upstream attempt or the start itself ended here
};

struct TunnelStatus {
  Stage stage = Stage::kListening;
  std::string detail;                      // for kFailed: the reason
  Stage failed_stage = Stage::kListening;  // the stage that was being tried
  ErrorKind kind = ErrorKind::kInternal;   // only for kFailed

  // One line with LF; control characters in details become '?'.
  std::string encode() const;
  // `line` without LF. nullopt for anything malformed.
  static std::optional<TunnelStatus> decode(std::string_view line);
};

std::string_view stageName(Stage stage);

}  // namespace efs::tunnel_control

// What every parser of credentials promises about the values it lets through.
#pragma once

#include <cstdlib>
#include <string_view>

#include "efs/aws/credentials.h"

namespace efs::fuzz {

inline void demandSafe(std::string_view value) {
  if (value.empty()) std::abort();
  for (const char c : value) {
    if (c <= 0x20 || c >= 0x7F) std::abort();
  }
}

// Fit for a header, a signature and a certificate; an ARN fit for the log.
inline void demandUsable(const Result<aws::Credentials>& credentials, bool token_required) {
  if (!credentials) {
    if (credentials.error().message().empty()) std::abort();
    return;
  }
  demandSafe(credentials->access_key_id);
  demandSafe(credentials->secret_access_key.reveal());
  if (token_required && !credentials->session_token) std::abort();
  if (credentials->session_token) demandSafe(credentials->session_token->reveal());
  if (!credentials->arn.empty()) demandSafe(credentials->arn);
}

}  // namespace efs::fuzz

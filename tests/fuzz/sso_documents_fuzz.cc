// Any bytes as the cached or refreshed log-in or the credentials of IAM Identity Center, or a time.
#include <cstdint>
#include <string_view>

#include "credential_values_check.h"
#include "efs/aws/credential_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  efs::fuzz::demandUsable(efs::aws::parseSsoRoleCredentials(text), true);
  const auto token = efs::aws::parseSsoToken(text);
  if (token) efs::fuzz::demandSafe(token->access_token.reveal());
  const auto fresh = efs::aws::parseNewSsoToken(text, efs::WallTime());
  if (fresh) efs::fuzz::demandSafe(fresh->access_token.reveal());
  (void)efs::aws::parseAwsTime(text);
  return 0;
}

// Any bytes as the cached log-in or the credentials of IAM Identity Center.
#include <cstdint>
#include <string_view>

#include "credential_values_check.h"
#include "efs/aws/credential_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  efs::fuzz::demandUsable(efs::aws::parseSsoRoleCredentials(text), true);
  const auto token = efs::aws::parseSsoToken(text);
  if (token) efs::fuzz::demandSafe(token->access_token.reveal());
  return 0;
}

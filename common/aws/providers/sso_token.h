// The cached log-in of IAM Identity Center, kept fresh: what `aws sso login` wrote is renewed with
// its refresh token and written back, as botocore and the AWS CLI do.
#pragma once

#include <string>

#include "efs/aws/credential_context.h"
#include "efs/aws/credential_documents.h"
#include "efs/base/result.h"

namespace efs::aws {

struct SsoLogin {
  std::string session;  // empty: the older form without a session, whose log-ins are not refreshed
  std::string start_url;
  std::string region;
  std::string account_id;
  std::string role_name;
};

// A token that is valid now. One that ends within 15 minutes is refreshed first; where that fails
// it is used as long as it lasts. The cache is replaced as a whole, mode 0600.
Result<SsoToken> validToken(const CredentialContext& context, const SsoLogin& login);

}  // namespace efs::aws

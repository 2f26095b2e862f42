// What a call of an AWS API needs: who asks, where, and how.
#pragma once

#include <string>

#include "efs/aws/credentials.h"
#include "efs/aws/endpoints.h"
#include "efs/base/clock.h"
#include "efs/http/http_client.h"

namespace efs::aws {

// All references must outlive the object.
struct ApiAccess {
  const http::HttpClient& http;
  const Clock& clock;
  const Credentials& credentials;
  std::string region;
  Environment environment;
  bool fips = false;
  Duration request_timeout{3000};
};

}  // namespace efs::aws

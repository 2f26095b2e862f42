// What every source of credentials looks at, and how long it may be waited for.
#pragma once

#include <string>

#include "efs/aws/imds_patience.h"
#include "efs/base/clock.h"
#include "efs/base/environment.h"
#include "efs/http/http_client.h"

namespace efs::aws {

inline constexpr const char* kContainerEndpoint = "http://169.254.170.2";

// How long one source other than the metadata service is waited for.
struct SourcePatience {
  Duration request_timeout{5000};
  int tries = 3;            // after a time-out, a reset, isPassingFault()
  Duration pause{500};      // before the second try, doubled before each further one
  Duration process{20000};  // a credential_process as a whole
};

// What the sources look at; made once in main(), injected in tests.
struct CredentialContext {
  const http::HttpClient& http;
  const Clock& clock;
  std::string home_directory;  // of the running uid, from the password file, not $HOME (CRED-5)
  Environment environment;
  std::string region;
  bool disable_metadata_token = false;
  ImdsPatience imds_patience = {};
  // Of the region (CRED-8); empty: that of the region's partition.
  std::string dns_suffix = {};
  // Config key credential_fallthrough: a source of the environment that fails is a warning, and the
  // next one is tried, as amazon-efs-utils does.
  bool fall_through = false;
  SourcePatience patience = {};
  std::string container_endpoint = kContainerEndpoint;
  // What paths that do not begin with "/" begin at; empty: the process's own.
  std::string directory = {};

  std::string absolute(const std::string& path) const;
};

}  // namespace efs::aws

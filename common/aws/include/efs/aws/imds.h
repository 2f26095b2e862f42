// Instance metadata service, version 2 with the contract's fallback to version 1 (section 8, "IMDS
// use").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/aws/imds_patience.h"
#include "efs/base/environment.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"
#include "efs/http/http_client.h"

namespace efs::aws {

inline constexpr const char* kImdsEndpoint = "http://169.254.169.254";
inline constexpr const char* kImdsEndpointV6 = "http://[fd00:ec2::254]";

struct InstanceIdentity {
  std::string region;             // never empty
  std::string availability_zone;  // empty where the document does not tell
  std::string instance_id;        // empty where the document does not tell
};

// Fetches the token and the identity document at most once per object (a token lives six hours:
// make a new object for each task). A service that was silent once is not asked again: its silence
// costs one patience, however many answers were wanted. Not thread-safe.
class ImdsClient {
 public:
  // `disable_token` = version 1 only. `http` must outlive the object.
  ImdsClient(const http::HttpClient& http, std::string endpoint, bool disable_token,
             ImdsPatience patience = {});
  // At imdsEndpoint(); where imdsDisabled() nothing is asked and every answer is kNotFound. Where
  // $AWS_EC2_METADATA_V1_DISABLED is true nothing is asked without a token: kPermission.
  static ImdsClient fromEnvironment(const http::HttpClient& http, const Environment& environment,
                                    bool disable_token, ImdsPatience patience = {});

  // Of what is asked from now on.
  void setPatience(const ImdsPatience& patience) { patience_ = patience; }

  Result<InstanceIdentity> identity();
  Result<std::string> availabilityZoneId();
  // GET of /latest/<path>, with the token where there is one. kNotFound for status 404,
  // kPermission for 401 and 403, kProtocol for any other but 200.
  Result<std::string> get(const std::string& path);

 private:
  const Secret* token();
  Result<InstanceIdentity> askIdentity();
  Result<Secret> fetchToken() const;
  Error refusal(int status) const;
  Error withoutToken() const;

  const http::HttpClient& http_;
  std::string endpoint_;  // empty: nobody may ask
  bool disable_token_;
  bool forbids_version_1_ = false;
  ImdsPatience patience_;
  bool token_asked_ = false;
  std::optional<Secret> token_;
  std::string token_failure_;
  std::optional<Error> silence_;
  std::optional<Result<InstanceIdentity>> identity_;
};

// $AWS_EC2_METADATA_DISABLED is "true" in any case: nobody may ask the service.
bool imdsDisabled(const Environment& environment);

// $AWS_EC2_METADATA_SERVICE_ENDPOINT without a slash at its end, or kImdsEndpoint, or the one for
// IPv6 where $AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is "IPv6" in any case, or is not set and
// $AWS_IMDS_USE_IPV6 is true.
std::string imdsEndpoint(const Environment& environment);

}  // namespace efs::aws

// aws-endpoint <efs|ec2|logs|sts|sso|sso-oidc> <region> <fips 0|1> <dual stack 0|1>: prints the URL
// that efs::aws::endpointUrl() gives. For the comparison with another implementation.
#include <cstdio>
#include <map>
#include <string>

#include "efs/aws/endpoints.h"

int main(int argc, char** argv) {
  using efs::aws::Service;
  if (argc != 5) return 2;
  const std::map<std::string, Service> services{
      {"efs", Service::kEfs}, {"ec2", Service::kEc2},       {"logs", Service::kLogs},
      {"sts", Service::kSts}, {"sso", Service::kSsoPortal}, {"sso-oidc", Service::kSsoOidc}};
  const auto service = services.find(argv[1]);
  if (service == services.end()) return 2;
  const auto url = efs::aws::endpointUrl(
      service->second, argv[2],
      {.fips = argv[3][0] == '1', .dual_stack = argv[4][0] == '1', .override_url = {}});
  if (!url) return 1;
  std::printf("%s\n", url->c_str());
  return 0;
}

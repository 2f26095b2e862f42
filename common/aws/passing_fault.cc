#include "passing_fault.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "efs/aws/credential_documents.h"

namespace efs::aws {
namespace {

constexpr std::array<std::string_view, 17> kCodes{"Throttling",
                                                  "ThrottlingException",
                                                  "ThrottledException",
                                                  "RequestThrottled",
                                                  "RequestThrottledException",
                                                  "TooManyRequestsException",
                                                  "RequestLimitExceeded",
                                                  "LimitExceededException",
                                                  "SlowDown",
                                                  "EC2ThrottledException",
                                                  "PriorRequestNotComplete",
                                                  "ProvisionedThroughputExceededException",
                                                  "BandwidthLimitExceeded",
                                                  "TransactionInProgressException",
                                                  "RequestTimeout",
                                                  "RequestTimeoutException",
                                                  "IDPCommunicationError"};

// "Throttling: Rate exceeded", "com.amazonaws.sso#TooManyRequestsException".
std::string codeOf(std::string_view body) {
  std::string code = serviceErrorText(body);
  code.erase(std::min(code.find(':'), code.size()));
  return code.substr(code.rfind('#') + 1);
}

}  // namespace

bool isPassingFault(const http::HttpReply& reply) {
  if (reply.status == 429 || reply.status >= 500) return true;
  if (reply.status < 400) return false;
  const std::string code = codeOf(reply.body);
  return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

}  // namespace efs::aws

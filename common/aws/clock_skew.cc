#include "clock_skew.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api_call.h"
#include "efs/aws/credential_documents.h"
#include "efs/base/log.h"

namespace efs::aws {
namespace {

constexpr std::chrono::minutes kWorthTelling{4};

// Of STS and of the other services.
constexpr std::array<std::string_view, 8> kOfTime{
    "SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed",
    "RequestExpired",        "RequestInTheFuture",        "AuthFailure",
    "Signature expired",     "Signature not yet current"};

bool refusesSignature(const http::HttpReply& reply) {
  if (reply.status != 400 && reply.status != 401 && reply.status != 403) return false;
  const std::string text = serviceErrorText(reply.body) + serviceMessage(reply.body);
  return std::any_of(kOfTime.begin(), kOfTime.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

}  // namespace

std::optional<std::chrono::seconds> clockSkew(const http::HttpReply& reply, WallTime signed_at) {
  if (reply.date.empty() || !refusesSignature(reply)) return std::nullopt;
  const auto date = parseAwsTime(reply.date);
  if (!date) return std::nullopt;
  const auto skew = std::chrono::duration_cast<std::chrono::seconds>(*date - signed_at);
  if (std::chrono::abs(skew) < kWorthTelling) return std::nullopt;
  return skew;
}

void warnOfClockSkew(const std::string& service, std::chrono::seconds skew) {
  log::warning(
      "this machine's clock is {} s {} that of {}: signing with the time of {}; please set the "
      "clock",
      std::abs(skew.count()), skew.count() > 0 ? "behind" : "ahead of", service, service);
}

}  // namespace efs::aws

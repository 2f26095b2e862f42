#include "api_call.h"

#include <nlohmann/json.hpp>

#include "clock_skew.h"
#include "efs/aws/sigv4.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "passing_fault.h"
#include "xml_element.h"

namespace efs::aws {
namespace {

constexpr int kTries = 2;
constexpr Duration kPause{200};

ErrorKind kindOfStatus(int status) {
  if (status == 401 || status == 403) return ErrorKind::kPermission;
  if (status == 404) return ErrorKind::kNotFound;
  return status == 429 || status >= 500 ? ErrorKind::kUnreachable : ErrorKind::kProtocol;
}

std::string textField(const nlohmann::json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = object.find(name);
    if (found == object.end()) continue;
    if (const auto* value = found->get_ptr<const std::string*>()) return *value;
  }
  return {};
}

std::string joined(const std::string& code, const std::string& message) {
  if (code.empty() || message.empty()) return printable(code + message, 400);
  return printable(code + ": " + message, 400);
}

}  // namespace

std::string serviceMessage(std::string_view body) {
  // The third argument turns exceptions off.
  const auto document = nlohmann::json::parse(body, nullptr, false);
  if (document.is_object()) {
    std::string code = textField(document, {"ErrorCode", "__type", "code"});
    // "com.amazonaws.logs#ResourceNotFoundException"
    code.erase(0, code.rfind('#') + 1);
    return joined(code, textField(document, {"Message", "message"}));
  }
  const auto error = xmlElement(body, "Error");
  if (!error) return {};
  return joined(xmlText(*error, "Code").value_or(""), xmlText(*error, "Message").value_or(""));
}

Result<std::string> callApi(const ApiAccess& access, Service service, http::HttpRequest request) {
  EFS_TRY(base, endpointUrl(service, access.region,
                            endpointOptions(service, access.environment, access.fips)));
  request.url = atEndpoint(base, request.url);
  request.timeout = access.request_timeout;
  request.ca_bundle = caBundle(access.environment);
  const std::string name(signingName(service));
  const std::string region = plainRegion(access.region);
  std::chrono::seconds skew = access.credentials.clock_skew;
  bool may_correct = true;
  for (int attempt = 1;; ++attempt) {
    http::HttpRequest copy = request;
    // Signed anew each time: a signature tells when it was made.
    const WallTime now = access.clock.now() + skew;
    EFS_TRY(signature, signRequest(copy, access.credentials, {now, region, name}));
    EFS_TRY(reply, access.http.send(copy));
    if (reply.status >= 200 && reply.status < 300) return std::move(reply.body);
    if (const auto more = clockSkew(reply, now); more && may_correct) {
      may_correct = false;
      skew += *more;
      warnOfClockSkew(base, skew);
      continue;
    }
    if (attempt < kTries && isPassingFault(reply)) {
      EFS_CHECK(sleepFor(kPause));
      continue;
    }
    std::string text = base + ": status " + std::to_string(reply.status);
    const std::string told = serviceMessage(reply.body);
    if (!told.empty()) text += " (" + told + ")";
    return Error(kindOfStatus(reply.status), text);
  }
}

}  // namespace efs::aws

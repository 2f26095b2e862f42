#include "credential_http.h"

#include "efs/aws/credential_documents.h"
#include "efs/aws/endpoints.h"
#include "efs/base/wait.h"
#include "passing_fault.h"

namespace efs::aws {
namespace {

constexpr std::size_t kMaxReply = 65536;

// A request may carry tokens in any of its parts.
class RequestWiper {
 public:
  explicit RequestWiper(http::HttpRequest& request) : request_(request) {}
  RequestWiper(const RequestWiper&) = delete;
  RequestWiper& operator=(const RequestWiper&) = delete;
  ~RequestWiper() {
    wipe(request_.url);
    wipe(request_.body);
    for (auto& header : request_.headers) wipe(header.second);
  }

 private:
  http::HttpRequest& request_;
};

bool worthAnotherTry(const Result<http::HttpReply>& reply) {
  if (reply) return isPassingFault(*reply);
  const ErrorKind kind = reply.error().kind();
  return kind == ErrorKind::kTimeout || kind == ErrorKind::kReset;
}

Result<http::HttpReply> sendWithRetries(const CredentialContext& context,
                                        const http::HttpRequest& request) {
  auto reply = context.http.send(request);
  Duration pause = context.patience.pause;
  for (int tries = 1; tries < context.patience.tries && worthAnotherTry(reply); ++tries) {
    if (reply) wipe(reply->body);
    EFS_CHECK(sleepFor(pause));
    pause *= 2;
    reply = context.http.send(request);
  }
  return reply;
}

ErrorKind kindOfStatus(int status, bool has_code) {
  if (status == 401 || status == 403 || (status == 400 && has_code)) return ErrorKind::kPermission;
  return status == 404 ? ErrorKind::kNotFound : ErrorKind::kProtocol;
}

bool isGood(int status, GoodStatus good) {
  return good == GoodStatus::kOnly200 ? status == 200 : status >= 200 && status < 300;
}

Error refusal(int status, std::string_view body) {
  const std::string reason = serviceErrorText(body);
  std::string text = "the service answers with status " + std::to_string(status);
  if (status >= 300 && status < 400) text += ", a redirect, which is never followed";
  if (!reason.empty()) text += ", " + reason;
  return {kindOfStatus(status, !reason.empty()), text};
}

}  // namespace

Result<http::HttpReply> exchangeSecret(const CredentialContext& context,
                                       http::HttpRequest request) {
  const RequestWiper wiper(request);
  request.timeout = context.patience.request_timeout;
  request.max_reply = kMaxReply;
  request.ca_bundle = context.absolute(caBundle(context.environment));
  return sendWithRetries(context, request);
}

Result<Secret> secretOf(http::HttpReply reply, GoodStatus good) {
  Secret body(std::move(reply.body));
  if (!isGood(reply.status, good)) return refusal(reply.status, body.reveal());
  return body;
}

Result<Secret> fetchSecret(const CredentialContext& context, http::HttpRequest request,
                           GoodStatus good) {
  EFS_TRY(reply, exchangeSecret(context, std::move(request)));
  return secretOf(std::move(reply), good);
}

}  // namespace efs::aws

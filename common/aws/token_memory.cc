#include "efs/aws/token_memory.h"

namespace efs::aws {

Result<http::HttpReply> TokenMemory::send(const http::HttpRequest& request) const {
  const bool asks_token = request.method == "PUT" && request.url.ends_with("/latest/api/token");
  if (!asks_token) return next_.send(request);
  if (token_ && url_ == request.url) {
    return http::HttpReply{200, std::string(token_->reveal())};
  }
  auto reply = next_.send(request);
  // Only a success is kept: the next asker may have more patience.
  if (reply && reply->status == 200) {
    url_ = request.url;
    token_ = Secret(reply->body);
  }
  return reply;
}

}  // namespace efs::aws

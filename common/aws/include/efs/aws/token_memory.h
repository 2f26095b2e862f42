// TokenMemory: an HttpClient that fetches the instance metadata token once per run, whoever asks.
//
// Region, zone and the credential chain each have an ImdsClient of their own; with this between
// them and the network the second PUT of /latest/api/token is answered from memory. Everything else
// passes through.
#pragma once

#include <optional>
#include <string>

#include "efs/base/secret.h"
#include "efs/http/http_client.h"

namespace efs::aws {

class TokenMemory final : public http::HttpClient {
 public:
  // `next` must outlive the object.
  explicit TokenMemory(const http::HttpClient& next) : next_(next) {}
  Result<http::HttpReply> send(const http::HttpRequest& request) const override;

 private:
  const http::HttpClient& next_;
  mutable std::string url_;  // of the token that is remembered
  mutable std::optional<Secret> token_;
};

}  // namespace efs::aws

// An HTTP client whose answers are made here, for comparing requests with those of another program:
// the real names of AWS cannot be reached from a test. Every request is kept as it would be sent.
//
// Whoever asks for a role "x" gets the keys "XKEY", "secret-x" and "token-x" until 2100.
// `answers` changes that by endpoint ("sts", "sso", "oidc", "container", "imds_token", "imds_role",
// "imds_keys"): {"status": 403, "code": "AccessDenied"} refuses, {"omit": ["Token"]} and
// {"set": {"Expiration": "..."}} change the document, {"body": "..."} replaces it; {"first": {...},
// "times": 2} is such a change for the first two questions.
#pragma once

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "efs/http/http_client.h"

namespace efs::test {

class PlayedNetwork final : public http::HttpClient {
 public:
  explicit PlayedNetwork(nlohmann::json answers = nlohmann::json::object())
      : answers_(std::move(answers)) {}
  Result<http::HttpReply> send(const http::HttpRequest& request) const override;
  // [{"method", "url", "headers", "body", "ca_bundle", "direct"}]
  nlohmann::json requests() const;

 private:
  nlohmann::json changeOf(const std::string& endpoint) const;

  const nlohmann::json answers_;
  mutable std::mutex mutex_;
  mutable nlohmann::json requests_ = nlohmann::json::array();
  mutable std::map<std::string, int> asked_;  // of those with "first"
};

}  // namespace efs::test

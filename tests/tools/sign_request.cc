// sign-request: reads one JSON object on standard input and prints the Authorization header that
// efs::aws::signRequest() makes. For the comparison with another implementation of SigV4.
//
// Fields: method, url, headers (array of [name, value]), body, access_key_id, secret_access_key,
// session_token (or null), time (seconds since 1970), region, service.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "efs/aws/sigv4.h"

namespace {

using Json = nlohmann::json;

int run(const Json& input) {
  efs::http::HttpRequest request;
  request.method = input.at("method").get<std::string>();
  request.url = input.at("url").get<std::string>();
  request.body = input.at("body").get<std::string>();
  for (const auto& header : input.at("headers")) {
    request.headers.emplace_back(header.at(0).get<std::string>(), header.at(1).get<std::string>());
  }
  efs::aws::Credentials credentials;
  credentials.access_key_id = input.at("access_key_id").get<std::string>();
  credentials.secret_access_key = efs::Secret(input.at("secret_access_key").get<std::string>());
  if (!input.at("session_token").is_null()) {
    credentials.session_token = efs::Secret(input.at("session_token").get<std::string>());
  }
  const auto time = std::chrono::system_clock::from_time_t(input.at("time").get<std::time_t>());
  const efs::aws::SigningScope scope{time, input.at("region").get<std::string>(),
                                     input.at("service").get<std::string>()};
  const auto signature = efs::aws::signRequest(request, credentials, scope);
  if (!signature) {
    std::fprintf(stderr, "sign-request: %s\n", signature.error().describe().c_str());
    return 1;
  }
  std::printf("%s\n", request.headers.back().second.c_str());
  return 0;
}

}  // namespace

int main() {
  const std::string text((std::istreambuf_iterator<char>(std::cin)),
                         std::istreambuf_iterator<char>());
  try {
    return run(Json::parse(text));
  } catch (const Json::exception& error) {
    std::fprintf(stderr, "sign-request: %s\n", error.what());
    return 1;
  }
}

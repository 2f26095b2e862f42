// find-credentials: runs the chain of credentials with the environment and prints what it found as
// one JSON object, secrets included: for tests only, it is never installed.
//
// One JSON object on standard input: home, region, and where wanted dns_suffix, fall_through,
// container_endpoint, profile, credentials_uri, role_arn, jwt_path; or method: only that source, as
// a renewal looks it up; log: true for the warnings on standard error;
// played: true for answers of played_network.h, with the requests in the output. A failure: its
// text on standard error, exit code 1.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "efs/aws/credentials.h"
#include "efs/base/environment.h"
#include "efs/base/log.h"
#include "played_network.h"

namespace {

using Json = nlohmann::json;

std::optional<std::string> option(const Json& input, const char* name) {
  if (!input.contains(name)) return std::nullopt;
  return input.at(name).get<std::string>();
}

// `requests`: null unless the network is played; then they are printed with a failure as well.
int print(const efs::Result<efs::aws::Credentials>& found, const Json& requests) {
  if (!found) {
    if (!requests.is_null()) std::printf("%s\n", Json{{"requests", requests}}.dump().c_str());
    std::fprintf(stderr, "find-credentials: %s\n", found.error().describe().c_str());
    return 1;
  }
  Json output{{"access_key_id", found->access_key_id},
              {"secret_access_key", found->secret_access_key.reveal()},
              {"session_token", nullptr},
              {"expiration", nullptr},
              {"method", found->method},
              {"source", found->source},
              {"clock_skew", found->clock_skew.count()},
              {"arn", found->arn}};
  if (found->session_token) output["session_token"] = found->session_token->reveal();
  if (found->expiration) {
    output["expiration"] = std::chrono::system_clock::to_time_t(*found->expiration);
  }
  if (!requests.is_null()) output["requests"] = requests;
  std::printf("%s\n", output.dump().c_str());
  return 0;
}

int run(const Json& input) {
  if (input.value("log", false)) (void)efs::log::open({.path = ""});
  const efs::SystemClock clock;
  const auto real =
      efs::http::makeHttpClient(efs::environmentVariable("AWS_CA_BUNDLE").value_or(""));
  const efs::test::PlayedNetwork played;
  const bool plays = input.value("played", false);
  const efs::http::HttpClient& http =
      plays ? static_cast<const efs::http::HttpClient&>(played) : *real;
  const auto print_found = [&](const efs::Result<efs::aws::Credentials>& found) {
    return print(found, plays ? played.requests() : Json());
  };
  efs::aws::CredentialContext context{.http = http,
                                      .clock = clock,
                                      .home_directory = input.at("home").get<std::string>(),
                                      .environment = efs::environmentVariable,
                                      .region = input.at("region").get<std::string>()};
  context.dns_suffix = option(input, "dns_suffix").value_or("");
  context.fall_through = input.value("fall_through", false);
  context.container_endpoint =
      option(input, "container_endpoint").value_or(efs::aws::kContainerEndpoint);
  if (const auto method = option(input, "method")) {
    return print_found(efs::aws::credentialsByMethod(context, *method));
  }
  return print_found(
      efs::aws::findCredentials(context, {.profile = option(input, "profile"),
                                          .credentials_uri = option(input, "credentials_uri"),
                                          .role_arn = option(input, "role_arn"),
                                          .jwt_path = option(input, "jwt_path")}));
}

}  // namespace

int main() {
  const std::string text((std::istreambuf_iterator<char>(std::cin)),
                         std::istreambuf_iterator<char>());
  try {
    return run(Json::parse(text));
  } catch (const Json::exception& error) {
    std::fprintf(stderr, "find-credentials: %s\n", error.what());
    return 1;
  }
}

// find-credentials: runs the chain of credentials with the environment and prints what it found as
// one JSON object, secrets included: for tests only, it is never installed.
//
// One JSON object on standard input: home, region, and where wanted dns_suffix, fall_through,
// container_endpoint, profile, credentials_uri, role_arn, jwt_path; or method: only that source, as
// a renewal looks it up; log: true for the warnings on standard error;
// played: true for answers of played_network.h, changed by "answers", with the requests in the
// output. A failure: its text on standard error, exit code 1.
//
// find-credentials --lines: such an object on each line, with its "environment" and the time "now"
// (seconds since 1970) in it and the network played; an answer on each line: the same, or
// {"error": text}, and "api": the requests of DescribeMountTargets with the same profile.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "efs/aws/credential_chain.h"
#include "efs/aws/endpoints.h"
#include "efs/aws/mount_targets.h"
#include "efs/base/environment.h"
#include "efs/base/log.h"
#include "played_network.h"

namespace {

using efs::test::PlayedNetwork;
using Json = nlohmann::json;

// Both sides of a comparison look at the same moment. Deadlines are real.
class StoppedClock final : public efs::Clock {
 public:
  explicit StoppedClock(std::int64_t seconds) : now_(std::chrono::seconds(seconds)) {}
  efs::WallTime now() const override { return now_; }
  efs::MonoTime monotonic() const override { return std::chrono::steady_clock::now(); }

 private:
  const efs::WallTime now_;
};

std::optional<std::string> option(const Json& input, const char* name) {
  if (!input.contains(name) || input.at(name).is_null()) return std::nullopt;
  return input.at(name).get<std::string>();
}

Json described(const efs::aws::Credentials& found) {
  Json output{{"access_key_id", found.access_key_id},
              {"secret_access_key", found.secret_access_key.reveal()},
              {"session_token", nullptr},
              {"expiration", nullptr},
              {"method", found.method},
              {"source", found.source},
              {"clock_skew", found.clock_skew.count()},
              {"arn", found.arn}};
  if (found.session_token) output["session_token"] = found.session_token->reveal();
  if (found.expiration) {
    output["expiration"] = std::chrono::system_clock::to_time_t(*found.expiration);
  }
  return output;
}

efs::aws::CredentialOptions optionsOf(const Json& input) {
  return {.profile = option(input, "profile"),
          .credentials_uri = option(input, "credentials_uri"),
          .role_arn = option(input, "role_arn"),
          .jwt_path = option(input, "jwt_path")};
}

efs::aws::CredentialContext contextOf(const Json& input, const efs::http::HttpClient& http,
                                      const efs::Clock& clock, efs::Environment environment) {
  efs::aws::CredentialContext context{.http = http,
                                      .clock = clock,
                                      .home_directory = input.at("home").get<std::string>(),
                                      .environment = std::move(environment),
                                      .region = input.at("region").get<std::string>()};
  context.dns_suffix = option(input, "dns_suffix").value_or("");
  context.fall_through = input.value("fall_through", false);
  context.container_endpoint =
      option(input, "container_endpoint").value_or(efs::aws::kContainerEndpoint);
  return context;
}

efs::Result<efs::aws::Credentials> find(const efs::aws::CredentialContext& context,
                                        const Json& input) {
  if (const auto method = option(input, "method")) {
    return efs::aws::credentialsByMethod(context, *method);
  }
  return efs::aws::findCredentials(context, optionsOf(input));
}

// `requests`: null unless the network is played; then they are printed with a failure as well.
int print(const efs::Result<efs::aws::Credentials>& found, const Json& requests) {
  Json output = found ? described(*found) : Json::object();
  if (!requests.is_null()) output["requests"] = requests;
  if (found || !requests.is_null()) std::printf("%s\n", output.dump().c_str());
  if (found) return 0;
  std::fprintf(stderr, "find-credentials: %s\n", found.error().describe().c_str());
  return 1;
}

int findOnce(const Json& input) {
  if (input.value("log", false)) (void)efs::log::open({.path = ""});
  const efs::SystemClock clock;
  const auto real = efs::http::makeHttpClient(efs::aws::caBundle(efs::environmentVariable));
  const PlayedNetwork played(input.value("answers", Json::object()));
  const bool plays = input.value("played", false);
  const efs::http::HttpClient& http =
      plays ? static_cast<const efs::http::HttpClient&>(played) : *real;
  const auto found = find(contextOf(input, http, clock, efs::environmentVariable), input);
  return print(found, plays ? played.requests() : Json());
}

Json apiRequests(const efs::aws::CredentialContext& context, const Json& input) {
  const PlayedNetwork played;
  const efs::aws::Credentials credentials{.access_key_id = "A",
                                          .secret_access_key = efs::Secret(std::string("s")),
                                          .session_token = {},
                                          .expiration = {},
                                          .method = {},
                                          .source = {}};
  const efs::aws::ApiAccess access{
      .http = played,
      .clock = context.clock,
      .credentials = credentials,
      .region = context.region,
      .environment = efs::aws::apiEnvironment(context, optionsOf(input))};
  const auto targets = efs::aws::describeMountTargets(access, "fs-0123456789abcdef0");
  return targets ? played.requests() : Json{{"error", targets.error().describe()}};
}

Json answerTo(const Json& input) {
  const StoppedClock clock(input.at("now").get<std::int64_t>());
  const PlayedNetwork played(input.value("answers", Json::object()));
  const auto variables = input.at("environment").get<efs::Variables>();
  // For programs of a credential_process.
  ::clearenv();
  efs::setVariables(variables);
  auto context =
      contextOf(input, played, clock, [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end() || found->second.empty()) return std::nullopt;
        return found->second;
      });
  // Nobody is waited for.
  context.patience.pause = context.imds_patience.token_pause = efs::Duration(0);
  const auto found = find(context, input);
  Json output = found ? described(*found) : Json{{"error", found.error().describe()}};
  output["requests"] = played.requests();
  output["api"] = apiRequests(context, input);
  return output;
}

int findForEachLine() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json output = answerTo(Json::parse(line));
    std::printf("%s\n", output.dump(-1, ' ', true, Json::error_handler_t::replace).c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2 && std::string(argv[1]) == "--lines") return findForEachLine();
    const std::string text((std::istreambuf_iterator<char>(std::cin)),
                           std::istreambuf_iterator<char>());
    return findOnce(Json::parse(text));
  } catch (const Json::exception& error) {
    std::fprintf(stderr, "find-credentials: %s\n", error.what());
    return 1;
  }
}

// A home directory, an environment and one HTTP server that plays every endpoint of AWS that hands
// out credentials. Each endpoint can be told to answer with given bytes instead.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "efs/aws/credential_chain.h"
#include "efs/test_support/real_clock.h"
#include "loopback_http_server.h"

namespace efs::aws {

// Which endpoint a request is for.
enum class Endpoint { kImds, kContainer, kPod, kWebIdentity, kAssumeRole, kSso, kUnknown };

class CredentialWorld : public ::testing::Test {
 protected:
  CredentialWorld();
  ~CredentialWorld() override;

  // Below ~/.aws.
  void write(const std::string& name, const std::string& text, mode_t mode = 0600);
  static std::string keys(const std::string& section, const std::string& id);
  void set(const std::string& variable, const std::string& value) {
    environment_[variable] = value;
  }
  void unset(const std::string& variable) { environment_.erase(variable); }

  // Makes a source usable. Each gives credentials with its own access key id.
  void offerContainer();                             // "ECS"
  void offerPodIdentity();                           // "POD"
  void offerWebIdentity();                           // "WEB", by the environment
  void offerSsoProfile(const std::string& section);  // "SSO", appended to the config file

  void answer(Endpoint endpoint, const std::string& raw_reply);
  int requestsTo(Endpoint endpoint) const;
  std::string lastRequest() const;

  CredentialContext context();
  Result<Credentials> find(const CredentialOptions& options = {});
  // The whole text of the failure; a test failure when there is none.
  std::string failure(const CredentialOptions& options = {});

  bool has_role_ = true;
  bool fall_through_ = false;
  std::string role_document_ =
      R"({"Code":"Success","AccessKeyId":"ROLE","SecretAccessKey":"S","Token":"T"})";
  std::string home_;
  std::map<std::string, std::string> environment_;
  const test_support::RealClock clock_{"HTTP servers on the loopback"};
  SourcePatience patience_{.request_timeout = Duration(10000),
                           .tries = 2,
                           .pause = Duration(1),
                           .process = Duration(20000)};
  std::unique_ptr<http::HttpClient> http_ = http::makeHttpClient();

 private:
  static Endpoint endpointOf(const std::string& request);
  std::string service(const std::string& request);
  std::string instanceMetadata(const std::string& request) const;

  mutable std::mutex mutex_;
  std::map<Endpoint, std::string> answers_;

 protected:
  test::LoopbackHttpServer server_{[this](const std::string& request) { return service(request); }};
};

}  // namespace efs::aws

// The cases of AWS's public Signature Version 4 test suite ("aws-sig-v4-test-suite") that a client
// without path normalisation and multi-line headers can be asked; tests/data/sigv4_suite.json says
// what each field is.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "efs/aws/sigv4.h"
#include "efs/base/files.h"

namespace efs::aws {
namespace {

TEST(SigV4Suite, EveryCaseGivesThePublishedSignature) {
  const auto text = readFile(std::string(EFS_TEST_DATA) + "/sigv4_suite.json");
  ASSERT_TRUE(text) << text.error().describe();
  const auto suite = nlohmann::json::parse(*text);
  ASSERT_GE(suite.at("cases").size(), 24U);
  // 20150830T123600Z
  const SigningScope scope{std::chrono::system_clock::from_time_t(1440938160), "us-east-1",
                           "service"};
  Credentials credentials;
  credentials.access_key_id = "AKIDEXAMPLE";
  credentials.secret_access_key = Secret(std::string("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
  for (const auto& entry : suite.at("cases")) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    http::HttpRequest request;
    request.method = entry.at("method").get<std::string>();
    request.url = "https://example.amazonaws.com" + entry.at("target").get<std::string>();
    request.body = entry.at("body").get<std::string>();
    for (const auto& header : entry.at("headers")) {
      request.headers.emplace_back(header.at(0).get<std::string>(),
                                   header.at(1).get<std::string>());
    }
    const auto signature = signRequest(request, credentials, scope);
    ASSERT_TRUE(signature);
    EXPECT_EQ(signature->hex, entry.at("signature").get<std::string>())
        << signature->canonical_request;
  }
}

}  // namespace
}  // namespace efs::aws

#include "efs/aws/sigv4.h"

#include <gtest/gtest.h>

#include "efs/base/text.h"
#include "efs/crypto/digest.h"

namespace efs::aws {
namespace {

WallTime at(std::time_t seconds) { return std::chrono::system_clock::from_time_t(seconds); }

Credentials credentials(std::optional<std::string> token = std::nullopt) {
  Credentials made;
  made.access_key_id = "AKIDEXAMPLE";
  made.secret_access_key = Secret(std::string("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
  if (token) made.session_token = Secret(std::move(*token));
  return made;
}

// Contract section 26: 2026-01-02T03:04:05Z, us-east-1.
const SigningScope kScope{at(1767323045), "us-east-1", "elasticfilesystem"};
constexpr const char* kKeyHash = "0123456789abcdef0123456789abcdef01234567";

// CERT-4, CERT-5, CERT-6, section 26
TEST(SigV4, ConnectGivesTheContractsValuesWithToken) {
  const auto signature =
      signConnect(kKeyHash, "fs-deadbeef", credentials("tok/en+with=chars"), kScope);
  ASSERT_TRUE(signature);
  EXPECT_EQ(hex(crypto::sha256(signature->canonical_request).value()),
            "61f54d256bb6794c2d1b3bb244000f0265af5a68365b4a1958b43f098d6c9e90");
  EXPECT_EQ(signature->hex, "e7bcd6c00945b89ef8eae040dece5460d09a50d602e7ac4d65f374c627d07d89");
}

// CERT-4, CERT-5, CERT-6, section 26
TEST(SigV4, ConnectGivesTheContractsValuesWithoutToken) {
  for (const auto& token : {std::optional<std::string>(), std::optional<std::string>("")}) {
    const auto signature = signConnect(kKeyHash, "fs-deadbeef", credentials(token), kScope);
    ASSERT_TRUE(signature);
    EXPECT_EQ(hex(crypto::sha256(signature->canonical_request).value()),
              "b6eb29fb1bac05ac33ba746242377cfa6afcf95f2416df4f5deb9b74b6c8ef26");
    EXPECT_EQ(signature->hex, "9dba1f83ebba4e28b8d5e07a2eccdc8b88eebb957eab648551595725e210ca31");
  }
}

// CERT-6: quote_plus
TEST(SigV4, ConnectEncodesABlankAsPlus) {
  const auto signature = signConnect(kKeyHash, "fs-1", credentials("a b+c~d"), kScope);
  EXPECT_NE(signature->canonical_request.find("X-Amz-Security-Token=a+b%2Bc~d&"),
            std::string::npos);
}

TEST(SigV4, UriEncodeLeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(uriEncode("aZ09-_.~/ +%\xC3"), "aZ09-_.~%2F%20%2B%25%C3");
  EXPECT_EQ(uriEncode("/a b", "/"), "/a%20b");
}

// The suite "get-vanilla" of the AWS SigV4 test suite.
TEST(SigV4, RequestGivesThePublishedValue) {
  Credentials published;
  published.access_key_id = "AKIDEXAMPLE";
  published.secret_access_key = Secret(std::string("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
  http::HttpRequest request;
  request.url = "https://example.amazonaws.com/";
  const SigningScope scope{at(1440938160), "us-east-1", "service"};  // 20150830T123600Z
  ASSERT_TRUE(signRequest(request, published, scope));
  ASSERT_EQ(request.headers.back().first, "Authorization");
  EXPECT_EQ(request.headers.back().second,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(SigV4, RequestSortsQueryAndHeadersAndCollapsesBlanks) {
  http::HttpRequest request;
  request.url = "https://host:8443/a%20b/c?z=1&a=2&a=1&flag";
  request.headers = {{"X-B", "  two   words "}, {"X-A", "1"}};
  const auto signature = signRequest(request, credentials("t"), kScope);
  ASSERT_TRUE(signature);
  EXPECT_TRUE(signature->canonical_request.starts_with(
      "GET\n/a%2520b/c\na=1&a=2&flag=&z=1\nhost:host:8443\nx-a:1\nx-amz-date:20260102T030405Z\n"
      "x-amz-security-token:t\nx-b:two words\n\nhost;x-a;x-amz-date;x-amz-security-token;x-b\n"))
      << signature->canonical_request;
}

TEST(SigV4, RequestLeavesOutTheSchemesOwnPort) {
  http::HttpRequest request;
  request.url = "https://host:443/";
  EXPECT_NE(signRequest(request, credentials(), kScope)->canonical_request.find("\nhost:host\n"),
            std::string::npos);
}

}  // namespace
}  // namespace efs::aws

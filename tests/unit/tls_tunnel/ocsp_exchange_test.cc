#include "efs/tls/ocsp_exchange.h"

#include <gtest/gtest.h>

namespace efs::tls {
namespace {

OcspResponder responder(const std::string& url) {
  const auto parsed = parseOcspResponder(url);
  EXPECT_TRUE(parsed) << url;
  return parsed.value_or(OcspResponder{});
}

TEST(OcspResponder, IsReadFromTheUrlsThatCertificatesHave) {
  const auto plain = responder("http://ocsp.example.com");
  EXPECT_EQ(plain.host, "ocsp.example.com");
  EXPECT_EQ(plain.port, 80);
  EXPECT_EQ(plain.target, "/");
  const auto full = responder("HTTP://user:word@ocsp.example.com:8080/a/b?c=d&e#part");
  EXPECT_EQ(full.host, "ocsp.example.com");
  EXPECT_EQ(full.port, 8080);
  EXPECT_EQ(full.target, "/a/b?c=d&e");
  EXPECT_EQ(responder("http://host?x").target, "/?x");
  EXPECT_EQ(responder("http://host:/x").port, 80);
  const auto ipv6 = responder("http://[2001:db8::1]:81/x");
  EXPECT_EQ(ipv6.host, "2001:db8::1");
  EXPECT_EQ(ipv6.port, 81);
  EXPECT_EQ(responder("http://[::1]").host, "::1");
}

TEST(OcspResponder, IsNotReadFromAnythingElse) {
  for (const char* url :
       {"", "http:", "http://", "http:///path", "https://host/", "ldap://host/", "host/path",
        "http://host:0/", "http://host:65536/", "http://host:-1/", "http://host:8x/", "http://[::1",
        "http://[]/", "http://[::1]x/", "http://ho st/", "http://host/a b",
        "http://host/\r\nX-Injected: yes", "http://host\n/", "http://h\xc3\xb6st/"})
    EXPECT_FALSE(parseOcspResponder(url)) << url;
  EXPECT_FALSE(parseOcspResponder("http://host/" + std::string(3000, 'x')));
}

// RFC 6960 appendix A.1; RFC 9110 section 7.2: a port that is not the usual one is named.
TEST(OcspExchange, AsksWithTheHostAndTheWholeTarget) {
  const OcspExchange plain(responder("http://host/path?query"), "DER");
  EXPECT_EQ(plain.unsent(),
            "POST /path?query HTTP/1.0\r\nHost: host\r\nContent-Type: application/ocsp-request\r\n"
            "Content-Length: 3\r\n\r\nDER");
  const OcspExchange ported(responder("http://[::1]:8080"), "");
  EXPECT_NE(ported.unsent().find("\r\nHost: [::1]:8080\r\n"), std::string::npos);
}

TEST(OcspExchange, GoesOnSendingWhereItStopped) {
  OcspExchange exchange(responder("http://host/"), "DER");
  const std::string whole(exchange.unsent());
  exchange.sent(10);
  EXPECT_EQ(exchange.unsent(), whole.substr(10));
  exchange.sent(whole.size() - 10);
  EXPECT_TRUE(exchange.unsent().empty());
}

class OcspReply : public testing::Test {
 protected:
  // Byte by byte, as a network may deliver it, and the end of the connection behind it if asked
  // for.
  Result<std::optional<std::string>> take(std::string_view reply, bool ended = false) {
    OcspExchange exchange(responder("http://host/"), "DER");
    for (const char byte : reply) {
      auto taken = exchange.take({&byte, 1}, false);
      if (!taken || *taken) return taken;
    }
    return exchange.take({}, ended);
  }
  std::string body(std::string_view reply, bool ended = false) {
    const auto taken = take(reply, ended);
    if (!taken) return "error: " + taken.error().message();
    return taken->value_or("unfinished");
  }
  ErrorKind kind(std::string_view reply, bool ended = true) {
    const auto taken = take(reply, ended);
    EXPECT_FALSE(taken) << reply;
    return taken ? ErrorKind::kInternal : taken.error().kind();
  }
};

TEST_F(OcspReply, EndsWithItsLengthOrWithTheConnection) {
  EXPECT_EQ(body("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody"), "body");
  EXPECT_EQ(body("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod"), "unfinished");
  EXPECT_EQ(body("HTTP/1.1 200\ncontent-length:4\n\nbody"), "body");
  EXPECT_EQ(body("HTTP/1.0 200 OK\r\n\r\nbody"), "unfinished");
  EXPECT_EQ(body("HTTP/1.0 200 OK\r\n\r\nbody", true), "body");
  EXPECT_EQ(kind("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nbody"), ErrorKind::kReset);
  EXPECT_EQ(kind("HTTP/1.0 200 OK\r\nContent-Len"), ErrorKind::kReset);
  EXPECT_EQ(kind(""), ErrorKind::kReset);
}

TEST_F(OcspReply, WhatIsNotTheAnswerIsNamed) {
  EXPECT_EQ(body("HTTP/1.0 404 Not Found\r\n\r\n"), "error: the responder says 404 Not Found");
  EXPECT_EQ(body("HTTP/1.0 301 Moved\r\nLocation: http://other/\r\n\r\n"),
            "error: the responder says 301 Moved");
  EXPECT_EQ(body("SSH-2.0-OpenSSH_9\r\n\r\n"),
            "error: the reply is not HTTP: \"SSH-2.0-OpenSSH_9\"");
  EXPECT_EQ(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n"),
            "error: the reply comes in chunks, which HTTP/1.0 does not have");
  for (const char* length : {"x", "-1", "", "4\r\nContent-Length: 5", "99999999999999999999"})
    EXPECT_EQ(body("HTTP/1.0 200 OK\r\nContent-Length: " + std::string(length) + "\r\n\r\n"),
              "error: the reply has no valid length");
}

TEST_F(OcspReply, OnlyAFailureOfTheServerMayPass) {
  EXPECT_EQ(kind("HTTP/1.0 503 Service Unavailable\r\n\r\n"), ErrorKind::kUnreachable);
  EXPECT_EQ(kind("HTTP/1.0 404 Not Found\r\n\r\n"), ErrorKind::kProtocol);
}

TEST_F(OcspReply, HasALimit) {
  const std::string start = "HTTP/1.0 200 OK\r\n";
  std::string lines;
  while (lines.size() < 17000) lines += "X: 1\r\n";
  EXPECT_EQ(body(start + lines), "error: the reply is too large") << "a header without an end";
  EXPECT_EQ(body(start + lines + "\r\n"), "error: the reply is too large");
  EXPECT_EQ(body(start + "Content-Length: 200000\r\n\r\n"), "error: the reply is too large");
  OcspExchange exchange(responder("http://host/"), "DER");
  ASSERT_TRUE(exchange.take(start + "\r\n", false));
  const std::string part(60000, 'x');
  ASSERT_TRUE(exchange.take(part, false));
  EXPECT_FALSE(exchange.take(part, false)) << "a body without an end";
}

}  // namespace
}  // namespace efs::tls

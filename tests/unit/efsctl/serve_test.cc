// What the server of `efsctl metrics --listen` takes for an address and for a request; how it
// serves is tests/integration/efsctl/metrics_test.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/http_message.h"
#include "serve/listen_address.h"

namespace efs::efsctl {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddress, OnlyThisHostIsServed) {
  EXPECT_EQ(parseListenAddress("127.0.0.1:9633")->text(), "127.0.0.1:9633");
  EXPECT_EQ(parseListenAddress("[::1]:0")->text(), "[::1]:0");
  EXPECT_EQ(parseListenAddress("unix:/run/x.sock")->text(), "unix:/run/x.sock");
  for (const char* text : {"", "9633", ":9633", "0.0.0.0:1", "[::]:1", "192.168.0.1:1", "127.0.0.1",
                           "127.0.0.1:65536", "127.0.0.1:-1", "localhost:1", "unix:", "unix:x"}) {
    EXPECT_FALSE(parseListenAddress(text)) << text;
  }
  EXPECT_FALSE(parseListenAddress("unix:/" + std::string(200, 'x')));
}

TEST(HttpRequest, PathAndQueryAreTakenApart) {
  const auto request = parseRequest("GET /status?only=%2fmnt%2Fa%20b&wide=1&x HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path, "/status");
  EXPECT_EQ(request->query.at("only"), "/mnt/a b");
  EXPECT_TRUE(request->query.contains("wide"));
  EXPECT_EQ(request->query.at("x"), "");
}

TEST(HttpRequest, NonsenseIsNone) {
  for (const char* text : {"", " ", "GET", "GET /x", "GET x HTTP/1.1", "GET  HTTP/1.1",
                           "GET / HTTP/2", "\xff\xff / HTTP"}) {
    EXPECT_FALSE(parseRequest(text)) << text;
  }
  EXPECT_FALSE(requestComplete("GET / HTTP/1.1\r\nHost: x\r\n"));
  EXPECT_TRUE(requestComplete("GET / HTTP/1.1\r\n\r\n"));
}

TEST(HttpAnswer, ComesBackAsItWasSaid) {
  const HttpAnswer answer{
      .code = 404, .type = "text/plain", .body = "no\r\n\r\nsuch", .exit_code = 2};
  const std::string text = answerHead(answer, answer.body.size()) + answer.body;
  EXPECT_THAT(text, HasSubstr("Content-Length: 10\r\n"));
  const auto back = parseAnswer(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->code, 404);
  EXPECT_EQ(back->body, answer.body);
  EXPECT_EQ(back->exit_code, 2);
  for (std::size_t missing = 1; missing <= text.size(); ++missing) {
    EXPECT_FALSE(parseAnswer(text.substr(0, text.size() - missing))) << missing;
  }
  EXPECT_FALSE(parseAnswer(text + "x"));
  EXPECT_FALSE(parseAnswer("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_EQ(percentEncoded("/a b%"), "/a%20b%25");
}

}  // namespace
}  // namespace efs::efsctl

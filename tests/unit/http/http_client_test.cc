#include "efs/http/http_client.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "loopback_http_server.h"

namespace efs::http {
namespace {

using test::httpReply;
using test::LoopbackHttpServer;

class HttpClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                             "ALL_PROXY", "no_proxy", "NO_PROXY", "REQUEST_METHOD"}) {
      ::unsetenv(name);
    }
  }
  void TearDown() override { SetUp(); }

  static HttpRequest get(const std::string& url) {
    HttpRequest request;
    request.url = url;
    request.timeout = Duration(5000);
    return request;
  }

  std::unique_ptr<HttpClient> client_ = makeHttpClient();
};

TEST_F(HttpClientTest, SendsHeadersAndGivesStatusAndBody) {
  LoopbackHttpServer server([](const std::string&) { return httpReply(404, "nothing here"); });
  auto request = get(server.url() + "/a/b?c=d");
  request.headers = {{"X-One", "1"}, {"X-Empty", ""}};
  const auto reply = client_->send(request);
  ASSERT_TRUE(reply) << reply.error().describe();
  EXPECT_EQ(reply->status, 404);
  EXPECT_EQ(reply->body, "nothing here");
  const std::string sent = server.requests().at(0);
  EXPECT_TRUE(sent.starts_with("GET /a/b?c=d HTTP/1.1\r\n")) << sent;
  EXPECT_NE(sent.find("X-One: 1\r\n"), std::string::npos) << sent;
  EXPECT_NE(sent.find("X-Empty:\r\n"), std::string::npos) << sent;
}

TEST_F(HttpClientTest, SendsAPutWithoutBodyAndAPostWithOne) {
  LoopbackHttpServer server([](const std::string&) { return httpReply(200, ""); });
  auto request = get(server.url() + "/");
  request.method = "PUT";
  ASSERT_TRUE(client_->send(request));
  request.method = "POST";
  request.body = std::string("a\0b", 3);
  ASSERT_TRUE(client_->send(request));
  const auto sent = server.requests();
  EXPECT_TRUE(sent.at(0).starts_with("PUT / HTTP/1.1\r\n"));
  EXPECT_NE(sent.at(0).find("Content-Length: 0\r\n"), std::string::npos) << sent.at(0);
  EXPECT_EQ(sent.at(0).find("Content-Type"), std::string::npos) << sent.at(0);
  EXPECT_TRUE(sent.at(1).starts_with("POST / HTTP/1.1\r\n"));
  EXPECT_TRUE(sent.at(1).ends_with(std::string("\r\n\r\na\0b", 7)));
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
  LoopbackHttpServer server([](const std::string&) {
    return std::string("HTTP/1.1 302 X\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
  });
  const auto reply = client_->send(get(server.url()));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(HttpClientTest, LimitsTheReply) {
  LoopbackHttpServer server(
      [](const std::string&) { return httpReply(200, std::string(1001, 'x')); });
  auto request = get(server.url());
  request.max_reply = 1000;
  const auto reply = client_->send(request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind(), ErrorKind::kProtocol);
  EXPECT_NE(reply.error().message().find("longer than 1000 bytes"), std::string::npos);
  request.max_reply = 1001;
  EXPECT_TRUE(client_->send(request));
}

TEST_F(HttpClientTest, TimesOutOnASilentServer) {
  LoopbackHttpServer server([](const std::string&) { return test::kNeverReply; });
  auto request = get(server.url());
  request.timeout = Duration(30);
  const auto reply = client_->send(request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind(), ErrorKind::kTimeout) << reply.error().describe();
}

TEST_F(HttpClientTest, TellsACutReplyFromAWholeOne) {
  LoopbackHttpServer server([](const std::string&) {
    return std::string("HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nab");
  });
  const auto reply = client_->send(get(server.url()));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind(), ErrorKind::kReset) << reply.error().describe();
}

TEST_F(HttpClientTest, RefusesAServerThatDoesNotSpeakHttp) {
  LoopbackHttpServer server([](const std::string&) { return std::string("SSH-2.0-x\r\n"); });
  const auto reply = client_->send(get(server.url()));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind(), ErrorKind::kProtocol) << reply.error().describe();
}

TEST_F(HttpClientTest, NamesTheHostWhenNobodyListens) {
  int port = 0;
  {
    const LoopbackHttpServer server([](const std::string&) { return std::string(); });
    port = server.port();
  }
  const std::string host = "127.0.0.1:" + std::to_string(port);
  const auto reply = client_->send(get("http://user:pass@" + host + "/path"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind(), ErrorKind::kRefused) << reply.error().describe();
  EXPECT_TRUE(reply.error().message().starts_with("GET to " + host + ": "));
  EXPECT_EQ(reply.error().message().find("pass@"), std::string::npos);
}

TEST_F(HttpClientTest, ReportsANameThatDoesNotExist) {
  // A label of 64 characters (RFC 1035, 2.3.4 allows 63) fails without asking any server.
  const auto reply = client_->send(get("http://" + std::string(64, 'a') + ".invalid/"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind(), ErrorKind::kNotFound) << reply.error().describe();
}

TEST_F(HttpClientTest, RefusesOtherProtocols) {
  for (const char* url :
       {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "x"}) {
    const auto reply = client_->send(get(url));
    ASSERT_FALSE(reply) << url;
    EXPECT_EQ(reply.error().kind(), ErrorKind::kInvalidInput);
  }
}

TEST_F(HttpClientTest, RefusesControlCharactersAndDoesNotShowTheValue) {
  auto request = get("http://127.0.0.1:1/");
  request.headers = {{"Authorization", "hush\r\nX-Evil: 1"}};
  const auto reply = client_->send(request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind(), ErrorKind::kInvalidInput);
  EXPECT_EQ(reply.error().message().find("hush"), std::string::npos);
  EXPECT_FALSE(client_->send(get("http://127.0.0.1:1/\r\nX")));
}

// Contract section 10: http_proxy and no_proxy are honoured.
TEST_F(HttpClientTest, HonoursProxyVariables) {
  LoopbackHttpServer proxy([](const std::string&) { return httpReply(200, "by proxy"); });
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  const auto reply = client_->send(get("http://192.0.2.1/latest"));
  ASSERT_TRUE(reply) << reply.error().describe();
  EXPECT_EQ(reply->body, "by proxy");
  EXPECT_TRUE(proxy.requests().at(0).starts_with("GET http://192.0.2.1/latest HTTP/1.1\r\n"));
  ::setenv("no_proxy", "192.0.2.1", 1);
  auto direct = get("http://192.0.2.1/latest");
  direct.timeout = Duration(50);
  EXPECT_FALSE(client_->send(direct));  // nobody is there (RFC 5737)
  EXPECT_EQ(proxy.requests().size(), 1U);
}

// As Python's urllib, and so botocore, reads them (issue 12); libcurl by itself knows ALL_PROXY and
// no HTTP_PROXY.
TEST_F(HttpClientTest, TakesTheProxyOfTheSchemeInEitherSpelling) {
  LoopbackHttpServer proxy([](const std::string&) { return httpReply(200, "by proxy"); });
  auto request = get("http://192.0.2.1/");
  request.timeout = Duration(50);
  ::setenv("ALL_PROXY", proxy.url().c_str(), 1);
  ::setenv("all_proxy", proxy.url().c_str(), 1);
  ::setenv("HTTPS_PROXY", proxy.url().c_str(), 1);
  EXPECT_FALSE(client_->send(request));
  ::setenv("HTTP_PROXY", proxy.url().c_str(), 1);
  ::setenv("REQUEST_METHOD", "GET", 1);  // a CGI program: a header of its caller's
  EXPECT_FALSE(client_->send(request));
  ::unsetenv("REQUEST_METHOD");
  ::setenv("http_proxy", "", 1);  // the lower case wins: none
  EXPECT_FALSE(client_->send(request));
  ::unsetenv("http_proxy");
  request.timeout = Duration(5000);
  const auto reply = client_->send(request);
  ASSERT_TRUE(reply) << reply.error().describe();
  EXPECT_EQ(reply->body, "by proxy");
}

// Whatever the variables say: what is only on this host is not asked by another one.
TEST_F(HttpClientTest, NeverAsksAProxyForThisHost) {
  LoopbackHttpServer proxy([](const std::string&) { return httpReply(200, "by proxy"); });
  LoopbackHttpServer direct([](const std::string&) { return httpReply(200, "direct"); });
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) {
    ::setenv(name, proxy.url().c_str(), 1);
  }
  ::setenv("no_proxy", "192.0.2.1", 1);
  const std::string port = ":" + std::to_string(direct.port());
  for (const char* host : {"127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433",
                           "LOCALHOST", "u:p@127.0.0.1", "%31%32%37.0.0.1"}) {
    const auto reply = client_->send(get("http://" + (host + port) + "/"));
    ASSERT_TRUE(reply) << host << ": " << reply.error().describe();
    EXPECT_EQ(reply->body, "direct") << host;
  }
  EXPECT_TRUE(proxy.requests().empty());
}

TEST_F(HttpClientTest, AsksNoProxyWhereTheRequestForbidsIt) {
  LoopbackHttpServer proxy([](const std::string&) { return httpReply(200, "by proxy"); });
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  auto request = get("http://192.0.2.1/");
  request.direct = true;
  request.timeout = Duration(50);
  EXPECT_FALSE(client_->send(request));
  EXPECT_TRUE(proxy.requests().empty());
}

}  // namespace
}  // namespace efs::http

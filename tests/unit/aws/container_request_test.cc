#include "container_request.h"

#include <gtest/gtest.h>

namespace efs::aws {
namespace {

TEST(ContainerRequest, GoesInClearTextToThisHostAndNeverByAProxy) {
  for (const char* url : {"http://169.254.170.2/v2/x", "http://169.254.170.23/v1/credentials",
                          "http://[fd00:ec2::23]/v1/credentials", "http://localhost:8080/x",
                          "http://LOCALHOST/", "HTTP://localhost/x", "http://127.0.0.1:1/x",
                          "http://127.9.9.9/x?y=a@b", "http://[::1]:80/x"}) {
    const auto request = containerRequest(url);
    ASSERT_TRUE(request) << url;
    EXPECT_EQ(request->url.substr(4), std::string(url).substr(4));
    EXPECT_TRUE(request->url.starts_with("http://")) << "the only form that our client takes";
    EXPECT_TRUE(request->direct) << url;
  }
}

TEST(ContainerRequest, GoesAnywhereOverTls) {
  const auto request = containerRequest("https://keys.example.com/x");
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->direct);
}

TEST(ContainerRequest, GoesNowhereElseInClearText) {
  for (const char* url : {"http://keys.example.com/x",
                          "http://10.0.0.1/",
                          "http://169.254.169.254/",
                          "http://169.254.170.3/",
                          "http://[fd00:ec2::254]/",
                          "http://2852039170/",
                          "http://localhost@keys.example.com/",
                          "http://u@localhost/",
                          "http://keys.example.com\\@localhost/",
                          "http://keys.example.com#@localhost/",
                          "http://169.254.170.2.example.com/",
                          "http://localhost./x",
                          "http://127.0.0.1./x",
                          "http://169.254.170.2../",
                          "http://%6cocalhost/",
                          "http://[::1%25eth0]/",
                          "http://127.1/",
                          "https://u:p@keys.example.com/x",
                          "https://keys.example.com\\@localhost/",
                          "ftp://localhost/",
                          "localhost",
                          "",
                          "http://"}) {
    const auto request = containerRequest(url);
    ASSERT_FALSE(request) << url;
    EXPECT_EQ(request.error().kind(), ErrorKind::kInvalidInput);
    EXPECT_NE(request.error().hint().find("https"), std::string::npos);
  }
}

}  // namespace
}  // namespace efs::aws

#include "efs/http/url_host.h"

#include <gtest/gtest.h>

namespace efs::http {
namespace {

TEST(UrlHost, IsWhatLibcurlConnectsTo) {
  EXPECT_EQ(urlHost("http://Example.COM:80/x"), "example.com");
  EXPECT_EQ(urlHost("https://a:b@host/x@y"), "host");
  EXPECT_EQ(urlHost("http://evil#@localhost/"), "evil");
  EXPECT_EQ(urlHost("http://evil?@localhost/"), "evil");
  EXPECT_EQ(urlHost("http://[FD00:EC2::254]:80/"), "fd00:ec2::254");
  EXPECT_EQ(urlHost("http://[fe80::1%25eth0]/"), "fe80::1");
  EXPECT_EQ(urlHost("http://%31%32%37.0.0.1/"), "127.0.0.1");
  EXPECT_EQ(urlHost("http://localhost./"), "localhost");
}

TEST(UrlHost, IsNoneWhereTheTextNamesNone) {
  for (const char* url :
       {"", "http:", "http://", "http:///x", "http://:80/", "http://[::1/", "http://a%/",
        "http://a%2/", "http://a%zz/", "http://a%20b/", "http://a b/", "localhost"}) {
    EXPECT_FALSE(urlHost(url)) << url;
  }
}

TEST(OnThisHost, IsEveryFormOfItsAddresses) {
  for (const char* host : {"localhost",
                           "imds.localhost",
                           "127.0.0.1",
                           "127.255.1.2",
                           "127.1",
                           "2130706433",
                           "0x7f.1",
                           "0177.0.0.1",
                           "0",
                           "0.0.0.0",
                           "169.254.169.254",
                           "2852039166",
                           "0xa9fea9fe",
                           "0251.0376.0251.0376",
                           "169.254.43518",
                           "169.254.170.2",
                           "169.254.170.23",
                           "::1",
                           "::",
                           "fe80::1",
                           "febf::1",
                           "fd00:ec2::254",
                           "fd00:ec2::23",
                           "fd00:0ec2:0:0::254",
                           "::ffff:169.254.169.254",
                           "::ffff:7f00:1"}) {
    EXPECT_TRUE(isOnThisHost(host)) << host;
  }
}

TEST(OnThisHost, IsNothingElse) {
  for (const char* host :
       {"", "example.com", "localhost.example.com", "notlocalhost", "169.253.1.1", "170.254.1.1",
        "10.0.0.1", "128.0.0.1", "126.255.255.255", "2852126720", "fec0::1", "fd00:ec3::254",
        "fd01:ec2::254", "::ffff:10.0.0.1", "169.254.169.254.example.com", "sts.amazonaws.com"}) {
    EXPECT_FALSE(isOnThisHost(host)) << host;
  }
}

TEST(LoopbackAddress, IsOrdinary) {
  EXPECT_TRUE(isLoopbackAddress("127.0.0.1"));
  EXPECT_TRUE(isLoopbackAddress("127.9.9.9"));
  EXPECT_TRUE(isLoopbackAddress("::1"));
  for (const char* host : {"", "localhost", "127.1", "2130706433", "128.0.0.1", "::2", "::"}) {
    EXPECT_FALSE(isLoopbackAddress(host)) << host;
  }
}

}  // namespace
}  // namespace efs::http

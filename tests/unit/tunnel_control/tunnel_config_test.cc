#include "efs/tunnel_control/tunnel_config.h"

#include <gtest/gtest.h>

#include "efs/test_support/temp_dir.h"

namespace efs::tunnel_control {
namespace {

TunnelConfig sample() {
  TunnelConfig config;
  config.pid_file = "/var/run/efs/fs-1.mnt.20049+/stunnel.pid";
  config.accept_port = 20049;
  config.connect_host = "fs-1.efs.us-east-1.amazonaws.com";
  config.ca_file = "/etc/amazon/efs/efs-utils.crt";
  config.certificate = "/var/run/efs/fs-1.mnt.20049+/certificate.pem";
  config.private_key = "/etc/amazon/efs/privateKey.pem";
  config.check_host = "fs-1.efs.us-east-1.amazonaws.com";
  config.fs_id = "fs-1";
  config.region = "us-east-1";
  config.version = "3.2.0";
  return config;
}

constexpr const char* kGlobal =
    "fips = no\n"
    "foreground = yes\n"
    "socket = l:SO_REUSEADDR=yes\n"
    "socket = a:SO_BINDTODEVICE=lo\n";
constexpr const char* kService =
    "pid = /var/run/efs/fs-1.mnt.20049+/stunnel.pid\n"
    "[efs]\n"
    "client = yes\n"
    "accept = 127.0.0.1:20049\n"
    "connect = fs-1.efs.us-east-1.amazonaws.com:2049\n"
    "sslVersion = TLSv1.2\n"
    "renegotiation = no\n"
    "TIMEOUTbusy = 20\n"
    "TIMEOUTclose = 0\n"
    "TIMEOUTidle = 70\n"
    "delay = yes\n";
constexpr const char* kTls =
    "verify = 2\n"
    "CAfile = /etc/amazon/efs/efs-utils.crt\n"
    "cert = /var/run/efs/fs-1.mnt.20049+/certificate.pem\n"
    "key = /etc/amazon/efs/privateKey.pem\n"
    "checkHost = fs-1.efs.us-east-1.amazonaws.com\n";
constexpr const char* kProxyEnd = "fs_id = fs-1\nregion = us-east-1\nefs_utils_version = 3.2.0";

// The least a file must hold.
std::string minimal(const std::string& global, const std::string& service) {
  return "fips = no\npid = /p\n" + global + "[efs]\nconnect = h:2049\naccept = 127.0.0.1:1\n" +
         service;
}

std::string failureOf(std::string_view text) {
  const auto config = TunnelConfig::parse(text, "cfg");
  return config ? "accepted" : config.error().message();
}

// Section 15: order and text, no newline at the end.
TEST(TunnelConfig, WritesATlsMountAsTheContractSays) {
  EXPECT_EQ(sample().serialize(true), std::string(kGlobal) + kService + kTls +
                                          "retry_nfs_mount_command_timeout_sec = 15\n" + kProxyEnd);
}

TEST(TunnelConfig, WritesAPlainMountWithoutTlsLines) {
  EXPECT_EQ(
      sample().serialize(false),
      std::string(kGlobal) + kService + "retry_nfs_mount_command_timeout_sec = 15\n" + kProxyEnd);
}

TEST(TunnelConfig, WritesTheOptionalKeysInTheirPlaces) {
  TunnelConfig config = sample();
  config.fips = true;
  config.debug = true;
  config.log_file = "/var/log/amazon/efs/x.log";
  config.verify = 0;
  config.check_host.clear();
  config.proxy_logging_level = "DEBUG";
  config.log_max_bytes = 5;
  config.log_file_count = 2;
  const std::string text = config.serialize(true);
  EXPECT_EQ(text.find("fips = yes\n"), 0U);
  EXPECT_NE(text.find("SO_BINDTODEVICE=lo\ndebug = debug\noutput = /var/log/amazon/efs/x.log\npid"),
            std::string::npos);
  EXPECT_NE(text.find("verify = 0\ncert = "), std::string::npos);
  EXPECT_EQ(text.find("checkHost"), std::string::npos);
  EXPECT_NE(text.find("_sec = 15\nproxy_logging_level = DEBUG\nproxy_logging_max_bytes = 5\n"
                      "proxy_logging_file_count = 2\nfs_id = "),
            std::string::npos);
}

TEST(TunnelConfig, LetsNoValueAddALine) {
  TunnelConfig config = sample();
  config.pid_file = "/mnt\nverify = 0\r\n[efs]";
  EXPECT_NE(config.serialize(true).find("pid = /mnt?verify = 0??[efs]\n[efs]\n"),
            std::string::npos);
}

TEST(TunnelConfig, ReadsWhatItWrote) {
  TunnelConfig config = sample();
  config.fips = true;
  config.debug = true;
  config.log_file = "/l o g";
  config.connect_host = "2001:db8::5";
  config.verify = 0;
  config.mount_retry_timeout = Duration(20000);
  config.proxy_logging_level = "TRACE";
  config.log_max_bytes = 123;
  config.log_file_count = 4;
  const auto read = TunnelConfig::parse(config.serialize(true), "cfg");
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(read->connect_host, "2001:db8::5");
  EXPECT_EQ(read->connect_port, 2049);
  EXPECT_EQ(read->accept_port, 20049);
  EXPECT_EQ(read->verify, 0);
  EXPECT_EQ(read->mount_retry_timeout, Duration(20000));
  config.ca_file.clear();  // not written with verify = 0
  EXPECT_EQ(read->serialize(true), config.serialize(true));
  EXPECT_EQ(read->ca_file, "");
}

// A key of our own: absent unless each program writes its log itself.
TEST(TunnelConfig, KeepsWhoWritesTheLog) {
  TunnelConfig config = sample();
  EXPECT_EQ(config.serialize(true).find("log_writer"), std::string::npos);
  config.log_writer = log::Writer::kOwn;
  const auto copy = TunnelConfig::parse(config.serialize(true), "cfg");
  ASSERT_TRUE(copy.has_value());
  EXPECT_EQ(copy->log_writer, log::Writer::kOwn);
}

// Contract 25 item 19: a key of our own, absent unless it is needed.
TEST(TunnelConfig, CarriesWhoMayConnectBesideRoot) {
  TunnelConfig config = sample();
  EXPECT_EQ(config.serialize(true).find("allow_local_uids"), std::string::npos);
  config.allow_uids = {1000, 65534};
  const std::string text = config.serialize(true);
  EXPECT_NE(text.find("\nallow_local_uids = 1000,65534"), std::string::npos);
  EXPECT_EQ(TunnelConfig::parse(text, "cfg")->allow_uids, config.allow_uids);
  config.allow_any_uid = true;
  EXPECT_TRUE(TunnelConfig::parse(config.serialize(false), "cfg")->allow_any_uid);
}

TEST(TunnelConfig, CarriesWhetherTheTunnelIsConfined) {
  TunnelConfig config = sample();
  EXPECT_EQ(config.serialize(true).find("confine"), std::string::npos);
  config.confine = true;
  EXPECT_TRUE(TunnelConfig::parse(config.serialize(true), "cfg")->confine);
}

// A key of our own: 1 is what a tunnel without it does.
TEST(TunnelConfig, CarriesHowManyConnectionsTheMountTargetGets) {
  TunnelConfig config = sample();
  EXPECT_EQ(config.serialize(true).find("max_connections"), std::string::npos);
  config.max_connections = 5;
  const std::string text = config.serialize(true);
  EXPECT_EQ(TunnelConfig::parse(text, "cfg")->max_connections, 5);
  for (const char* bad : {"0", "17", "x"})
    EXPECT_FALSE(TunnelConfig::parse(sample().serialize(true) + "\nmax_connections = " + bad, "c"));
}

TEST(TunnelConfig, RefusesABrokenListOfUsers) {
  for (const char* bad : {"root", "1,", "-1", "4294967295", "1;2"}) {
    const auto config =
        TunnelConfig::parse(sample().serialize(true) + "\nallow_local_uids = " + bad, "cfg");
    ASSERT_FALSE(config) << bad;
    EXPECT_NE(config.error().message().find("allow_local_uids"), std::string::npos);
  }
}

// MODE-1: the key of stunnel's file, also in those that efs-utils wrote
TEST(TunnelConfig, AsksTheAuthorityWhenOcspAiaIsSet) {
  TunnelConfig config = sample();
  EXPECT_EQ(config.serialize(true).find("OCSP"), std::string::npos);
  config.ocsp = true;
  const std::string text = config.serialize(true);
  EXPECT_NE(text.find("\ncheckHost = fs-1.efs.us-east-1.amazonaws.com\nOCSPaia = yes\n"),
            std::string::npos);
  EXPECT_TRUE(TunnelConfig::parse(text, "cfg")->ocsp);
  EXPECT_FALSE(TunnelConfig::parse(sample().serialize(true), "cfg")->ocsp);
  EXPECT_FALSE(TunnelConfig::parse(sample().serialize(true) + "\nOCSPaia = perhaps", "cfg"));
}

TEST(TunnelConfig, CarriesSuitesOnlyWhereTheyAreConfigured) {
  TunnelConfig config = sample();
  EXPECT_EQ(config.serialize(true).find("ciphers"), std::string::npos);
  config.ciphers = "TLS_AES_128_GCM_SHA256:ECDHE+AESGCM";
  const std::string text = config.serialize(true);
  EXPECT_NE(text.find("\nciphers = TLS_AES_128_GCM_SHA256:ECDHE+AESGCM\n"), std::string::npos);
  EXPECT_EQ(TunnelConfig::parse(text, "cfg")->ciphers, config.ciphers);
  EXPECT_EQ(config.serialize(false).find("ciphers"), std::string::npos);
}

// Section 24, UP-1: stunnel mode of efs-utils 1.x
TEST(TunnelConfig, ReadsAStunnelFile) {
  const auto config = TunnelConfig::parse(
      "fips = no\nforeground = quiet\nsocket = l:SO_REUSEADDR=yes\nsocket = a:SO_BINDTODEVICE=lo\n"
      "debug = debug\noutput = /l\npid = /p\n[efs]\nclient = yes\naccept = 127.0.0.1:20300\n"
      "connect = 10.0.0.5:2049\nsslVersion = TLSv1.2\nrenegotiation = no\nTIMEOUTbusy = 20\n"
      "TIMEOUTclose = 0\nTIMEOUTidle = 70\ndelay = yes\nverify = 2\nCAfile = /ca\ncert = /c\n"
      "key = /k\ncheckHost = fs-1.efs\nsni = fs-1.efs\nOCSPaia = yes\nlibwrap = no",
      "cfg");
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_TRUE(config->debug);
  EXPECT_EQ(config->log_file, "/l");
  EXPECT_EQ(config->accept_port, 20300);
  EXPECT_EQ(config->connect_host, "10.0.0.5");
  EXPECT_EQ(config->verify, 2);
  EXPECT_EQ(config->check_host, "fs-1.efs");
  EXPECT_TRUE(config->ocsp);
  EXPECT_EQ(config->mount_retry_timeout, Duration(15000));
  EXPECT_EQ(config->fs_id, "");
}

// CSI-9: the CSI driver takes the words "libwrap = no" out of every stunnel-config.* file.
TEST(TunnelConfig, MeansTheSameAfterTheDriverTookLibwrapOut) {
  const std::string service = "verify = 2\nCAfile = /ca\ncert = /c\nkey = /k\n";
  const auto before = TunnelConfig::parse(minimal("", service + "libwrap = no"), "cfg");
  const auto after = TunnelConfig::parse(minimal("", service + ""), "cfg");
  const auto between = TunnelConfig::parse(minimal("", "\n" + service), "cfg");
  ASSERT_TRUE(before.has_value() && after.has_value() && between.has_value());
  EXPECT_EQ(before->serialize(true), after->serialize(true));
  EXPECT_EQ(between->serialize(true), after->serialize(true));
  EXPECT_EQ(sample().serialize(true).find("libwrap"), std::string::npos);
}

// Section 15, reader: booleans true/yes/1 and false/no/0
TEST(TunnelConfig, KnowsTheBooleansOfTheOldProxy) {
  for (const char* yes : {"true", "Yes", "1"}) {
    const auto config = TunnelConfig::parse("fips = " + std::string(yes) +
                                                "\npid = /p\n[efs]\nconnect = h:1\n"
                                                "accept = 127.0.0.1:1",
                                            "cfg");
    ASSERT_TRUE(config.has_value()) << yes;
    EXPECT_TRUE(config->fips) << yes;
  }
  EXPECT_EQ(failureOf("fips = on\npid = /p\n[efs]\nconnect = h:1\naccept = 127.0.0.1:1"),
            "cfg: line 1: key \"fips\" is not yes or no");
}

TEST(TunnelConfig, NamesTheKeyThatIsMissing) {
  EXPECT_EQ(failureOf(""), "cfg: key \"fips\" is missing");
  EXPECT_EQ(failureOf("fips = no"), "cfg: key \"pid\" is missing");
  EXPECT_EQ(failureOf("fips = no\npid = /p"), "cfg: key \"efs.connect\" is missing");
  EXPECT_EQ(failureOf("fips = no\npid = /p\n[efs]\nconnect = h:1"),
            "cfg: key \"efs.accept\" is missing");
  EXPECT_EQ(failureOf("fips = no\npid =\n[efs]\nconnect = h:1"),
            "cfg: line 2: key \"pid\" is missing");
}

// TUN-6
TEST(TunnelConfig, AcceptsOnlyOnLoopback) {
  for (const char* address : {"0.0.0.0:1", "10.0.0.1:1", "localhost:1", "::1:1", "20049"}) {
    const std::string text =
        "fips = no\npid = /p\n[efs]\nconnect = h:2049\naccept = " + std::string(address);
    EXPECT_EQ(failureOf(text).find("cfg: line 5: key \"efs.accept\" is not "), 0U) << address;
  }
}

TEST(TunnelConfig, RefusesBadAddresses) {
  for (const char* address : {"host", "host:", ":2049", "host:0", "host:65536", "host:x",
                              "a b:2049", "host:2049 x", "[]:1", "[::1:1"}) {
    const std::string text =
        "fips = no\npid = /p\n[efs]\naccept = 127.0.0.1:1\nconnect = " + std::string(address);
    EXPECT_EQ(failureOf(text), "cfg: line 5: key \"efs.connect\" is not <host>:<port>") << address;
  }
}

TEST(TunnelConfig, TakesBracketsOffAnIpv6Address) {
  const auto config = TunnelConfig::parse(
      "fips = no\npid = /p\n[efs]\naccept = 127.0.0.1:1\nconnect = [fd00::1]:2049", "cfg");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->connect_host, "fd00::1");
}

TEST(TunnelConfig, ToleratesRepeatedSocketLinesOnly) {
  EXPECT_EQ(failureOf(minimal("socket = a\nsocket = b\nsocket = c\n", "")), "accepted");
  EXPECT_EQ(failureOf(minimal("", "verify = 2\nverify = 0\n")),
            "cfg: line 7: key \"verify\" appears twice");
  EXPECT_EQ(failureOf(minimal("", "[efs]\naccept = 127.0.0.1:2\n")),
            "cfg: line 7: key \"accept\" appears twice");
}

TEST(TunnelConfig, IgnoresCommentsUnknownKeysAndSections) {
  EXPECT_EQ(failureOf(minimal("; c\n# d\n\nnew_key = x\n", "other = y\n[more]\nz = 1\n")),
            "accepted");
  EXPECT_EQ(failureOf(minimal("", "") + "\r\nverify = 2\r\n"), "accepted");
}

TEST(TunnelConfig, NamesTheLineThatItDoesNotUnderstand) {
  EXPECT_EQ(failureOf("fips = no\nnonsense\n"), "cfg: line 2: expected \"key = value\"");
  EXPECT_EQ(failureOf("[efs\n"), "cfg: line 1: section without \"]\"");
  EXPECT_EQ(failureOf("= x\n"), "cfg: line 1: expected \"key = value\"");
  EXPECT_EQ(failureOf("a = \x01z\n"), "cfg: line 1: control character");
  EXPECT_EQ(failureOf(minimal("", "verify = 5\n")),
            "cfg: line 6: key \"efs.verify\" is not a number from 0 to 4");
  EXPECT_EQ(failureOf(minimal("", "proxy_logging_max_bytes = -1\n")).find("cfg: line 6: "), 0U);
  EXPECT_EQ(failureOf(std::string(2U << 20U, '\n')), "cfg: file is too long");
}

TEST(TunnelConfig, NamesThePathThatItCannotRead) {
  const test_support::TempDir dir;
  const auto config = TunnelConfig::load(dir.at("absent"));
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().kind(), ErrorKind::kNotFound);
  EXPECT_NE(config.error().message().find(dir.at("absent")), std::string::npos);
}

TEST(TunnelConfig, LoadsAFile) {
  const test_support::TempDir dir;
  const auto config = TunnelConfig::load(dir.write("cfg", sample().serialize(true)));
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->version, "3.2.0");
}

}  // namespace
}  // namespace efs::tunnel_control

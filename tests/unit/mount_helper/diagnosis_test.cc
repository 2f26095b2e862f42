#include "trial/diagnosis.h"

#include <gtest/gtest.h>

#include "request/persistence.h"

namespace efs::mount_helper {
namespace {

using tunnel_control::Stage;
using tunnel_control::TunnelStatus;

struct Case {
  MountRequest request;
  MountTarget target{"fs-1.efs.us-east-1.amazonaws.com", {}, "10.0.0.1"};
  std::string signer;
  std::optional<TunnelStatus> failure;

  Error explained(const Error& cause) const {
    return explain(cause, Scene{request, target, "10.0.0.1:2049", signer, failure});
  }
};

TunnelStatus failedAt(Stage stage, ErrorKind kind, const std::string& why) {
  TunnelStatus status;
  status.stage = Stage::kFailed;
  status.failed_stage = stage;
  status.kind = kind;
  status.detail = why;
  return status;
}

const Error kReset(ErrorKind::kReset, "Connection reset by peer");

void expectContains(const Error& error, std::initializer_list<const char*> parts) {
  for (const char* part : parts) {
    EXPECT_NE(error.describe().find(part), std::string::npos)
        << part << " not in: " << error.describe();
  }
}

// CSI-19: a pin that has grown old is the likelier cause.
TEST(Diagnosis, AnAddressOfTheHostsFileIsNamedWhereItDoesNotAnswer) {
  for (const auto kind : {ErrorKind::kRefused, ErrorKind::kTimeout, ErrorKind::kUnreachable}) {
    Case c;
    c.target.pinned = true;
    c.failure = failedAt(Stage::kConnected, kind, "why");
    expectContains(c.explained(kReset), {"10.0.0.1:2049", "its address comes from /etc/hosts"});
    c.target.pinned = false;
    EXPECT_EQ(c.explained(kReset).describe().find("/etc/hosts"), std::string::npos);
  }
}

TEST(Diagnosis, AClosedPortNamesTheTargetAndItsState) {
  Case c;
  c.failure = failedAt(Stage::kConnected, ErrorKind::kRefused, "Connection refused");
  const Error error = c.explained(kReset);
  EXPECT_EQ(error.kind(), ErrorKind::kRefused);
  expectContains(error,
                 {"connecting", "fs-1.efs.us-east-1.amazonaws.com", "10.0.0.1:2049", "refused"});
}

TEST(Diagnosis, AnOptionThatTheKernelDoesNotKnowIsNamed) {
  Case c;
  Error cause(ErrorKind::kInvalidInput, "an incorrect mount option was specified");
  cause.addHint("dmesg names it");
  expectContains(c.explained(cause), {"incorrect mount option", "dmesg names it"});
  c.request.nfs_options = mounts::OptionList::parse("accespoint=fsap-1");
  expectContains(c.explained(cause), {"incorrect mount option", "did you mean \"accesspoint\"?"});
}

// EMFILE is no matter of DNS
TEST(Diagnosis, AProcessWithoutDescriptorsIsNotTakenForDns) {
  for (const Stage stage : {Stage::kResolved, Stage::kConnected}) {
    Case c;
    c.failure = failedAt(stage, ErrorKind::kIo, "resolving \"x\": Too many open files");
    const Error error = c.explained(kReset);
    EXPECT_EQ(error.kind(), ErrorKind::kIo);
    expectContains(error, {"Too many open files", "ulimit -n"});
    for (const char* wrong : {"DNS:", "security group", "VPC"})
      EXPECT_EQ(error.describe().find(wrong), std::string::npos) << error.describe();
  }
}

TEST(Diagnosis, ASilentAddressNamesTheSecurityGroup) {
  Case c;
  c.failure = failedAt(Stage::kConnected, ErrorKind::kTimeout, "no answer within 10 s");
  expectContains(c.explained(kReset), {"did not answer", "security group", "2049"});
}

TEST(Diagnosis, AnUntrustedCertificateNamesTheBundle) {
  Case c;
  c.failure = failedAt(Stage::kSecured, ErrorKind::kUntrusted, "self-signed certificate in chain");
  const Error error = c.explained(kReset);
  EXPECT_EQ(error.kind(), ErrorKind::kUntrusted);
  expectContains(error, {"TLS", "self-signed certificate in chain", "stunnel_cafile"});
}

// MODE-1: it is not the bundle that is wrong
TEST(Diagnosis, ARevokedCertificateNamesTheSetting) {
  Case c;
  c.failure = failedAt(Stage::kSecured, ErrorKind::kUntrusted, "OCSP: the certificate is revoked");
  const Error error = c.explained(kReset);
  expectContains(error, {"OCSP: the certificate is revoked", "stunnel_check_cert_validity"});
  EXPECT_EQ(error.hint().find("stunnel_cafile"), std::string::npos);
}

// MODE-1: nobody judged, so bg and retry= go on
TEST(Diagnosis, AResponderOutOfReachMayPassAndNamesTheSetting) {
  Case c;
  c.failure = failedAt(Stage::kSecured, ErrorKind::kUnreachable, "OCSP: cannot be found out");
  const Error error = c.explained(kReset);
  EXPECT_TRUE(mayPassByItself(error.kind()));
  expectContains(error, {"OCSP: cannot be found out", "stunnel_check_cert_validity", "responder"});
}

TEST(Diagnosis, ARefusedClientCertificateNamesSignerAndAccessPoint) {
  Case c;
  c.request.tls = true;
  c.request.iam = true;
  c.request.access_point = "fsap-0123456789abcdef0";
  c.signer = "access key AKIA1 from instance role web";
  c.failure = failedAt(Stage::kAccepted, ErrorKind::kReset, "closed by the server");
  expectContains(c.explained(kReset), {"authorisation", "AKIA1", "fsap-0123456789abcdef0", "clock",
                                       "Connection reset by peer"});
}

TEST(Diagnosis, AResetOfAPlainMountIsNotCalledAuthorisation) {
  Case c;
  const Error error = c.explained(kReset);
  EXPECT_EQ(error.describe().find("authorisation"), std::string::npos);
  expectContains(error, {"NFS", "tls or iam"});
}

// NFS-6: the words users search for stay
TEST(Diagnosis, ADenialKeepsTheKernelsWordsAndNamesThePolicy) {
  const Error cause(ErrorKind::kPermission, "access denied by server while mounting 127.0.0.1:/");
  Case c;
  c.request.iam = true;
  c.signer = "access key AKIA1 from instance role web";
  expectContains(c.explained(cause), {"access denied by server while mounting 127.0.0.1:/",
                                      "ClientMount", "AKIA1", "file system policy"});
  Case anonymous;
  expectContains(anonymous.explained(cause), {"anonymous", "tls,iam"});
  anonymous.request.tls = true;
  expectContains(anonymous.explained(cause), {"mount option iam"});
}

TEST(Diagnosis, AMissingDirectoryIsNamed) {
  Case c;
  c.request.device.path = "/nowhere";
  c.request.device.fs_id = "fs-1";
  expectContains(c.explained(Error(ErrorKind::kNotFound, "No such file or directory")),
                 {"/nowhere", "fs-1", "No such file or directory"});
}

// NFS-5
TEST(WorthRetrying, OnlyWhatMayPass) {
  MountRequest request;
  EXPECT_TRUE(worthRetrying(kReset, request));
  EXPECT_TRUE(worthRetrying(Error(ErrorKind::kTimeout, ""), request));
  EXPECT_FALSE(worthRetrying(Error(ErrorKind::kNotFound, ""), request));
  EXPECT_FALSE(worthRetrying(Error(ErrorKind::kUntrusted, ""), request));
  EXPECT_FALSE(worthRetrying(Error(ErrorKind::kPermission, ""), request));
  request.access_point = "fsap-0123456789abcdef0";
  EXPECT_TRUE(worthRetrying(Error(ErrorKind::kPermission, ""), request));
}

}  // namespace
}  // namespace efs::mount_helper

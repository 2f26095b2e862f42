// What the doctor makes of words, lines and findings, and that no check can hold it up.
#include "efs/efsctl/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "doctor/bundle.h"
#include "doctor/check_runner.h"
#include "doctor/doctor_target.h"
#include "doctor/doctor_words.h"
#include "doctor/fstab.h"
#include "efs/efsctl/efsctl.h"
#include "efs/test_support/real_clock.h"

namespace efs::efsctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(CheckWord, ComesBackAsItWasSaid) {
  CheckWord word;
  word.kind = CheckWord::Kind::kFinding;
  word.finding = {"TLS", Verdict::kWarn, "seen \"x\"\n", "do", Duration(12), "/mnt"};
  const auto back = CheckWord::decode(word.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, CheckWord::Kind::kFinding);
  EXPECT_EQ(back->finding.step, "TLS");
  EXPECT_EQ(back->finding.verdict, Verdict::kWarn);
  EXPECT_EQ(back->finding.seen, "seen \"x\"\n");
  EXPECT_EQ(back->finding.at, Duration(12));
  EXPECT_EQ(back->finding.target, "/mnt");
}

TEST(CheckWord, NonsenseIsNothing) {
  for (const char* text : {"", "{", "[]", "{}", R"({"kind":"finding","verdict":"good"})", "7"}) {
    EXPECT_FALSE(CheckWord::decode(text)) << text;
  }
}

TEST(Findings, TheFirstFailureIsTheCauseAndSkippedStepsAreNoWorry) {
  const std::vector<Finding> findings = {{"a", Verdict::kSkip, "", "", {}, ""},
                                         {"b", Verdict::kWarn, "", "", {}, ""},
                                         {"c", Verdict::kFail, "", "", {}, ""},
                                         {"d", Verdict::kFail, "", "", {}, ""}};
  EXPECT_EQ(causeOf(findings)->step, "c");
  EXPECT_EQ(worstOf(findings), Verdict::kFail);
  EXPECT_EQ(worstOf({findings[0]}), Verdict::kPass);
  EXPECT_EQ(causeOf({findings[0], findings[1]}), nullptr);
}

TEST(RunChecks, OneThatHangsIsToldByItsStepAndHoldsUpNobody) {
  const test_support::RealClock clock("a child that hangs is killed by the kernel");
  const std::vector<Check> checks = {{"slow", "fs-1",
                                      [](Reporter& report) {
                                        report.pass("begun");
                                        report.begin("the second step");
                                        ::pause();
                                      }},
                                     {"quick", "", [](Reporter& report) { report.pass("done"); }},
                                     {"dying", "", [](Reporter&) { ::_exit(3); }}};
  std::vector<std::string> shown;
  const auto findings = runChecks(checks, clock, Duration(1500),
                                  [&](const Finding& finding) { shown.push_back(finding.step); });
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0].seen, "begun");
  EXPECT_EQ(findings[1].step, "the second step");
  EXPECT_EQ(findings[1].target, "fs-1");
  EXPECT_THAT(findings[1].seen, HasSubstr("no answer within 1 s"));
  EXPECT_EQ(findings[2].seen, "done");
  EXPECT_THAT(findings[3].seen, HasSubstr("unexpected end"));
  EXPECT_THAT(shown, ::testing::UnorderedElementsAre("slow", "quick"));
}

TEST(RunChecks, WorkThatABusyHostDoesNotGetDoneIsNoFailure) {
  const test_support::RealClock clock("a child that hangs is killed by the kernel");
  const std::vector<Check> checks = {{"key", "fs-1",
                                      [](Reporter& report) {
                                        report.beginWork("private key");
                                        ::pause();
                                      }},
                                     {"names", "fs-1", [](Reporter& report) {
                                        report.beginWork("private key");
                                        report.begin("names");
                                        ::pause();
                                      }}};
  const auto findings = runChecks(checks, clock, Duration(1500), {});
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].step, "private key");
  EXPECT_EQ(findings[0].verdict, Verdict::kWarn);
  EXPECT_THAT(findings[0].seen, HasSubstr("this host has too much to do"));
  EXPECT_EQ(findings[1].verdict, Verdict::kFail) << "the work was done, somebody else is silent";
}

TEST(RunChecks, TheSilenceOfSomebodyWhomNoMountNeedsIsNoFailure) {
  const test_support::RealClock clock("a child that hangs is killed by the kernel");
  const auto findings =
      runChecks({{"aside", "", [](Reporter&) { ::pause(); }, false}}, clock, Duration(100), {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].verdict, Verdict::kSkip);
}

TEST(Fstab, LinesOfEfsAreFoundAndDecoded) {
  const auto lines = efsLines(
      "# fs-9:/ /x efs tls 0 0\n"
      "UUID=1 / ext4 defaults 0 1\n"
      "fs-1:/ /mnt/a\\040b efs defaults,_netdev,tls 0 0\n"
      "fs-2:/\t/mnt/c\tefs\tnofail\n"
      "fs-3:/ /mnt/d efs\n");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].number, 3);
  EXPECT_EQ(lines[0].mountpoint, "/mnt/a b");
  EXPECT_EQ(lines[0].options, "_netdev,tls");
  EXPECT_TRUE(lines[0].has("tls"));
  EXPECT_FALSE(lines[0].has("tl"));
  EXPECT_EQ(lines[1].device, "fs-2:/");
}

TEST(Fstab, AdviceIsOnlyForWhatAHostMountsAtBoot) {
  EXPECT_EQ(adviceFor({1, "fs-1", "/m", "tls"}).size(), 2U);
  EXPECT_THAT(adviceFor({1, "fs-1", "/m", "tls,_netdev,nofail"}), IsEmpty());
  EXPECT_THAT(adviceFor({1, "fs-1", "/m", "noauto"}), IsEmpty());
  EXPECT_THAT(adviceFor({1, "fs-1", "/m", "x-systemd.automount"}), IsEmpty());
}

KnownMounts someMounts() {
  KnownMounts known;
  known.lines = {{3, "fs-1:/", "/mnt/a", "tls,_netdev"}};
  state::MountState state;
  state.fs_id = "fs-2";
  state.mountpoint = "/mnt/b";
  state.access_point = "fsap-7";
  state.aws_credentials_method = "credentials:backup";
  state.region = "eu-west-1";
  state.cmd = {"/usr/bin/efs-proxy", "/run/efs/stunnel-config.x", "--tls"};
  known.states = {state};
  return known;
}

TEST(DoctorTargets, AMountPointIsFoundInStatesAndInFstab) {
  const auto line = doctorTargets({false, {}, {"/mnt/a"}}, someMounts());
  ASSERT_TRUE(line);
  EXPECT_EQ(line->at(0).device, "fs-1:/");
  EXPECT_EQ(line->at(0).options, "tls,_netdev");
  EXPECT_EQ(line->at(0).from, "line 3 of /etc/fstab");
  const auto state = doctorTargets({false, {}, {"/mnt/b"}}, someMounts());
  ASSERT_TRUE(state);
  EXPECT_EQ(state->at(0).options, "tls,accesspoint=fsap-7,iam,awsprofile=backup,region=eu-west-1");
  EXPECT_EQ(state->at(0).mountpoint, "") << "a mount that is there is not looked at";
}

TEST(DoctorTargets, AFileSystemTakesItsLineOfFstabElseTls) {
  EXPECT_EQ(doctorTargets({false, {}, {"fs-1"}}, someMounts())->at(0).options, "tls,_netdev");
  EXPECT_EQ(doctorTargets({false, {}, {"fs-9"}}, someMounts())->at(0).options, "tls");
  EXPECT_EQ(doctorTargets({false, "iam,tls", {"fs-1"}}, someMounts())->at(0).options, "iam,tls");
}

TEST(DoctorTargets, AccessPointLineAndAll) {
  EXPECT_EQ(doctorTargets({false, {}, {"fsap-7"}}, someMounts())->at(0).device, "fs-2:/");
  const auto line = doctorTargets({false, {}, {"fs-5:/ /mnt/x efs iam,tls 0 0"}}, {});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->at(0).mountpoint, "/mnt/x");
  EXPECT_EQ(doctorTargets({true, {}, {}}, someMounts())->size(), 2U);
  EXPECT_THAT(*doctorTargets({false, {}, {}}, someMounts()), IsEmpty());
}

TEST(DoctorTargets, WhatNobodyKnowsIsRefusedWithAWayOut) {
  for (const char* word : {"/mnt/c", "fsap-8", "some words here"}) {
    const auto targets = doctorTargets({false, {}, {word}}, someMounts());
    ASSERT_FALSE(targets) << word;
    EXPECT_NE(targets.error().hint(), "") << word;
  }
}

TEST(DoctorWords, TellTheCauseAndWhatToDo) {
  DoctorReport report;
  report.took = Duration(1500);
  report.findings = {{"kernel", Verdict::kPass, "is there", "", {}, ""},
                     {"TLS", Verdict::kFail, "untrusted\n", "renew", {}, "/mnt"}};
  EXPECT_THAT(findingText(report.findings[1], false),
              HasSubstr("fail  TLS              /mnt: untrusted?"));
  EXPECT_THAT(findingText(report.findings[1], false), HasSubstr("-> renew"));
  EXPECT_THAT(findingText(report.findings[1], true), HasSubstr("\033[31m"));
  EXPECT_THAT(verdictText(report), HasSubstr("Begin with \"TLS\""));
  EXPECT_THAT(doctorJson(report), HasSubstr("\"verdict\": \"fail\""));
  report.findings.pop_back();
  EXPECT_THAT(verdictText(report), HasSubstr("All is well"));
}

TEST(WithoutSecrets, FormsAndNamesAreRemovedAndTheRestStays) {
  const std::string key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  EXPECT_EQ(withoutSecrets("a " + key + " b", {}), "a [removed] b");
  EXPECT_EQ(withoutSecrets("x \"SessionToken\": \"abc\", y", {}),
            "x \"SessionToken\": \"[removed]\", y");
  EXPECT_EQ(withoutSecrets("password = a b", {}), "password = [removed] b");
  EXPECT_EQ(withoutSecrets("http://u:p@host/x", {}), "http://[removed]@host/x");
  EXPECT_EQ(withoutSecrets("http://host/x@y", {}), "http://host/x@y");
  EXPECT_EQ(withoutSecrets("eyJh.eyJi.c-d", {}), "[removed]");
  EXPECT_EQ(withoutSecrets("the known word", {"known word"}), "the [removed]");
  const std::string digest = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
  const std::string plain = "fs-0123456789abcdef0 at /mnt, key id AKIAIOSFODNN7EXAMPLE, " + digest;
  EXPECT_EQ(withoutSecrets(plain, {}), plain);
}

TEST(WithoutSecrets, 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) {
  EXPECT_THAT(
      withoutSecrets("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nx", {}),
      ::testing::AllOf(Not(HasSubstr("abc")), HasSubstr("\nx")));
  EXPECT_THAT(withoutSecrets("-----BEGIN PRIVATE KEY-----\nabc", {}), Not(HasSubstr("abc")));
  EXPECT_THAT(withoutSecrets("-----BEGIN CERTIFICATE-----\nabc\n", {}), HasSubstr("abc"));
}

TEST(DoctorOptions, TakeWordsAndRefuseOthers) {
  const auto options =
      parseDoctorOptions({"--json", "-o", "tls", "--bundle", "/b", "--", "-x", "/mnt"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->json);
  EXPECT_EQ(options->options, "tls");
  EXPECT_EQ(options->bundle, "/b");
  EXPECT_THAT(options->names, ElementsAre("-x", "/mnt"));
  EXPECT_FALSE(parseDoctorOptions({"--bundle"}));
  EXPECT_FALSE(parseDoctorOptions({"--frob"}));
  EXPECT_FALSE(parseDoctorOptions({"a", "b", "c"}));
  EXPECT_FALSE(parseDoctorOptions({"-a", "b"}));
  EXPECT_EQ(runEfsctl({"efsctl", "doctor", "--help"}), kHealthy);
}

}  // namespace
}  // namespace efs::efsctl

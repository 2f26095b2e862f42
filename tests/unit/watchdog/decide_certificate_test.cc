// When a certificate is renewed, and whether a tunnel waits for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide_bench.h"

namespace efs::watchdog {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// CERT-7
TEST(Decide, RenewsADueCertificateOnceAndLeavesTheTunnelRunning) {
  Bench bench;
  bench.seen.certificate_due = true;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kRenewCertificate));
  bench.seen.renewal_running = true;
  EXPECT_THAT(bench.step(Duration(60000)), IsEmpty());
}

// WD-14 FIX
TEST(Decide, BacksOffAfterFailedRenewals) {
  Bench bench;
  bench.seen.certificate_due = true;
  bench.step();
  EXPECT_THAT(bench.step(Duration(9999)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kRenewCertificate));
  EXPECT_THAT(bench.step(Duration(19999)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kRenewCertificate));
  bench.seen.certificate_due = false;
  bench.step(Duration(1));
  bench.seen.certificate_due = true;
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kRenewCertificate));
}

// WD-6
TEST(Decide, RenewsBeforeItStartsATunnelWithoutACertificate) {
  Bench bench;
  bench.seen.tunnel_alive = false;
  bench.seen.certificate_missing = bench.seen.certificate_due = true;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kRenewCertificate, Action::kReportNoCertificate));
  bench.seen.certificate_missing = bench.seen.certificate_due = false;
  EXPECT_THAT(bench.step(Duration(100)), ElementsAre(Action::kStartTunnel));
}

TEST(Decide, StartsADeadTunnelWithAnOldCertificateWithoutWaitingForTheNewOne) {
  Bench bench;
  bench.seen.tunnel_alive = false;
  bench.seen.certificate_due = true;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kRenewCertificate, Action::kStartTunnel));
}

}  // namespace
}  // namespace efs::watchdog

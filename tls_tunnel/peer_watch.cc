#include "efs/tls_tunnel/peer_watch.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace efs::tls_tunnel {
namespace {

// Probes of a closed window back off up to two minutes, so silence alone proves nothing; so many
// of them without an answer do.
constexpr int kUnansweredProbes = 3;

}  // namespace

PeerWatch::Verdict PeerWatch::look() {
  int waiting = 0;  // in the send queue, acknowledged or not
  int unsent = 0;
  tcp_info info{};
  socklen_t length = sizeof(info);
  if (::ioctl(fd_, SIOCOUTQ, &waiting) != 0 || ::ioctl(fd_, SIOCOUTQNSD, &unsent) != 0 ||
      ::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
    return Verdict::kQuiet;
  if (waiting == 0) {
    setTimeoutLifted(false);
    return Verdict::kQuiet;
  }
  // All that was sent is acknowledged, and yet bytes wait: only a closed window holds them.
  setTimeoutLifted(unsent > 0 && info.tcpi_unacked == 0);
  const bool silent = Duration(info.tcpi_last_ack_recv) >= keepalive_.user_timeout &&
                      info.tcpi_probes >= kUnansweredProbes;
  return lifted_ && silent ? Verdict::kDead : Verdict::kBusy;
}

void PeerWatch::setTimeoutLifted(bool lifted) {
  if (lifted == lifted_) return;
  const unsigned int timeout_ms =
      lifted ? 0 : static_cast<unsigned int>(keepalive_.user_timeout.count());
  if (::setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms)) == 0)
    lifted_ = lifted;
}

}  // namespace efs::tls_tunnel

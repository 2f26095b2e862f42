// The simulator's DNS server (RFC 1035): UDP and TCP, A and AAAA for the names of the mount
// targets, NXDOMAIN for every other name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "network.h"
#include "world.h"

namespace efs::simulator {

// The reply to one query; nullopt for what deserves none (not a query, no question).
std::optional<std::string> answerDns(std::string_view query, const World& world);

class DnsServer {
 public:
  static Result<std::unique_ptr<DnsServer>> start(const World& world);
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer();

 private:
  DnsServer(const World& world, UniqueFd udp, std::unique_ptr<StopSignal> stop);
  void serveUdp();
  void serveTcp(UniqueFd connection);

  const World& world_;
  UniqueFd udp_;
  std::unique_ptr<StopSignal> stop_;
  ThreadCrew crew_;
  std::unique_ptr<Listener> tcp_;
  std::thread udp_thread_;
};

}  // namespace efs::simulator

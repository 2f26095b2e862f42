// FakeDns: a DNS server over UDP on a free loopback port, answering from a table, in its own
// thread. It can also stay silent or fail.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "efs/base/unique_fd.h"

namespace efs::net::testing {

struct Zone {
  std::vector<std::string> v4, v6;
  bool silent_v4 = false, silent_v6 = false;
  bool fails = false;         // SERVFAIL
  std::string alias_of = {};  // CNAME; the addresses are those of that name
  unsigned rcode = 0;         // another error than SERVFAIL (RFC 1035 section 4.1.1)
};

using Zones = std::map<std::string, Zone>;

class FakeDns {
 public:
  // Names in lower case without a trailing dot; a name that is not in the table is NXDOMAIN.
  explicit FakeDns(Zones zones);
  ~FakeDns();
  FakeDns(const FakeDns&) = delete;
  FakeDns& operator=(const FakeDns&) = delete;

  std::uint16_t port() const { return port_; }
  int questions() const { return questions_; }

 private:
  void serve();
  std::string answer(std::string_view question);

  Zones zones_;
  UniqueFd socket_;
  Pipe stop_;
  std::uint16_t port_ = 0;
  std::atomic<int> questions_{0};
  std::thread thread_;
};

}  // namespace efs::net::testing

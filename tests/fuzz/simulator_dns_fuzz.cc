// DNS queries of any shape: a reply repeats the id and the question, or there is none.
#include <cstdint>
#include <cstdlib>

#include "dns.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace efs::simulator;
  static const efs::SystemClock clock;
  static World* world = [] {
    Config config;
    config.region = "r";
    config.dns_name_suffix = "s";
    config.imds.az = "a";
    config.file_systems.push_back(
        {"f", false, "/d", {{"a", "i", "127.0.0.1"}, {"a", "i", "::1"}}, {}, {}, false, {}});
    return new World(config, clock);
  }();
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  const auto reply = answerDns(query, *world);
  if (reply && (reply->size() < 17 || reply->substr(0, 2) != query.substr(0, 2))) std::abort();
  return 0;
}

// A tunnel is the program that talks to the network; its page of counters is read by the watchdog
// as root. Whatever stands in it, the texts come out bounded and printable.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "efs/tunnel_control/tunnel_counters.h"

namespace {

using efs::tunnel_control::CountersWords;

void check(const std::string& text, std::size_t limit) {
  if (text.size() > limit) std::abort();
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CountersWords page{};
  // Behind a good magic and version, so that every input reaches the rest.
  page[0] = 0x544E554F43534645U;
  page[1] = efs::tunnel_control::kCountersVersion;
  constexpr std::size_t kHead = 2 * sizeof(std::uint64_t);
  if (size != 0)
    std::memcpy(reinterpret_cast<char*>(page.data()) + kHead, data,
                std::min(size, sizeof page - kHead));
  const auto counters = efs::tunnel_control::decodeCounters(page);
  if (!counters || counters->facts.pid < 0) std::abort();
  check(counters->facts.upstream, 48);
  check(counters->facts.tls, 96);
  check(counters->facts.error, 512);
  (void)efs::tunnel_control::upstreamStateName(counters->upstreamState());
  const auto age = efs::tunnel_control::countersAge(counters->numbers.silent_since,
                                                    efs::MonoTime(std::chrono::hours(1)));
  if (age.count() < 0) std::abort();
  if (size < sizeof page) return 0;
  std::memcpy(page.data(), data, sizeof page);
  (void)efs::tunnel_control::decodeCounters(page);
  return 0;
}

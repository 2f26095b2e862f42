#include "efs/tls_tunnel/connect_pacer.h"

#include <algorithm>

namespace efs::tls_tunnel {

Duration ConnectPacer::delay(MonoTime now) const {
  if (failures_ == 0 || now >= not_before_) return Duration{0};
  return std::chrono::ceil<Duration>(not_before_ - now);
}

void ConnectPacer::failed(MonoTime now) {
  // Several connections (nconnect) fail together: that is one failure.
  if (delay(now) > Duration{0}) return;
  constexpr std::uint64_t kMaxDoublings = 20;
  // A shift by more than the width of the number is undefined.
  const auto doublings = std::min(failures_, kMaxDoublings);
  ++failures_;
  const Duration pause =
      std::min(limits_.retry_first * (Duration::rep{1} << doublings), limits_.retry_most);
  // Between half of it and all of it.
  std::uniform_int_distribution<Duration::rep> cut(0, pause.count() / 2);
  not_before_ = now + pause - Duration{cut(random_)};
}

}  // namespace efs::tls_tunnel

// Any bytes as a server's answers to the probe, which asks with fixed xids 1, 2, 3 ...: it ends
// without waiting, because the stream is closed behind them.
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "efs/base/unique_fd.h"
#include "efs/rpc/nfs_probe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kFitsTheSocket = 65536;
  if (size > kFitsTheSocket) return 0;
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) std::abort();
  const efs::UniqueFd probe(fds[0]);
  const efs::UniqueFd server(fds[1]);
  if (::send(server.get(), data, size, MSG_DONTWAIT) != static_cast<ssize_t>(size)) std::abort();
  ::shutdown(server.get(), SHUT_WR);
  const efs::SystemClock clock;
  const auto result = efs::rpc::probeNfs(probe.get(), clock, efs::Duration(5000),
                                         {1, "verifier", "owner", "machine"});
  if (!result && result.error().kind() == efs::ErrorKind::kTimeout) std::abort();
  return 0;
}

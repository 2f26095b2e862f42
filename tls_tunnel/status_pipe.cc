#include "efs/tls_tunnel/status_pipe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "efs/base/environment.h"
#include "efs/base/text.h"

namespace efs::tls_tunnel {

using tunnel_control::Stage;
using tunnel_control::TunnelStatus;

StatusPipe::StatusPipe(UniqueFd fd) : fd_(std::move(fd)) {
  if (fd_.valid() && !setNonBlocking(fd_.get(), true)) fd_.reset();
}

StatusPipe StatusPipe::fromEnvironment() {
  const auto number = parseInt(environmentVariable(tunnel_control::kStatusFdVariable).value_or(""));
  (void)::unsetenv(tunnel_control::kStatusFdVariable);
  // Only a pipe, and none of the three: a number left in the environment by somebody else must not
  // make us write into a file.
  if (!number || *number <= STDERR_FILENO || *number > 1023) return {};
  const int fd = static_cast<int>(*number);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode)) return {};
  (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return StatusPipe(UniqueFd(fd));
}

void StatusPipe::reached(Stage stage, std::string detail) {
  TunnelStatus status;
  status.stage = stage;
  status.detail = std::move(detail);
  send(status);
}

void StatusPipe::failed(Stage tried, const Error& error) {
  TunnelStatus status;
  status.stage = Stage::kFailed;
  status.failed_stage = tried;
  status.kind = error.kind();
  status.detail =
      error.message();  // the reader has better advice than our hint: it knows the request
  send(status);
}

void StatusPipe::send(const TunnelStatus& status) {
  if (!fd_.valid()) return;
  // A line is shorter than PIPE_BUF, so it goes out whole or not at all (pipe(7)).
  const std::string line = status.encode();
  ssize_t sent = 0;
  do {
    sent = ::write(fd_.get(), line.data(), line.size());
  } while (sent < 0 && errno == EINTR);
  // mount.efs has ended or reads no more: a tunnel never waits for its audience.
  if (sent != static_cast<ssize_t>(line.size())) fd_.reset();
}

}  // namespace efs::tls_tunnel

#include "serve/serve.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "efs/base/text.h"
#include "efs/efsctl/efsctl.h"
#include "efs/loop/event_loop.h"
#include "serve/listen_address.h"
#include "serve/status_server.h"

namespace efs::efsctl {
namespace {

// The watchdog holds the other end: we end with it, however it ends.
void endWithInput(loop::EventLoop& loop) {
  std::array<char, 256> nothing{};
  const ssize_t got = ::read(STDIN_FILENO, nothing.data(), nothing.size());
  const bool goes_on = got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
  if (!goes_on) loop.stop();
}

Status serve(const MetricsOptions& options, loop::EventLoop& loop, StatusServer& server) {
  for (const auto& text : options.listen) {
    EFS_TRY(asked, parseListenAddress(text));
    EFS_TRY(listener, listenAt(asked, options.group));
    EFS_TRY(real, addressOf(asked, listener.get()));
    EFS_CHECK(server.listen(std::move(listener), real.local()));
    if (!printOut("listening at " + real.text() + "\n")) {
      return Error(ErrorKind::kInternal, "nobody could be told where");
    }
  }
  loop::EventLoop::Watch input;
  if (options.until_eof) {
    EFS_TRY(watch,
            loop.watch(STDIN_FILENO, EPOLLIN, [&loop](std::uint32_t) { endWithInput(loop); }));
    input = std::move(watch);
  }
  return loop.run();
}

}  // namespace

int serveMetrics(const MetricsOptions& options) {
  const SystemClock clock;
  auto loop = loop::EventLoop::create(clock);
  Status done = loop ? Status{} : Status(loop.error());
  if (loop) {
    StatusServer server(**loop, options.status);
    done = serve(options, **loop, server);
  }
  if (done) return kHealthy;
  std::fprintf(stderr, "efsctl: %s\n", done.error().describe().c_str());
  return kFailed;
}

}  // namespace efs::efsctl

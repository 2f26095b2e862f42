#include "serve/serve.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/text.h"
#include "efs/efsctl/efsctl.h"
#include "efs/loop/event_loop.h"
#include "serve/listen_address.h"
#include "serve/status_server.h"

namespace efs::efsctl {
namespace {

constexpr Duration kPause{2000};

// The watchdog holds the other end: we end with it, however it ends.
void endWithInput(loop::EventLoop& loop) {
  std::array<char, 256> nothing{};
  const ssize_t got = ::read(STDIN_FILENO, nothing.data(), nothing.size());
  const bool goes_on = got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
  if (!goes_on) loop.stop();
}

// The addresses at which numbers are served, each by itself: one that is taken or wrong leaves the
// others served.
class Addresses {
 public:
  Addresses(const MetricsOptions& options, loop::EventLoop& loop, StatusServer& server)
      : options_(options), loop_(loop), server_(server) {}

  // An error where there is none at which anything is served.
  Status open() {
    bool some = false;
    std::optional<Error> failed;
    for (const auto& text : options_.listen) {
      const Status opened = openOne(text);
      some = some || opened;
      if (opened) continue;
      if (failed) complain(*failed);
      failed = opened.error();
      missing_.push_back(text);
    }
    if (!some && failed) return *failed;
    if (failed) complain(*failed);
    wait();
    return {};
  }

 private:
  Status openOne(const std::string& text) {
    EFS_TRY(asked, parseListenAddress(text));
    EFS_TRY(listener, listenAt(asked, options_.group));
    EFS_TRY(real, addressOf(asked, listener.get()));
    EFS_CHECK(server_.listen(std::move(listener), real.local()));
    if (!printOut("listening at " + real.text() + "\n")) {
      return Error(ErrorKind::kInternal, "nobody could be told where");
    }
    return {};
  }

  // What is taken may become free; it has been complained about.
  void tryAgain() {
    std::erase_if(missing_, [this](const auto& text) { return openOne(text).has_value(); });
    wait();
  }

  void wait() {
    if (!missing_.empty()) again_ = loop_.after(kPause, [this] { tryAgain(); });
  }

  static void complain(const Error& error) {
    std::fprintf(stderr, "efsctl: %s\n", error.describe().c_str());
  }

  const MetricsOptions& options_;
  loop::EventLoop& loop_;
  StatusServer& server_;
  std::vector<std::string> missing_;
  loop::EventLoop::Timer again_;
};

Status serve(const MetricsOptions& options, loop::EventLoop& loop, StatusServer& server) {
  Addresses addresses(options, loop, server);
  EFS_CHECK(addresses.open());
  loop::EventLoop::Watch input;
  if (options.until_eof) {
    auto watch = loop.watch(STDIN_FILENO, EPOLLIN, [&loop](std::uint32_t) { endWithInput(loop); });
    if (!watch) return watch.error().addContext("waiting for the end of the standard input");
    input = std::move(*watch);
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

// MetricsChild: `efsctl metrics --listen` beside the watchdog, as the configuration asks (keys
// metrics_listen, status_group). What strangers ask is its work and none of the loop's; it ends
// with the watchdog, because its standard input does, and is started again when it dies, after a
// pause that doubles while it dies soon. What it complains about goes into our log.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/loop/event_loop.h"
#include "efs/settings/settings.h"

namespace efs::watchdog {

class MetricsChild {
 public:
  static constexpr Duration kFirstPause{10000};
  // Where it shall look; `mountinfo` empty: in the kernel's table.
  MetricsChild(loop::EventLoop& loop, const std::string& state_dir, const std::string& mountinfo)
      : loop_(loop), own_words_{"--state-dir", state_dir}, pause_(kFirstPause) {
    if (!mountinfo.empty()) own_words_.insert(own_words_.end(), {"--mountinfo", mountinfo});
  }
  MetricsChild(const MetricsChild&) = delete;
  MetricsChild& operator=(const MetricsChild&) = delete;

  // Starts, ends or replaces it where something has changed. Never waits.
  void configure(const settings::WatchdogSettings& settings);

 private:
  std::vector<std::string> wordsFor(const settings::WatchdogSettings& settings) const;
  void start();
  Status spawn();
  Status supervise(UniqueFd words);
  void ended();
  void forget();
  bool hear();
  void tell(std::string_view line);

  loop::EventLoop& loop_;
  std::vector<std::string> own_words_;
  std::vector<std::string> words_;  // of the child that there should be; empty: none
  pid_t pid_ = -1;                  // of the one that there is
  UniqueFd life_;                   // the other end of its standard input; none: it is to end
  UniqueFd pidfd_;
  UniqueFd complaints_;  // of its standard error
  std::string heard_;    // of a line
  int told_ = 0;         // lines, of this child
  MonoTime started_;
  Duration pause_;
  loop::EventLoop::Watch watch_;  // after what they watch
  loop::EventLoop::Watch ear_;
  loop::EventLoop::Timer again_;  // or, while one is to end, its end by force
  bool announced_ = false;
};

}  // namespace efs::watchdog

// MetricsChild: `efsctl metrics --listen` beside the watchdog, as the configuration asks (keys
// metrics_listen, status_group). What strangers ask is its work and none of the loop's; it ends
// with the watchdog, because its standard input does, and is started again when it dies.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "efs/base/unique_fd.h"
#include "efs/loop/event_loop.h"
#include "efs/settings/settings.h"

namespace efs::watchdog {

class MetricsChild {
 public:
  // Where it shall look; `mountinfo` empty: in the kernel's table.
  MetricsChild(loop::EventLoop& loop, const std::string& state_dir, const std::string& mountinfo)
      : loop_(loop), own_words_{"--state-dir", state_dir} {
    if (!mountinfo.empty()) own_words_.insert(own_words_.end(), {"--mountinfo", mountinfo});
  }
  MetricsChild(const MetricsChild&) = delete;
  MetricsChild& operator=(const MetricsChild&) = delete;

  // Starts, ends or replaces it where something has changed. Never waits.
  void configure(const settings::WatchdogSettings& settings);

 private:
  std::vector<std::string> wordsFor(const settings::WatchdogSettings& settings) const;
  void start();
  void ended();

  loop::EventLoop& loop_;
  std::vector<std::string> own_words_;
  std::vector<std::string> words_;  // of the child that there should be; empty: none
  pid_t pid_ = -1;                  // of the one that there is
  UniqueFd life_;                   // the other end of its standard input
  UniqueFd pidfd_;
  loop::EventLoop::Watch watch_;  // after what it watches
  loop::EventLoop::Timer again_;
  bool told_ = false;
};

}  // namespace efs::watchdog

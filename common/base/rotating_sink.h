// The spdlog sink behind log.h: appends whole lines, rotates by renaming under a lock that all
// processes writing the same file share. Private to the library.
#pragma once

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <mutex>
#include <string>

#include "efs/base/log.h"
#include "efs/base/unique_fd.h"

namespace efs::log {

class RotatingSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  static Result<std::shared_ptr<RotatingSink>> create(const Config& config);

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  explicit RotatingSink(Config config) : config_(std::move(config)) {}
  Status openFile();
  bool needsRotation(std::size_t more) const;
  bool isCurrentFile() const;
  void rotate();
  // The n-th old file: <path>.1 is the newest for helpers, <path>.0 for tunnels.
  std::string oldName(int n) const;

  Config config_;
  UniqueFd fd_;
};

}  // namespace efs::log

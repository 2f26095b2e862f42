// Rollback: what must be undone if a later step fails. Steps run newest first, each exactly once; a
// mount that succeeded calls commit() and nothing is undone (contract FLOW-1, FLOW-2).
#pragma once

#include <functional>
#include <vector>

namespace efs::mount_helper {

class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() { undo(); }

  void onFailure(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void commit() { steps_.clear(); }
  void undo() {
    while (!steps_.empty()) {
      auto step = std::move(steps_.back());
      steps_.pop_back();
      step();
    }
  }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace efs::mount_helper

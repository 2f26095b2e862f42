// A question that is asked in a thread of its own while the program goes on.
#pragma once

#include <functional>
#include <future>
#include <vector>

#include "efs/base/log.h"

namespace efs::mount_helper {

// Meanwhile the program forks, to read the user's files (users_file.h): the question may hold no
// lock that such children need. Its destructor waits for it.
class Aside {
 public:
  // Where no thread can be had, join() asks.
  void ask(std::function<void()> question);
  // Waits for the answer, and writes what the question has said for the log. Whatever the question
  // uses is its own until then.
  void join();

 private:
  std::future<std::vector<log::Line>> asking_;
};

}  // namespace efs::mount_helper

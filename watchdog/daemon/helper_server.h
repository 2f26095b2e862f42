// HelperServer: answers mount.efs, umount.efs and efsctl on the watchdog's socket
// (efs/tunnel_control/watchdog_link.h).
// Few connections at a time, each with a deadline: a stuck helper costs nothing.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/loop/event_loop.h"
#include "efs/tunnel_control/watchdog_link.h"

namespace efs::watchdog {

class HelperServer {
 public:
  // Who knows the answers.
  struct Handlers {
    // Takes the listening socket of a mount name, or says why not.
    std::function<Status(const std::string& name, UniqueFd listener)> take_listener;
    std::function<void(const std::string& name)> unmounted;
    std::function<tunnel_control::WatchdogStatus()> status;
  };

  HelperServer(loop::EventLoop& loop, Handlers handlers)
      : loop_(loop), handlers_(std::move(handlers)) {}
  HelperServer(const HelperServer&) = delete;
  HelperServer& operator=(const HelperServer&) = delete;

  // Again, once reachableAt() says no: those who are connected keep their answers.
  Status listen(const std::string& socket_path);
  // Whether the socket file is the one made by listen(): it may have been deleted or replaced.
  bool reachableAt(const std::string& socket_path) const;

 private:
  struct Connection {
    UniqueFd fd;
    loop::EventLoop::Watch watch;
    loop::EventLoop::Timer deadline;
  };
  Status watchListener();
  void accept();
  void serve(int fd);
  Status answer(int fd, tunnel_control::ReceivedRequest received) const;
  void expire(int fd);
  void giveTime(int fd, Duration time);
  void drop(int fd);

  loop::EventLoop& loop_;
  Handlers handlers_;
  UniqueFd listener_;
  ino_t socket_inode_ = 0;
  loop::EventLoop::Watch listening_;
  // Armed while accept() is not tried, e.g. because descriptors ran out: the loop must not spin.
  loop::EventLoop::Timer pause_;
  std::map<int, Connection> connections_;
};

}  // namespace efs::watchdog

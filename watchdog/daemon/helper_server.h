// HelperServer: answers mount.efs, umount.efs and efsctl on the watchdog's socket
// (efs/tunnel_control/watchdog_link.h).
// Few connections at a time, each with a deadline: a stuck helper costs nothing.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "daemon/event_loop.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
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

  HelperServer(EventLoop& loop, const Clock& clock, Handlers handlers)
      : loop_(loop), clock_(clock), handlers_(std::move(handlers)) {}
  HelperServer(const HelperServer&) = delete;
  HelperServer& operator=(const HelperServer&) = delete;
  ~HelperServer();

  // Again, once reachableAt() says no: those who are connected keep their answers.
  Status listen(const std::string& socket_path);
  // Whether the socket file is the one made by listen(): it may have been deleted or replaced.
  bool reachableAt(const std::string& socket_path) const;
  // Closes connections whose deadline has passed, accepts again after a pause; returns the next
  // deadline.
  std::optional<MonoTime> expire();

 private:
  struct Connection {
    UniqueFd fd;
    MonoTime deadline;
  };
  Status watchListener();
  void accept();
  void serve(int fd);
  Status answer(int fd, tunnel_control::ReceivedRequest received) const;
  void drop(int fd);

  EventLoop& loop_;
  const Clock& clock_;
  Handlers handlers_;
  UniqueFd listener_;
  ino_t socket_inode_ = 0;
  // Set while accept() is not tried, e.g. because descriptors ran out: the loop must not spin.
  std::optional<MonoTime> paused_until_;
  std::map<int, Connection> connections_;
};

}  // namespace efs::watchdog

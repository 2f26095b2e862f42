// ServiceManager: what systemd wants to know of us and keeps for us (sd_notify(3), fdstore). All of
// it does nothing where there is no systemd.
//
// Nothing here waits for systemd, as sd_notify(3) itself does when its queue is full (a manager
// that is frozen, or busy with a reload): what it does not take is kept, in order, and sent by
// pump().
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/unique_fd.h"
#include "efs/loop/event_loop.h"
#include "tools/processes.h"

namespace efs::watchdog {

class ServiceManager final : public ListenerStore {
 public:
  static ServiceManager fromEnvironment();

  // NOTIFY_SOCKET is set: somebody restarts us by our exit status.
  bool present() const { return present_; }
  // Sent once.
  void ready();
  void stopping();
  // Sent only when the text changed.
  void status(const std::string& text);
  // Half of WATCHDOG_USEC; nullopt when no pings are wanted.
  std::optional<Duration> pingInterval() const { return ping_interval_; }
  // A ping now and after each pingInterval(), as long as the loop turns.
  void keepPinging(loop::EventLoop& loop);
  // Sends what waits. When to call again; nullopt when nothing waits.
  std::optional<Duration> pump();

  // Listening sockets survive a crash or an upgrade of the watchdog in systemd's hands.
  void storeListener(const std::string& mount_name, const Listener& listener) override;
  void dropListener(const std::string& mount_name) override;
  // What an earlier process stored. Call once, before other threads or children exist.
  std::vector<std::pair<std::string, UniqueFd>> takeStoredListeners() const;

 private:
  struct Message {
    std::string text;
    UniqueFd fd;  // sent with it if valid
  };
  enum class Sent { kYes, kLater, kNever };

  void notify(std::string text, UniqueFd fd = {});
  Sent send(const Message& message) const;

  bool present_ = false;
  bool ready_sent_ = false;
  std::optional<Duration> ping_interval_;
  loop::EventLoop::Timer ping_;
  std::string last_status_;
  std::string socket_path_;  // as NOTIFY_SOCKET names it
  std::deque<Message> waiting_;
};

// A mount name as FDNAME: at most 255 characters, printable ASCII without ':'. nullopt if too long.
std::optional<std::string> escapeFdName(const std::string& mount_name);
std::optional<std::string> unescapeFdName(const std::string& fd_name);

}  // namespace efs::watchdog

// Sockets and threads of the simulator: addresses, listeners, stop signal, a crew of threads.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "config.h"
#include "efs/base/clock.h"
#include "efs/base/unique_fd.h"

namespace efs::simulator {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
Result<SocketAddress> socketAddress(const Endpoint& endpoint);
// "ip:port" of the other side.
std::string peerName(int fd);

// An eventfd that, once raised, stays readable: every thread polls it beside its own descriptors.
class StopSignal {
 public:
  static Result<std::unique_ptr<StopSignal>> create();
  int fd() const { return event_.get(); }
  void raise();
  // Waits for `patience`; true when raised meanwhile.
  bool wait(Duration patience) const;

 private:
  explicit StopSignal(UniqueFd event) : event_(std::move(event)) {}
  UniqueFd event_;
};

enum class Ready { kYes, kTimeout, kStopped };
// Waits until `fd` has one of `events` (POLLIN, POLLOUT, errors count too).
Ready waitFor(int fd, short events, const StopSignal& stop, Duration patience);

// Detached threads that are waited for: the destructor returns when the last one has ended, so
// whatever they use must be stopped first and destroyed later.
class ThreadCrew {
 public:
  ThreadCrew() = default;
  ThreadCrew(const ThreadCrew&) = delete;
  ThreadCrew& operator=(const ThreadCrew&) = delete;
  ~ThreadCrew() { waitForAll(); }
  // False when too many run already.
  bool run(std::function<void()> body);
  void waitForAll();

 private:
  static constexpr int kMostThreads = 1024;
  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;
};

// Binds and listens at construction, accepts in its own thread, hands each connection to `handler`
// in that thread. The destructor closes the port.
class Listener {
 public:
  using Handler = std::function<void(UniqueFd connection)>;
  static Result<std::unique_ptr<Listener>> start(const Endpoint& endpoint, Handler handler);
  // Any listening socket, e.g. of AF_UNIX.
  static Result<std::unique_ptr<Listener>> start(UniqueFd listening, Handler handler);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

 private:
  Listener(UniqueFd listening, std::unique_ptr<StopSignal> stop, Handler handler);
  void acceptLoop();

  UniqueFd listening_;
  std::unique_ptr<StopSignal> stop_;
  Handler handler_;
  std::thread thread_;
};

Result<UniqueFd> bindSocket(const Endpoint& endpoint, int type);
// Blocking in the sense that it waits for the connection; the descriptor is non-blocking.
Result<UniqueFd> connectTo(const Endpoint& endpoint, const StopSignal& stop, Duration patience);
// The next close() sends RST instead of FIN.
void resetOnClose(int fd);

}  // namespace efs::simulator
